"""Scores of posts that were asked several times, counted by hand."""

from __future__ import annotations

import math
import random
from types import SimpleNamespace
from typing import Any

import pytest
from scipy.stats import ttest_1samp

from newsgauge.planning.sampling import Plan, repeat_key, split_key
from newsgauge.records import Outcome, Post, Prediction, Result
from newsgauge.report.terminal import repeat_lines
from newsgauge.results.runs_compared import same_runs
from newsgauge.scoring.scoreboard import compare_variants, score
from newsgauge.scoring.stats.paired import score_statistic
from newsgauge.scoring.stats.repeats import flips_per_post

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


def test_a_comparison_counts_the_share_right_of_each_post_whatever_the_first_answers_say() -> None:
    now = results(["xyy", "xxy", "yxx", "yyy"])
    before = {(key, "w"): one for (key, _), one in results(["x", "x", "y", "y"]).items()}
    found = compare_variants({**now, **before}, POSTS, "v", "w")
    # Shares right now: 1/3, 2/3, 2/3, 0; before: 1, 1, 0, 0.
    assert (found.n_gained, found.n_lost) == pytest.approx((2 / 3, 2 / 3 + 1 / 3))
    assert found.difference == pytest.approx((5 / 3 - 2) / 4)
    assert [(flip.post_id, flip.first, flip.second) for flip in found.lost] == [
        ("x-0", "y (2), x (1)", "x"),
        ("x-1", "x (2), y (1)", "x"),
    ]
    assert [flip.post_id for flip in found.gained] == ["x-2"]
    # One flip more is added to the sum of absolute changes, 5/3, and to that of squares, (4 + 1 + 4) / 9.
    assert found.effective_n == pytest.approx(4 * (5 / 3 + 1) / (1 + 1))


def test_posts_asked_once_count_as_one_each() -> None:
    assert flips_per_post([1.0, 0.0, -1.0, 1.0]) == flips_per_post([]) == 1.0


def test_counts_of_changes_by_parts_of_a_post_have_the_statistic_of_the_t_test() -> None:
    rng = random.Random(5)
    shares = [[sum(rng.random() < p for _ in range(3)) / 3 for p in (0.8, 0.74)] for _ in range(4000)]
    changes = [one - other for one, other in shares]
    worth = flips_per_post(changes)
    gained, lost = (worth * math.fsum(max(0.0, sign * change) for change in changes) for sign in (1, -1))
    for limit in (0.0, 0.05):  # the true difference is 0.06
        expected = ttest_1samp(changes, limit).statistic
        assert score_statistic(gained, lost, worth * len(changes), limit) == pytest.approx(expected, rel=0.03)


def test_the_board_says_what_the_same_number_of_answers_to_more_posts_would_tell() -> None:
    found = score(results(["xxx", "xxy", "xyy", "yyy"]), plan(3), ["v"])
    repeats = found["v"].repeats
    assert repeats is not None
    assert repeats.right_counts == (1, 1, 1, 1)
    # Shares right 1, 2/3, 1/3, 0 have variance 5/27; within a post 1/6. So between is 5/27 - 1/18.
    between = 5 / 27 - 1 / 18
    assert repeats.standard_errors == pytest.approx((math.sqrt(5 / 27 / 4), math.sqrt((between + 1 / 6) / 12)))
    text = " ".join(repeat_lines(found))
    assert "12 answers of v: standard error 21.5 points; the same number to 12 texts, each asked once: 15.7" in text


def recording(**answers: str) -> Any:
    """One letter a post and variant; every post is an ``x``."""
    results = [
        Result(f"x-{number}", variant, "x", Prediction(said, Outcome.LABEL, "", 1, 1, "m"))
        for variant, row in answers.items()
        for number, said in enumerate(row)
    ]
    scores = {variant: {"n_planned": len(row), "n": len(row)} for variant, row in answers.items()}
    return SimpleNamespace(results=results, variants=tuple(answers), scores=scores)


def test_an_alarm_is_held_at_5_percent_over_all_variants() -> None:
    """Seven flips, all one way: 2/128 by McNemar's exact test, and twice that as there are two statistics."""
    (alone,) = same_runs(recording(v="x" * 20), recording(v="y" * 7 + "x" * 13), margin=0.05)
    assert alone.test.p == pytest.approx(4 / 128, abs=0.01)
    assert alone.finding == "CHANGED"
    with_another = recording(v="x" * 20, w="x" * 20), recording(v="y" * 7 + "x" * 13, w="x" * 20)
    assert [one.finding for one in same_runs(*with_another, margin=0.05)] == ["INCONCLUSIVE", "INCONCLUSIVE"]
