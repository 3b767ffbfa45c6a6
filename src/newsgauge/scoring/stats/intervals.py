"""Intervals and one-sided bounds of one proportion, and of a mean. Pure.

Counts may be real numbers, because the posts of one thread are answered alike: a sample with several of them is worth
fewer independent ones. Every interval of an empty sample is (nan, nan): no comparison with it is true, so no limit
passes.

The distributions behind the exact methods, normal, binomial and Student's t, are pure Python on purpose:
``scipy.stats`` takes most of a second to import, longer than a whole replayed run may spend on deciding its gates, and
everything needed here follows from one function, the regularised incomplete beta function.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from functools import lru_cache
from typing import NamedTuple

Interval = tuple[float, float]
#: Standard deviations from its mean where a binomial count is as good as impossible.
_FAR = 9


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
    low = 0.0 if n_correct == 0 else max(0.0, centre - half)  # rounding leaves 1e-17 if the formula says 0
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


def exact_lower_bound(n_correct: float, n: float, *, confidence: float = 0.95, one_more: float = 1.0) -> float:
    """Clopper and Pearson's one-sided lower bound: the bound to gate on, as it never says too much.

    The rate at which ``n_correct`` or more of ``n`` would be seen with probability 1 - confidence: the quantile of a
    beta distribution with ``one_more`` wrong answer, which is more than one if threads repeat (`one_more_thread`).
    """
    _check(n_correct, n, confidence)
    if n == 0:
        return math.nan
    return 0.0 if n_correct == 0 else beta_quantile(1 - confidence, n_correct, n - n_correct + one_more)


def exact_upper_bound(n_correct: float, n: float, *, confidence: float = 0.95, one_more: float = 1.0) -> float:
    """Clopper and Pearson's one-sided upper bound, by symmetry from the lower bound of the wrong answers."""
    return 1.0 - exact_lower_bound(n - n_correct, n, confidence=confidence, one_more=one_more)


def _check(n_correct: float, n: float, confidence: float) -> None:
    if not 0 <= n_correct <= n:
        raise ValueError(f"expected 0 <= n_correct <= n, got n_correct={n_correct}, n={n}")
    if not 0 < confidence < 1:
        raise ValueError(f"expected a confidence between 0 and 1, such as 0.95; got {confidence}")


_TINY = 1e-300
_EPSILON = 1e-16
#: The continued fraction needs about sqrt(max(a, b)) steps; this is enough for samples of a billion posts.
_MAX_STEPS = 100_000


@lru_cache(maxsize=64)
def normal_quantile(probability: float) -> float:
    """The z that a standard normal variable stays below with this probability; infinite at 0 and 1."""
    if probability in (0.0, 1.0):
        return math.inf if probability else -math.inf
    from statistics import NormalDist  # 30 ms to import

    return NormalDist().inv_cdf(probability)


def normal_cdf(z: float) -> float:
    """P(Z <= z) of a standard normal variable."""
    return 0.5 * math.erfc(-z / math.sqrt(2.0))


def beta_cdf(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b), for a, b > 0.

    Continued fraction 8.17.22 of the NIST Digital Library of Mathematical Functions,
    https://dlmf.nist.gov/8.17.v, evaluated by the modified Lentz algorithm on the side of the mean where it
    converges fast.
    """
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    log_front = (
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )  # fmt: skip
    front = math.exp(log_front)
    if x < (a + 1.0) / (a + b + 2.0):
        return min(1.0, front * _continued_fraction(x, a, b) / a)
    return max(0.0, 1.0 - front * _continued_fraction(1.0 - x, b, a) / b)


def _continued_fraction(x: float, a: float, b: float) -> float:
    c, d = 1.0, 1.0 / _away_from_zero(1.0 - (a + b) * x / (a + 1.0))
    value = d
    for m in range(1, _MAX_STEPS):
        for step in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1.0 / _away_from_zero(1.0 + step * d)
            c = _away_from_zero(1.0 + step / c)
            value *= c * d
        if abs(c * d - 1.0) < _EPSILON * 10:
            return value
    raise ArithmeticError(f"incomplete beta function did not converge for x={x}, a={a}, b={b}")


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def beta_quantile(probability: float, a: float, b: float) -> float:
    """The x with I_x(a, b) = probability, by bisection to full double precision."""
    low, high = 0.0, 1.0
    while True:
        middle = (low + high) / 2
        if middle in (low, high):
            return middle
        if beta_cdf(middle, a, b) < probability:
            low = middle
        else:
            high = middle
        if high - low < 1e-15 * high:
            return (low + high) / 2


def binomial_cdf(k: float, n: float, p: float) -> float:
    """P(X <= k) for X ~ Binomial(n, p): I_{1-p}(n - k, k + 1), https://dlmf.nist.gov/8.17.5."""
    if k < 0:
        return 0.0
    return 1.0 if k >= n else beta_cdf(1.0 - p, n - k, k + 1.0)


def binomial_sf(k: float, n: float, p: float) -> float:
    """P(X >= k), both ends included, for X ~ Binomial(n, p): I_p(k, n - k + 1)."""
    if k <= 0:
        return 1.0
    return 0.0 if k > n else beta_cdf(p, k, n - k + 1.0)


def likely_counts(least: float, most: float, n: int) -> range:
    """The counts of n without those at the ends that, at any mean from ``least`` to ``most``, have 1e-15 in all."""
    beyond = _FAR * (math.sqrt(most + 1) + 1)
    return range(max(0, math.floor(least - beyond)), min(n, math.ceil(most + beyond)) + 1)


