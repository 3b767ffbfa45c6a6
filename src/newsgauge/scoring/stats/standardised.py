"""Accuracy as in the user's own data: labels weighted by their share there instead of by the sample's. Pure.

A sample with as many posts of each label has the mean over the labels as its accuracy. Post-stratification gives each
label the weight that it has in the corpus. What enters is one `Stratum` per label. Macro-F1 is a mean over the labels
too; its bounds hold from five posts per class on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .classification import ConfusionMatrix, macro_f1
from .intervals import Interval, beta_cdf, beta_quantile


@dataclass(frozen=True, slots=True)
class Stratum:
    """One label: the right answers and the posts of the sample, and the label's weight (of any scale).

    Counts are real if threads repeat: scaled to the effective number of posts.
    """

    n_correct: float
    n: float
    weight: float


def standardised_rate(strata: Sequence[Stratum]) -> float:
    """The weighted mean of the labels' rates; NaN if a label with a weight has no posts."""
    total = sum(one.weight for one in strata)
    if not total or any(one.weight and not one.n for one in strata):
        return math.nan
    return math.fsum(one.weight / total * one.n_correct / one.n for one in strata if one.weight)


def standardised_bounds(strata: Sequence[Stratum], *, confidence: float = 0.95) -> Interval:
    """One-sided lower and upper bound of the weighted rate, each at ``confidence``; NaN as `standardised_rate`.

    The lower bound is the quantile of a beta distribution with the mean and the variance of the weighted sum, after one
    wrong answer is added to the label where that lowers the bound most. That label has the variance of its beta
    distribution, the others the unbiased one of a sample. For a single label it is Clopper and Pearson's bound. The
    upper bound is the same of the wrong answers.
    M. Fay, E. Feuer, "Confidence intervals for directly standardized rates: a method based on the gamma
    distribution", Statistics in Medicine 16 (1997), 791-801, with the beta distribution in the place of the gamma,
    as rates here are not small.
    """
    if math.isnan(standardised_rate(strata)):
        return math.nan, math.nan
    wrong = [Stratum(one.n - one.n_correct, one.n, one.weight) for one in strata]
    return _lower(strata, confidence), 1.0 - _lower(wrong, confidence)


def standardised_interval(strata: Sequence[Stratum], *, confidence: float = 0.95) -> Interval:
    """Two-sided interval of the weighted rate: both one-sided bounds, each with half of the error."""
    return standardised_bounds(strata, confidence=0.5 + confidence / 2)


def beta_lower_bound(mean: float, variance: float, *, confidence: float, at_most: float = 1.0) -> float:
    """The (1 - confidence) quantile of the beta distribution with this mean and variance, from 0 to ``at_most``."""
    if variance <= 0.0:
        return min(at_most, max(0.0, mean))
    size = mean * (1.0 - mean) / variance - 1.0
    if size <= 0.0:
        return 0.0
    a, b, error = mean * size, (1.0 - mean) * size, 1.0 - confidence
    return at_most if beta_cdf(at_most, a, b) <= error else beta_quantile(error, a, b)


def _lower(strata: Sequence[Stratum], confidence: float) -> float:
    """Labels without a right answer add nothing, so the bound is that of the others, times their share."""
    right = [one for one in strata if one.weight and one.n_correct]
    share = sum(one.weight for one in right) / sum(one.weight for one in strata)
    lowest = 1.0 if right else 0.0
    # First where one more costs most of the mean: that is nearly always the lowest, and the rest need no search.
    for extra in sorted(right, key=lambda one: one.weight * one.n_correct / one.n / (one.n + 1), reverse=True):
        lowest = _lower_with_one_more(right, extra, confidence, at_most=lowest)
    return share * lowest


