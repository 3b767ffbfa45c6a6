"""Words in messages: a suggestion for an unknown word, answers shortened to one line, plurals and counts."""

from __future__ import annotations

import re
from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``; did you mean 'billing'?``, or '' if nothing known is like it."""
    from difflib import get_close_matches  # only if something is wrong

    by_lower = {name.casefold(): name for name in known}
    found = get_close_matches(word.casefold(), by_lower, n=1, cutoff=0.6)
    return f"; did you mean {by_lower[found[0]]!r}?" if found else ""


def one_line(text: str, at_most: int = 40) -> str:
    """The text on one line of at most ``at_most`` characters; if it was cut, it ends in ``...``."""
    line = " ".join(text.split())
    return line if len(line) <= at_most else f"{line[: at_most - 3]}..."


def plural(noun: str) -> str:
    """``posts``, ``queries``, ``boxes``."""
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("s", "x", "z", "ch", "sh")) else f"{noun}s"


def count_of(n: int, noun: str, many: str = "") -> str:
    """``1 post``, ``1,234 posts``."""
    return f"{n:,} {noun if n == 1 else many or plural(noun)}"


def without_line(text: str) -> str:
    """A message that begins with ``file:line: `` without the number of the line."""
    return re.sub(r"^(\S+):\d+: ", r"\1: ", text)
