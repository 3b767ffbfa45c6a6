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

#: The worst case weighs as much as this many threads that hold an answer of the rarer kind.
_WORST_CASE_WEIGHT = 2


@dataclass(frozen=True, slots=True)
class _Cluster:
    n: int
    n_correct: int


def clustered_standard_error(correct: Sequence[bool], threads: Sequence[Hashable]) -> float:
    """Standard error of the accuracy, clustered by thread; NaN for an empty sample.

    sqrt(sum over threads of (sum of their residuals)^2) / n, which is the naive sqrt(p (1 - p) / n) where
    every post is its own thread. It is 0 where all answers are right or all are wrong, so no interval is
    built on it alone; see `effective_posts`.
    E. Miller, "Adding Error Bars to Evals", arXiv 2411.00640 (2024), section 2.2; the cluster-robust
    variance of Liang and Zeger, Biometrika 73 (1986), without a small-sample factor.
    """
    clusters = _clusters(correct, threads)
    n = len(correct)
    if n == 0:
        return math.nan
    rate = sum(correct) / n
    return math.sqrt(sum((c.n_correct - c.n * rate) ** 2 for c in clusters)) / n


def effective_posts(correct: Sequence[bool], threads: Sequence[Hashable], *, confidence: float = 0.95) -> float:
    """How many independent posts the sample is worth, at least 1 and at most n: n / design effect.

    The design effect (Kish, "Survey Sampling", 1965) is the clustered variance over that of independent
    posts. It is measured with the jackknife's correction, which divides the residual of a thread by what the
    thread leaves of the sample (Bell and McCaffrey, Survey Methodology 28, 2002), and grows by (t / z)^2 for
    being measured on few threads (Korn and Graubard, Survey Methodology 24, 1998).

    What few errors say about it is noise, and nothing at all where every answer is right. So it is drawn
    towards the worst case, threads whose posts are all right or all wrong: sum(size^2) / n, with the weight
    of two threads that hold an answer of the rarer kind. The weight, and the degrees of freedom from the
    number of such threads, are ours, chosen by simulation (docs/statistics.md); both cease to matter where
    many threads err.
    """
    clusters = _clusters(correct, threads)
    n, n_correct = len(correct), sum(correct)
    if len(clusters) == n:
        return float(n)
    if len(clusters) == 1:
        return 1.0
    worst = sum(c.n**2 for c in clusters) / n
    rare_is_right = n_correct * 2 <= n
    telling = sum(1 for c in clusters if (c.n_correct if rare_is_right else c.n - c.n_correct))
    if not telling:
        return max(1.0, n / worst)
    rate = n_correct / n
    variance = sum(((c.n_correct - c.n * rate) / (1 - c.n / n)) ** 2 for c in clusters) / n**2
    measured = variance * n / (rate * (1 - rate))
    degrees = max(1, min(int(n / worst) - 1, 2 * telling))
    probability = 0.5 + confidence / 2
    measured *= (student_quantile(probability, degrees) / normal_quantile(probability)) ** 2
    effect = (_WORST_CASE_WEIGHT * worst + telling * measured) / (_WORST_CASE_WEIGHT + telling)
    return max(1.0, n / max(1.0, effect))


def clustered_interval(correct: Sequence[bool], threads: Sequence[Hashable], *, confidence: float = 0.95) -> Interval:
    """Two-sided interval of an accuracy, clustered by thread: Wilson's, with the effective number of posts.

    Equal to `wilson_interval` where every post is its own thread, never narrower than it, inside [0, 1],
    and of non-zero width where all answers are right. (nan, nan) for an empty sample.
    C. Franco et al., "Comparative study of confidence intervals for proportions in complex sample surveys",
    J. Survey Statistics and Methodology 7 (2019).
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
