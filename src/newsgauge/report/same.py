"""Findings of `same_runs` in, lines of text out. Computes nothing."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from ..results.same_runs import SameVariant
from .terminal import WIDTH, table_lines


def same_lines(found: Sequence[SameVariant], *, first: str, second: str, margin: float) -> list[str]:
    """A row per variant, and what an inconclusive one needs."""
    rows: list[tuple[str, ...]] = [
        ("variant", "posts", "repeats", "A - B", "95% interval", "p accuracy", "p answers", "finding")
    ]
    for one in found:
        low, high = (f"{100 * end:+.1f}" for end in one.interval)
        rows.append(
            (
                one.variant,
                str(one.n_posts),
                f"{one.repeats[0]} and {one.repeats[1]}",
                f"{100 * one.test.difference:+.1f}",
                f"[{low}, {high}]",
                f"{one.test.p_accuracy:.2g}",
                f"{one.test.p_answers:.2g}",
                one.finding,
            )
        )
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
