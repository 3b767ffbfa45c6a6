"""Shards are even, in whole as in each class; each post is in exactly one; the plan stays the whole plan."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsgauge.errors import UsageError
from newsgauge.planning.plan_file import Shard, parse_shard, part_of
from newsgauge.planning.sampling import Plan
from newsgauge.records import Post


def plan(sizes: list[int], seed: int = 0) -> Plan:
    labels = tuple(f"l{i}" for i in range(len(sizes)))
    posts = [
        Post(f"{label}-{n}", label, f"text {n}") for label, size in zip(labels, sizes, strict=True) for n in range(size)
    ]
    return Plan("made", ".", None, seed, False, "clean", labels, tuple(posts))


PLANS = st.builds(plan, st.lists(st.integers(1, 30), min_size=1, max_size=6), st.integers(0, 9))


@given(PLANS, st.data())
def test_each_post_is_in_exactly_one_shard_and_shards_are_even_in_each_class(whole: Plan, data: st.DataObject) -> None:
    n_shards = data.draw(st.integers(1, len(whole.posts)))
    parts = [part_of(whole, Shard(k, n_shards)) for k in range(1, n_shards + 1)]
    assert Counter(post.id for part in parts for post in part.posts) == Counter(post.id for post in whole.posts)
    for label in (None, *whole.labels):
        sizes = [sum(label in (None, post.label) for post in part.posts) for part in parts]
        assert max(sizes) - min(sizes) <= 1


@given(PLANS, st.randoms(use_true_random=False))
def test_a_shard_does_not_depend_on_the_order_of_the_posts(whole: Plan, rng: random.Random) -> None:
    shuffled = list(whole.posts)
    rng.shuffle(shuffled)
    shard = Shard(1, min(3, len(shuffled)))
    other = part_of(replace(whole, posts=tuple(shuffled)), shard)
    assert {post.id for post in other.posts} == {post.id for post in part_of(whole, shard).posts}


def test_posts_are_dealt_out_in_the_order_of_the_draw() -> None:
    # By hand: for n in 0 1 2 3; do echo "$(printf "0:l0-$n" | sha256sum) l0-$n"; done | sort
    assert [post.id for post in part_of(plan([4]), Shard(1, 2)).posts] == ["l0-1", "l0-3"]
    assert [post.id for post in part_of(plan([4]), Shard(2, 2)).posts] == ["l0-0", "l0-2"]


def test_a_shard_knows_its_whole() -> None:
    whole = plan([5, 5])
    part = part_of(whole, Shard(2, 5))
    assert (part.digest, part.labels) == (whole.digest, ("l0", "l1"))
    assert len(part.posts) == 2


@pytest.mark.parametrize("text", ["0/4", "5/4", "4", "1/0", "-1/4", "1/4/2", "a/b", "", "1 / 2", "²/3"])
def test_what_is_no_shard_is_named(text: str) -> None:
    with pytest.raises(UsageError, match=r"--shard: expected K/N with 1 <= K <= N, such as 2/4, got"):
        parse_shard(text)


def test_more_shards_than_posts_are_refused() -> None:
    with pytest.raises(UsageError, match=r"--shard 1/5: the plan has 4 posts, so at most 4 shards"):
        part_of(plan([4]), Shard(1, 5))
