"""A gate and its verdict in; each of its limits in numbers out, so that all who show it show the same.

Decides nothing: findings are those of the verdict.
"""

from __future__ import annotations

import math

from ..scoring.scores import Check, Score, Verdict
from ..scoring.stats.decisions import Finding
from .baseline_file import baseline_answers
from .class_gate import STATES
from .gate import (
    METRICS,
    AgeGate,
    BaselineGate,
    ClassGate,
    ComparisonGate,
    ConfidenceGate,
    Evidence,
    Gate,
    Limit,
    LimitsGate,
    SliceGate,
)


def checks_of(gate: Gate, evidence: Evidence, verdict: Verdict) -> tuple[Check, ...]:
    """One check per limit; of a variant without all its answers only that, without statistics."""
    missing = [score for name in gate.variants if not (score := evidence.scores[name]).complete]
    if missing:
        return tuple(_unanswered(score, text) for score, text in zip(missing, verdict.reasons, strict=True))
    if isinstance(gate, SliceGate | ClassGate | ConfidenceGate):
        return verdict.checks
    if isinstance(gate, LimitsGate):
        held = zip(gate.limits, verdict.findings, verdict.reasons, strict=True)
        return tuple(_of_limit(limit, finding, text, gate.variant, evidence) for limit, finding, text in held)
    if isinstance(gate, ComparisonGate):
        first, second = (evidence.scores[name] for name in gate.variants)
        return (
            Check(
                STATES[verdict.finding],
                f"lead of {gate.variant} over {gate.other}",
                "points",
                first.accuracy - second.accuracy,
                first.n,
                "at least",
                gate.by_at_least,
                gate.reason,
                _pairs(_without(verdict.reasons[0], gate.reason)),
            ),
        )
    if isinstance(gate, AgeGate):
        return (_of_age(gate, evidence, verdict),)
    return (_of_baseline(gate, evidence, verdict),)


def _of_age(gate: AgeGate, evidence: Evidence, verdict: Verdict) -> Check:
    oldest = None if evidence.ages is None else evidence.ages.oldest.get(gate.variant)
    age = None if evidence.ages is None or oldest is None else (evidence.ages.today - oldest).days
    return Check(
        STATES[verdict.finding],
        f"age of the oldest recording of {gate.variant}",
        "days",
        age,
        evidence.scores[gate.variant].n,
        "at most",
        gate.max_age_days,
        gate.reason,
        verdict.reasons[0],
    )


def _unanswered(score: Score, text: str) -> Check:
    name = f"cases of {score.variant} have an answer"
    detail = text.partition("; the first: ")[2]
    return Check("unanswered", name, "cases", score.n, score.n_planned, "at least", score.n_planned, "", detail)


def _of_limit(limit: Limit, finding: Finding, text: str, variant: str, evidence: Evidence) -> Check:
    score, metric = evidence.scores[variant], METRICS[limit.metric]
    name, n = metric.attribute.replace("_", " "), score.n
    if limit.metric == "min_class_recall":
        worst = min(score.classes, key=lambda one: -1.0 if math.isnan(one.recall) else one.recall)
        name, n, value = f"recall of {worst.label}, the lowest class", worst.support, worst.recall
    else:
        value = float(getattr(score, metric.attribute))
    if metric.attribute.endswith("tokens_mean"):
        name = f"{metric.attribute.partition('_')[0]} tokens per {evidence.plan.unit}"
    return Check(
        STATES[finding],
        name,
        "score" if metric.attribute == "macro_f1" else "rate" if metric.is_rate else "tokens",
        None if math.isnan(value) else value,
        n,
        "at least" if metric.is_floor else "at most",
        limit.limit,
        limit.reason,
        _without(text, limit.reason) if evidence.live and "bound" in text else "",
    )


def _of_baseline(gate: BaselineGate, evidence: Evidence, verdict: Verdict) -> Check:
    state, text = STATES[verdict.finding], _without(verdict.reasons[0], gate.reason)
    known = {} if evidence.baseline is None else baseline_answers(evidence.baseline, gate.variant)
    n = sum(post.id in known for post in evidence.plan.posts)
    if not evidence.live:
        # Without a baseline, or of a corpus that changed, there is nothing to count.
        is_measured = n and (verdict.finding is Finding.PASS or verdict.flips)
        value = n - len(verdict.flips) if is_measured else None
        how = text if value is None else text.partition("; ")[2]
        return Check(state, "answers are the baseline's", "cases", value, n, "at least", n, detail=how)
    words = [flip.partition(" ")[0] for flip in verdict.flips]
    difference = (words.count("gained") - words.count("lost")) / n if n else None
    limit = -(gate.max_drop or 0.0)
    detail = _pairs(text)
    return Check(state, "change since the baseline", "points", difference, n, "at least", limit, gate.reason, detail)


def _pairs(text: str) -> str:
    """From the posts gained and lost on: what is before them is in the other fields."""
    before, gained, after = text.partition("(gained ")
    return f"gained {after.replace(')', '', 1)}" if gained else before


def _without(text: str, reason: str) -> str:
    """What was measured and asked, without the reason, which has a place of its own."""
    return text.replace(f"; {reason})", ")").removesuffix(f" ({reason})") if reason else text
