"""Gates about how sure a variant is: the accuracy of its most confident answers, and its calibration error."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from .._util.numbers import number, percent
from ..scoring.scoreboard import threads_of
from ..scoring.stats.decisions import Finding, decide_floor
from ..scoring.stats.intervals import one_more_thread
from .gate import Asked, Evidence, Gate, Held, Table
from .limits_gate import bounds_words

_AT, _CALIBRATION = "min_accuracy_at", "max_calibration_error"


@dataclass(frozen=True, slots=True)
class ConfidenceGate(Gate):
    """The accuracy of the most confident answers, ``coverage`` of all; None: the expected calibration error."""

    KEYS: ClassVar = (_AT, _CALIBRATION)
    NEEDS: ClassVar = "confidences"

    coverage: float | None
    limit: float
    reason: str

    @classmethod
    def read(cls, table: Table) -> Iterable[Gate]:
        """A gate per limit."""
        for key, name, keys in ((_AT, "confident", {"coverage", "limit"}), (_CALIBRATION, "calibration", {"limit"})):
            if key in table.values:
                entry, coverage = table.entry(key, table.values[key], keys), None
                if key == _AT:
                    coverage = entry.number("coverage", "above 0 and up to 1", lambda share: 0 < share <= 1)
                yield cls(f"{table.variant}-{name}", table.variant, coverage, entry.rate(), entry.reason)

    def hold(self, evidence: Evidence) -> Sequence[Held]:
        """FAIL without confidences. A live run holds an accuracy to its bounds, the error to its value."""
        score = evidence.scores[self.variant]
        found = score.confidence
        asked = Asked("calibration error", "score", "at most", self.limit, self.reason)
        if self.coverage is not None:
            about = f"accuracy of the most confident {self.coverage:.0%}"
            asked = Asked(about, "rate", "at least", self.limit, self.reason)
        if found is None:
            text = f"{self.variant} does not say how sure it is: set 'confidence' in variants.toml (score: a column)"
            return [asked.said(Finding.FAIL, text, None, 0)]
        if self.coverage is None:
            finding = Finding.PASS if found.error <= self.limit else Finding.FAIL
            text = f"expected calibration error {number(found.error, 2)} (n = {found.n})"
            return [asked.said(finding, text, found.error, found.n)]
        share, accuracy = next(point for point in found.curve if point[0] >= self.coverage - 1e-12)
        n = round(share * found.n)
        n_correct = round(accuracy * n)
        text = f"{n_correct} of the {n} most confident answers are right: {percent(accuracy)}"
        if not evidence.live:
            return [asked.said(Finding.PASS if accuracy >= self.limit else Finding.FAIL, text, accuracy, n)]
        worth, threads = n * score.effective_n / score.n, threads_of(evidence.plan.posts)
        one_more = one_more_thread(threads, len(threads) * score.effective_n / score.n)
        decision = decide_floor(n_correct, n, self.limit, effective_n=worth, one_more=one_more)
        text += f", {bounds_words(decision.low, decision.high, asked.unit)}"
        return [asked.said(decision.finding, text, accuracy, n, n_to_decide=decision.n_for_power)]
