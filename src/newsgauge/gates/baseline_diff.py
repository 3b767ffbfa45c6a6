"""Compares two baselines for a reviewer, and merges three.

If one side of a merge added, changed or removed a variant, that side wins. If both changed it, that is a conflict: only
a replay of the merged recordings says which answers are right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from .baseline_file import Baseline, BaselineVariant


@dataclass(frozen=True, slots=True)
class VariantChange:
    """How one variant differs. ``old`` is None if it is new; ``answers``: id of the post, old and new answer."""

    variant: str
    old: BaselineVariant | None
    new: BaselineVariant
    answers: tuple[tuple[str, str, str], ...]
    n_added: int
    n_dropped: int

    @property
    def is_same(self) -> bool:
        """True if the files are equal byte for byte."""
        return self.old == self.new

    @property
    def scores(self) -> tuple[tuple[str, Any, Any], ...]:
        """The scores that changed: name, old and new."""
        old = {} if self.old is None else self.old.scores
        return tuple((name, old.get(name), value) for name, value in self.new.scores.items() if old.get(name) != value)


def diff_baselines(old: Baseline | None, new: Baseline) -> tuple[VariantChange, ...]:
    """One change per variant of the new baseline, in its order."""
    return tuple(
        _change(name, None if old is None else old.variants.get(name), one) for name, one in new.variants.items()
    )


def _change(name: str, old: BaselineVariant | None, new: BaselineVariant) -> VariantChange:
    before = {} if old is None else old.answers
    changed = tuple(
        (post_id, before[post_id], answer)
        for post_id, answer in new.answers.items()
        if post_id in before and before[post_id] != answer
    )
    n_added, n_dropped = len(new.answers.keys() - before.keys()), len(before.keys() - new.answers.keys())
    return VariantChange(name, old, new, changed, n_added, n_dropped)


Value = TypeVar("Value")


def merge_baselines(before: Baseline | None, ours: Baseline, theirs: Baseline) -> tuple[Baseline, tuple[str, ...]]:
    """The merged baseline, and what both sides changed, if it is ours: variants, and ``the plan`` if redrawn."""
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
        conflicts.append("the plan")
    return replace(theirs if head == _head(theirs) else ours, variants=variants), tuple(conflicts)


def _merged(before: Value | None, ours: Value | None, theirs: Value | None) -> tuple[Value | None, bool]:
    """What stands, and whether both sides changed it, each in its own way."""
    if theirs in (before, ours):
        return ours, False
    return (theirs, False) if ours == before else (ours, True)


def _head(baseline: Baseline) -> Mapping[str, Any]:
    return {"backend": baseline.backend, "corpus": baseline.corpus, "plan": baseline.plan, "by": baseline.drawn_by}
