"""Counts and a limit in; out: PASS, FAIL, or INCONCLUSIVE with the number of posts that would decide.

Both rules are one-sided: a limit is passed only if the data prove it is kept, and failed only if they
prove it is broken, each with an error rate of at most 1 - confidence. Everything between is INCONCLUSIVE,
which is not a pass.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from .intervals import Interval, exact_lower_bound, exact_upper_bound, normal_quantile, scaled_count, wilson_interval
from .paired import mcnemar_exact, score_statistic
from .power import NEAREST_LIMIT, posts_for_floor, posts_for_margin

#: The chance of a decision that a plan for "how many more posts" should have.
PLANNED_POWER = 0.8


class Finding(StrEnum):
    """What a sample says about a limit."""

    PASS = "PASS"  # noqa: S105 (a verdict, no password)
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"


@dataclass(frozen=True, slots=True)
class Decision:
    """A limit decided by a sample, with the one-sided bounds that decided, each at ``confidence``.

    ``n_for_power``: the posts for an 80% chance of a decision, under the assumption that the deciding function states.
    None if the finding is already made, or if no number of posts decides, as with an estimate on the limit.
    ``n_range``: the same at the two ends of the interval of what was assumed; None for an end without such a number.
    """

    finding: Finding
    limit: float
    estimate: float
    low: float
    high: float
    n: int
    confidence: float
    n_for_power: int | None = None
    n_range: tuple[int | None, int | None] | None = None

    @property
    def passed(self) -> bool:
        """True for PASS only."""
        return self.finding is Finding.PASS


@lru_cache(maxsize=4096)  # planning asks the same again and again
def decide_floor(
    n_correct: float,
    n: int,
    floor: float,
    *,
    confidence: float = 0.95,
    effective_n: float | None = None,
    one_more: float = 1.0,
) -> Decision:
    """Hold an accuracy, a recall or another rate to a floor, by Clopper and Pearson's one-sided bounds.

    PASS: lower bound >= floor. FAIL: upper bound < floor. ``effective_n`` is the effective number of posts if
    threads repeat (`effective_posts`); the bounds are then taken at n_correct * effective_n / n of effective_n, as
    Korn and Graubard do, with ``one_more`` wrong answer (`one_more_thread`). Without a post nothing is decided.
    ``n_for_power`` takes the rate now seen for the true one.
    """
    check_limit(floor)
    if n == 0:
        return Decision(Finding.INCONCLUSIVE, floor, math.nan, math.nan, math.nan, 0, confidence)
    share = _share(n, effective_n)
    counts = scaled_count(n_correct, n, n * share), n * share
    low = exact_lower_bound(*counts, confidence=confidence, one_more=one_more)
    high = exact_upper_bound(*counts, confidence=confidence, one_more=one_more)
    estimate = n_correct / n
    finding = _finding((low, high), floor)
    n_for_power = None
    if finding is Finding.INCONCLUSIVE:
        needed = posts_for_floor(estimate, floor, power=PLANNED_POWER, alpha=1 - confidence)
        # A thread-clustered sample needs its design effect times as many posts.
        n_for_power = None if needed is None else max(n + 1, math.ceil(needed / share))
    return Decision(finding, floor, estimate, low, high, n, confidence, n_for_power)


def decide_by_bounds(bounds: Interval, estimate: float, n: int, floor: float, *, confidence: float = 0.95) -> Decision:
    """Hold a score to a floor by its one-sided bounds: PASS if the lower reaches it, FAIL if the upper does not.

    ``n_for_power`` takes the estimate for the true score, and lets the width of the bounds fall as sqrt(n).
    """
    check_limit(floor)
    low, high = bounds
    finding = _finding(bounds, floor)
    n_for_power, distance = None, abs(estimate - floor)
    if finding is Finding.INCONCLUSIVE and distance > 1e-9:
        z = normal_quantile(confidence)
        width = estimate - low if estimate > floor else high - estimate
        n_for_power = math.ceil(n * ((1 + normal_quantile(PLANNED_POWER) / z) * width / distance) ** 2)
    return Decision(finding, floor, estimate, low, high, n, confidence, n_for_power)


def decide_difference(
    n_gained: float,
    n_lost: float,
    n: int,
    at_least: float,
    *,
    confidence: float = 0.95,
    effective_n: float | None = None,
) -> Decision:
    """Hold a paired difference, first less second, to a limit.

    The limit is a lead (``at_least=0.1``) or, if negative, the largest drop allowed against a baseline
    (``at_least=-0.05``: non-inferiority with a margin of five points).

    PASS and FAIL: the exact test at the limit (`exact_difference_p`) refutes the opposite, so each is wrong in at most
    1 - confidence of samples, at every n. If the finding says that one variant is truly better than the other (a
    PASS at a limit >= 0, a FAIL at a limit <= 0), the exact one-sided McNemar test must find it too.

    ``n_for_power`` of an allowed drop assumes that nothing changed and that the posts flip as often as these did; its
    range takes the ends of the 95% interval of that share. Of a lead it takes the lead now seen for the true one.
    """
    if not -1 < at_least < 1:
        raise ValueError(f"expected a difference between -1 and 1, such as -0.05; got {at_least}")
    if n == 0:
        return Decision(Finding.INCONCLUSIVE, at_least, math.nan, math.nan, math.nan, 0, confidence)
    share = 1.0 if effective_n is None else effective_n / n  # above 1 if repeats tell more of a post
    counts = (n_gained * share, n_lost * share, n * share)
    alpha = 1 - confidence
    finding = difference_finding(*counts, at_least, alpha=alpha)
    from .exact_difference import exact_difference_bounds  # imports NumPy and SciPy

    low, high = exact_difference_bounds(*counts, confidence=confidence)
    if finding is Finding.PASS:
        low = max(low, at_least)  # bisection ends 1e-5 short of it
    estimate = (n_gained - n_lost) / n
    n_for_power, n_range = None, None
    if finding is Finding.INCONCLUSIVE:
        if at_least < 0:

            def posts(flip_rate: float) -> int | None:
                needed = posts_for_margin(-at_least, flip_rate, power=PLANNED_POWER, alpha=alpha)
                return None if needed is None else max(n + 1, math.ceil(needed / share))

            few, many = wilson_interval(counts[0] + counts[1], counts[2])
            n_for_power, n_range = posts((n_gained + n_lost) / n), (posts(few), posts(many))
        elif (statistic := abs(score_statistic(*counts, at_least))) > 1e-9:
            # With the shares of flipped posts held, the statistic grows as sqrt(n).
            z = normal_quantile(confidence) + normal_quantile(PLANNED_POWER)
            n_for_power = max(n + 1, math.ceil(n * (z / statistic) ** 2))
    return Decision(finding, at_least, estimate, low, high, n, confidence, n_for_power, n_range)


def difference_finding(n_gained: float, n_lost: float, n: float, at_least: float, *, alpha: float = 0.05) -> Finding:
    """The finding of `decide_difference` alone, without its bounds."""
    p_above, p_below = difference_p_values(n_gained, n_lost, n, at_least)
    return Finding.PASS if p_above <= alpha else Finding.FAIL if p_below <= alpha else Finding.INCONCLUSIVE


def difference_p_values(n_gained: float, n_lost: float, n: float, at_least: float) -> tuple[float, float]:
    """The one-sided p-values behind `decide_difference`: that the limit is kept, and that it is broken.

    The larger one of the exact test at the limit and, if the exact McNemar test has a say, of that.
    These are what Holm's correction takes if several comparisons are gated.
    """
    from .exact_difference import exact_difference_p  # imports NumPy and SciPy

    p_above = exact_difference_p(n_gained, n_lost, n, at_least)
    p_below = exact_difference_p(n_lost, n_gained, n, -at_least)
    if at_least >= 0:
        p_above = max(p_above, mcnemar_exact(n_gained, n_lost))
    if at_least <= 0:
        p_below = max(p_below, mcnemar_exact(n_lost, n_gained))
    return p_above, p_below


def check_limit(limit: float) -> None:
    """ValueError unless a rate can be held to this limit: 0, 1, or no nearer to them than `NEAREST_LIMIT`."""
    if limit not in (0, 1) and not NEAREST_LIMIT <= limit <= 1 - NEAREST_LIMIT:
        raise ValueError(
            f"expected a floor between 0 and 1, and if not 0 or 1 itself then at least {NEAREST_LIMIT:f} away from it; "
            f"got {limit}"
        )


def _finding(bounds: Interval, floor: float) -> Finding:
    low, high = bounds  # NaN reaches nothing and falls below nothing
    return Finding.PASS if low >= floor else Finding.FAIL if high < floor else Finding.INCONCLUSIVE


def _share(n: int, effective_n: float | None) -> float:
    """The effective posts per post."""
    if effective_n is None:
        return 1.0
    if not 0 < effective_n <= n * (1 + 1e-9):
        raise ValueError(f"expected 0 < effective_n <= n = {n}, got {effective_n}")
    return min(1.0, effective_n / n)
