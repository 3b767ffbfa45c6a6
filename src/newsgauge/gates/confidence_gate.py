"""Gates about how sure a variant is: the accuracy of its most confident answers, and its calibration error."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..errors import GatesError
from ..scoring.scores import Verdict
from ..scoring.stats.decisions import Finding, check_limit, decide_floor
from .gate import ConfidenceGate, Evidence

AT, CALIBRATION = "min_accuracy_at", "max_calibration_error"


def confidence_gates(place: str, variant: str, table: dict[str, Any]) -> Iterable[ConfidenceGate]:
    """The gates of a variant's table. Raises `GatesError`."""
    for key, parts in ((AT, {"coverage", "limit", "reason"}), (CALIBRATION, {"limit", "reason"})):
        if key not in table:
            continue
        value = table[key]
        reason = value.get("reason") if isinstance(value, dict) else None
        if not isinstance(value, dict) or set(value) != parts or not isinstance(reason, str) or not reason.strip():
            shown = ", ".join(sorted(parts))
            raise GatesError(f"{place} {key}: expected {{ {shown} }} with a non-empty reason; got {value!r}")
        for part in parts - {"reason"}:
            number = value[part]
            most = 1.0 if part == "coverage" else 0.999
            if not isinstance(number, int | float) or isinstance(number, bool) or not 0 < number <= most:
                raise GatesError(f"{place} {key}: expected {part!r} above 0 and up to {most:g}, got {number!r}")
        try:
            check_limit(value["limit"])
        except ValueError as error:
            raise GatesError(f"{place} {key}: {error}") from None
        coverage = float(value["coverage"]) if key == AT else None
        name = f"{variant}-{'confident' if key == AT else 'calibration'}"
        yield ConfidenceGate(name, variant, coverage, float(value["limit"]), reason)


def decide_confidence(gate: ConfidenceGate, evidence: Evidence) -> Verdict:
    """FAIL without confidences. A live run holds an accuracy to its one-sided 95% bounds, the error to its value."""
    found = evidence.scores[gate.variant].confidence
    if found is None:
        text = f"{gate.variant} does not say how sure it is; set 'confidence' in variants.toml"
        return gate.verdict(Finding.FAIL, text, None, 0)
    if gate.coverage is None:
        finding = Finding.PASS if found.error <= gate.limit else Finding.FAIL
        return gate.verdict(
            finding, f"expected calibration error {found.error:.4f} (n = {found.n})", found.error, found.n
        )
    share, accuracy = next(point for point in found.curve if point[0] >= gate.coverage - 1e-12)
    n = round(share * found.n)
    n_correct = round(accuracy * n)
    text = f"{n_correct} of the {n} most confident answers are right: {accuracy:.4f}"
    if not evidence.live:
        return gate.verdict(Finding.PASS if accuracy >= gate.limit else Finding.FAIL, text, accuracy, n)
    score = evidence.scores[gate.variant]
    decision = decide_floor(n_correct, n, gate.limit, effective_n=n * score.effective_n / score.n)
    text += f", one-sided 95% bounds {decision.low:.4f} and {decision.high:.4f}"
    return gate.verdict(decision.finding, text, accuracy, n, decision.n_for_power)