def _lower_with_one_more(strata: Sequence[Stratum], extra: Stratum, confidence: float, *, at_most: float) -> float:
    total = sum(one.weight for one in strata)
    mean = variance = 0.0
    for one in strata:
        n, divisor = (one.n + 1, one.n + 2) if one is extra else (one.n, max(one.n - 1, 1))
        rate = one.n_correct / n
        mean += one.weight / total * rate
        variance += (one.weight / total) ** 2 * rate * (1.0 - rate) / divisor
    return beta_lower_bound(mean, variance, confidence=confidence, at_most=at_most)


#: With fewer posts in a class the bounds of macro-F1 err too often (14% and 21% at two posts), so they decide nothing.
FEWEST_POSTS_PER_CLASS = 5

_Cells = list[list[float]]


def macro_f1_bounds(matrix: ConfusionMatrix, *, confidence: float = 0.95, effective_share: float = 1.0) -> Interval:
    """One-sided lower and upper bound of macro-F1, each at ``confidence``; (nan, nan) if a class has no post.

    As Clopper and Pearson's lower bound is that of a sample with one more wrong answer, so here one is added in
    the cell where it costs most, of a class that has a right answer to lose. The bound is the quantile of the beta
    distribution with the macro-F1 of that matrix as its mean, and its variance by the delta method, rows multinomial;
    it ends where all classes but those without a right answer are always right. The upper bound adds a right answer
    where it gains most. ``effective_share``: effective posts per post, below 1 if threads repeat.
    The variance is that of K. Takahashi, K. Yamamoto, A. Kuchiba, T. Koyama, "Confidence interval for micro-averaged
    F1 and macro-averaged F1 scores", Applied Intelligence 52 (2022), for a sample stratified by class, without its bias
    in small samples; the added answer and the beta distribution are ours, held by simulation (docs/statistics.md).
    """
    if math.isnan(macro_f1(matrix)):
        return math.nan, math.nan
    cells = [[count * effective_share for count in row] for row in matrix.counts]
    _, slopes, _ = _delta_method(cells)
    worth = [(slopes[i][i] - slope, i, j) for i, row in enumerate(slopes) for j, slope in enumerate(row) if i != j]
    low = 0.0
    if to_lose := [one for one in worth if cells[one[1]][one[1]]]:
        _, row, column = max(to_lose)
        cells[row][column] += 1
        value, _, variance = _delta_method(cells)
        best, _, _ = _delta_method(
            [[sum(line) * (i == j) for j in range(len(line))] if line[i] else line for i, line in enumerate(cells)]
        )
        low = best * beta_lower_bound(value / best, variance / best**2, confidence=confidence)
        cells[row][column] -= 1
    _, row, _ = max(worth)
    cells[row][row] += 1
    value, _, variance = _delta_method(cells)
    return low, 1.0 - beta_lower_bound(1.0 - value, variance, confidence=confidence)


def _delta_method(cells: _Cells) -> tuple[float, _Cells, float]:
    """Macro-F1; how it changes per answer in each cell while the sizes of the classes stay; its variance."""
    k = len(cells)
    # Posts of each class and answers that name it, added up.
    sizes = [sum(line) + sum(other[i] for other in cells) for i, line in enumerate(cells)]
    f1 = [2 * line[i] / size for i, (line, size) in enumerate(zip(cells, sizes, strict=True))]
    named = [-one / size / k for one, size in zip(f1, sizes, strict=True)]  # one answer more names this class
    slopes = [[*named, 0.0, 0.0] for _ in range(k)]
    for i, size in enumerate(sizes):
        slopes[i][i] += 2 / size / k
    variance = 0.0
    for counts, line in zip(cells, slopes, strict=True):  # per class n times the variance of the slopes, unbiased
        n = sum(counts)
        mean = sum(count * slope for count, slope in zip(counts, line, strict=True)) / n
        squares = sum(count * (slope - mean) ** 2 for count, slope in zip(counts, line, strict=True))
        variance += squares * n / max(n - 1, 1)
    return sum(f1) / k, slopes, variance
