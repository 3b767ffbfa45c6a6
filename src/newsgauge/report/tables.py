"""Rows of text in, aligned lines of at most 100 columns out."""

from __future__ import annotations

from collections.abc import Collection, Sequence

WIDTH = 100
_GAP = "  "


def table_lines(rows: Sequence[tuple[str, ...]], *, left: Collection[int]) -> list[str]:
    """The first row is the head. Columns in ``left`` are flush left (-1: the last); the first is cut to fit."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    over = sum(widths) + len(_GAP) * (len(widths) - 1) - WIDTH
    widths[0] = max(8, widths[0] - max(0, over))
    flush_left = {column % len(widths) for column in left}
    lines = []
    for number, row in enumerate(rows):
        first = row[0] if len(row[0]) <= widths[0] else row[0][: widths[0] - 2] + ".."
        cells = [
            cell.ljust(width) if column in flush_left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip((first, *row[1:]), widths, strict=True))
        ]
        lines.append(_GAP.join(cells).rstrip())
        if number == 0:
            lines.append(_GAP.join("-" * width for width in widths))
    return lines
