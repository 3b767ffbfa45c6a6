"""Accuracy where posts come in threads: the posts of one thread are right or wrong together. Pure.

What enters is one True/False a post and the thread it belongs to; what leaves is a standard error, the
number of independent posts that the sample is worth, and an interval made with it.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from .beta import normal_quantile, student_quantile
from .intervals import Interval, wilson_interval


@dataclass(frozen=True, slots=True)
class _Cluster:
    n: int
    n_correct: int


def clustered_standard_error(correct: Sequence[bool], threads: Sequence[Hashable]) -> float:
    """Standard error of the accuracy, clustered by thread; NaN for an empty sample.

    sqrt(sum over threads of (sum of their residuals)^2) / n; equal to the naive sqrt(p (1 - p) / n) where every
    post is its own thread. It is 0 where all answers are right or all are wrong, so no interval is built on it alone; see `effective_posts`.
    E. Miller, "Adding Error Bars to Evals", arXiv 2411.00640 (2024), section 2.2; the
    cluster-robust variance of Liang and Zeger, Biometrika 73 (1986), without a small-sample factor.
    """
    clusters = _clusters(correct, threads)
    n = len(correct)
    if n == 0:
        return math.nan
    rate = sum(correct) / n
    return math.sqrt(sum((c.n_correct - c.n * rate) ** 2 for c in clusters)) / n


def design_effect(correct: Sequence[bool], threads: Sequence[Hashable]) -> float:
    """How many times the variance of the accuracy exceeds that of independent posts; at least 1.

    Kish's deff: the squared clustered standard error over the naive one. What few errors say about it is
    noise, and nothing at all where every answer is right, so it is drawn towards the worst case, threads
    whose posts are all right or all wrong: sum(size^2) / n. The worst case weighs as much as one thread
    that holds an answer of the rarer kind. This weight is ours, held by a simulation in the tests, and
    vanishes with the threads that err.
    L. Kish, "Survey Sampling" (1965), sections 5.4 and 8.2.
    """
    clusters = _clusters(correct, threads)
    n, n_correct = len(correct), sum(correct)
    if n == 0 or len(clusters) == n:
        return 1.0
    worst = sum(c.n**2 for c in clusters) / n
    if 0 < n_correct < n:
        rate = n_correct / n
        measured = n * clustered_standard_error(correct, threads) ** 2 / (rate * (1 - rate))
        # A variance from C threads is too small by C / (C - 1) on average: the mean uses up one residual.
        measured *= len(clusters) / max(1, len(clusters) - 1)
    else:
        measured = worst
    minority = n_correct * 2 <= n
    telling = sum(1 for c in clusters if (c.n_correct if minority else c.n - c.n_correct))
    return max(1.0, (worst + telling * measured) / (1 + telling))


def effective_posts(
    correct: Sequence[bool], threads: Sequence[Hashable], *, confidence: float = 0.95
) -> float:
    """How many independent posts the sample is worth: n / design effect, less where threads are few.

    At most n. The variance is known from C threads only, so the count shrinks by (z / t)^2 with C - 1 degrees
    of freedom. One thread alone is worth one post.
    E. L. Korn, B. I. Graubard, "Confidence intervals for proportions with small expected number of
    positive counts estimated from survey data", Survey Methodology 24 (1998).
    """
    clusters = _clusters(correct, threads)
    n = len(correct)
    if len(clusters) == n:
        return float(n)
    if len(clusters) == 1:
        return 1.0
    z, t = normal_quantile(0.5 + confidence / 2), student_quantile(0.5 + confidence / 2, len(clusters) - 1)
    return max(1.0, n / design_effect(correct, threads) * (z / t) ** 2)


def clustered_interval(
    correct: Sequence[bool], threads: Sequence[Hashable], *, confidence: float = 0.95
) -> Interval:
    """Two-sided interval of an accuracy, clustered by thread: Wilson's, with the effective number of posts.

    Equal to `wilson_interval` where every post is its own thread, never narrower than it, inside [0, 1],
    and of non-zero width where all answers are right. (nan, nan) for an empty sample.
    Wilson's interval
    with an effective sample size: C. Franco et al., "Comparative study of confidence intervals for
    proportions in complex sample surveys", J. Survey Statistics and Methodology 7 (2019).
    """
    n = len(correct)
    worth = effective_posts(correct, threads, confidence=confidence)
    return wilson_interval(scaled_count(sum(correct), n, worth), worth, confidence=confidence)


def scaled_count(n_correct: int, n: int, worth: float) -> float:
    """The correct answers among ``worth`` posts at the rate n_correct / n; all stay exactly all."""
    return worth if n_correct == n else min(worth, n_correct * worth / n)


def _clusters(correct: Sequence[bool], threads: Sequence[Hashable]) -> list[_Cluster]:
    if len(correct) != len(threads):
        raise ValueError(f"expected one thread a post, got {len(correct)} answers and {len(threads)} threads")
    counts: dict[Hashable, list[int]] = {}
    for is_correct, thread in zip(correct, threads, strict=True):
        entry = counts.setdefault(thread, [0, 0])
        entry[0] += 1
        entry[1] += is_correct
    return [_Cluster(n, n_correct) for n, n_correct in counts.values()]
