"""What a run or a merge prints when it is over: scoreboard, gates, flips, a new baseline. Computes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .baseline import baseline_lines, flips_since_baseline
from .classes import worst_lines
from .terminal import WIDTH, backend_note, gate_lines, scoreboard_lines

if TYPE_CHECKING:
    from ..gates.run_verdict import Conclusion, Guard


def concluding_sections(
    end: Conclusion, guard: Guard, *, width: int = WIDTH, brief: bool = False
) -> list[tuple[str, list[str]]]:
    """Heading and lines of each section; none if no case and no gate was part of the run.

    ``brief``: a row per variant and what did not pass.
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
    board = scoreboard_lines(end.scores, end.verdicts, undecided=waiting, title=title)
    # The gates of a shard are one line, not one line each: none of them is its own to decide.
    undecided = end.undecided if run.shard is None else ()
    gates = gate_lines(end.verdicts.values(), undecided, end.session.notes, width=width, brief=brief)
    if brief:
        n_rows = len(end.scores) + 2
        first = next(i for i, line in enumerate(board) if line.startswith("variant"))
        return [("newsgauge", [*board[first : first + n_rows], *gates])]
    worst = worst_lines(end.scores, run.plan.units)
    sections = [
        ("newsgauge scoreboard", [*board, *([""] if worst else []), *worst, *end.stand_ins]),
        ("newsgauge gates", gates),
    ]
    # Those of a gate that did not pass stand below it.
    shown = {v.variant for v in end.verdicts.values() if v.gate == f"{v.variant}-baseline" and not v.passed}
    flips = flips_since_baseline(
        (one for one in end.flips if one.first not in shown), shown=guard.baseline.shown, units=run.plan.units
    )
    if flips:
        sections.append(("newsgauge flips", flips))
    if end.changes is not None:
        sections.append(
            ("newsgauge baseline", baseline_lines(end.changes, shown=guard.baseline.shown, units=run.plan.units))
        )
    return sections
