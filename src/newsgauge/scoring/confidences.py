"""How sure a variant is of each answer, and whether that is right: results in, `ConfidenceScores` out. Pure.

A confidence is what the service or the answer said, or, of a variant that asks several times, the share of a post's
answers that agree with the most frequent one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..planning.sampling import Plan
from ..records import Key, Post, Result
from .repeat_scores import answered_rows
from .stats.calibration import Bin, accuracy_at, calibration_bins, calibration_error, risk_coverage
from .stats.repeats import majority

#: The share of the most confident answers whose accuracy is shown.
COVERAGE = 0.8


@dataclass(frozen=True, slots=True)
class ConfidenceScores:
    """Over ``n`` answers. ``error``: expected calibration error over ``bins``; ``curve``: (coverage, accuracy).

    ``n_at`` of the most confident answers are `COVERAGE` of all (more if some are equally sure), ``n_correct_at`` of
    them right. ``accuracy``: that of all, by majority if the confidences are votes.
    """

    n: int
    accuracy: float
    mean: float
    error: float
    n_at: int
    n_correct_at: int
    bins: tuple[Bin, ...]
    curve: tuple[tuple[float, float], ...]


def confidence_scores(results: Mapping[Key, Result], plan: Plan, variant: str) -> ConfidenceScores | None:
    """None for a variant without confidences."""
    rows = confident_answers(results, plan, variant)
    if not rows:
        return None
    confidences, correct = [confidence for _, confidence, _ in rows], [right for _, _, right in rows]
    bins = calibration_bins(confidences, correct)
    n_correct_at, n_at = accuracy_at(confidences, correct, COVERAGE)
    return ConfidenceScores(
        n=len(rows),
        accuracy=sum(correct) / len(rows),
        mean=sum(confidences) / len(rows),
        error=calibration_error(bins),
        n_at=n_at,
        n_correct_at=n_correct_at,
        bins=tuple(bins),
        curve=tuple(risk_coverage(confidences, correct)),
    )


def confident_answers(results: Mapping[Key, Result], plan: Plan, variant: str) -> list[tuple[Post, float, bool]]:
    """Each answered post with a confidence and whether the answer is right; empty if nobody said how sure it is.

    If some answers came with a confidence, the others (blocked, cut, without it) have 0.
    """
    asked = [(post, results.get((post.id, variant))) for post in plan.asked(variant)]
    seen = [(post, one, one.prediction.confidence) for post, one in asked if one is not None and one.prediction]
    if any(confidence is not None for _, _, confidence in seen):
        return [(post, confidence or 0.0, result.correct) for post, result, confidence in seen]
    if plan.repeats.get(variant, 1) == 1:
        return []
    return [
        (post, row.count(winner) / len(row), winner == post.label)
        for post, row in answered_rows(results, plan, variant)
        for winner in [majority(row)]
    ]
