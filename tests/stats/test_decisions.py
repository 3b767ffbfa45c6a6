import math
from statistics import NormalDist

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from newsgauge.scoring.stats.decisions import Finding, decide_by_bounds, decide_difference, decide_floor
from newsgauge.scoring.stats.intervals import exact_lower_bound, exact_upper_bound
from newsgauge.scoring.stats.paired import mcnemar_exact, score_statistic
from newsgauge.scoring.stats.power import floor_power, margin_power

PASS, FAIL, INCONCLUSIVE = Finding.PASS, Finding.FAIL, Finding.INCONCLUSIVE


@pytest.mark.parametrize(
    ("n_correct", "n", "finding"),
    [
        (16, 16, PASS),
        (15, 16, INCONCLUSIVE),
        (30, 32, PASS),
        (29, 32, INCONCLUSIVE),
        (334, 400, PASS),
        (333, 400, INCONCLUSIVE),
        (6, 16, FAIL),
        (0, 1, INCONCLUSIVE),
        (0, 2, FAIL),  # upper bound 1 - sqrt(.05) = .776
    ],
)
def test_a_floor_of_80_percent_is_decided_as_published(n_correct: int, n: int, finding: Finding) -> None:
    decision = decide_floor(n_correct, n, 0.80)
    assert decision.finding is finding
    assert decision.passed == (finding is PASS)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(1e-6, 1 - 1e-6))
@example((0, 1), 1e-6)
def test_the_finding_follows_the_bounds(count: tuple[int, int], floor: float) -> None:
    decision = decide_floor(*count, floor)
    assert (decision.low, decision.high) == (exact_lower_bound(*count), exact_upper_bound(*count))
    expected = PASS if decision.low >= floor else FAIL if decision.high < floor else INCONCLUSIVE
    assert decision.finding is expected
    if decision.n_for_power is not None:
        assert decision.n < decision.n_for_power


def test_inconclusive_says_how_many_posts_would_decide() -> None:
    decision = decide_floor(72, 80, 0.85)
    assert decision.finding is INCONCLUSIVE
    assert decision.n_for_power == 304
    assert floor_power(304, 0.9, 0.85) >= 0.8


@pytest.mark.parametrize(
    ("low", "estimate", "high", "n", "floor"),
    [(0.80, 0.85, 0.90, 100, 0.82), (0.62, 0.66, 0.72, 400, 0.67), (0.40, 0.75, 0.80, 12, 0.5)],
)
def test_bounds_that_shrink_with_the_root_of_n_decide_in_80_percent_of_samples_of_the_number_they_name(
    low: float, estimate: float, high: float, n: int, floor: float
) -> None:
    """An estimate is normal about the true score; a bound stands 1.645 of its standard errors from it."""
    decision = decide_by_bounds((low, high), estimate, n, floor)
    assert decision.finding is INCONCLUSIVE
    assert decision.n_for_power is not None
    width, distance = (estimate - low, estimate - floor) if estimate > floor else (high - estimate, floor - estimate)

    def power(posts: int) -> float:
        now = width * math.sqrt(n / posts)
        return 1 - NormalDist(distance, now / NormalDist().inv_cdf(0.95)).cdf(now)

    assert power(decision.n_for_power) >= 0.8 > power(decision.n_for_power - 1)


def test_bounds_that_decide_or_whose_estimate_is_the_floor_name_no_number_of_posts() -> None:
    assert decide_by_bounds((0.79999, 0.9), 0.89, 100, 0.80).n_for_power == 229  # 100 x (1.5117 x .09001 / .09)^2
    assert decide_by_bounds((0.2, 0.9), 0.5, 100, 0.5).n_for_power is None
    assert decide_by_bounds((0.5, 0.9), 0.7, 100, 0.5).n_for_power is None


@pytest.mark.parametrize(("gained", "lost", "n", "lead"), [(30, 20, 200, 0.02), (12, 2, 100, 0.05), (10, 14, 150, 0.0)])
def test_the_posts_that_would_decide_a_lead_bring_its_statistic_to_the_quantiles_of_level_and_power(
    gained: int, lost: int, n: int, lead: float
) -> None:
    needed = decide_difference(gained, lost, n, lead).n_for_power
    assert needed is not None
    wanted = NormalDist().inv_cdf(0.95) + NormalDist().inv_cdf(0.8)

    def statistic(posts: int) -> float:
        return abs(score_statistic(gained * posts / n, lost * posts / n, posts, lead))

    assert statistic(needed) >= wanted > statistic(needed - 1)


def test_an_estimate_on_the_floor_is_not_decided_by_any_number_of_posts() -> None:
    decision = decide_floor(80, 100, 0.80)
    assert (decision.finding, decision.n_for_power) == (INCONCLUSIVE, None)


def test_nothing_is_decided_without_a_post() -> None:
    for decision in (decide_floor(0, 0, 0.0), decide_difference(0, 0, 0, -0.5)):
        assert decision.finding is INCONCLUSIVE
        assert math.isnan(decision.estimate)


def test_repeated_threads_make_a_floor_harder_to_pass_and_to_fail() -> None:
    assert decide_floor(71, 80, 0.80).finding is PASS
    assert decide_floor(71, 80, 0.80, effective_n=40).finding is INCONCLUSIVE
    assert decide_floor(80, 80, 0.80, effective_n=14).finding is PASS
    assert decide_floor(80, 80, 0.80, effective_n=13.1).finding is INCONCLUSIVE
    assert decide_floor(12, 32, 0.55).finding is FAIL
    assert decide_floor(12, 32, 0.55, effective_n=16).finding is INCONCLUSIVE
    assert decide_floor(32, 32, 0.2, effective_n=1).finding is INCONCLUSIVE  # one thread: from 5% on
    planned = decide_floor(72, 80, 0.85, effective_n=40).n_for_power
    assert planned == 608  # half as informative, twice as many


