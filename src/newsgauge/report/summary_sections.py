"""What a run or a merge prints at its end: scoreboard, gates, flips, a new baseline. Computes nothing."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

from ..records import shown_id
from ..scoring.scores import Comparison, Score
from .breakdowns import confidence_rows, slice_rows, worst_lines
from .terminal import WIDTH, backend_note, flip_lines, gate_lines, paragraph, scoreboard_lines, table_lines

if TYPE_CHECKING:
    from ..gates.baseline_diff import VariantChange
    from ..gates.run_verdict import Conclusion, Guard

_MAX_SHOWN = 40
DETAILS, FLIPS, BASELINE = "newsgauge details", "newsgauge flips", "newsgauge baseline"


def as_group(heading: str, lines: list[str]) -> list[str] | None:
    """Fold a long section in the log of GitHub Actions. None elsewhere, and for sections that decide the verdict."""
    if os.environ.get("GITHUB_ACTIONS") != "true" or heading not in (DETAILS, FLIPS, BASELINE):
        return None
    return [f"::group::{heading}", *lines, "::endgroup::"]


def concluding_sections(
    end: Conclusion,
    guard: Guard,
    *,
    width: int = WIDTH,
    brief: bool = False,
    details: bool = True,
    told: Collection[str] = (),
) -> list[tuple[str, list[str]]]:
    """Heading and lines of each section; none if no case and no gate was part of the run.

    ``brief``: a row per variant and what did not pass. Without ``details`` only one variant is shown by slice,
    confidence and label, as tables of several are longer than a screen. ``told``: why cases have no answer, if the
    reader is told elsewhere.
    """
    if (
        not end.verdicts
        and not end.session.reasons
        and not any(score.n or score.counts.broken for score in end.scores.values())
    ):
        return []
    run = guard.run
    answered = [version for score in end.scores.values() for version in score.model_versions]
    title = (
        f"{run.backend} ({backend_note(run.backend, answered)}) on {run.plan.texts}: "
        f"{run.extent}, plan {run.plan.digest}"
    )
    waiting = [gate.variant for gate in guard.gates if gate.name in end.undecided]
    board = scoreboard_lines(end.scores, end.verdicts, undecided=waiting, title=title, width=width)
    # The gates of a shard are one line, not one line each: none of them is its own to decide.
    undecided = end.undecided if run.shard is None else ()
    gates = gate_lines(end.verdicts.values(), undecided, end.session.notes, width=width, brief=brief, told=told)
    if brief:
        n_rows = len(end.scores) + 2
        first = next(i for i, line in enumerate(board) if line.startswith("variant"))
        return [("newsgauge", [*board[first : first + n_rows], *gates])]
    more = _detail_lines(end.scores, run.plan.units)
    if more and not details and len(end.scores) > 1:
        board, more = [*board, "", "by slice, confidence and label: -v, or report.html"], []
    sections = [("newsgauge scoreboard", [*board, *end.stand_ins])]
    sections += [(DETAILS, more)] if more else []
    sections.append(("newsgauge gates", gates))
    # Those of a gate that did not pass stand below it.
    shown = {v.variant for v in end.verdicts.values() if v.gate == f"{v.variant}-baseline" and not v.passed}
    flips = flips_since_baseline(
        (one for one in end.flips if one.first not in shown), shown=guard.baseline.shown, units=run.plan.units
    )
    if flips:
        sections.append((FLIPS, flips))
    if end.changes is not None:
        sections.append((BASELINE, baseline_lines(end.changes, shown=guard.baseline.shown, units=run.plan.units)))
    return sections


def _detail_lines(scores: Mapping[str, Score], units: str) -> list[str]:
    tables = [table_lines(rows, left=(0,)) for rows in (confidence_rows(scores), *slice_rows(scores)) if len(rows) > 1]
    found = [*tables, worst_lines(scores, units)]
    return [line for table in found if table for line in (*table, "")][:-1]


def baseline_lines(changes: Iterable[VariantChange], *, shown: str, units: str = "texts") -> list[str]:
    """One line per variant, then its changed scores and answers, old and new; git has the whole diff of the file."""
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


def flips_since_baseline(found: Iterable[Comparison], *, shown: str, units: str = "texts") -> list[str]:
    """One line per variant, now against the baseline, then the posts that only one has right, lost ones first."""
    lines = []
    for one in found:
        lines += paragraph(
            f"{one.first} against {shown}: {len(one.gained)} gained, {len(one.lost)} lost, of {one.n} {units}"
        )
        lines += flip_lines(one.lost, one.gained)
    return lines
