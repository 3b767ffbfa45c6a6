"""Counts and a limit in; out: PASS, FAIL, or INCONCLUSIVE with the number of posts that would decide.

Both rules are one-sided: a limit is passed only where the data prove it is kept, and failed only where they
prove it is broken, each with an error rate of at most 1 - confidence. Everything between is INCONCLUSIVE,
which is not a pass.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from .beta import normal_cdf, normal_quantile
from .clustered import scaled_count
from .intervals import exact_lower_bound, exact_upper_bound
from .paired import mcnemar_exact, paired_interval, score_statistic

#: The chance of a decision that a plan for "how many more posts" should have.
PLANNED_POWER = 0.8


class Finding(StrEnum):
    """What a sample says about a limit."""

    PASS = "PASS"  # noqa: S105 (a verdict, no password)
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"


@dataclass(frozen=True, slots=True)
class Decision:
    """A limit held against a sample, with the one-sided bounds that decided, each at ``confidence``.

    ``n_at_rate``: the posts at which the rates now seen would just decide, an even chance, as the next
    sample may fall on either side. ``n_for_power``: the posts for an 80% chance, if the rates now seen are
    the true ones. Both are None where the finding is already made, and where the estimate sits on the
    limit, which no number of posts can decide.
    """

    finding: Finding
    limit: float
    estimate: float
    low: float
    high: float
    n: int
    confidence: float
    n_at_rate: int | None = None
    n_for_power: int | None = None

    @property
    def passed(self) -> bool:
        """True for PASS only."""
        return self.finding is Finding.PASS


def decide_floor(
    n_correct: int, n: int, floor: float, *, confidence: float = 0.95, effective_n: float | None = None
) -> Decision:
    """Hold an accuracy, a recall or another rate to a floor, by Clopper and Pearson's one-sided bounds.

    PASS: lower bound >= floor. FAIL: upper bound < floor. ``effective_n`` is what the sample is worth where
    threads repeat (`effective_posts`); the bounds are then taken at n_correct * effective_n / n of
    effective_n, as Korn and Graubard do. Without a post nothing is decided.
    """
    if not 0 <= floor <= 1:
        raise ValueError(f"expected a floor between 0 and 1, got {floor}")
    if n == 0:
        return _undecided_without_posts(floor, confidence)
    worth = float(n) if effective_n is None else effective_n
    if not 0 < worth <= n:
        raise ValueError(f"expected 0 < effective_n <= n = {n}, got {effective_n}")
    low = exact_lower_bound(scaled_count(n_correct, n, worth), worth, confidence=confidence)
    high = exact_upper_bound(scaled_count(n_correct, n, worth), worth, confidence=confidence)
    estimate = n_correct / n
    finding = Finding.PASS if low >= floor else Finding.FAIL if high < floor else Finding.INCONCLUSIVE
    n_at_rate = n_for_power = None
    if finding is Finding.INCONCLUSIVE:
        from .power import posts_for_floor  # planning needs many tails: only where something is undecided

        # A thread-clustered sample needs its design effect times as many posts.
        at_rate = posts_for_floor(estimate, floor, power=0.5, alpha=1 - confidence)
        for_power = posts_for_floor(estimate, floor, power=PLANNED_POWER, alpha=1 - confidence)
        n_at_rate = None if at_rate is None else max(n + 1, math.ceil(at_rate * n / worth))
        n_for_power = None if for_power is None else max(n + 1, math.ceil(for_power * n / worth))
    return Decision(finding, floor, estimate, low, high, n, confidence, n_at_rate, n_for_power)


def decide_difference(n_gained: int, n_lost: int, n: int, at_least: float, *, confidence: float = 0.95) -> Decision:
    """Hold a paired difference, first less second, to a limit.

    The limit is a lead (``at_least=0.1``) or, where negative, the largest drop allowed against a baseline
    (``at_least=-0.05``: non-inferiority with a margin of five points).

    PASS: Tango's one-sided lower bound >= limit. FAIL: his upper bound < limit. Where the finding says that
    one variant is truly better than the other (a PASS at a limit >= 0, a FAIL at a limit <= 0), the exact
    one-sided McNemar test must find it too at 1 - confidence: no change is called a drop in more than that
    share of runs, at any n.
    """
    if not -1 < at_least < 1:
        raise ValueError(f"expected a difference between -1 and 1, such as -0.05; got {at_least}")
    if n == 0:
        return _undecided_without_posts(at_least, confidence)
    low, high = paired_interval(n_gained, n_lost, n, confidence=2 * confidence - 1)
    estimate = (n_gained - n_lost) / n
    p_above, p_below = difference_p_values(n_gained, n_lost, n, at_least)
    alpha = 1 - confidence
    finding = Finding.PASS if p_above <= alpha else Finding.FAIL if p_below <= alpha else Finding.INCONCLUSIVE
    n_at_rate = n_for_power = None
    statistic = abs(score_statistic(n_gained, n_lost, n, at_least))
    if finding is Finding.INCONCLUSIVE and statistic > 1e-9:
        # With the shares of flipped posts held, the statistic grows as sqrt(n).
        z = normal_quantile(confidence)
        n_at_rate = max(n + 1, math.ceil(n * (z / statistic) ** 2))
        n_for_power = max(n + 1, math.ceil(n * ((z + normal_quantile(PLANNED_POWER)) / statistic) ** 2))
    return Decision(finding, at_least, estimate, low, high, n, confidence, n_at_rate, n_for_power)


def difference_p_values(n_gained: int, n_lost: int, n: int, at_least: float) -> tuple[float, float]:
    """The one-sided p-values behind `decide_difference`: that the limit is kept, and that it is broken.

    The larger one of Tango's score test at the limit and, where the exact McNemar test has a say, of that.
    These are what Holm's correction takes where several comparisons are gated.
    """
    statistic = score_statistic(n_gained, n_lost, n, at_least)
    p_above, p_below = normal_cdf(-statistic), normal_cdf(statistic)
    if at_least >= 0:
        p_above = max(p_above, mcnemar_exact(n_gained, n_lost))
    if at_least <= 0:
        p_below = max(p_below, mcnemar_exact(n_lost, n_gained))
    return p_above, p_below


def _undecided_without_posts(limit: float, confidence: float) -> Decision:
    return Decision(Finding.INCONCLUSIVE, limit, math.nan, math.nan, math.nan, 0, confidence)
