import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

import newsgauge.scoring.stats.power as power_module
from newsgauge.scoring.stats.exact_difference import exact_difference_p
from newsgauge.scoring.stats.intervals import binomial_cdf, exact_lower_bound
from newsgauge.scoring.stats.paired import mcnemar_exact, mcnemar_exact_two_sided
from newsgauge.scoring.stats.power import (
    correct_answers_needed,
    fewest_flips,
    fewest_posts_for_floor,
    fewest_posts_for_margin,
    floor_power,
    margin_power,
    mcnemar_power,
    posts_for_difference,
    posts_for_floor,
    posts_for_margin,
)


@pytest.mark.parametrize(
    ("difference", "discordant", "n"),
    [(0.02, 0.05, 1035), (0.05, 0.10, 337), (0.10, 0.15, 122), (0.20, 0.25, 50), (0.50, 0.55, 16)],
)
def test_known_numbers_of_posts_for_80_percent_power(difference: float, discordant: float, n: int) -> None:
    assert posts_for_difference(difference, discordant) == n


@pytest.mark.parametrize(("n_correct", "n"), [(16, 16), (30, 32), (71, 80), (137, 160), (334, 400), (659, 800)])
def test_known_numbers_of_correct_answers_for_a_floor_of_80_percent(n_correct: int, n: int) -> None:
    assert correct_answers_needed(n, 0.80) == n_correct


@pytest.mark.parametrize(("n", "chance"), [(32, 0.21), (80, 0.054), (160, 0.017), (400, 0.001)])
def test_known_chances_that_a_good_model_misses_a_floor_on_the_point_estimate(n: int, chance: float) -> None:
    fewest = math.ceil(0.85 * n)
    assert binomial_cdf(fewest - 1, n, 0.90) == pytest.approx(chance, rel=0.03, abs=5e-4)


def test_fewest_flips_are_5_one_sided_and_6_two_sided() -> None:
    assert (fewest_flips(), fewest_flips(two_sided=True)) == (5, 6)
    assert mcnemar_exact(5, 0) <= 0.05 < mcnemar_exact(4, 0)
    assert mcnemar_exact_two_sided(6, 0) <= 0.05 < mcnemar_exact_two_sided(5, 0)


@pytest.mark.parametrize("two_sided", [True, False])
@pytest.mark.parametrize(
    ("n", "difference", "discordant"), [(16, 0.5, 0.55), (30, -0.2, 0.3), (40, 0.1, 0.1), (25, 0, 0.4)]
)
def test_mcnemar_power_equals_the_sum_over_all_outcomes(
    n: int, difference: float, discordant: float, two_sided: bool
) -> None:
    """Every (gained, lost) of n posts, with scipy's trinomial and the p-value of its binomial test."""
    gain, loss = (discordant + abs(difference)) / 2, (discordant - abs(difference)) / 2
    outcomes = scipy_stats.multinomial(n, [gain, loss, 1 - gain - loss])
    power = 0.0
    for gained in range(n + 1):
        for lost in range(n + 1 - gained):
            flips = gained + lost
            alternative = "two-sided" if two_sided else "greater"
            p = scipy_stats.binomtest(gained, flips, alternative=alternative).pvalue if flips else 1.0
            power += outcomes.pmf([gained, lost, n - flips]) * (p <= 0.05)
    assert mcnemar_power(n, difference, discordant, two_sided=two_sided) == pytest.approx(power, abs=1e-9)


def test_without_a_difference_the_power_is_the_false_alarm_rate() -> None:
    for n in (16, 80, 400, 2000):
        assert mcnemar_power(n, 0, 0.1) <= 0.05
        assert mcnemar_power(n, 0, 0.1, two_sided=False) <= 0.05


@settings(deadline=None, max_examples=40)
@given(
    st.integers(4, 60),
    st.sampled_from([0.02, 0.05, 0.1, 0.3]),
    st.sampled_from([0.5, 0.8, 0.9]),
    st.booleans(),
)
def test_the_planned_n_has_the_power_the_one_before_has_not(
    difference_in_percent: int, more: float, power: float, two_sided: bool
) -> None:
    difference = difference_in_percent / 100
    discordant = min(1.0, difference + more)
    n = posts_for_difference(difference, discordant, power=power, two_sided=two_sided)
    assert n is not None
    for later in (n, n + 1, n + 7, 2 * n):
        assert mcnemar_power(later, difference, discordant, two_sided=two_sided) >= power
    assert mcnemar_power(n - 1, difference, discordant, two_sided=two_sided) < power


