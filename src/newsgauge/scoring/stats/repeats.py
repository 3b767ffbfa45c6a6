"""Posts that were asked several times: how much answers vary, and whether two recordings differ by more. Pure.

What enters is one row per post with the answers of its repeats, in the order in which they were asked, or with whether
each was right. Rows have the same number of repeats, k.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean, variance

from .intervals import Interval, mean_interval

Answers = Sequence[Sequence[str]]
Right = Sequence[Sequence[bool]]


def spread(right: Right) -> tuple[float, float]:
    """The variance of one answer's being right, ``between`` posts and ``within`` a post; NaN if too few are there.

    The moment estimators of a one-way random-effects model (Searle, Casella and McCulloch, "Variance Components",
    1992, chapter 3): ``within`` is the mean square within posts, ``between`` is (mean square between posts - within) /
    k, and 0 if that is negative. The mean of k repeats of n posts has variance (between + within / k) / n: E.
    Miller, "Adding Error Bars to Evals", arXiv 2411.00640 (2024), section 3.1.
    """
    k = _repeats(right)
    shares = [fmean(row) for row in right]
    within = fmean(share * (1 - share) * k / (k - 1) for share in shares) if k > 1 else math.nan
    between = max(0.0, variance(shares) - within / k) if len(shares) > 1 else math.nan
    return between, within


def stability(answers: Answers) -> float:
    """The share of posts whose repeats all gave the same answer, right or wrong."""
    _repeats(answers)
    return fmean(len(set(row)) == 1 for row in answers)


def flip_rate(answers: Answers) -> float:
    """The probability that two answers to the same post differ; NaN for one repeat.

    The mean over posts of the share of pairs of repeats that differ: the unbiased (U-) statistic.
    """
    if _repeats(answers) < 2:
        return math.nan
    return fmean(fmean(first != second for first, second in combinations(row, 2)) for row in answers)


def pass_all(right: Right, k: int) -> float:
    """pass^k: the probability that ``k`` answers to a post are all right.

    The mean over posts of C(c, k) / C(n, k), for c right ones of n repeats: unbiased for k <= n (S. Yao et al.,
    "tau-bench", arXiv 2406.12045, 2024, section 3). ValueError for another k.
    """
    n = _at_most(right, k)
    return fmean(math.comb(sum(row), k) / math.comb(n, k) for row in right)


def pass_any(right: Right, k: int) -> float:
    """pass@k: the probability that at least one of ``k`` answers to a post is right.

    The mean over posts of 1 - C(n - c, k) / C(n, k): unbiased for k <= n (M. Chen et al., "Evaluating Large Language
    Models Trained on Code", arXiv 2107.03374, 2021, section 2.1). ValueError for another k.
    """
    n = _at_most(right, k)
    return fmean(1 - math.comb(n - sum(row), k) / math.comb(n, k) for row in right)


def majority(answers: Sequence[str]) -> str:
    """The most frequent answer to a post; of several, the one that came first."""
    return Counter(answers).most_common()[0][0]  # Counter keeps the order in which answers came


def flips_per_post(changes: Sequence[float]) -> float:
    """How many posts that flip altogether one is worth whose share of right answers changes; 1 if each was asked once.

    ``changes``: of each post the share right now less that of before. Counts of gains and losses, n and all, times this
    have the variance that the changes have: the effective sample size of J. N. K. Rao and A. J. Scott, "A simple method
    for the analysis of clustered binary data", Biometrics 48 (1992). One post more that flips altogether is added, as
    changes of a part say little about how rare that is; this is ours, held by simulation (benchmarks/repeats.py).
    """
    return (math.fsum(map(abs, changes)) + 1) / (math.fsum(change * change for change in changes) + 1)


@dataclass(frozen=True, slots=True)
class SameTest:
    """Two recordings of the same posts compared; see `same_answers`."""

    n_posts: int
    difference: float
    p_accuracy: float
    p_answers: float

    @property
    def p(self) -> float:
        """The p-value of both tests together: twice the smaller one (Bonferroni), at most 1."""
        return min(1.0, 2 * min(self.p_accuracy, self.p_answers))


def same_answers(
    first: Answers, second: Answers, labels: Sequence[str], *, n_permutations: int = 9_999, seed: int = 0
) -> SameTest:
    """Test whether two recordings of the same posts differ by more than their repeats do.

    If model and prompt are the same, the answers to a post are exchangeable between the recordings. So they are dealt
    anew within each post, many times, and two statistics are compared with what is seen: the difference of accuracies
    (first minus second, two-sided), and the disagreement between the recordings less that within them, averaged over
    posts (an energy statistic: it also sees a wrong answer that became another wrong one). p = (1 + as extreme) / (1 +
    permutations), which is valid for any number of permutations: B. Phipson and G. Smyth, Stat. Appl. Genet. Mol.
    Biol. 9 (2010). With one repeat on each side nothing is known of the answers' own variation: ``p_answers`` is 1.

    ValueError if the recordings do not hold the same number of posts, or a row is empty.
    """
    import numpy as np  # 0.1 s: only if recordings are compared

    n_first = _repeats(first)
    _repeats(second)
    if not len(first) == len(second) == len(labels):
        raise ValueError(f"expected the same texts, got {len(first)}, {len(second)} and {len(labels)} labels")
    rng = np.random.default_rng(seed)
    seen, drawn = np.zeros(2), np.zeros((n_permutations, 2))
    for one, other, label in zip(first, second, labels, strict=True):
        pool = [*one, *other]
        if len(set(pool)) == 1:
            continue  # however it is dealt, nothing differs
        deals = _deals(len(pool), n_first, seed)
        values = np.array([_statistics(pool, dealt, label) for dealt in deals])
        seen += _statistics(pool, tuple(range(n_first)), label)
        drawn += values[rng.integers(len(deals), size=n_permutations)]
    tiny = 1e-9
    as_far = int((np.abs(drawn[:, 0]) >= abs(seen[0]) - tiny).sum())
    as_different = int((drawn[:, 1] >= seen[1] - tiny).sum())
    return SameTest(
        n_posts=len(labels),
        difference=float(seen[0]) / len(labels),
        p_accuracy=(1 + as_far) / (1 + n_permutations),
        p_answers=(1 + as_different) / (1 + n_permutations),
    )


def mean_difference_interval(first: Sequence[float], second: Sequence[float], *, confidence: float = 0.95) -> Interval:
    """Two-sided interval of the mean over posts of (first minus second), by Student's t; (nan, nan) below two posts.

    Each pair of shares is one observation, so repeats of a post are clustered by construction: Miller (2024), section
    4.2. If no post differs the variance is unknown, not zero: the interval is then that of the rule of three, +-3/n
    (J. Hanley and A. Lippman-Hand, JAMA 249, 1983).
    """
    mean, low, high = mean_interval(
        [one - other for one, other in zip(first, second, strict=True)], confidence=confidence
    )
    if high - low < 1e-12:
        low, high = mean - min(1.0, 3 / len(first)), mean + min(1.0, 3 / len(first))
    return (low, high) if math.isnan(low) else (max(-1.0, low), min(1.0, high))


#: Up to this many ways to split a post's answers are all used; of more, this many are drawn.
_MOST_DEALS = 1_000


def _deals(n: int, n_first: int, seed: int) -> list[tuple[int, ...]]:
    """Which of ``n`` answers the first recording gets: every way, or a random sample of them."""
    if math.comb(n, n_first) <= _MOST_DEALS:
        return list(combinations(range(n), n_first))
    rng = random.Random(seed)
    return [tuple(rng.sample(range(n), n_first)) for _ in range(_MOST_DEALS)]


def _statistics(pool: Sequence[str], dealt: Sequence[int], label: str) -> tuple[float, float]:
    """The lead of the first recording in accuracy, and the disagreement between both less that within them."""
    first = Counter(pool[i] for i in dealt)
    second = Counter(pool) - first
    n_first, n_second = len(dealt), len(pool) - len(dealt)
    lead = first[label] / n_first - second[label] / n_second
    cross = 1 - sum(n * second[answer] for answer, n in first.items()) / (n_first * n_second)
    return lead, 2 * cross - _unlike(first, n_first) - _unlike(second, n_second)


def _unlike(counts: Counter[str], n: int) -> float:
    """The share of pairs of different answers within one recording of a post; 0 for one repeat."""
    return 1 - sum(c * (c - 1) for c in counts.values()) / (n * (n - 1)) if n > 1 else 0.0


def _repeats(rows: Sequence[Sequence[object]]) -> int:
    sizes = {len(row) for row in rows}
    if len(sizes) != 1 or 0 in sizes:
        raise ValueError(f"expected texts with the same number of repeats, at least 1, got {sorted(sizes)}")
    return sizes.pop()


def _at_most(rows: Right, k: int) -> int:
    n = _repeats(rows)
    if not 1 <= k <= n:
        raise ValueError(f"expected k from 1 to the number of repeats, {n}, got {k}")
    return n
