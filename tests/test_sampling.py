"""The draw is seeded, stable, nested and order-free."""

from __future__ import annotations

from argparse import Namespace
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsgauge.errors import CorpusError, UsageError
from newsgauge.planning.sampling import Plan, describe_sample, draw, make_plan
from newsgauge.records import RawPost
from newsgauge.running.run_options import sample_size

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
    with pytest.raises(CorpusError, match=r"6 asked for, but a\.x of made test holds 5 in 5 threads"):
        plan(few, n=6)
    drawn = draw(few, classes="x", posts_per_class=6, seed=0, allow_threads=False, what="train", sample="at-most")
    assert len(drawn) == 5 + 6


REPLIES = [RawPost("a.x", str(n), f"From: x\nSubject: {'Re: ' * (n % 3)}Topic {n // 4}\n\nbody") for n in range(12)]


@given(st.integers(0, 100))
def test_at_most_one_post_of_a_thread_is_drawn(seed: int) -> None:
    topics = {int(post.id.removeprefix("a.x-")) // 4 for post in plan(REPLIES, n=3, seed=seed).posts}
    assert topics == {0, 1, 2}


def test_threads_can_be_allowed_and_all_takes_them_all() -> None:
    with pytest.raises(CorpusError, match=r"holds 12 in 3 threads.*--allow-threads"):
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
    assert RawPost("a.x", "1", f"{subject}\n\nbody").thread == key


def test_a_regex_that_matches_nothing_lists_the_labels() -> None:
    with pytest.raises(CorpusError, match=r"'z' matches none of the 3 labels of made test: a\.x, b\.x, c\.y"):
        plan(classes="z")


def test_a_broken_regex_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="expected a regular expression"):
        plan(classes="(")


UNEVEN = [
    RawPost(label, str(n), f"Subject: {label} {n}\n\nbody {n}")
    for label, size in (("admin", 300), ("games", 90), ("rust", 8), ("zope", 2))
    for n in range(size)
]


def uneven(sample: str, n: int | None = None, seed: int = 0, posts: list[RawPost] = UNEVEN) -> Plan:
    return make_plan(
        posts,
        corpus="made",
        classes=".",
        posts_per_class=n,
        seed=seed,
        allow_threads=False,
        preprocessing="clean",
        preprocess=str,
        sample=sample,
    )


def sizes(made: Plan) -> dict[str, int]:
    return dict(Counter(post.label for post in made.posts))


def test_at_most_takes_what_there_is_of_a_smaller_label() -> None:
    made = uneven("at-most:10", 10)
    assert sizes(made) == {"admin": 10, "games": 10, "rust": 8, "zope": 2}
    assert made.population == {"admin": 300, "games": 90, "rust": 8, "zope": 2}
    assert describe_sample(made) == [
        f"corpus made, at most 10 posts of each of 4 labels = 30 posts (seed 0, plan {made.digest})",
        "sample: at most 10 of each label; fewer of rust 8, zope 2; in the data admin has 300 of 400 and zope 2",
    ]


def test_every_label_that_falls_short_is_named() -> None:
    with pytest.raises(CorpusError, match=r"rust of made test holds 8 .*also too few: zope 2.*'at-most:10'"):
        uneven("", 10)


def test_a_proportional_sample_has_the_mix_of_the_data_and_leaves_no_label_out() -> None:
    # Sainte-Lague by hand: 0.75, 0.225, 0.02 and 0.005 of 40 posts are 30, 9, 0.8 and 0.2; one of each at least.
    made = uneven("proportional:40")
    assert sizes(made) == {"admin": 29, "games": 9, "rust": 1, "zope": 1}
    assert describe_sample(made)[0].startswith("corpus made, 4 labels in the data's own mix = 40 posts (seed 0")
    assert describe_sample(made)[1].startswith("sample: each label counts as often as it occurs; in the data admin")


@given(st.integers(4, 399), st.integers(0, 9))
def test_a_larger_proportional_sample_holds_the_smaller_one(n: int, seed: int) -> None:
    smaller, larger = (uneven(f"proportional:{size}", seed=seed) for size in (n, n + 1))
    assert len(larger.posts) == len(smaller.posts) + 1 == n + 1
    assert set(smaller.posts) < set(larger.posts)


@pytest.mark.parametrize("n", [3, 401])
def test_a_proportional_sample_that_cannot_be_is_refused_with_its_bounds(n: int) -> None:
    with pytest.raises(CorpusError, match=f"--sample proportional:{n}: expected a number from 4, .* to 400"):
        uneven(f"proportional:{n}")


def test_the_digest_tells_how_posts_were_drawn_where_that_changes_what_accuracy_means() -> None:
    few = [post for post in UNEVEN if post.label in ("admin", "games")]
    alike, at_most = uneven("", 10, posts=few), uneven("at-most:10", 10, posts=few)
    assert alike.posts == at_most.posts
    assert alike.digest != at_most.digest


def test_a_balanced_sample_of_uneven_data_says_that_each_label_counts_alike() -> None:
    assert describe_sample(uneven("", 2))[1] == (
        "sample: 2 of each label, so all labels count equally; in the data admin has 300 of 400 and zope 2"
    )
    assert len(describe_sample(plan())) == 1


def options(**given: str | None) -> Namespace:
    return Namespace(**{"posts_per_class": None, "sample": None, **given})


@pytest.mark.parametrize(
    ("given", "ini", "found"),
    [
        ({}, {"posts_per_class": "10", "sample": None}, (10, "")),
        ({}, {"posts_per_class": "at-most:8", "sample": None}, (8, "at-most:8")),
        ({}, {"posts_per_class": "8", "sample": "proportional:300"}, (None, "proportional:300")),
        ({"posts_per_class": "all"}, {"posts_per_class": "all", "sample": "proportional:300"}, (None, "")),
        ({"sample": "proportional:5"}, {"posts_per_class": "8", "sample": "proportional:5"}, (None, "proportional:5")),
    ],
)
def test_the_command_line_puts_the_ini_files_other_option_aside(
    given: dict[str, str], ini: dict[str, str | None], found: tuple[int | None, str]
) -> None:
    assert sample_size(options(**given), ini) == found


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"posts_per_class": "at-most:0"}, "--posts-per-class: expected 'all', a number from 1, or at-most:N"),
        ({"posts_per_class": "most:3"}, "--posts-per-class: expected"),
        ({"sample": "proportional:"}, "--sample: expected proportional:N with a number from 1, got 'proportional:'"),
        ({"sample": "random:3"}, "--sample: expected proportional:N"),
        ({"sample": "proportional:3", "posts_per_class": "3"}, "expected one of them, got both"),
    ],
)
def test_a_sample_that_is_none_is_refused(given: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        sample_size(options(**given), {"posts_per_class": "10", "sample": None, **given})
