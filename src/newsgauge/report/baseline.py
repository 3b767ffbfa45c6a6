"""What ``--update-baseline`` changed, and what a live run answered otherwise, as plain text. Computes nothing."""

from __future__ import annotations

from collections.abc import Iterable

from ..gates.baseline_diff import VariantChange
from ..records import shown_id
from ..scoring.scores import Comparison
from .terminal import WIDTH, flip_lines, paragraph

_MAX_SHOWN = 40


def baseline_lines(changes: Iterable[VariantChange], *, shown: str, units: str = "posts") -> list[str]:
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
        posts = f", {change.n_added} {units} new, {change.n_dropped} gone" if change.n_added or change.n_dropped else ""
        lines.append(f"~ {change.variant}: {len(change.answers)} answers changed{posts}")
        if change.old.prompt != change.new.prompt:
            lines.append(f"    prompt {change.old.prompt} -> {change.new.prompt}")
        if change.old.model_versions != change.new.model_versions:
            lines.append(f"    model {', '.join(change.old.model_versions)} -> {', '.join(change.new.model_versions)}")
        lines += [f"    {name} {old} -> {new}" for name, old, new in change.scores]
        for post_id, old, new in change.answers[:_MAX_SHOWN]:
            lines.append(f"    {shown_id(post_id)}: {old} -> {new}")
        if len(change.answers) > _MAX_SHOWN:
            lines.append(f"    and {len(change.answers) - _MAX_SHOWN} more: git diff {shown}")
    return [part for line in lines for part in (paragraph(line) if len(line) > WIDTH else [line])]


def flips_since_baseline(found: Iterable[Comparison], *, shown: str, units: str = "posts") -> list[str]:
    """A line a variant, now against the baseline, then the posts that only one of them has right, lost ones first."""
    lines = []
    for one in found:
        lines += paragraph(
            f"{one.first} against {shown}: {len(one.gained)} gained, {len(one.lost)} lost, of {one.n} {units}"
        )
        lines += flip_lines(one.lost, one.gained)
    return lines
