"""Answers and messages as they are shown in a line: white space folded, cut to a length."""

from __future__ import annotations


def one_line(text: str, at_most: int = 40) -> str:
    """The text on one line of at most ``at_most`` characters; a cut one ends in ``...``."""
    line = " ".join(text.split())
    return line if len(line) <= at_most else f"{line[: at_most - 3]}..."
