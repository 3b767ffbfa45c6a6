"""The exact test of a paired difference: wrong in at most alpha of samples, at every n. Counts in, a p-value out.

Tango's score statistic only says which outcomes are more extreme; the probabilities are those of the trinomial
itself. Imports NumPy and SciPy when first called, in live runs and planning only.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

from .intervals import Interval, exact_interval, likely_counts
from .paired import paired_interval, score_statistic

#: The share of flipped posts is searched in an interval that misses it with this probability; the p-value includes it.
NUISANCE_MISS = 1e-4
_GRID = 48


@lru_cache(maxsize=65536)
def exact_difference_p(n_gained: float, n_lost: float, n: float, difference: float) -> float:
    """One-sided exact p-value of H0: the true paired difference is at most ``difference``.

    The probability of a score statistic at least as large as the one seen, maximised over the share of flipped
    posts within its own exact interval of confidence 1 - `NUISANCE_MISS`. Counts are real if threads repeat, scaled
    to the effective number of posts; they are then held against the outcomes of that number, rounded down.

    R. Berger, D. Boos, "P values maximized over a confidence set for the nuisance parameter", JASA 89 (1994), for
    the interval; H.-m. Hsueh, J.-p. Liu, J. Chen, "Unconditional exact tests for equivalence or noninferiority for
    paired binary endpoints", Biometrics 57 (2001), for the test at a margin with this statistic.
    """
    if n < 1:
        return 1.0
    import numpy as np

    whole = math.floor(n + 1e-9)
    seen = score_statistic(n_gained, n_lost, n, difference)
    low, high = exact_interval(min(n_gained + n_lost, n), n, confidence=1 - NUISANCE_MISS)
    low, high = max(low, abs(difference)), max(high, abs(difference))
    gained = np.array(likely_counts((low + difference) / 2 * whole, (high + difference) / 2 * whole, whole))
    most_lost = most_lost_at(gained, whole, difference, seen)
    best = 0.0
    for _ in range(2):  # the second time around the largest value of the first
        flipped = np.linspace(low, high, _GRID)
        found = outcome_probability(gained, most_lost, whole, flipped, difference)
        at = int(np.argmax(found))
        best = max(best, float(found[at]))
        low, high = flipped[max(0, at - 1)], flipped[min(_GRID - 1, at + 1)]
    return min(1.0, best + NUISANCE_MISS)


def exact_difference_bounds(n_gained: float, n_lost: float, n: float, *, confidence: float = 0.95) -> Interval:
    """One-sided lower and upper bound of the paired difference, each at ``confidence``: the test, inverted.

    Searched by bisection around Tango's bounds, to 1e-5.
    """
    if n < 1:
        return math.nan, math.nan
    tango = paired_interval(n_gained, n_lost, n, confidence=2 * confidence - 1)
    low = _bound(n_gained, n_lost, n, tango[0], 1 - confidence)
    return low, -_bound(n_lost, n_gained, n, -tango[1], 1 - confidence)


def _bound(n_gained: float, n_lost: float, n: float, near: float, alpha: float) -> float:
    """The largest difference that the test refutes."""
    estimate, step = (n_gained - n_lost) / n, 0.5 / n + 1e-4
    low, high = max(-1.0, near - step), min(estimate, near + step)
    while low > -1.0 and exact_difference_p(n_gained, n_lost, n, low) > alpha:
        low, step = max(-1.0, low - step), 2 * step
    while high < estimate and exact_difference_p(n_gained, n_lost, n, high) <= alpha:
        high, step = min(estimate, high + step), 2 * step
    while high - low > 1e-5:
        middle = (low + high) / 2
        if exact_difference_p(n_gained, n_lost, n, middle) <= alpha:
            low = middle
        else:
            high = middle
    return low


def outcome_probability(gained: Any, most_lost: Any, n: int, flipped: Any, difference: float) -> Any:
    """P(lost <= most_lost[i] and gained = gained[i]), summed over i, for each share of flipped posts.

    ``difference`` is the true one, so that gains have the share (flipped + difference) / 2.
    """
    import numpy as np
    from scipy.special import bdtr, gammaln, xlog1py, xlogy

    gain = np.clip((flipped + difference) / 2, 0.0, 1.0)[:, None]
    loss = np.clip((flipped - difference) / 2, 0.0, 1.0)[:, None]
    possible = most_lost >= 0
    g, most = gained[possible][None, :], most_lost[possible][None, :]
    log_choose = gammaln(n + 1) - gammaln(g + 1) - gammaln(n - g + 1)
    weight = np.exp(log_choose + xlogy(g, gain) + xlog1py(n - g, -gain))
    share = np.clip(loss / np.maximum(1 - gain, 1e-300), 0.0, 1.0)
    at_most = bdtr(np.minimum(most, n - g), n - g, np.broadcast_to(share, weight.shape))
    return (weight * np.where(most >= n - g, 1.0, at_most)).sum(axis=1)


def most_lost_at(gained: Any, n: int, difference: float, seen: float) -> Any:
    """For each number of gains the most losses with a statistic of at least ``seen``; -1 if there are none.

    With -margin and a normal quantile: those at which the score test still excludes a drop of the margin, which
    approximates the exact boundary.
    """
    import numpy as np

    low, high = np.full(len(gained), -1), n - gained + 1  # low is extreme enough, high is not
    tolerance = 1e-9 * max(1.0, abs(seen)) if math.isfinite(seen) else 0.0
    while (high - low > 1).any():
        middle = (low + high) // 2
        extreme = score_statistics(gained, np.maximum(middle, 0), n, difference) >= seen - tolerance
        low = np.where((high - low > 1) & extreme, middle, low)
        high = np.where((high - low > 1) & ~extreme, middle, high)
    return low


def score_statistics(gained: Any, lost: Any, n: int, difference: float) -> Any:
    """`score_statistic` for arrays."""
    import numpy as np

    b = (2 * n + lost - gained) * difference - gained - lost
    product = lost * difference * (1 - difference)
    root = np.sqrt(np.maximum(0.0, b * b + 8 * n * product))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(b <= 0, (root - b) / (4 * n), 2 * product / (root + b))
        share = np.maximum(np.maximum(np.nan_to_num(share), 0.0), -difference)
        variance = n * (2 * share + difference * (1 - difference))
        distance = gained - lost - n * difference
        value = distance / np.sqrt(np.maximum(variance, 0.0))
    return np.where(variance > 0, value, np.where(distance == 0, 0.0, np.copysign(np.inf, distance)))
