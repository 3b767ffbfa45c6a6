"""How often the interval of the accuracy as in the user's data covers the truth, beyond what the tests enumerate.

``python benchmarks/standardised.py`` enumerates every outcome of two labels, and draws samples of eight labels of
unequal weights. It takes minutes.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from scipy import stats

from newsgauge.scoring.stats import Stratum, standardised_bounds, standardised_interval

RATES = (0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)
WEIGHTS = np.array([0.5, 0.2, 0.1, 0.08, 0.05, 0.04, 0.02, 0.01])
N_DRAWS = 250


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


def eight_labels(n: int) -> list[float]:
    """The coverage of the 95% interval for four patterns of true rates; its standard error is 1.4 points."""
    rng, found = np.random.default_rng(4), []
    for rates in (np.full(8, 0.9), np.full(8, 0.6), np.linspace(0.5, 1.0, 8), np.linspace(1.0, 0.5, 8)):
        hits = 0
        for draw in rng.binomial(n, rates, (N_DRAWS, 8)):
            low, high = standardised_interval([Stratum(int(k), n, w) for k, w in zip(draw, WEIGHTS, strict=True)])
            hits += low <= WEIGHTS @ rates <= high
        found.append(hits / N_DRAWS)
    return found


if __name__ == "__main__":
    for n, weight in product((5, 10, 20, 40), (0.5, 0.7, 0.9, 0.97)):
        coverage, error = two_labels(n, weight)
        print(f"2 labels, {n} posts each, weight {weight}: coverage {coverage:.4f}, largest error {error:.4f}")
    for n in (5, 20):
        print(f"8 labels, {n} posts each: coverage {', '.join(f'{one:.3f}' for one in eight_labels(n))}")
