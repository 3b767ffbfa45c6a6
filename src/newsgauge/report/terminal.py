"""The scoreboard and the gates as plain text that fits 100 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence

from ..records import Score, Verdict

WIDTH = 100
BACKEND_NOTES = {
    "embedded": "newsgauge's own small model, not Gemini",
    "gemini": "Gemini Developer API",
    "vertex": "Gemini on Enterprise/Vertex",
}


def scoreboard_lines(
    scores: Mapping[str, Score], verdicts: Mapping[str, Verdict], *, undecided: Iterable[str], title: str
) -> list[str]:
    """One row a variant: n, accuracy with its 95% Wilson interval, errors, tokens, and the verdict of its gates."""
    waiting = set(undecided)
    rows = [("variant", "n", "accuracy", "95% interval", "errors", "off-list", "tokens in", "out", "verdict")]
    for name, score in scores.items():
        n = f"{score.n}" if score.complete else f"{score.n}/{score.n_planned}"
        accuracy, interval = ("-", "-")
        if score.n:
            accuracy, interval = f"{score.accuracy:7.2%}", f"[{score.low:6.1%}, {score.high:6.1%}]"
        rows.append(
            (
                name,
                n,
                accuracy,
                interval,
                str(score.n_errors),
                str(score.n_off_list),
                f"{score.input_tokens:,}",
                f"{score.output_tokens:,}",
                _verdict_word(name, verdicts.values(), waiting),
            )
        )
    return [title, *_table(rows)]


def gate_lines(verdicts: Iterable[Verdict], undecided: Iterable[str]) -> list[str]:
    """One paragraph a gate: PASS or FAIL, its name, and the numbers with the rule in words."""
    lines = []
    for verdict in verdicts:
        head = f"{'PASS' if verdict.passed else 'FAIL'}  {verdict.gate}: "
        lines += textwrap.wrap(head + "; ".join(verdict.reasons), WIDTH, subsequent_indent="      ")
    lines += [f"----  {gate}: not decided in this run" for gate in undecided]
    return lines


def _verdict_word(variant: str, verdicts: Iterable[Verdict], undecided: set[str]) -> str:
    own = [verdict.passed for verdict in verdicts if verdict.variant == variant]
    if any(not passed for passed in own):
        return "FAIL"
    if variant in undecided:
        return "not decided"
    return "PASS" if own else "no gate"


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for number, row in enumerate(rows):
        cells = [
            cell.ljust(width) if column in (0, len(row) - 1) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
        if number == 0:
            lines.append("  ".join("-" * width for width in widths))
    return lines
