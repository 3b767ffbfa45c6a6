"""The exact test at a margin, against its definition by brute force and against the score test it orders by."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from newsgauge.scoring.stats.exact_difference import exact_difference_bounds, exact_difference_p
from newsgauge.scoring.stats.intervals import exact_interval
from newsgauge.scoring.stats.paired import paired_interval, score_statistic

#: How often the share of flips may lie outside of the interval that the test looks at (Berger and Boos): 1 in 10,000.
MISS = 1e-4


def _by_definition(n_gained: int, n_lost: int, n: int, difference: float) -> float:
    """All outcomes of the trinomial one by one, at 400 shares of flipped posts."""
    seen = score_statistic(n_gained, n_lost, n, difference)
    extreme = [
        (g, lost, n - g - lost)
        for g in range(n + 1)
        for lost in range(n - g + 1)
        if score_statistic(g, lost, n, difference) >= seen - 1e-9
    ]
    low, high = exact_interval(n_gained + n_lost, n, confidence=1 - MISS)
    best = 0.0
    for flipped in np.linspace(max(low, abs(difference)), max(high, abs(difference)), 400):
        gain, loss = (flipped + difference) / 2, (flipped - difference) / 2
        best = max(best, scipy_stats.multinomial(n, [gain, loss, 1 - flipped]).pmf(extreme).sum())
    return min(1.0, best + MISS)


@pytest.mark.parametrize(
    ("n_gained", "n_lost", "n", "difference"),
    [(0, 0, 20, -0.1), (3, 1, 20, -0.1), (5, 0, 12, 0.1), (0, 4, 16, -0.2), (2, 2, 25, 0.0), (1, 6, 25, -0.05)],
)
def test_the_p_value_is_the_largest_probability_of_an_outcome_as_extreme(
    n_gained: int, n_lost: int, n: int, difference: float
) -> None:
    expected = _by_definition(n_gained, n_lost, n, difference)
    assert exact_difference_p(n_gained, n_lost, n, difference) == pytest.approx(expected, abs=2e-4)


@pytest.mark.parametrize(("n", "margin"), [(59, 0.05), (29, 0.1), (20, 0.3)])
def test_without_a_flip_it_is_the_chance_of_no_loss_at_the_margin(n: int, margin: float) -> None:
    assert exact_difference_p(0, 0, n, -margin) == pytest.approx((1 - margin) ** n + MISS, rel=1e-9)


def test_on_many_posts_it_is_the_normal_tail_of_the_score() -> None:
    for n_gained, n_lost in ((150, 190), (170, 170), (200, 140)):
        score = score_statistic(n_gained, n_lost, 4000, -0.01)
        expected = scipy_stats.norm.sf(score)
        assert exact_difference_p(n_gained, n_lost, 4000, -0.01) == pytest.approx(expected, rel=0.03, abs=3e-4)


@settings(max_examples=30)
@given(st.integers(1, 120), st.data())
def test_the_bounds_are_what_the_test_does_not_refute_and_hold_the_estimate(n: int, data: st.DataObject) -> None:
    n_gained = data.draw(st.integers(0, n))
    n_lost = data.draw(st.integers(0, n - n_gained))
    low, high = exact_difference_bounds(n_gained, n_lost, n)
    assert -1 <= low <= (n_gained - n_lost) / n <= high <= 1
    back = exact_difference_bounds(n_lost, n_gained, n)
    assert back == pytest.approx((-high, -low), abs=1e-9)
    # The p-value rises with the difference but for wiggles, as the order of the outcomes changes with it.
    if low > -0.98:
        assert exact_difference_p(n_gained, n_lost, n, low - 0.01) <= 0.055
    assert exact_difference_p(n_gained, n_lost, n, min(low + 0.01, 0.9999)) > 0.045


def test_on_many_posts_the_bounds_are_tangos() -> None:
    found = exact_difference_bounds(40, 60, 3169)
    assert found == pytest.approx(paired_interval(40, 60, 3169, confidence=0.9), abs=2e-4)


def test_no_posts_prove_nothing() -> None:
    assert exact_difference_p(0, 0, 0, -0.05) == 1.0
    assert all(math.isnan(bound) for bound in exact_difference_bounds(0, 0, 0))
