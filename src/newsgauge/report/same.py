"""Findings of `same_runs` in, lines of text out. Computes nothing."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from ..results.same_runs import SameVariant
from .numbers import p_value, points, points_span
from .terminal import WIDTH, table_lines


def same_lines(found: Sequence[SameVariant], *, first: str, second: str, margin: float) -> list[str]:
    """A row per variant, and what an inconclusive one needs."""
    rows: list[tuple[str, ...]] = [
        ("variant", "posts", "repeats", "A - B", "95% interval", "p accuracy", "p answers", "finding")
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
    if any(one.finding == "INCONCLUSIVE" for one in found):
        text = (
            "INCONCLUSIVE: no change is shown, and a change beyond the margin is not excluded either; more posts decide"
        )
        if any(one.repeats == (1, 1) for one in found):
            text += ". With one repeat on each side the noise of single answers is unknown: record with --repeats 3"
        lines += textwrap.wrap(text, WIDTH)
    return lines