@given(st.integers(1, 600), st.floats(0.01, 0.99))
def test_the_correct_answers_needed_are_the_fewest_whose_bound_reaches_the_floor(n: int, floor: float) -> None:
    needed = correct_answers_needed(n, floor)
    if needed is None:
        assert exact_lower_bound(n, n) < floor
    else:
        assert exact_lower_bound(needed, n) >= floor - 1e-12
        assert needed == 0 or exact_lower_bound(needed - 1, n) < floor


@pytest.mark.parametrize(("n", "rate", "floor"), [(80, 0.9, 0.8), (304, 0.9, 0.85), (120, 0.7, 0.8)])
def test_floor_power_equals_the_sum_over_all_outcomes(n: int, rate: float, floor: float) -> None:
    alternative = "greater" if rate > floor else "less"
    power = sum(
        scipy_stats.binom.pmf(k, n, rate)
        for k in range(n + 1)
        if scipy_stats.binomtest(k, n, floor, alternative=alternative).pvalue <= 0.05
    )
    assert floor_power(n, rate, floor) == pytest.approx(power, abs=1e-10)


@pytest.mark.parametrize("power", [0.5, 0.8])
@pytest.mark.parametrize(
    ("rate", "floor"), [(0.9, 0.8), (0.9, 0.85), (0.99, 0.8), (1.0, 0.8), (0.7, 0.8), (0.0, 0.3), (0.55, 0.6)]
)
def test_posts_for_a_floor_are_one_more_than_the_last_n_without_the_power(
    rate: float, floor: float, power: float
) -> None:
    without = [n for n in range(1, 1200) if floor_power(n, rate, floor) < power]
    assert posts_for_floor(rate, floor, power=power) == max(without, default=0) + 1


@pytest.mark.slow
def test_the_approximation_beyond_5000_posts_is_within_2_percent_of_the_exact_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    approximate = (posts_for_difference(0.01, 0.1), posts_for_floor(0.86, 0.85), posts_for_floor(0.96, 0.955))
    monkeypatch.setattr(power_module, "EXACT_UP_TO", 1_000_000)
    exact = (posts_for_difference(0.01, 0.1), posts_for_floor(0.86, 0.85), posts_for_floor(0.96, 0.955))
    assert exact == (8032, 7877, 10493)
    assert approximate == pytest.approx(exact, rel=0.02)


def test_where_the_approximation_says_5000_posts_they_are_still_counted_exactly() -> None:
    # (1.644854 + 0.841621)^2 / 0.01^2 * 0.08087 = 4999.8
    n = posts_for_margin(0.01, 0.08087)
    assert n is not None
    assert margin_power(n, 0.01, 0.08087) >= 0.8 > margin_power(n - 1, 0.01, 0.08087)


def test_one_right_answer_proves_a_floor_below_five_percent_to_a_model_that_is_always_right() -> None:
    assert posts_for_floor(1.0, 0.04) == 1
    assert posts_for_floor(1.0, 0.06) == 2


def test_beyond_5000_posts_it_is_the_normal_approximation_and_what_makes_up_for_whole_counts() -> None:
    # (1.959964 * 0.316228 + 0.841621 * 0.316070)^2 / 0.01^2 = 7846.5, and 2 / 0.01 more.
    assert posts_for_difference(0.01, 0.1) == 8047
    # (1.644854 * 0.357071 + 0.841621 * 0.346987)^2 / 0.01^2 = 7732.8, and 2 / 0.01 more.
    assert posts_for_floor(0.86, 0.85) == 7933


def test_what_no_number_of_posts_decides_is_none() -> None:
    assert posts_for_floor(0.8, 0.8) is None
    assert posts_for_floor(0.8001, 0.8) is None
    assert posts_for_difference(0, 0.1) is None


