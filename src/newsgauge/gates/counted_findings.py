"""What gates find in many simulated runs at once, by counts: posts that share no thread, each asked once.

Enters: a gate, the answers of all runs. Leaves: its finding in each run, as its place in `WORST_FIRST`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..planning.sampling import Plan
from ..scoring.scoreboard import has_own_mix, strata_of
from ..scoring.stats.classification import ConfusionMatrix
from ..scoring.stats.decisions import Finding, difference_p_values
from ..scoring.stats.intervals import normal_cdf
from ..scoring.stats.paired import score_statistic
from .baseline_file import BaselineVariant
from .baseline_gate import BaselineGate
from .comparison_gate import ComparisonGate, corrected_p, lead_finding
from .findings import (
    METRICS,
    Limit,
    every_decision,
    is_by_value,
    macro_f1_decision,
    own_mix_decision,
    rate_decision,
    value_finding,
)
from .gate import ALPHA, WORST_FIRST, Gate
from .limits_gate import LimitsGate

#: Variant -> the baseline's answers and those of the runs, each runs by posts by repeats.
Runs = Mapping[str, tuple[Any, Any]]
#: The kinds of gates that it decides.
BY_COUNTS = (LimitsGate, ComparisonGate, BaselineGate)


class CountedFindings:
    """The findings of these ``gates`` about a plan; ``known``: the baseline's variants."""

    def __init__(self, gates: Sequence[Gate], plan: Plan, known: Mapping[str, BaselineVariant]) -> None:
        self._gates, self._plan, self._labels, self._known = gates, plan, plan.labels, known

    def decide(self, gate: Gate, runs: Runs, truth: Any, common: Any) -> Any:
        """The finding of a gate in each run, as its place in `WORST_FIRST`."""
        right = {v: [answers[:, :, 0] == truth for answers in runs[v]] for v in gate.variants}
        if isinstance(gate, LimitsGate):
            now = runs[gate.variant][1][:, :, 0]
            return np.min([self._limit(limit, gate.variant, now, truth) for limit in gate.limits], axis=0)
        if isinstance(gate, BaselineGate):
            before, after = (answers[:, common] for answers in right[gate.variant])
            n, limit = int(common.sum()), -gate.max_drop
            return _each(_flips(after, before), lambda gained, lost: _difference(gained, lost, n, limit)[0])
        assert isinstance(gate, ComparisonGate)
        n = len(truth)
        family = [one for one in self._gates if isinstance(one, ComparisonGate)]
        pairs = [[runs[v][1][:, :, 0] == truth for v in one.variants] for one in family]
        counts = [_flips(first, second) for first, second in pairs]

        def of_family(*flips: int) -> Finding:
            pairs = dict(zip(family, zip(flips[::2], flips[1::2], strict=True), strict=True))
            found = {one: _difference(*pairs[one], n, one.by_at_least) for one in family}
            p, _ = corrected_p(gate, family, {one: p for one, (_, p) in found.items()})
            return lead_finding(found[gate][0], p)

        return _each(np.concatenate(counts), of_family)

    def _limit(self, limit: Limit, variant: str, now: Any, truth: Any) -> Any:
        n, k, by_value = len(truth), len(self._labels), is_by_value(limit)
        metric = METRICS[limit.metric]
        if not metric.is_rate:
            scores = self._known[variant].scores
            total = scores.get(metric.attribute.removesuffix("_mean"), 0)
            return np.full(len(now), WORST_FIRST.index(value_finding(limit, total / scores["n"])))
        right = now == truth
        if limit.metric in ("min_class_recall", "min_own_mix_accuracy", "min_macro_f1"):
            if limit.metric == "min_own_mix_accuracy" and has_own_mix(self._plan):
                return _each([right.sum(axis=1)], lambda c: rate_decision(limit, c, n).finding)
            return np.array([self._by_class(limit, row, truth) for row in now])
        counted = {"max_error_rate": now == k + 1, "max_off_list_rate": now == k}.get(limit.metric, right)
        if by_value:
            return _each([counted.sum(axis=1)], lambda c: value_finding(limit, c / n))
        return _each([counted.sum(axis=1)], lambda c: rate_decision(limit, c, n).finding)

    def _by_class(self, limit: Limit, answers: Any, truth: Any) -> int:
        k = len(self._labels)
        cells = np.bincount(truth.astype(int) * (k + 2) + answers, minlength=k * (k + 2)).reshape(k, k + 2)
        matrix = ConfusionMatrix(self._labels, tuple(tuple(map(int, row)) for row in cells))
        if limit.metric == "min_class_recall":
            finding, found = every_decision(limit.limit, [(row[i], sum(row)) for i, row in enumerate(matrix.counts)])
            value = min(one.estimate for one in found)
        else:
            decision = (
                macro_f1_decision(limit, matrix)
                if limit.metric == "min_macro_f1"
                else own_mix_decision(limit, strata_of(matrix, self._plan.population, 1.0), matrix.n)
            )
            finding, value = decision.finding, decision.estimate
        return WORST_FIRST.index(value_finding(limit, value) if is_by_value(limit) else finding)


def _flips(first: Any, second: Any) -> list[Any]:
    return [(first & ~second).sum(axis=1), (~first & second).sum(axis=1)]


def _each(counts: Iterable[Any], finding: Callable[..., Finding]) -> Any:
    """The finding of each run, asked for once for each combination of counts that occurs."""
    rows, place = np.unique(np.stack(list(counts), axis=1), axis=0, return_inverse=True)
    return np.array([WORST_FIRST.index(finding(*map(int, row))) for row in rows])[place.reshape(-1)]


@lru_cache(maxsize=65536)
def _difference(n_gained: int, n_lost: int, n: int, limit: float) -> tuple[Finding, float]:
    """What `decide_difference` finds, with the p-value for the limit. Far from it the normal tail is word enough."""
    score = score_statistic(n_gained, n_lost, n, limit)
    if abs(score) > 5 and n >= 100:
        return (Finding.PASS if score > 0 else Finding.FAIL), normal_cdf(-score)
    if abs(score) < 1:
        return Finding.INCONCLUSIVE, normal_cdf(-score)
    above, below = difference_p_values(n_gained, n_lost, n, limit)
    return (Finding.PASS if above <= ALPHA else Finding.FAIL if below <= ALPHA else Finding.INCONCLUSIVE), above
