"""Two runs compared, in sentences and as plain text that fits 100 columns. Computes nothing."""

from __future__ import annotations

from .._util.one_line import one_line
from ..results.runs_compared import RunsCompared, VariantCompared
from .numbers import p_value, percent, points, points_span
from .terminal import flip_lines, paragraph, table_lines

_MAX_TEXT = 40


def comparison_cells(one: VariantCompared) -> tuple[str, ...]:
    """A variant's row, on the terminal and on the page: name, n, accuracies, the difference and what it rests on."""
    return (
        one.name,
        f"{one.found.n:,}",
        percent(one.before),
        percent(one.after),
        points(one.found.difference),
        points_span((one.found.low, one.found.high)),
        f"{len(one.found.gained):,}",
        f"{len(one.found.lost):,}",
        p_value(one.found.p_two_sided),
    )


def sentence(one: VariantCompared) -> str:
    """``tuned: better, +12.5 points [+4.2, +20.1], p = 0.002, n = 80``."""
    found = one.found
    p = p_value(found.p_two_sided)
    return (
        f"{one.name}: {one.outcome}, {points(found.difference)} points {points_span((found.low, found.high))}, "
        f"p {p if p.startswith('<') else f'= {p}'}, n = {found.n:,}"
    )


def comparison_lines(compared: RunsCompared, *, first: str, second: str) -> list[str]:
    """What changed, a sentence and a row per variant, then the posts that exactly one run has right."""
    lines = [f"A: {first}", f"B: {second}", ""]
    for change in compared.changes:
        before, after = (one_line(text, _MAX_TEXT) for text in (change.before, change.after))
        what = "changed" if change.is_text else f"{before} -> {after}"
        lines += paragraph(f"{change.what}: {what}")
    if not compared.changes:
        lines.append("nothing that these folders know of changed")
    lines += [line for note in compared.notes for line in paragraph(f"note: {note}")]
    lines += ["", *(line for one in compared.variants for line in paragraph(sentence(one))), ""]
    heads = ("B against A", "n", "A", "B", "points", "95% interval", "gained", "lost", "p")
    rows = [heads, *(comparison_cells(one) for one in compared.variants)]
    lines += [*table_lines(rows, left=(0,)), "p: exact McNemar, two-sided; intervals: Tango's score interval"]
    for one in compared.variants:
        flips = flip_lines(one.found.lost, one.found.gained, more=", in comparison.html")
        lines += ["", f"{one.name}: what exactly one run has right", *flips] if flips else []
    return lines
