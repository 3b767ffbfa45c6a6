"""The keys of a technique's calls: the post's id for the first, ``~2`` and so on behind it for the others. Pure.

No id holds a ``~``: there it is %-encoded.
"""

from __future__ import annotations

_SEPARATOR = "~"


def call_key(post_id: str, number: int) -> str:
    """The key of a case's call, counted from 1."""
    return post_id if number == 1 else f"{post_id}{_SEPARATOR}{number}"


def post_of(key: str) -> str:
    """The id of the post that a line is about."""
    return key.partition(_SEPARATOR)[0]


def number_of(key: str) -> int:
    """Which call of its case a line is, from 1; 0 where that cannot be read."""
    number = key.partition(_SEPARATOR)[2]
    return 1 if _SEPARATOR not in key else int(number) if number.isascii() and number.isdecimal() else 0
