"""Two runs compared, as plain text that fits 100 columns. Computes nothing."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from .._util.one_line import one_line
from ..scoring.scores import Comparison
from .terminal import WIDTH, table_lines

_MAX_FLIPS = 20


def comparison_lines(found: Iterable[Comparison], notes: Iterable[str], *, first: str, second: str) -> list[str]:
    """A table, one row a variant, then the posts that exactly one run has right."""
    found = tuple(found)
    rows = [("first - second", "n", "points", "95% interval", "only first", "only second", "p")]
    for one in found:
        interval = f"[{100 * one.low:+6.1f}, {100 * one.high:+6.1f}]"
        points = f"{100 * one.difference:+.1f}"
        rows.append(
            (
                one.first,
                str(one.n),
                points,
                interval,
                str(len(one.gained)),
                str(len(one.lost)),
                f"{one.p_two_sided:.2g}",
            )
        )
    lines = [f"first:  {first}", f"second: {second}"]
    lines += [line for note in notes for line in textwrap.wrap(f"note: {note}", WIDTH, subsequent_indent="      ")]
    lines += ["", *table_lines(rows, left=(0,)), "p: exact McNemar, two-sided; intervals: Tango's score interval"]
    for one in found:
        flips = [("first", flip) for flip in one.gained] + [("second", flip) for flip in one.lost]
        if flips:
            lines += ["", f"{one.first}: posts that exactly one has right"]
        for right, flip in flips[:_MAX_FLIPS]:
            text = f"  {right:6} {flip.post_id}: {one_line(flip.first, 30)} | {one_line(flip.second, 30)}"
            lines += textwrap.wrap(text, WIDTH, subsequent_indent="         ", initial_indent="")
        if len(flips) > _MAX_FLIPS:
            lines.append(f"  and {len(flips) - _MAX_FLIPS} more, in comparison.html")
    return lines
