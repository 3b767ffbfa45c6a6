"""Two variants asked about the same posts: who gained, who lost, and what that proves. Pure.

``n_gained`` posts only the first variant had right, ``n_lost`` only the second; posts that both had right
or both wrong enter only through ``n``. A difference is always first minus second, so a drop against a
baseline is negative.

The difference of two rates on different posts, as of two slices of a sample. Pure.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence

from .intervals import Interval, binomial_sf, normal_quantile, wilson_interval


def mcnemar_exact(n_gained: float, n_lost: float) -> float:
    """One-sided exact McNemar p-value that the first of two paired classifiers is not better than the second.

    Under the null the gains are Binomial(gained + lost, 1/2); without a discordant post p is 1. Counts are real if
    threads repeat: divided by the design effect of the difference (M. Eliasziw, A. Donner, "Application of the McNemar
    test to non-independent matched pair data", Statistics in Medicine 10, 1991). Q. McNemar, "Note on the sampling
    error of the difference between correlated proportions", Psychometrika 12 (1947).
    """
    _check(n_gained, n_lost, n_gained + n_lost)
    return max(binomial_sf(n_gained, n_gained + n_lost, 0.5), sys.float_info.min)  # it underflows; no p-value is 0


def mcnemar_exact_two_sided(n_gained: float, n_lost: float) -> float:
    """Two-sided exact McNemar p-value that the two are equally good: twice the smaller tail, at most 1."""
    return min(1.0, 2 * mcnemar_exact(max(n_gained, n_lost), min(n_gained, n_lost)))


def score_statistic(n_gained: float, n_lost: float, n: float, difference: float) -> float:
    """Tango's score statistic of H0: the true paired difference is ``difference``; about normal under H0.

    Positive if the posts speak for a larger difference. At 0 it is McNemar's (gained - lost) /
    sqrt(gained + lost).
    T. Tango, "Equivalence test and confidence interval for the difference in
    proportions for the paired-sample design", Statistics in Medicine 17 (1998), 891-908: the share of
    losses is estimated under H0 by maximum likelihood.
    """
    b = (2 * n + n_lost - n_gained) * difference - n_gained - n_lost
    root = math.sqrt(max(0.0, b * b + 8 * n * n_lost * difference * (1 - difference)))
    # The two forms of the same root of a quadratic: each loses its digits where the other keeps them.
    product = n_lost * difference * (1 - difference)
    lost_share = (root - b) / (4 * n) if b <= 0 else 2 * product / (root + b)
    # Both shares must be possible under H0: gained share = lost share + difference lies within [0, 1] too.
    lost_share = max(lost_share, 0.0, -difference)
    variance = n * (2 * lost_share + difference * (1 - difference))
    distance = n_gained - n_lost - n * difference
    if variance <= 0:
        return 0.0 if distance == 0 else math.copysign(math.inf, distance)
    return distance / math.sqrt(variance)


def paired_interval(n_gained: float, n_lost: float, n: float, *, confidence: float = 0.95) -> Interval:
    """Tango's score interval of the paired difference, two-sided, inside [-1, 1]; (nan, nan) for n = 0.

    All differences that the score test does not refute, found by bisection. Needs only the discordant
    counts, and has a width also if no answer flipped: +-z^2 / (n + z^2). Chosen over Newcombe's square-and-add
    interval by exact coverage; the table is in docs/statistics.md.
    """
    _check(n_gained, n_lost, n)
    if n == 0:
        return math.nan, math.nan
    z = normal_quantile(0.5 + confidence / 2)
    return _score_bound(n_gained, n_lost, n, z), -_score_bound(n_lost, n_gained, n, z)


def _score_bound(n_gained: float, n_lost: float, n: float, z: float) -> float:
    """The smallest difference with a score statistic of at most z, which falls as the difference grows."""
    low, high = -1.0, (n_gained - n_lost) / n
    for _ in range(60):
        middle = (low + high) / 2
        if score_statistic(n_gained, n_lost, n, middle) > z:
            low = middle
        else:
            high = middle
    return high


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Holm's adjusted p-values, in the order given.

    Each may be held against the same alpha, and the chance of any false one among them stays below it.

    S. Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statistics 6 (1979).
    """
    if any(not 0 <= p <= 1 for p in p_values):
        raise ValueError(f"expected p-values in [0, 1], got {list(p_values)}")
    adjusted = [0.0] * len(p_values)
    running = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = running
    return tuple(adjusted)


def _check(n_gained: float, n_lost: float, n: float) -> None:
    if n_gained < 0 or n_lost < 0 or n_gained + n_lost > n * (1 + 1e-9):
        raise ValueError(f"expected n_gained, n_lost >= 0 and their sum <= n; got {n_gained}, {n_lost}, n={n}")


def unpaired_interval(first: tuple[float, float], second: tuple[float, float], *, confidence: float = 0.95) -> Interval:
    """Two-sided interval of the first rate less the second; each enters as (correct, n), n above 0.

    R. G. Newcombe, "Interval estimation for the difference between independent proportions: comparison of eleven
    methods", Statistics in Medicine 17 (1998), method 10: it joins the two Wilson intervals, stays within -1 and 1, and
    has a width also if every answer is right. (nan, nan) if either has no posts.
    """
    one, other = ((k / n if n else math.nan, *wilson_interval(k, n, confidence=confidence)) for k, n in (first, second))
    return joined_interval(one, other)


def joined_interval(first: tuple[float, float, float], second: tuple[float, float, float]) -> Interval:
    """Newcombe's method 10 of any two independent estimates, each with the low and high end of its interval."""
    (value_1, low_1, high_1), (value_2, low_2, high_2) = first, second
    difference = value_1 - value_2
    return (
        difference - math.hypot(value_1 - low_1, high_2 - value_2),
        difference + math.hypot(high_1 - value_1, value_2 - low_2),
    )
