"""A plan in, the part of it that one machine of several asks out. Pure, and the same on every machine.

All variants of a post stay in one shard, so that a shard can compare them. Posts are dealt out class by class, each
class in the order of the draw: shards differ by at most one post, in whole as in each class.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ..errors import UsageError
from ..records import Post
from .sampling import Plan, rank


@dataclass(frozen=True, slots=True)
class Shard:
    """Shard ``number`` of ``of``, counted from 1."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


def parse_shard(text: str) -> Shard:
    """``2/4``. Raises `UsageError` for anything that is no shard."""
    number, slash, of = text.partition("/")
    if slash and all(part.isascii() and part.isdecimal() for part in (number, of)) and 1 <= int(number) <= int(of):
        return Shard(int(number), int(of))
    raise UsageError(f"--shard: expected K/N with 1 <= K <= N, such as 2/4, got {text!r}")


def part_of(plan: Plan, shard: Shard) -> Plan:
    """The posts of a shard, in the order of the plan; digest and labels stay those of the whole plan.

    Raises `UsageError` where there are more shards than posts: one would be empty, and an empty run proves nothing.
    """
    if shard.of > len(plan.posts):
        raise UsageError(
            f"--shard {shard}: the plan has {len(plan.posts)} posts, so at most {len(plan.posts)} shards; "
            f"expected a number from 1 to {len(plan.posts)} after the slash"
        )
    dealt = deal(plan.posts, plan.seed, shard.of)
    posts = tuple(post for post in plan.posts if dealt[post.id] == shard.number)
    return replace(plan, posts=posts, whole_digest=plan.digest)


def deal(posts: Iterable[Post], seed: int, n_shards: int) -> dict[str, int]:
    """Id of a post -> number of its shard, whatever the order of the posts."""
    ordered = sorted(posts, key=lambda post: (post.label, rank(post.id, seed)))
    return {post.id: place % n_shards + 1 for place, post in enumerate(ordered)}
