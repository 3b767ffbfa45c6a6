"""A mean over posts that come in threads: the posts of one thread are answered alike. Pure.

What enters is one value per post (right or wrong; or +1, 0 and -1 for gained, unchanged and lost) and the thread
it belongs to; what leaves is the effective number of posts, and an interval made with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from .intervals import Interval, normal_quantile, student_quantile, wilson_interval

#: The worst case weighs as much as this many threads that hold an answer of the rarer kind.
_WORST_CASE_WEIGHT = 2


@dataclass(frozen=True, slots=True)
class _Cluster:
    n: int
    total: int
    telling: bool


def effective_posts(values: Sequence[int], threads: Sequence[Hashable], *, confidence: float = 0.95) -> float:
    """The effective number of posts, at least 1 and at most n: n / design effect.

    The design effect (Kish, "Survey Sampling", 1965) is the clustered variance, sum over threads of (sum of their
    residuals)^2 / n^2, over that of independent posts (E. Miller, "Adding Error Bars to Evals", arXiv 2411.00640,
    2024, section 2.2). It is measured with the jackknife's correction, which divides the residual of a thread by what
    the thread leaves of the sample (Bell and McCaffrey, Survey Methodology 28, 2002), and grows by (t / z)^2 for
    being measured on few threads (Korn and Graubard, Survey Methodology 24, 1998). Of values +1, 0, -1 it is
    that of a paired difference (Obuchowski, Statistics in Medicine 17, 1998, gives the same variance).

    What few errors say about it is noise, and nothing at all if every answer is right. So it is drawn
    towards the worst case, threads whose posts are all right or all wrong: sum(size^2) / n, with the weight
    of two threads that hold a value of the rarer kind. The weight, and the degrees of freedom from the
    number of such threads, are ours, chosen by simulation (docs/statistics.md); both cease to matter where
    many threads err.
    """
    clusters = _clusters(values, threads)
    n = len(values)
    if len(clusters) == n:
        return float(n)
    if len(clusters) == 1:
        return 1.0
    worst = sum(c.n**2 for c in clusters) / n
    telling = sum(c.telling for c in clusters)
    if not telling:
        return max(1.0, n / worst)
    mean = sum(values) / n
    variance = sum(((c.total - c.n * mean) / (1 - c.n / n)) ** 2 for c in clusters) / n**2
    measured = variance * n / (sum(value * value for value in values) / n - mean**2)
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


def _clusters(values: Sequence[int], threads: Sequence[Hashable]) -> list[_Cluster]:
    if len(values) != len(threads):
        raise ValueError(f"expected one thread a post, got {len(values)} answers and {len(threads)} threads")
    usual = max(sorted(set(values)), key=Counter(values).__getitem__, default=0)  # of two equally frequent the lower
    members: dict[Hashable, list[int]] = {}
    for value, thread in zip(values, threads, strict=True):
        members.setdefault(thread, []).append(value)
    return [_Cluster(len(m), sum(m), any(value != usual for value in m)) for m in members.values()]