def student_quantile(probability: float, degrees: int) -> float:
    """The t that Student's variable stays below with this probability (above 1/2), by Newton's method.

    P(|T| > t) = I_x(degrees / 2, 1 / 2) at x = degrees / (degrees + t^2), https://dlmf.nist.gov/8.17. From
    z, which is always smaller, Newton's steps on the concave right half of the distribution rise to the
    answer without overshooting.
    """
    half = degrees / 2.0
    log_front = math.lgamma(half + 0.5) - math.lgamma(half) - 0.5 * math.log(degrees * math.pi)
    t = normal_quantile(probability)
    for _ in range(100):
        tail = 0.5 * beta_cdf(degrees / (degrees + t * t), half, 0.5)
        density = math.exp(log_front - (half + 0.5) * math.log1p(t * t / degrees))
        step = (tail - (1.0 - probability)) / density
        t += step
        if abs(step) <= 1e-13 * t:
            break
    return t


#: The worst case weighs as much as this many threads that hold an answer of the rarer kind.
_WORST_CASE_WEIGHT = 2


def effective_posts(values: Sequence[float], threads: Sequence[Hashable], *, confidence: float = 0.95) -> float:
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
    number of such threads, are ours, chosen by simulation (docs/statistics.md); both cease to matter if
    many threads err.
    """
    if len(values) != len(threads):
        raise ValueError(f"expected one thread per text, got {len(values)} answers and {len(threads)} threads")
    members: dict[Hashable, list[float]] = {}
    for value, thread in zip(values, threads, strict=True):
        members.setdefault(thread, []).append(value)
    n, clusters = len(values), list(members.values())
    if len(clusters) == n:
        return float(n)
    if len(clusters) == 1:
        return 1.0
    worst = sum(len(own) ** 2 for own in clusters) / n
    usual = max(sorted(set(values)), key=Counter(values).__getitem__)  # of two equally frequent the lower
    telling = sum(any(value != usual for value in own) for own in clusters)
    if not telling:
        return max(1.0, n / worst)
    mean = sum(values) / n
    variance = sum(((sum(own) - len(own) * mean) / (1 - len(own) / n)) ** 2 for own in clusters) / n**2
    measured = variance * n / (sum(value * value for value in values) / n - mean**2)
    degrees = max(1, min(int(n / worst) - 1, 2 * telling))
    probability = 0.5 + confidence / 2
    measured *= (student_quantile(probability, degrees) / normal_quantile(probability)) ** 2
    effect = (_WORST_CASE_WEIGHT * worst + telling * measured) / (_WORST_CASE_WEIGHT + telling)
    return max(1.0, n / max(1.0, effect))


def one_more_thread(threads: Sequence[Hashable], worth: float) -> float:
    """The wrong answer that an exact bound adds to a sample, if it is a thread: in effective posts, at least 1.

    Clopper and Pearson's lower bound is that of one more wrong answer than was seen. Where posts of a thread are wrong
    together, what was not seen is a thread. Its size is the mean of all, each weighted by its part of the variance if
    the posts of a thread are alike, size^2; one post of ``n`` counts as ``worth / n`` (`effective_posts`). The size is
    ours, chosen by simulation on real threads.
    """
    sizes = Counter(threads).values()
    size = sum(one**3 for one in sizes) / max(1, sum(one**2 for one in sizes))
    return max(1.0, size * worth / max(1, len(threads)))


class Worth(NamedTuple):
    """What answers count for a decision: so many posts, and as so many wrong answers what an exact bound adds."""

    effective_n: float
    one_more: float = 1.0


def threaded(values: Sequence[float], threads: Sequence[Hashable]) -> Worth:
    """What these answers are worth if posts of a thread are alike."""
    worth = effective_posts(values, threads) if values else 0.0
    return Worth(worth, one_more_thread(threads, worth))


def clustered_interval(correct: Sequence[bool], threads: Sequence[Hashable], *, confidence: float = 0.95) -> Interval:
    """Two-sided interval of an accuracy, clustered by thread: Wilson's, with the effective number of posts.

    Equal to `wilson_interval` if every post is its own thread, never narrower than it, inside [0, 1],
    and of non-zero width if all answers are right. (nan, nan) for an empty sample.
    C. Franco et al., "Comparative study of confidence intervals for proportions in complex sample surveys",
    J. Survey Statistics and Methodology 7 (2019).
    """
    n = len(correct)
    worth = effective_posts(correct, threads, confidence=confidence)
    return wilson_interval(scaled_count(sum(correct), n, worth), worth, confidence=confidence)


def scaled_count(n_correct: float, n: int, worth: float) -> float:
    """The correct answers among ``worth`` posts at the rate n_correct / n; all stay exactly all."""
    return worth if n_correct == n else min(worth, n_correct * worth / n)


def mean_interval(values: Sequence[float], *, confidence: float = 0.95) -> tuple[float, float, float]:
    """Mean and two-sided interval by Student's t; of one value there is no interval, of none no mean: NaN."""
    n = len(values)
    mean = math.fsum(values) / n if n else math.nan
    if n < 2:
        return mean, math.nan, math.nan
    variance = math.fsum((value - mean) ** 2 for value in values) / (n - 1)
    half = student_quantile(0.5 + confidence / 2, n - 1) * math.sqrt(variance / n)
    return mean, mean - half, mean + half