@pytest.mark.parametrize("effective_n", [0.0, -1.0, 81.0])
def test_a_sample_is_worth_something_and_at_most_its_posts(effective_n: float) -> None:
    with pytest.raises(ValueError, match="effective_n"):
        decide_floor(71, 80, 0.80, effective_n=effective_n)


@pytest.mark.parametrize(
    ("gained", "lost", "n", "at_least", "finding"),
    [
        (0, 0, 58, -0.05, INCONCLUSIVE),  # .95^58 = .051: no flip, but too few posts to exclude a drop of five points
        (0, 0, 59, -0.05, PASS),
        (0, 5, 32, 0.0, FAIL),  # five one-way flips: p = 1/32
        (0, 4, 32, 0.0, INCONCLUSIVE),
        (5, 0, 32, 0.0, PASS),
        (4, 0, 32, 0.0, INCONCLUSIVE),
        (0, 5, 1000, -0.05, PASS),  # a proven drop, of half a point: within what is allowed
        (30, 2, 100, 0.10, PASS),
        (12, 2, 100, 0.10, INCONCLUSIVE),
        (2, 3, 100, 0.10, FAIL),
        (3, 40, 160, -0.05, FAIL),
    ],
)
def test_a_difference_is_held_to_its_limit(gained: int, lost: int, n: int, at_least: float, finding: Finding) -> None:
    assert decide_difference(gained, lost, n, at_least).finding is finding


@settings(max_examples=40)  # planning for the undecided ones takes up to a second
@given(
    st.integers(1, 300).flatmap(
        lambda n: st.integers(0, n).flatmap(lambda g: st.tuples(st.just(g), st.integers(0, n - g), st.just(n)))
    ),
    st.sampled_from([-0.1, -0.02, 0.0, 0.02, 0.1]),
)
def test_a_decided_difference_agrees_with_its_bounds_and_with_mcnemar(flip: tuple[int, int, int], limit: float) -> None:
    decision = decide_difference(*flip, limit)
    gained, lost, n = flip
    if decision.finding is PASS:
        assert decision.low >= limit
        assert limit < 0 or mcnemar_exact(gained, lost) <= 0.05
    if decision.finding is FAIL:
        assert decision.high <= limit + 1e-4
        assert limit > 0 or mcnemar_exact(lost, gained) <= 0.05
    assert -1 <= decision.low <= decision.estimate <= decision.high <= 1
    assert decision.estimate == (gained - lost) / n


def test_the_posts_that_would_decide_a_drop_assume_that_nothing_changed() -> None:
    """Not the drop now seen: with it the answer would run from 192 to thousands of posts."""
    decision = decide_difference(0, 2, 80, -0.05)
    assert decision.finding is INCONCLUSIVE
    assert decision.n_for_power is not None
    assert margin_power(decision.n_for_power, 0.05, 2 / 80) >= 0.8
    assert decision.n_range is not None
    few, many = decision.n_range
    assert few is not None
    assert many is not None
    assert 80 < few < decision.n_for_power < many
    assert decide_difference(1, 1, 58, -0.05).n_for_power == decide_difference(0, 2, 58, -0.05).n_for_power


def test_repeated_threads_make_a_difference_harder_to_decide_and_dearer() -> None:
    assert decide_difference(0, 0, 80, -0.05).finding is PASS
    halved = decide_difference(0, 0, 80, -0.05, effective_n=40)
    assert halved.finding is INCONCLUSIVE
    assert halved.n_for_power == 118  # 59 without a flip, twice as many
    assert decide_difference(6, 0, 32, 0.0).finding is PASS
    assert decide_difference(6, 0, 32, 0.0, effective_n=16).finding is INCONCLUSIVE
    assert decide_difference(0, 6, 32, 0.0).finding is FAIL
    assert decide_difference(0, 6, 32, 0.0, effective_n=16).finding is INCONCLUSIVE


@pytest.mark.parametrize("limit", [5, -1, 1])
def test_a_limit_in_percent_is_refused(limit: float) -> None:
    with pytest.raises(ValueError, match=r"such as -0\.05"):
        decide_difference(1, 1, 10, limit)


@pytest.mark.parametrize("limit", [85, -0.1, 2.2250738585e-313, 1e-7, 1 - 1e-9, math.nan])
def test_an_impossible_floor_is_refused(limit: float) -> None:
    with pytest.raises(ValueError, match="expected a floor between 0 and 1"):
        decide_floor(0, 1, limit)


@pytest.mark.parametrize("limit", [2.2250738585e-313, -2.2250738585e-313, -1e-9, -1e-6, 1e-6])
def test_a_difference_that_no_sample_tells_from_0_is_not_decided_and_no_number_would(limit: float) -> None:
    found = decide_difference(1, 1, 10, limit)
    assert found.finding is INCONCLUSIVE
    assert limit > 0 or found.n_for_power is None


@pytest.mark.parametrize("n_correct", [0, 1])
@pytest.mark.parametrize("floor", [0.0, 1e-6, 0.5, 1 - 1e-6, 1.0])
def test_the_nearest_limits_are_decided_without_an_overflow(n_correct: int, floor: float) -> None:
    found = decide_floor(n_correct, 1, floor)
    assert found.n_for_power is None or found.n_for_power > 1
    # A rate is never below 0, and right answers alone never disprove that all are right.
    assert (found.finding is PASS) == (floor == 0 or (n_correct == 1 and floor <= 0.05))
    assert (found.finding is FAIL) == (n_correct == 0 and floor > 0.95)
