"""The draw is seeded, stable, nested and order-free."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsgauge.corpora.threads import thread_key
from newsgauge.errors import CorpusError, UsageError
from newsgauge.planning.sampling import Plan, draw, make_plan
from newsgauge.records import RawPost

POSTS = [RawPost(label, str(n), f"Subject: {n}\n\nbody {n}") for label in ("a.x", "b.x", "c.y") for n in range(12)]


def plan(
    posts: list[RawPost] = POSTS, n: int | None = 3, seed: int = 0, classes: str = "x", threads: bool = False
) -> Plan:
    return make_plan(
        posts,
        corpus="made",
        classes=classes,
        posts_per_class=n,
        seed=seed,
        allow_threads=threads,
        preprocessing="upper",
        preprocess=str.upper,
    )


def test_the_draw_is_the_same_on_every_machine() -> None:
    # By hand: for n in $(seq 0 11); do echo "$(printf "0:a.x-$n" | sha256sum) a.x-$n"; done | sort | head -3
    assert [post.id for post in plan().posts] == ["a.x-3", "a.x-6", "a.x-9", "b.x-0", "b.x-1", "b.x-4"]
    assert plan().labels == ("a.x", "b.x")


@given(st.permutations(POSTS))
def test_the_order_in_which_posts_were_read_does_not_choose_them(posts: list[RawPost]) -> None:
    assert {post.id for post in plan(posts).posts} == {post.id for post in plan().posts}


@given(st.integers(1, 11), st.integers(0, 1000))
def test_a_larger_sample_holds_the_smaller_one(n: int, seed: int) -> None:
    assert set(plan(n=n, seed=seed).posts) < set(plan(n=n + 1, seed=seed).posts)


def test_all_takes_every_post_in_order() -> None:
    assert [post.id for post in plan(n=None).posts] == [post.id for post in POSTS if post.label.endswith("x")]


def test_the_digest_tells_a_changed_text() -> None:
    changed = [RawPost("a.x", "3", "other"), *[post for post in POSTS if post.id != "a.x-3"]]
    assert plan().digest == plan().digest != plan(changed).digest


def test_too_few_posts_name_the_class_and_the_largest_possible_sample() -> None:
    few = [*POSTS[:5], *POSTS[12:]]
    with pytest.raises(CorpusError, match=r"6 asked for, but a\.x of made test holds 5 posts in 5 threads"):
        plan(few, n=6)
    assert (
        len(draw(few, classes="x", posts_per_class=6, seed=0, allow_threads=False, what="train", at_most=True)) == 5 + 6
    )


REPLIES = [RawPost("a.x", str(n), f"From: x\nSubject: {'Re: ' * (n % 3)}Topic {n // 4}\n\nbody") for n in range(12)]


@given(st.integers(0, 100))
def test_at_most_one_post_of_a_thread_is_drawn(seed: int) -> None:
    topics = {int(post.id.removeprefix("a.x-")) // 4 for post in plan(REPLIES, n=3, seed=seed).posts}
    assert topics == {0, 1, 2}


def test_threads_can_be_allowed_and_all_takes_them_all() -> None:
    with pytest.raises(CorpusError, match=r"holds 12 posts in 3 threads.*--allow-threads"):
        plan(REPLIES, n=4)
    assert len(plan(REPLIES, n=4, threads=True).posts) == 4
    assert len(plan(REPLIES, n=None).posts) == 12


@pytest.mark.parametrize(
    ("subject", "key"),
    [
        ("Subject: Hubble", "hubble"),
        ("Subject: Re: Hubble", "hubble"),
        ("subject: RE: re[2]: Fwd: Fw:  Hubble  mirror", "hubble mirror"),
        ("Subject: Re: a long\n\tsubject", "a long subject"),
        ("Subject: Reply to all", "reply to all"),
        ("Subject: \nOrganization: x", None),
        ("From: x", None),
        ("From: x\n\nSubject: in the body", None),
        ("From: x\r\nSubject: Re: Hubble\r\n", "hubble"),
    ],
)
def test_a_thread_is_a_subject_without_its_reply_marks(subject: str, key: str | None) -> None:
    assert thread_key(f"{subject}\n\nbody") == key


def test_a_regex_that_matches_nothing_lists_the_labels() -> None:
    with pytest.raises(CorpusError, match=r"'z' matches none of the 3 labels of made test: a\.x, b\.x, c\.y"):
        plan(classes="z")


def test_a_broken_regex_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="expected a regular expression"):
        plan(classes="(")
