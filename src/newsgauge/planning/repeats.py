"""Posts that are asked more than once: the key of each answer. Pure.

The first answer has the post's id, as if there were no others: adding repeats leaves what is recorded as it is. The
others have ``<id>~r2``, ``<id>~r3`` and so on; no id holds a ``~``, there it is %-encoded.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..records import Post

_MARK = "~r"


def repeat_key(post_id: str, number: int) -> str:
    """The key of the ``number``-th answer to a post, counted from 1."""
    return post_id if number == 1 else f"{post_id}{_MARK}{number}"


def split_key(key: str) -> tuple[str, int]:
    """The id of the post, and which answer to it this is, from 1."""
    post_id, mark, number = key.partition(_MARK)
    return post_id, int(number) if mark else 1


def repeated(posts: Iterable[Post], times: int) -> tuple[Post, ...]:
    """Every post ``times`` times under the keys of its answers: all first ones, then all second ones, and so on."""
    posts = tuple(posts)
    more = (replace(post, id=repeat_key(post.id, number)) for number in range(2, times + 1) for post in posts)
    return (*posts, *more)
