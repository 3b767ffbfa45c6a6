"""The accuracy as in the user's data: by hand, as Clopper and Pearson's for one label, and its coverage enumerated."""

import math
from itertools import product

import numpy as np
import pytest
from scipy import stats as scipy_stats

from newsgauge.scoring.stats.intervals import exact_lower_bound, exact_upper_bound
from newsgauge.scoring.stats.standardised import Stratum, standardised_bounds, standardised_interval, standardised_rate


def test_a_table_of_900_and_100_rows_by_hand() -> None:
    """10 of 10 and 4 of 10 right: 70% as the mean over the labels, 94% of that table."""
    assert standardised_rate([Stratum(10, 10, 900), Stratum(4, 10, 100)]) == pytest.approx(0.9 + 0.04)
    assert standardised_rate([Stratum(10, 10, 1), Stratum(4, 10, 1)]) == pytest.approx(0.7)


@pytest.mark.parametrize(("k", "n"), [(0, 16), (6, 16), (16, 16), (71, 80)])
def test_of_a_single_label_the_bounds_are_clopper_and_pearsons(k: int, n: int) -> None:
    low, high = standardised_bounds([Stratum(k, n, 7.0)])
    assert low == pytest.approx(exact_lower_bound(k, n), abs=1e-12)
    assert high == pytest.approx(exact_upper_bound(k, n), abs=1e-12)
    # A label that is never right adds nothing to the lower bound, whatever its weight.
    assert standardised_bounds([Stratum(k, n, 3.0), Stratum(0, 5, 1.0)])[0] == pytest.approx(0.75 * low, abs=1e-12)


def test_labels_without_weight_do_not_count_and_one_without_posts_has_no_answer() -> None:
    assert standardised_bounds([Stratum(9, 10, 1), Stratum(0, 10, 0)]) == standardised_bounds([Stratum(9, 10, 1)])
    assert math.isnan(standardised_rate([Stratum(9, 10, 1), Stratum(0, 0, 1)]))
    assert all(math.isnan(x) for x in standardised_interval([Stratum(9, 10, 1), Stratum(0, 0, 1)]))
    assert math.isnan(standardised_rate([]))


def test_the_interval_holds_the_rate_and_mirrors() -> None:
    for k, m in product(range(0, 11, 2), repeat=2):
        strata = [Stratum(k, 10, 0.8), Stratum(m, 10, 0.2)]
        low, high = standardised_interval(strata)
        assert 0 <= low <= standardised_rate(strata) <= high <= 1
        wrong = standardised_interval([Stratum(10 - k, 10, 0.8), Stratum(10 - m, 10, 0.2)])
        assert wrong == pytest.approx((1 - high, 1 - low), abs=1e-12)


@pytest.mark.parametrize("weight", [0.5, 0.7, 0.9])
def test_of_two_labels_the_interval_covers_95_percent_and_a_bound_errs_in_at_most_6(weight: float) -> None:
    """Every outcome of both labels, for 49 pairs of true rates; benchmarks/standardised.py has more of both."""
    n = 10
    counts = np.arange(n + 1)
    strata = [[(Stratum(k, n, weight), Stratum(m, n, 1 - weight)) for m in counts] for k in counts]  # type: ignore[arg-type]
    two_sided = np.array([[standardised_interval(pair) for pair in row] for row in strata])
    one_sided = np.array([[standardised_bounds(pair) for pair in row] for row in strata])
    for p, q in product((0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99), repeat=2):
        chance = np.outer(scipy_stats.binom.pmf(counts, n, p), scipy_stats.binom.pmf(counts, n, q))
        truth = weight * p + (1 - weight) * q
        above, below = (
            (chance * (two_sided[:, :, side] * sign > truth * sign + 1e-12)).sum() for side, sign in ((0, 1), (1, -1))
        )
        assert above + below <= 0.052
        for side, sign in ((0, 1), (1, -1)):
            assert (chance * (one_sided[:, :, side] * sign > truth * sign + 1e-12)).sum() <= 0.06
