"""One-sided bounds of macro-F1 that hold from five posts per class on. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .classification import ConfusionMatrix, macro_f1
from .intervals import Interval
from .standardised import beta_lower_bound

#: With fewer posts in a class the lower bound is too high too often (14% at two posts), so nothing is proved by it.
FEWEST_POSTS_PER_CLASS = 5

_Cells = list[list[float]]


def macro_f1_bounds(matrix: ConfusionMatrix, *, confidence: float = 0.95, effective_share: float = 1.0) -> Interval:
    """One-sided lower and upper bound of macro-F1, each at ``confidence``; (nan, nan) if a class has no post.

    As Clopper and Pearson's lower bound is that of a sample with one more wrong answer, so here one is added in
    the cell where it costs most. The bound is the quantile of the beta distribution with the macro-F1 of that
    matrix as its mean, and its variance by the delta method, rows multinomial. The upper bound adds a right answer in
    that row. ``effective_share``: effective posts per post, below 1 if threads repeat.
    The variance is that of K. Takahashi, K. Yamamoto, A. Kuchiba, T. Koyama, "Confidence interval for micro-averaged
    F1 and macro-averaged F1 scores", Applied Intelligence 52 (2022), for a sample stratified by class; the added answer
    and the beta distribution are ours, held by simulation (docs/statistics.md).
    """
    if math.isnan(macro_f1(matrix)):
        return math.nan, math.nan
    cells = [[count * effective_share for count in row] for row in matrix.counts]
    slopes = _slopes(cells)
    _, row, column = max(
        (slopes[i][i] - slope, i, j) for i, line in enumerate(slopes) for j, slope in enumerate(line) if i != j
    )
    low = _beta(_with_one_more(cells, row, column), confidence)
    high = _beta(_with_one_more(cells, row, row), confidence, upper=True)
    return low, high


def _beta(cells: _Cells, confidence: float, *, upper: bool = False) -> float:
    value, variance = _macro_f1(cells), _variance(cells)
    if upper:
        return 1.0 - beta_lower_bound(1.0 - value, variance, confidence=confidence)
    return beta_lower_bound(value, variance, confidence=confidence)


def _with_one_more(cells: _Cells, row: int, column: int) -> _Cells:
    return [[count + (i == row and j == column) for j, count in enumerate(line)] for i, line in enumerate(cells)]


def _sizes(cells: _Cells) -> list[float]:
    """Posts of each class and answers that name it, added up."""
    return [sum(line) + sum(other[i] for other in cells) for i, line in enumerate(cells)]


def _macro_f1(cells: _Cells) -> float:
    return sum(2 * line[i] / size for i, (line, size) in enumerate(zip(cells, _sizes(cells), strict=True))) / len(cells)


def _slopes(cells: _Cells) -> _Cells:
    """How macro-F1 changes per answer in each cell while the sizes of the classes stay."""
    k, sizes = len(cells), _sizes(cells)
    f1 = [2 * line[i] / size for i, (line, size) in enumerate(zip(cells, sizes, strict=True))]
    named = [-f / size for f, size in zip(f1, sizes, strict=True)]  # one answer more names this class
    slopes = [[*named, 0.0, 0.0] for _ in range(k)]
    for i, size in enumerate(sizes):
        slopes[i][i] += 2 / size
    return [[slope / k for slope in line] for line in slopes]


def _variance(cells: _Cells) -> float:
    """Delta method: per class n times the variance of the slopes over its answers."""
    return math.fsum(_row_variance(line, slopes) for line, slopes in zip(cells, _slopes(cells), strict=True))


def _row_variance(counts: Sequence[float], slopes: Sequence[float]) -> float:
    n = sum(counts)
    mean = sum(count * slope for count, slope in zip(counts, slopes, strict=True)) / n
    return sum(count * (slope - mean) ** 2 for count, slope in zip(counts, slopes, strict=True))
