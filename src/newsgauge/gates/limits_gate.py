"""Floors and ceilings of one variant: a replay holds the value itself, a live run its one-sided 95% bounds.

In a replay nothing is random. In a live run PASS means that the data prove the limit to be kept, FAIL that they prove
it to be broken, each wrong in at most 5% of runs; INCONCLUSIVE is everything between.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from ..records import Outcome, Post, Prediction
from ..scoring.repeat_scores import answered_rows
from ..scoring.scoreboard import strata_of, threads_of
from ..scoring.scores import Verdict
from ..scoring.stats.clustered import effective_posts
from ..scoring.stats.decisions import Decision, Finding
from .findings import is_by_value, macro_f1_decision, own_mix_decision, rate_decision, recall_decisions, value_finding
from .gate import METRICS, Evidence, Limit, LimitsGate

#: Whether a post with its answers counts, for the metrics about posts that were asked several times.
_OF_REPEATS: dict[str, Callable[[Post, list[str]], bool]] = {
    "min_stability": lambda post, row: len(set(row)) == 1,
    "min_pass_all": lambda post, row: set(row) == {post.label},
}


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
    if limit.metric in _OF_REPEATS and evidence.scores[variant].repeats is None:
        text = (
            f"{limit.metric}: {variant} asks each {evidence.plan.unit} once; set repeats = 3 in variants.toml, or run "
            "with --repeats 3"
        )
        return _Held(Finding.INCONCLUSIVE, f"{text} ({limit.reason})")
    score, metric = evidence.scores[variant], METRICS[limit.metric]
    value = float(getattr(score, metric.attribute))
    name = metric.attribute.replace("_", " ")
    if not evidence.live or is_by_value(limit):
        uncounted = not metric.is_rate and score.n_uncounted
        more = f", {score.n_uncounted} of them answered without token counts" if uncounted else ""
        n = score.repeats.n_posts if limit.metric in _OF_REPEATS and score.repeats else score.n
        return _by_value(limit, name, value, n, more)
    share = score.effective_n / score.n if score.n else 1.0
    if limit.metric == "min_own_mix_accuracy" and score.own_mix is not None:
        strata = strata_of(score.matrix, evidence.plan.population, share)
        return _by_bounds(limit, name, evidence.plan.units, own_mix_decision(limit, strata, score.n))
    if limit.metric == "min_macro_f1":
        return _by_bounds(limit, name, evidence.plan.units, macro_f1_decision(limit, score.matrix, share))
    flags, threads = _flags(limit.metric, variant, evidence)
    decision = rate_decision(limit, sum(flags), len(flags), effective_posts(flags, threads))
    return _by_bounds(limit, name, evidence.plan.units, decision)


def _by_value(limit: Limit, name: str, value: float, n: int, more: str = "") -> _Held:
    finding = value_finding(limit, value)
    floor, ok = METRICS[limit.metric].is_floor, finding is Finding.PASS
    sign = (">=" if floor else "<=") if ok else ("is not >=" if math.isnan(value) else "<" if floor else ">")
    digits = ".4f" if METRICS[limit.metric].is_rate else ".1f"
    return _Held(finding, f"{name} {value:{digits}} {sign} {limit.limit:g} (n = {n}{more}; {limit.reason})")


def _class_recall(limit: Limit, variant: str, evidence: Evidence) -> _Held:
    """The limit holds for every class; the lowest is named."""
    classes = evidence.scores[variant].classes
    worst = min(classes, key=lambda one: -1.0 if math.isnan(one.recall) else one.recall)
    head = f"recall of {worst.label} {worst.recall:.4f}"
    tail = f"the lowest of {len(classes)} classes (n = {worst.support}; {limit.reason})"
    if not evidence.live or is_by_value(limit):
        finding = value_finding(limit, worst.recall)
        sign = ">=" if finding is Finding.PASS else "is not >="
        return _Held(finding, f"{head} {sign} {limit.limit:g}, {tail}")
    sizes = []
    for one in classes:
        flags, threads = _flags(limit.metric, variant, evidence, label=one.label)
        sizes.append(effective_posts(flags, threads) if flags else 0.0)
    finding, decisions = recall_decisions(limit, [(one.n_correct, one.support) for one in classes], sizes)
    text = f"{head}, {tail}; asked: one-sided 95% bound of every class >= {limit.limit:g}"
    if finding is not Finding.INCONCLUSIVE:
        return _Held(finding, text)
    n_to_decide = max(one.n_for_power or 0 for one in decisions)
    text += f"; {sum(one.passed for one in decisions)} of {len(classes)} proved; "
    text += f"{how_many(n_to_decide or None, f'{evidence.plan.units} a class')}, {_IF_RATES}"
    return _Held(finding, text, (n_to_decide * len(classes)) or None)


#: What an 80% chance assumes where it is that of a rate.
_IF_RATES = "with an 80% chance, if the rates now seen are the true ones"


def _by_bounds(limit: Limit, name: str, units: str, found: Decision) -> _Held:
    floor, many = METRICS[limit.metric].is_floor, how_many(found.n_for_power, units)
    word = {
        Finding.PASS: f"{'lower' if floor else 'upper'} bound {'>=' if floor else '<='} {limit.limit:g}",
        Finding.FAIL: f"{'upper' if floor else 'lower'} bound {'<' if floor else '>'} {limit.limit:g}",
        Finding.INCONCLUSIVE: f"{limit.limit:g} lies between the bounds, {many}, {_IF_RATES}",
    }[found.finding]
    if found.finding is Finding.INCONCLUSIVE and found.low >= limit.limit and floor:
        word = f"too few {units} of a class for a proof, {many}"
    bounds = f"one-sided 95% bounds {found.low:.4f} and {found.high:.4f}"
    text = f"{name} {found.estimate:.4f}, {bounds}: {word} (n = {found.n}; {limit.reason})"
    return _Held(found.finding, text, found.n_for_power)


def how_many(n: int | None, unit: str = "posts") -> str:
    """The words for how many posts would decide."""
    return f"no number of {unit} would decide" if n is None else f"some {n:,} {unit} would decide"


def _flags(metric: str, variant: str, evidence: Evidence, *, label: str | None = None) -> tuple[list[bool], list[str]]:
    """For each answered post (of ``label``) whether the metric counts it, and its thread."""
    if counts := _OF_REPEATS.get(metric):
        rows = answered_rows(evidence.results, evidence.plan, variant)
        return [counts(post, row) for post, row in rows], threads_of(post for post, _ in rows)
    pairs = [
        (post, said)
        for post in evidence.plan.asked(variant)
        if label in (None, post.label) and (said := _said(post, variant, evidence)) is not None
    ]
    return [_counts_for(metric, post, said) for post, said in pairs], threads_of(post for post, _ in pairs)


def _said(post: Post, variant: str, evidence: Evidence) -> Prediction | None:
    result = evidence.results.get((post.id, variant))
    return None if result is None else result.prediction


def _counts_for(metric: str, post: Post, said: Prediction) -> bool:
    if metric == "max_error_rate":
        return said.is_error
    if metric == "max_off_list_rate":
        return said.outcome is Outcome.OFF_LIST
    return said.label == post.label
