"""Two runs compared, in sentences and as plain text that fits 100 columns. Computes nothing."""

from __future__ import annotations

import textwrap

from .._util.one_line import one_line
from ..results.runs_compared import RunsCompared, VariantCompared
from .numbers import p_value, percent, points, points_span
from .terminal import WIDTH, table_lines

_MAX_FLIPS = 20
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
        lines += _wrapped(f"{change.what}: {what}")
    if not compared.changes:
        lines.append("nothing that these folders know of changed")
    lines += [line for note in compared.notes for line in _wrapped(f"note: {note}")]
    lines += ["", *(line for one in compared.variants for line in _wrapped(sentence(one))), ""]
    heads = ("B against A", "n", "A", "B", "points", "95% interval", "gained", "lost", "p")
    rows = [heads, *(comparison_cells(one) for one in compared.variants)]
    lines += [*table_lines(rows, left=(0,)), "p: exact McNemar, two-sided; intervals: Tango's score interval"]
    for one in compared.variants:
        flips = [("lost", flip) for flip in one.found.lost] + [("gained", flip) for flip in one.found.gained]
        if flips:
            lines += ["", f"{one.name}: posts that exactly one run has right"]
        for word, flip in flips[:_MAX_FLIPS]:
            text = f"  {word:6} {flip.post_id}: was {one_line(flip.second, 30)}, now {one_line(flip.first, 30)}"
            lines += textwrap.wrap(text, WIDTH, subsequent_indent="         ")
        if len(flips) > _MAX_FLIPS:
            lines.append(f"  and {len(flips) - _MAX_FLIPS} more, in comparison.html")
    return lines


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent="      ")
