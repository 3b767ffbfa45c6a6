"""How often the interval of the accuracy as in the user's data covers the truth, beyond what the tests enumerate.

``python benchmarks/standardised.py`` enumerates every outcome of two labels, and draws samples of eight labels of
unequal weights. It takes minutes.
"""

from __future__ import annotations

from itertools import product
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.special import betaincinv

from newsgauge.scoring.stats import Stratum, standardised_bounds, standardised_interval

RATES = (0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)
WEIGHTS = (
    np.array([0.5, 0.2, 0.1, 0.08, 0.05, 0.04, 0.02, 0.01]),
    np.array([20, 20, 20, 20, 1, 1, 1, 1]) / 84,
)
N_DRAWS = 1_000


def quick_beta_quantile(probability: float, a: float, b: float) -> float:
    """SciPy's, which takes a tenth of the time of ours; tests/stats/test_intervals.py compares them."""
    return float(betaincinv(a, b, probability))


def two_labels(n: int, weight: float) -> tuple[float, float]:
    """The least coverage of the 95% interval and the largest error of a one-sided bound, over pairs of true rates."""
    counts = range(n + 1)
    strata = [[(Stratum(k, n, weight), Stratum(m, n, 1 - weight)) for m in counts] for k in counts]
    intervals = np.array([[standardised_interval(pair) for pair in row] for row in strata])
    bounds = np.array([[standardised_bounds(pair) for pair in row] for row in strata])
    coverage, error = 1.0, 0.0
    for p, q in product(RATES, repeat=2):
        chance = np.outer(stats.binom.pmf(counts, n, p), stats.binom.pmf(counts, n, q))
        truth = weight * p + (1 - weight) * q
        missed = (intervals[:, :, 0] > truth + 1e-12) | (intervals[:, :, 1] < truth - 1e-12)
        coverage = min(coverage, 1 - chance[missed].sum())
        too_high, too_low = bounds[:, :, 0] > truth + 1e-12, bounds[:, :, 1] < truth - 1e-12
        error = max(error, chance[too_high].sum(), chance[too_low].sum())
    return coverage, error


def eight_labels(sizes: NDArray[np.int_]) -> tuple[float, float]:
    """The least coverage of the 95% interval and the largest error of a one-sided bound, over rates and weights.

    ``sizes``: the posts of each label. The standard error is 0.7 points.
    """
    rng, coverage, error = np.random.default_rng(4), 1.0, 0.0
    even, odd = np.full(8, 0.9), np.array([0.97, 0.2] * 4)
    patterns = (even, np.full(8, 0.6), np.linspace(0.4, 1.0, 8), np.linspace(1.0, 0.4, 8), odd)
    for rates, weights in product(patterns, WEIGHTS):
        truth, missed, wrong = weights @ rates, 0, np.zeros(2)
        for draw in rng.binomial(sizes, rates, (N_DRAWS, 8)):
            strata = [Stratum(int(k), int(n), float(w)) for k, n, w in zip(draw, sizes, weights, strict=True)]
            low, high = standardised_interval(strata)
            missed += not low <= truth <= high
            low, high = standardised_bounds(strata)
            wrong += low > truth, high < truth
        coverage, error = min(coverage, 1 - missed / N_DRAWS), max(error, *wrong / N_DRAWS)
    return coverage, error


if __name__ == "__main__":
    patch("newsgauge.scoring.stats.standardised.beta_quantile", quick_beta_quantile).start()
    for n, weight in product((5, 10, 20, 40), (0.5, 0.7, 0.9, 0.97)):
        coverage, error = two_labels(n, weight)
        print(f"2 labels, {n} posts each, weight {weight}: coverage {coverage:.4f}, largest error {error:.4f}")
    for n, few in product((5, 10, 20), (False, True)):
        coverage, error = eight_labels(np.full(8, n) - few * np.arange(8) * n // 10)
        print(
            f"8 labels, {n} posts each{', rare ones fewer' * few}: coverage {coverage:.3f}, largest error {error:.3f}"
        )
