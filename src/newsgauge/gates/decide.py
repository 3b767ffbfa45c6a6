"""A gate and the evidence of a run in; its verdict, with reasons and checks, out."""

from __future__ import annotations

from dataclasses import replace

from ..scoring.scores import Score, Verdict
from ..scoring.stats.decisions import Finding
from .age_gate import decide_age
from .baseline_gate import decide_baseline
from .checks import checks_of
from .class_gate import decide_classes
from .comparison_gate import decide_comparison
from .confidence_gate import decide_confidence
from .gate import AgeGate, BaselineGate, ClassGate, ComparisonGate, ConfidenceGate, Evidence, Gate, SliceGate
from .limits_gate import decide_limits
from .slice_gate import decide_slices


def decide(gate: Gate, evidence: Evidence) -> Verdict:
    """Hold the gate against the evidence. An incomplete score never passes, whatever its rate is."""
    verdict = _decide(gate, evidence)
    return replace(verdict, checks=checks_of(gate, evidence, verdict))


def _decide(gate: Gate, evidence: Evidence) -> Verdict:
    incomplete = [evidence.scores[name] for name in gate.variants if not evidence.scores[name].complete]
    if incomplete:
        reasons = tuple(_incomplete(score, evidence) for score in incomplete)
        return Verdict(gate.name, gate.variant, Finding.FAIL, reasons)
    if isinstance(gate, ComparisonGate):
        return decide_comparison(gate, evidence)
    if isinstance(gate, ClassGate):
        return decide_classes(gate, evidence)
    if isinstance(gate, AgeGate):
        return decide_age(gate, evidence)
    if isinstance(gate, BaselineGate):
        return decide_baseline(gate, evidence)
    if isinstance(gate, SliceGate):
        return decide_slices(gate, evidence)
    if isinstance(gate, ConfidenceGate):
        return decide_confidence(gate, evidence)
    return decide_limits(gate, evidence)


def _incomplete(score: Score, evidence: Evidence) -> str:
    text = f"{score.variant}: {score.n_planned - score.n} of {score.n_planned} planned cases have no answer"
    for post in evidence.plan.posts:
        result = evidence.results.get((post.id, score.variant))
        if result is not None and result.broken:
            return f"{text}; the first: {result.broken}"
    return text
