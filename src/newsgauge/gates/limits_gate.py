"""Floors and ceilings of one variant: a replay holds the value itself, a live run its one-sided 95% bounds.

In a replay nothing is random. In a live run PASS means that the data prove the limit to be kept, FAIL that they prove
it to be broken, each wrong in at most 5% of runs; INCONCLUSIVE is everything between.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..records import Outcome, Post, Prediction
from ..scoring.scoreboard import threads_of
from ..scoring.scores import Verdict
from ..scoring.stats import Finding, decide_floor, effective_posts, macro_f1_interval
from .gate import METRICS, Evidence, Limit, LimitsGate

_SEED = 0  # of the bootstrap: the same answers, the same verdict


@dataclass(frozen=True, slots=True)
class _Held:
    finding: Finding
    text: str
    n_to_decide: int | None = None


def decide_limits(gate: LimitsGate, evidence: Evidence) -> Verdict:
    """FAIL where one limit fails, else INCONCLUSIVE where one is, else PASS."""
    held = [_hold(limit, gate.variant, evidence) for limit in gate.limits]
    findings = {one.finding for one in held}
    finding = next(f for f in (Finding.FAIL, Finding.INCONCLUSIVE, Finding.PASS) if f in findings)
    counts = [one.n_to_decide for one in held if one.finding is Finding.INCONCLUSIVE]
    n_to_decide = max((n for n in counts if n is not None), default=None) if None not in counts else None
    return Verdict(
        gate.name,
        gate.variant,
        finding,
        tuple(one.text for one in held),
        n_to_decide=n_to_decide,
        findings=tuple(one.finding for one in held),
    )


def _hold(limit: Limit, variant: str, evidence: Evidence) -> _Held:
    if limit.metric == "min_class_recall":
        return _class_recall(limit, variant, evidence)
    score, metric = evidence.scores[variant], METRICS[limit.metric]
    value = float(getattr(score, metric.attribute))
    name = metric.attribute.replace("_", " ")
    # No sample proves "never": such a limit is about the answers themselves. So is a mean of tokens, which are counted.
    is_absolute = metric.is_rate and limit.limit == (1 if metric.is_floor else 0)
    if not evidence.live or limit.bound == "value" or is_absolute or not metric.is_rate:
        uncounted = not metric.is_rate and score.n_uncounted
        more = f", {score.n_uncounted} of them answered without token counts" if uncounted else ""
        return _by_value(limit, name, value, score.n, more)
    if limit.metric == "min_macro_f1":
        low, high = macro_f1_interval(score.matrix, seed=_SEED, confidence=0.9)
        return _by_interval(limit, name, value, (low, high), score.n)
    pairs = [
        (post, said) for post in evidence.plan.asked(variant) if (said := _said(post, variant, evidence)) is not None
    ]
    # A ceiling on a rate is a floor on its opposite.
    flags = [_counts_for(limit.metric, post, said) == metric.is_floor for post, said in pairs]
    floor = limit.limit if metric.is_floor else 1 - limit.limit
    decision = decide_floor(
        sum(flags), len(flags), floor, effective_n=effective_posts(flags, threads_of(post for post, _ in pairs))
    )
    low, high = (decision.low, decision.high) if metric.is_floor else (1 - decision.high, 1 - decision.low)
    text = _bounds_text(limit, name, value, (low, high), score.n, decision.finding, decision.n_for_power)
    return _Held(decision.finding, text, decision.n_for_power)


def _by_value(limit: Limit, name: str, value: float, n: int, more: str = "") -> _Held:
    floor = METRICS[limit.metric].is_floor
    ok = value >= limit.limit if floor else value <= limit.limit  # NaN holds neither
    sign = (">=" if floor else "<=") if ok else ("is not >=" if math.isnan(value) else "<" if floor else ">")
    digits = ".4f" if METRICS[limit.metric].is_rate else ".1f"
    text = f"{name} {value:{digits}} {sign} {limit.limit:g} (n = {n}{more}; {limit.reason})"
    return _Held(Finding.PASS if ok else Finding.FAIL, text)


def _by_interval(limit: Limit, name: str, value: float, interval: tuple[float, float], n: int) -> _Held:
    low, high = interval
    finding = Finding.PASS if low >= limit.limit else Finding.FAIL if high < limit.limit else Finding.INCONCLUSIVE
    n_to_decide = None
    distance = abs(value - limit.limit)
    if finding is Finding.INCONCLUSIVE and distance > 1e-9:
        # The width falls as the root of n; 1.51 = (1.645 + 0.842) / 1.645 is what an 80% chance takes.
        near = value - low if value > limit.limit else high - value
        n_to_decide = max(n + 1, math.ceil(n * (1.51 * near / distance) ** 2))
    return _Held(finding, _bounds_text(limit, name, value, interval, n, finding, n_to_decide), n_to_decide)


def _class_recall(limit: Limit, variant: str, evidence: Evidence) -> _Held:
    """The limit holds for every class. Of several classes the chance that one fails wrongly stays 5% (Bonferroni)."""
    classes = evidence.scores[variant].classes
    worst = min(classes, key=lambda one: -1.0 if math.isnan(one.recall) else one.recall)
    head = f"recall of {worst.label} {worst.recall:.4f}"
    tail = f"the lowest of {len(classes)} classes (n = {worst.support}; {limit.reason})"
    if not evidence.live or limit.bound == "value" or limit.limit == 1:
        ok = worst.recall >= limit.limit  # NaN is not
        text = f"{head} {'>=' if ok else 'is not >='} {limit.limit:g}, {tail}"
        return _Held(Finding.PASS if ok else Finding.FAIL, text)
    passed, failed, n_to_decide = [], [], 0
    for one in classes:
        decision = decide_floor(one.n_correct, one.support, limit.limit)
        passed.append(decision.passed)
        strict = decide_floor(one.n_correct, one.support, limit.limit, confidence=1 - 0.05 / len(classes))
        failed.append(strict.finding is Finding.FAIL)
        n_to_decide = max(n_to_decide, decision.n_for_power or 0)
    finding = Finding.FAIL if any(failed) else Finding.PASS if all(passed) else Finding.INCONCLUSIVE
    text = f"{head}, {tail}; asked: one-sided 95% bound of every class >= {limit.limit:g}"
    if finding is Finding.INCONCLUSIVE:
        text += f"; {sum(passed)} of {len(classes)} proved; some {n_to_decide:,} posts a class would decide"
        return _Held(finding, text, (n_to_decide * len(classes)) or None)
    return _Held(finding, text)


def _bounds_text(
    limit: Limit,
    name: str,
    value: float,
    interval: tuple[float, float],
    n: int,
    finding: Finding,
    n_to_decide: int | None,
) -> str:
    floor = METRICS[limit.metric].is_floor
    word = {
        Finding.PASS: f"{'lower' if floor else 'upper'} bound {'>=' if floor else '<='} {limit.limit:g}",
        Finding.FAIL: f"{'upper' if floor else 'lower'} bound {'<' if floor else '>'} {limit.limit:g}",
        Finding.INCONCLUSIVE: f"{limit.limit:g} lies between the bounds, {how_many(n_to_decide)}",
    }[finding]
    low, high = interval
    return f"{name} {value:.4f}, one-sided 95% bounds {low:.4f} and {high:.4f}: {word} (n = {n}; {limit.reason})"


def how_many(n: int | None) -> str:
    """The words for how many posts would decide."""
    return "no number of posts would decide at these rates" if n is None else f"some {n:,} posts would decide"


def _said(post: Post, variant: str, evidence: Evidence) -> Prediction | None:
    result = evidence.results.get((post.id, variant))
    return None if result is None else result.prediction


def _counts_for(metric: str, post: Post, said: Prediction) -> bool:
    if metric == "max_error_rate":
        return said.is_error
    if metric == "max_off_list_rate":
        return said.outcome is Outcome.OFF_LIST
    return said.label == post.label
