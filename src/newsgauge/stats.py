"""Intervals and paired tests. Pure; every function names its source."""

from __future__ import annotations


def wilson_interval(n_correct: int, n: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval for a proportion, two-sided, as (low, high) in [0, 1]; (nan, nan) for n = 0.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
    """
    if n == 0:
        return float("nan"), float("nan")
    from scipy.stats import binomtest  # 0.5 s to import: only where a score is wanted

    interval = binomtest(n_correct, n).proportion_ci(confidence_level=confidence, method="wilson")
    return float(interval.low), float(interval.high)


def mcnemar_exact(n_gained: int, n_lost: int) -> float:
    """One-sided exact McNemar p-value that the first of two paired classifiers is not better than the second.

    ``n_gained`` posts only the first had right, ``n_lost`` only the second. Under the null the gains are
    Binomial(gained + lost, 1/2); without a discordant post p is 1.
    Q. McNemar, "Note on the sampling error of the difference between correlated proportions", Psychometrika 12 (1947).
    """
    n = n_gained + n_lost
    if n == 0:
        return 1.0
    from scipy.stats import binomtest

    return float(binomtest(n_gained, n, 0.5, alternative="greater").pvalue)
