"""Limits on one class or one confusion, and on what mistakes cost: a gate and the evidence in, a `Verdict` out.

A replay holds the value itself. A live run has to prove a limit by its one-sided bounds, at 95% over all limits of the
gate (Bonferroni), as each of them is read by itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from .._util.wording import did_you_mean
from ..records import Outcome, Post, Prediction
from ..scoring.scoreboard import threads_of
from ..scoring.scores import Check, Verdict
from ..scoring.stats.clustered import effective_posts
from ..scoring.stats.decisions import Finding, decide_by_bounds
from ..scoring.stats.intervals import exact_lower_bound, exact_upper_bound
from .gate import ClassGate, ClassLimit, Evidence

State = Literal["passed", "failed", "not proved"]
STATES: Mapping[Finding, State] = {
    Finding.PASS: "passed",
    Finding.FAIL: "failed",
    Finding.INCONCLUSIVE: "not proved",
}
ALPHA = 0.05
#: In the matrix of costs: whatever is not named. And answers outside of the list, blocked, cut and empty ones.
OTHER, OFF_LIST, ERROR = "other", "off-list", "error"


@dataclass(frozen=True, slots=True)
class _Counted:
    """What a limit is about: a value from 0 to ``most`` per post that counts, with the post's thread."""

    name: str
    values: list[float]
    threads: list[str]
    most: float = 1.0

    @property
    def mean(self) -> float:
        return math.fsum(self.values) / len(self.values) if self.values else math.nan


def decide_classes(gate: ClassGate, evidence: Evidence) -> Verdict:
    """FAIL if one limit fails, else INCONCLUSIVE if one is, else PASS; a check for each."""
    found = [_hold(limit, gate, evidence) for limit in gate.limits]
    findings = tuple(finding for finding, _ in found)
    worst = next(one for one in (Finding.FAIL, Finding.INCONCLUSIVE, Finding.PASS) if one in findings)
    reasons = tuple(
        f"{check.name} {'-' if check.value is None else f'{check.value:.4f}'}, asked: {check.sign} {check.limit:g}"
        f"{f'; {check.detail}' if check.detail else ''} (n = {check.n}; {check.why})"
        for _, check in found
    )
    checks = tuple(check for _, check in found)
    return Verdict(gate.name, gate.variant, worst, reasons, findings=findings, checks=checks)


def _hold(limit: ClassLimit, gate: ClassGate, evidence: Evidence) -> tuple[Finding, Check]:
    labels, corpus_labels = evidence.plan.labels, evidence.plan.corpus_labels or evidence.plan.labels
    unknown = [name for name in limit.classes if name not in corpus_labels]
    absent = [name for name in limit.classes if name not in labels]
    counted = _count(limit, gate.variant, evidence)
    if unknown:
        named = f"; it has {', '.join(corpus_labels)}"
        guess = did_you_mean(unknown[0], corpus_labels)
        finding, detail = Finding.FAIL, f"the corpus has no class {unknown[0]!r}{guess or named}"
    elif absent:
        finding, detail = Finding.INCONCLUSIVE, f"this run asks no {evidence.plan.unit} of {', '.join(absent)}"
    elif not counted.values:
        finding, detail = Finding.INCONCLUSIVE, "no answer to count"
    elif not evidence.live or limit.bound == "value" or limit.limit in (0.0, counted.most):
        held = counted.mean >= limit.limit if limit.is_floor else counted.mean <= limit.limit
        finding, detail = Finding.PASS if held else Finding.FAIL, ""
    else:
        finding, detail = _by_bounds(limit, counted, len(gate.limits), evidence.plan.units)
    value = None if unknown or absent or not counted.values else counted.mean
    sign: Literal["at least", "at most"] = "at least" if limit.is_floor else "at most"
    unit: Literal["rate", "score"] = "score" if limit.metric == "max_cost" else "rate"
    n = len(counted.values)
    return finding, Check(STATES[finding], counted.name, unit, value, n, sign, limit.limit, limit.reason, detail)


def _by_bounds(limit: ClassLimit, counted: _Counted, n_limits: int, units: str) -> tuple[Finding, str]:
    """A ceiling is a floor on the opposite. A cost is held as the rate of its mean, which varies at least as much."""
    n, most = len(counted.values), counted.most
    rate, floor = counted.mean / most, limit.limit / most
    if not limit.is_floor:
        rate, floor = 1 - rate, 1 - floor
    worth = effective_posts([int(value > 0) for value in counted.values], counted.threads)
    confidence = 1 - ALPHA / n_limits
    bounds = (
        exact_lower_bound(rate * worth, worth, confidence=confidence),
        exact_upper_bound(rate * worth, worth, confidence=confidence),
    )
    found = decide_by_bounds(bounds, rate, n, floor, confidence=confidence)
    low, high = bounds if limit.is_floor else (1 - bounds[1], 1 - bounds[0])
    over = f", {100 * (1 - ALPHA):.0f}% over {n_limits} limits" if n_limits > 1 else ""
    detail = f"one-sided {confidence:.1%} bounds {low * most:.4f} and {high * most:.4f}{over}"
    if found.finding is Finding.INCONCLUSIVE and found.n_for_power is not None:
        detail += f"; some {found.n_for_power:,} such {units} would decide with an 80% chance"
    return found.finding, detail


def _count(limit: ClassLimit, variant: str, evidence: Evidence) -> _Counted:
    pairs = [
        (post, result.prediction)
        for post in evidence.plan.asked(variant)
        if (result := evidence.results.get((post.id, variant))) is not None and result.prediction is not None
    ]
    first = limit.classes[0] if limit.classes else ""
    if limit.metric == "min_precision":
        pairs = [(post, said) for post, said in pairs if said.label == first]
        return _counted(f"precision of {first}", pairs, [post.label == first for post, _ in pairs])
    if limit.metric == "max_cost":
        costs = [_cost(limit.costs, post, said) for post, said in pairs]
        most = max(value for row in limit.costs.values() for value in row.values())
        threads = threads_of(post for post, _ in pairs)
        return _Counted(f"mean cost of a mistake per {evidence.plan.unit}", costs, threads, most)
    pairs = [(post, said) for post, said in pairs if post.label == first]
    if limit.metric == "min_recall":
        return _counted(f"recall of {first}", pairs, [said.label == first for _, said in pairs])
    taken_for = limit.classes[1]
    return _counted(f"{first} taken for {taken_for}", pairs, [said.label == taken_for for _, said in pairs])


def _counted(name: str, pairs: list[tuple[Post, Prediction]], flags: list[bool]) -> _Counted:
    return _Counted(name, [float(flag) for flag in flags], threads_of(post for post, _ in pairs))


def _cost(costs: Mapping[str, Mapping[str, float]], post: Post, said: Prediction) -> float:
    """0 for a right answer; the cost of the pair, else that of ``other`` in the row, else of the row ``other``."""
    if said.label == post.label:
        return 0.0
    kind = ERROR if said.is_error else OFF_LIST if said.outcome is Outcome.OFF_LIST else said.label
    for row in (costs.get(post.label, {}), costs.get(OTHER, {})):
        for name in (kind, OTHER):
            if name in row:
                return row[name]
    return 0.0
