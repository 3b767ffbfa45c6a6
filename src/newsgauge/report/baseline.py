"""What ``--update-baseline`` changed, and what a live run answered otherwise, as plain text. Computes nothing."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from .._util.one_line import one_line
from ..gates.baseline_diff import VariantChange
from ..scoring.scores import Comparison
from .terminal import WIDTH

_MAX_SHOWN = 40
_MAX_FLIPS = 20


def baseline_lines(changes: Iterable[VariantChange], *, shown: str) -> list[str]:
    """A line a variant, then its changed scores and answers, old and new; the whole diff is the file's own in git."""
    lines = [f"written: {shown}; review it like code"]
    for change in changes:
        if change.is_same:
            lines.append(f"  {change.variant}: unchanged, {len(change.new.answers)} answers")
            continue
        if change.old is None:
            n_correct, n = change.new.scores.get("n_correct"), len(change.new.answers)
            lines.append(f"+ {change.variant}: new, {n} answers, {n_correct} right")
            continue
        posts = f", {change.n_added} posts new, {change.n_dropped} gone" if change.n_added or change.n_dropped else ""
        lines.append(f"~ {change.variant}: {len(change.answers)} answers changed{posts}")
        if change.old.prompt != change.new.prompt:
            lines.append(f"    prompt {change.old.prompt} -> {change.new.prompt}")
        if change.old.model_versions != change.new.model_versions:
            lines.append(f"    model {', '.join(change.old.model_versions)} -> {', '.join(change.new.model_versions)}")
        lines += [f"    {name} {old} -> {new}" for name, old, new in change.scores]
        for post_id, old, new in change.answers[:_MAX_SHOWN]:
            lines += textwrap.wrap(f"    {post_id}: {old} -> {new}", WIDTH, subsequent_indent="      ")
        if len(change.answers) > _MAX_SHOWN:
            lines.append(f"    and {len(change.answers) - _MAX_SHOWN} more: git diff {shown}")
    return _fitted(lines)


def flip_lines(found: Iterable[Comparison], *, shown: str) -> list[str]:
    """A line a variant, now against the baseline, then the posts that only one of them has right, lost ones first."""
    lines = []
    for one in found:
        lines.append(f"{one.first} against {shown}: {len(one.gained)} gained, {len(one.lost)} lost, of {one.n} posts")
        flips = [("lost", flip) for flip in one.lost] + [("gained", flip) for flip in one.gained]
        lines += [
            f"  {word} {f.post_id}: was {one_line(f.second)}, now {one_line(f.first)}" for word, f in flips[:_MAX_FLIPS]
        ]
        if len(flips) > _MAX_FLIPS:
            lines.append(f"  and {len(flips) - _MAX_FLIPS} more")
    return _fitted(lines)


def _fitted(lines: Iterable[str]) -> list[str]:
    return [
        line
        for text in lines
        for line in (textwrap.wrap(text, WIDTH, subsequent_indent="      ") if len(text) > WIDTH else [text])
    ]
