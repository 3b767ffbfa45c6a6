"""Intervals and one-sided bounds of one proportion: so many correct of so many posts. Pure.

Counts may be real numbers, because a sample with several posts of a thread is worth fewer independent ones
(``clustered.py``). Every interval of an empty sample is (nan, nan): no comparison with it is true, so no
limit passes.
"""

from __future__ import annotations

import math

from .beta import beta_quantile, normal_quantile

Interval = tuple[float, float]


def wilson_interval(n_correct: float, n: float, *, confidence: float = 0.95) -> Interval:
    """Wilson's score interval for a proportion, two-sided, as (low, high) in [0, 1]; (nan, nan) for n = 0.

    The interval to show: its coverage is close to nominal on average, also for 16 posts. E. B. Wilson,
    "Probable inference, the law of succession, and statistical inference", JASA 22 (1927); recommended over
    Wald's by Brown, Cai and DasGupta, "Interval estimation for a binomial proportion", Stat. Sci. 16
    (2001).
    """
    _check(n_correct, n, confidence)
    if n == 0:
        return math.nan, math.nan
    z = normal_quantile(0.5 + confidence / 2)
    rate = n_correct / n
    centre = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    low = 0.0 if n_correct == 0 else max(0.0, centre - half)  # rounding leaves 1e-17 where the formula says 0
    high = 1.0 if n_correct == n else min(1.0, centre + half)
    return low, high


def exact_interval(n_correct: float, n: float, *, confidence: float = 0.95) -> Interval:
    """Clopper and Pearson's two-sided interval: covers the truth at least as often as it says, always.

    C. J. Clopper, E. S. Pearson, "The use of confidence or fiducial limits illustrated in the case of the
    binomial", Biometrika 26 (1934).
    """
    one_sided = 0.5 + confidence / 2
    return (
        exact_lower_bound(n_correct, n, confidence=one_sided),
        exact_upper_bound(n_correct, n, confidence=one_sided),
    )


def exact_lower_bound(n_correct: float, n: float, *, confidence: float = 0.95) -> float:
    """Clopper and Pearson's one-sided lower bound: the bound to gate on, as it never says too much.

    The rate at which ``n_correct`` or more of ``n`` would be seen with probability 1 - confidence.
    """
    _check(n_correct, n, confidence)
    if n == 0:
        return math.nan
    return 0.0 if n_correct == 0 else beta_quantile(1 - confidence, n_correct, n - n_correct + 1)


def exact_upper_bound(n_correct: float, n: float, *, confidence: float = 0.95) -> float:
    """Clopper and Pearson's one-sided upper bound, by symmetry from the lower bound of the wrong answers."""
    return 1.0 - exact_lower_bound(n - n_correct, n, confidence=confidence)


def _check(n_correct: float, n: float, confidence: float) -> None:
    if not 0 <= n_correct <= n:
        raise ValueError(f"expected 0 <= n_correct <= n, got n_correct={n_correct}, n={n}")
    if not 0 < confidence < 1:
        raise ValueError(f"expected a confidence between 0 and 1, such as 0.95; got {confidence}")
