"""What counts say about a limit in a live run. No words: those who report and those who plan ask the same functions.

Enters: a limit and counts, or a score. Leaves: a `Decision` with its bounds, or the bare `Finding`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from ..scoring.stats.classification import ConfusionMatrix, macro_f1
from ..scoring.stats.decisions import Decision, Finding, decide_by_bounds, decide_floor
from ..scoring.stats.f1_bounds import FEWEST_POSTS_PER_CLASS, macro_f1_bounds
from ..scoring.stats.standardised import Stratum, standardised_bounds, standardised_rate
from .gate import METRICS, Limit

ALPHA = 0.05


def is_by_value(limit: Limit) -> bool:
    """Whether a live run, too, holds the value itself.

    It does if the limit says so; for means of tokens, which are counted; and for "never" and "always", which no sample
    proves.
    """
    metric = METRICS[limit.metric]
    return limit.bound == "value" or not metric.is_rate or limit.limit == (1 if metric.is_floor else 0)


def value_finding(limit: Limit, value: float) -> Finding:
    """PASS or FAIL by the value itself; NaN fails."""
    ok = value >= limit.limit if METRICS[limit.metric].is_floor else value <= limit.limit
    return Finding.PASS if ok else Finding.FAIL


def rate_decision(limit: Limit, n_counted: int, n: int, effective_n: float | None = None) -> Decision:
    """A floor or a ceiling on the rate of what the metric counts, with the bounds of that rate."""
    if METRICS[limit.metric].is_floor:
        return decide_floor(n_counted, n, limit.limit, effective_n=effective_n)
    # A ceiling on a rate is a floor on its opposite.
    found = decide_floor(n - n_counted, n, 1 - limit.limit, effective_n=effective_n)
    return replace(found, limit=limit.limit, estimate=1 - found.estimate, low=1 - found.high, high=1 - found.low)


def recall_decisions(
    limit: Limit, classes: Sequence[tuple[int, int]], effective_n: Sequence[float] | None = None
) -> tuple[Finding, list[Decision]]:
    """The finding over all classes, each (right answers, posts), and the decision of each by itself.

    PASS if every class is proved: then none of them needs a correction. FAIL if one is disproved at 5% over all
    classes (Bonferroni).
    """
    sizes = [float(n) for _, n in classes] if effective_n is None else effective_n
    found = [
        decide_floor(k, n, limit.limit, effective_n=size or None) for (k, n), size in zip(classes, sizes, strict=True)
    ]
    if all(one.passed for one in found):
        return Finding.PASS, found
    confidence = 1 - ALPHA / len(classes)
    for (k, n), size in zip(classes, sizes, strict=True):
        if n and decide_floor(k, n, limit.limit, confidence=confidence, effective_n=size).finding is Finding.FAIL:
            return Finding.FAIL, found
    return Finding.INCONCLUSIVE, found


def own_mix_decision(limit: Limit, strata: Sequence[Stratum], n: int) -> Decision:
    """The accuracy in the data's own mix by its bounds."""
    return decide_by_bounds(standardised_bounds(strata), standardised_rate(strata), n, limit.limit)


def macro_f1_decision(limit: Limit, matrix: ConfusionMatrix, effective_share: float = 1.0) -> Decision:
    """Macro-F1 by its bounds. With fewer posts in a class than the lower bound takes, nothing is proved."""
    value, n = macro_f1(matrix), matrix.n
    found = decide_by_bounds(macro_f1_bounds(matrix, effective_share=effective_share), value, n, limit.limit)
    fewest = min(map(sum, matrix.counts))
    if fewest < FEWEST_POSTS_PER_CLASS and found.finding is Finding.PASS:
        needed = FEWEST_POSTS_PER_CLASS * len(matrix.labels)
        return replace(found, finding=Finding.INCONCLUSIVE, n_for_power=max(n + 1, needed))
    if math.isnan(value):
        return replace(found, n_for_power=None)
    return found
