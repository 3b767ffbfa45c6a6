"""Two runs compared, in sentences and as plain text that fits 100 columns. Computes nothing."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from .._util.numbers import p_value, p_words, percent, points, points_span
from .._util.wording import one_line
from ..results.runs_compared import RunsCompared, SameVariant, VariantCompared
from .terminal import WIDTH, flip_lines, paragraph, table_lines

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
    return (
        f"{one.name}: {one.outcome}, {points(found.difference)} points {points_span((found.low, found.high))}, "
        f"{p_words(found.p_two_sided)}, n = {found.n:,}"
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


def same_lines(found: Sequence[SameVariant], *, first: str, second: str, margin: float) -> list[str]:
    """A row per variant, and what an inconclusive one needs."""
    rows: list[tuple[str, ...]] = [
        ("variant", "texts", "repeats", "A - B", "95% interval", "p accuracy", "p answers", "finding")
    ]
    rows += [
        (
            one.variant,
            f"{one.n_posts:,}",
            f"{one.repeats[0]} and {one.repeats[1]}",
            points(one.test.difference),
            points_span(one.interval),
            p_value(one.test.p_accuracy),
            p_value(one.test.p_answers),
            one.finding,
        )
        for one in found
    ]
    lines = textwrap.wrap(f"A: {first}   B: {second}   (points of accuracy; margin {100 * margin:g})", WIDTH)
    lines += table_lines(rows, left=(0, -1))
    if len(found) > 1:
        lines += textwrap.wrap(f"CHANGED is held at 5% over all {len(found)} variants (Holm)", WIDTH)
    if any(one.finding == "INCONCLUSIVE" for one in found):
        text = (
            "INCONCLUSIVE: no change is shown, and a change beyond the margin is not excluded either; more texts decide"
        )
        if any(one.repeats == (1, 1) for one in found):
            text += ". With one repeat on each side the noise of single answers is unknown: record with --repeats 3"
        if n := sum(one.n_unanswered for one in found):
            text += f". Planned cases without an answer: {n:,}; record them first"
        lines += textwrap.wrap(text, WIDTH)
    return lines
