"""What a text is called where people read about it: a noun in, its plural or a count of it out."""

from __future__ import annotations


def plural(noun: str) -> str:
    """``posts``, ``queries``, ``boxes``."""
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("s", "x", "z", "ch", "sh")) else f"{noun}s"


def count_of(n: int, noun: str, many: str = "") -> str:
    """``1 post``, ``1,234 posts``."""
    return f"{n:,} {noun if n == 1 else many or plural(noun)}"
