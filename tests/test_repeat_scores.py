"""Scores of posts that were asked several times, counted by hand."""

from __future__ import annotations

import pytest

from newsgauge.planning.sampling import Plan, repeat_key, split_key
from newsgauge.records import Outcome, Post, Prediction, Result
from newsgauge.scoring.scoreboard import score

POSTS = tuple(Post(f"x-{number}", "x", "") for number in range(4))


def plan(k: int) -> Plan:
    return Plan("c", ".", None, 0, False, "clean", ("x", "y"), POSTS, "d", {"v": k} if k > 1 else {})


def results(answers: list[str]) -> dict[tuple[str, str], Result]:
    """One word of answers per post: ``xxy`` is right, right, wrong."""
    return {
        (key, "v"): Result(key, "v", "x", Prediction(said, Outcome.LABEL, "", 10, 1, "m"))
        for post, row in zip(POSTS, answers, strict=True)
        for number, said in enumerate(row, 1)
        for key in [repeat_key(post.id, number)]
    }


def test_keys_of_repeats_come_back() -> None:
    assert [split_key(repeat_key("a-1", number)) for number in (1, 2, 10)] == [("a-1", 1), ("a-1", 2), ("a-1", 10)]


def test_accuracy_is_the_mean_share_right_and_its_interval_is_by_post() -> None:
    found = score(results(["xxx", "xxy", "xyy", "yyy"]), plan(3), ["v"])["v"]
    assert (found.n, found.n_planned, found.accuracy) == (12, 12, 0.5)
    assert found.n_threads == 4
    assert found.clustered is not None
    assert found.low < found.wilson[0]
    assert found.effective_n < 12


def test_how_answers_vary_by_hand() -> None:
    found = score(results(["xxx", "xxy", "xyy", "yyy"]), plan(3), ["v"])["v"].repeats
    assert found is not None
    assert (found.k, found.n_posts, found.n_stable, found.n_all_right, found.stability) == (3, 4, 2, 1, 0.5)
    assert found.flip_rate == pytest.approx((0 + 2 / 3 + 2 / 3 + 0) / 4)
    assert (found.pass_all, found.pass_any, found.majority_accuracy) == (0.25, 0.75, 0.5)
    assert found.within == pytest.approx((0 + 1 / 3 + 1 / 3 + 0) / 4)
    assert found.unstable == ("x-1", "x-2")


def test_a_variant_that_asks_once_has_no_repeats() -> None:
    assert score(results(["x", "x", "y", "x"]), plan(1), ["v"])["v"].repeats is None


def test_a_post_with_a_missing_repeat_counts_as_incomplete_and_not_as_stable() -> None:
    some = results(["xxx", "xxx", "xxx", "xxx"])
    del some["x-0~r2", "v"]
    found = score(some, plan(3), ["v"])["v"]
    assert not found.complete
    assert found.repeats is not None
    assert found.repeats.n_posts == 3
