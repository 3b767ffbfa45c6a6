"""What a run or a merge prints when it is over: scoreboard, gates, what a new baseline changed. Computes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .baseline import baseline_lines
from .terminal import backend_note, gate_lines, scoreboard_lines

if TYPE_CHECKING:
    from ..guard import Conclusion, Guard


def concluding_sections(end: Conclusion, guard: Guard) -> list[tuple[str, list[str]]]:
    """Heading and lines of each section; none where no case and no gate was part of the run."""
    if (
        not end.verdicts
        and not end.complaints
        and not any(score.n or score.counts.broken for score in end.scores.values())
    ):
        return []
    run = guard.run
    answered = [version for score in end.scores.values() for version in score.model_versions]
    title = (
        f"{run.backend} ({backend_note(run.backend, answered)}) on {run.plan.corpus}: "
        f"{run.extent}, plan {run.plan.digest}"
    )
    waiting = [gate.variant for gate in guard.gates if gate.name in end.undecided]
    board = scoreboard_lines(end.scores, end.verdicts, undecided=waiting, title=title)
    # The gates of a shard are one line, not one line each: none of them is its own to decide.
    undecided = end.undecided if run.shard is None else ()
    sections = [
        ("newsgauge scoreboard", [*board, *end.stand_ins]),
        ("newsgauge gates", gate_lines(end.verdicts.values(), undecided, end.notes)),
    ]
    if end.changes is not None:
        sections.append(("newsgauge baseline", baseline_lines(end.changes, shown=guard.baseline.shown)))
    return sections
