"""Three baselines in, as git hands them over: before, ours and theirs. Out: the merged one, and what conflicts.

A variant that one side added, changed or removed is that side's. One that both changed is a conflict: which answers are
right says the replay of the merged recordings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from .baseline_file import Baseline, BaselineVariant

Value = TypeVar("Value")


def merge_baselines(before: Baseline | None, ours: Baseline, theirs: Baseline) -> tuple[Baseline, tuple[str, ...]]:
    """The merged baseline, and what both sides changed, where it is ours: variants, and ``posts`` if another draw."""
    old = {} if before is None else before.variants
    names = list(dict.fromkeys([*ours.variants, *theirs.variants, *old]))
    variants: dict[str, BaselineVariant] = {}
    conflicts = []
    for name in names:
        kept, both = _merged(*(one.get(name) for one in (old, ours.variants, theirs.variants)))
        if kept is not None:
            variants[name] = kept
        if both:
            conflicts.append(name)
    head, both = _merged(*(None if one is None else _head(one) for one in (before, ours, theirs)))
    if both:
        conflicts.append("posts")
    return replace(theirs if head == _head(theirs) else ours, variants=variants), tuple(conflicts)


def _merged(before: Value | None, ours: Value | None, theirs: Value | None) -> tuple[Value | None, bool]:
    """What stands, and whether both sides changed it, each in its own way."""
    if theirs in (before, ours):
        return ours, False
    return (theirs, False) if ours == before else (ours, True)


def _head(baseline: Baseline) -> Mapping[str, Any]:
    return {"backend": baseline.backend, "corpus": baseline.corpus, "plan": baseline.plan, "by": baseline.drawn_by}
