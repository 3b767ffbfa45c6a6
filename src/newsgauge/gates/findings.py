"""Limits on a whole variant, and what counts decide about them in a live run.

Without words, because reporting and planning use the same functions.

Enters: a limit and counts, or a score. Leaves: a `Decision` with its bounds, or the bare `Finding`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from .._util.numbers import Unit
from ..scoring.stats.classification import ConfusionMatrix, macro_f1
from ..scoring.stats.decisions import Decision, Finding, decide_by_bounds, decide_floor
from ..scoring.stats.intervals import Worth
from ..scoring.stats.standardised import (
    FEWEST_POSTS_PER_CLASS,
    Stratum,
    macro_f1_bounds,
    standardised_bounds,
    standardised_rate,
)
from .gate import ALPHA, Bound, Sign

#: The share of posts whose answer flips between two runs of an unchanged model, if nothing was measured.
FLIP_RATE = 0.02
#: The share of posts that flip between two variants beyond the difference of their accuracies, likewise.
LEAD_FLIP_RATE = 0.1


@dataclass(frozen=True, slots=True)
class Metric:
    """A key of gates.toml: the attribute of a `Score` it is about; only a rate ends at 1.

    ``can_be_zero``: a limit of 0 can be kept, as "no thinking" can.
    """

    attribute: str
    is_floor: bool
    is_rate: bool = True
    can_be_zero: bool = False

    @property
    def sign(self) -> Sign:
        """What a limit asks."""
        return "at least" if self.is_floor else "at most"

    @property
    def unit(self) -> Unit:
        """Of the value and its limit."""
        return "score" if self.attribute == "macro_f1" else "rate" if self.is_rate else "tokens"


METRICS = {
    "min_accuracy": Metric("accuracy", is_floor=True),
    "max_accuracy": Metric("accuracy", is_floor=False),
    "min_own_mix_accuracy": Metric("own_mix_accuracy", is_floor=True),
    "min_macro_f1": Metric("macro_f1", is_floor=True),
    "min_class_recall": Metric("recall", is_floor=True),
    "min_stability": Metric("stability", is_floor=True),
    "min_pass_all": Metric("pass_all", is_floor=True),
    "max_error_rate": Metric("error_rate", is_floor=False),
    "max_off_list_rate": Metric("off_list_rate", is_floor=False),
    "max_input_tokens_mean": Metric("input_tokens_mean", is_floor=False, is_rate=False),
    "max_output_tokens_mean": Metric("output_tokens_mean", is_floor=False, is_rate=False),
    "max_thinking_tokens_mean": Metric("thinking_tokens_mean", is_floor=False, is_rate=False, can_be_zero=True),
}


@dataclass(frozen=True, slots=True)
class Limit:
    """One bound on one metric, and its reason.

    ``classes``: the ``--classes`` that it is about; None: any. What is hard among eight labels is harder among twenty.
    """

    metric: str
    limit: float
    reason: str
    bound: Bound = "confidence"
    classes: str | None = None


def is_by_value(limit: Limit) -> bool:
    """Whether a live run also compares the value itself.

    It does if the limit says so; for means of tokens, which are counted; and for "never" and "always", which no sample
    proves.
    """
    metric = METRICS[limit.metric]
    return limit.bound == "value" or not metric.is_rate or limit.limit == (1 if metric.is_floor else 0)


def value_finding(limit: Limit, value: float) -> Finding:
    """PASS or FAIL by the value itself; NaN fails."""
    ok = value >= limit.limit if METRICS[limit.metric].is_floor else value <= limit.limit
    return Finding.PASS if ok else Finding.FAIL


def rate_decision(limit: Limit, n_counted: int, n: int, worth: Worth | None = None) -> Decision:
    """A limit on the rate of what its metric counts."""
    return decide_rate(n_counted, n, limit.limit, is_floor=METRICS[limit.metric].is_floor, worth=worth)


def decide_rate(
    n_counted: float, n: int, limit: float, *, is_floor: bool, worth: Worth | None = None, confidence: float = 0.95
) -> Decision:
    """A floor or a ceiling on a rate, with the bounds of that rate; ``worth`` None: each post for itself."""
    effective_n, one_more = worth or Worth(n)
    counted, floor = (n_counted, limit) if is_floor else (n - n_counted, 1 - limit)
    found = decide_floor(counted, n, floor, confidence=confidence, effective_n=effective_n, one_more=one_more)
    if is_floor:
        return found
    # A ceiling on a rate is a floor on its opposite.
    return replace(found, limit=limit, estimate=1 - found.estimate, low=1 - found.high, high=1 - found.low)


def every_decision(
    limit: float, classes: Sequence[tuple[int, int]], worths: Sequence[Worth] | None = None
) -> tuple[Finding, list[Decision]]:
    """The finding over all classes or slices, each (right answers, posts), and a decision of each by its own bounds.

    PASS if every class is proved: then none of them needs a correction. FAIL if one is disproved at 5% over all
    classes (Bonferroni); one that is so by itself alone is INCONCLUSIVE. ``worths``: of the answers of each.
    """
    own: Sequence[Worth | None] = worths or [None] * len(classes)
    each = list(zip(classes, own, strict=True))
    found = [decide_rate(k, n, limit, is_floor=True, worth=worth) for (k, n), worth in each]
    if all(one.passed for one in found):
        return Finding.PASS, found
    confidence = 1 - ALPHA / len(classes)
    for place, ((k, n), worth) in enumerate(each):
        if found[place].finding is Finding.FAIL:
            over_all = decide_rate(k, n, limit, is_floor=True, worth=worth, confidence=confidence)
            if over_all.finding is Finding.FAIL:
                return Finding.FAIL, found
            found[place] = replace(found[place], finding=Finding.INCONCLUSIVE, n_for_power=over_all.n_for_power)
    return Finding.INCONCLUSIVE, found


def own_mix_decision(limit: Limit, strata: Sequence[Stratum], n: int) -> Decision:
    """The accuracy in the data's own mix by its bounds."""
    return decide_by_bounds(standardised_bounds(strata), standardised_rate(strata), n, limit.limit)


def macro_f1_decision(limit: Limit, matrix: ConfusionMatrix, effective_share: float = 1.0) -> Decision:
    """Macro-F1 by its bounds. With fewer posts in a class than the bounds take, nothing is decided."""
    value, n = macro_f1(matrix), matrix.n
    found = decide_by_bounds(macro_f1_bounds(matrix, effective_share=effective_share), value, n, limit.limit)
    fewest = min(map(sum, matrix.counts))
    if fewest < FEWEST_POSTS_PER_CLASS and found.finding is not Finding.INCONCLUSIVE:
        needed = FEWEST_POSTS_PER_CLASS * len(matrix.labels)
        return replace(found, finding=Finding.INCONCLUSIVE, n_for_power=max(n + 1, needed))
    if math.isnan(value):
        return replace(found, n_for_power=None)
    return found