@pytest.mark.parametrize("floor", [0.5, 0.7, 0.8, 0.85, 0.9, 0.95, 0.99])
def test_fewer_posts_than_needed_for_a_floor_fail_even_all_correct(floor: float) -> None:
    n = fewest_posts_for_floor(floor)
    assert exact_lower_bound(n, n) >= floor
    assert n == 1 or exact_lower_bound(n - 1, n - 1) < floor


@pytest.mark.parametrize(("margin", "n"), [(0.01, 299), (0.02, 149), (0.05, 59), (0.1, 29)])
def test_fewer_posts_than_needed_for_a_margin_fail_even_without_a_flip(margin: float, n: int) -> None:
    assert n == math.ceil(math.log(0.05) / math.log(1 - margin))  # (1 - margin)^n: no flip at such a drop
    assert fewest_posts_for_margin(margin) == n
    assert exact_difference_p(0, 0, n, -margin) <= 0.05 < exact_difference_p(0, 0, n - 1, -margin)


@pytest.mark.parametrize(
    ("flip_rate", "chances"),
    # By enumeration and Monte Carlo of another hand, the decision being Tango's score test: n = 80, 160, 320, 400.
    [
        (0.01, (0.76, 0.99, 1, 1)),
        (0.02, (0.65, 0.97, 1, 1)),
        (0.05, (0.48, 0.82, 0.98, 1)),
        (0.1, (0.37, 0.61, 0.86, 0.92)),
    ],
)
def test_known_chances_that_an_unchanged_model_keeps_a_margin_of_5_points(
    flip_rate: float, chances: tuple[float, ...]
) -> None:
    found = [margin_power(n, 0.05, flip_rate) for n in (80, 160, 320, 400)]
    assert found == pytest.approx(chances, abs=0.012)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "margin", "flip_rate"), [(80, 0.05, 0.02), (101, 0.05, 0.05), (49, 0.1, 0.05), (64, 0.1, 0.2)]
)
def test_the_power_at_a_margin_equals_the_sum_over_all_outcomes_of_the_exact_test(
    n: int, margin: float, flip_rate: float
) -> None:
    outcomes = scipy_stats.multinomial(n, [flip_rate / 2, flip_rate / 2, 1 - flip_rate])
    expected = sum(
        p
        for gained in range(n + 1)
        for lost in range(n + 1 - gained)
        if (p := outcomes.pmf([gained, lost, n - gained - lost])) > 1e-7
        and exact_difference_p(gained, lost, n, -margin) <= 0.05
    )
    # The score test's word for which outcomes pass: one outcome of few flips on the other side is worth up to 9 points.
    assert margin_power(n, margin, flip_rate) == pytest.approx(expected, abs=0.09 if n < 60 else 0.02)


def test_the_posts_for_a_margin_keep_their_power_with_more_posts() -> None:
    n = posts_for_margin(0.05, 0.05)
    assert n is not None
    assert all(margin_power(more, 0.05, 0.05) >= 0.8 for more in range(n, n + 20))
    assert margin_power(n - 1, 0.05, 0.05) < 0.8
    assert posts_for_margin(0.001, 0.5) is None


def test_a_drop_of_15_standard_errors_is_excluded_for_certain_and_none_below_the_fewest_posts() -> None:
    # If a fifth of 20,000 posts flip, the difference has a standard error of sqrt(0.2 / 20,000) = 0.32 points.
    assert margin_power(20_000, 0.05, 0.2) == pytest.approx(1, abs=1e-9)
    # Of 59 posts only the outcome without a loss excludes it, of 58 none: 0.95 ** 58 is 5.1%.
    assert margin_power(59, 0.05, 0.0) == 1
    assert margin_power(58, 0.05, 0.0) == 0


@pytest.mark.parametrize(("difference", "discordant"), [(0.1, 0.05), (0.1, 1.2), (-0.3, 0.2)])
def test_impossible_shares_are_refused(difference: float, discordant: float) -> None:
    with pytest.raises(ValueError, match="<= discordant <= 1"):
        mcnemar_power(100, difference, discordant)


@pytest.mark.parametrize("limit", [-0.1, 1, 1.5])
def test_impossible_limits_are_refused(limit: float) -> None:
    with pytest.raises(ValueError, match="floor"):
        fewest_posts_for_floor(limit)
    with pytest.raises(ValueError, match="margin"):
        fewest_posts_for_margin(limit)
