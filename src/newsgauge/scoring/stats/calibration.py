"""How well confidences separate right answers from wrong ones, and a certified confidence threshold. Pure.

Enters: a confidence from 0 to 1 per answer, and whether the answer is right. Leaves: bins with their calibration error,
accuracy by coverage, a certified threshold.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from .intervals import exact_lower_bound, scaled_count, threaded

#: The number of shares of the answers, from few to all, that are tried as a threshold.
LEVELS = 20


@dataclass(frozen=True, slots=True)
class Bin:
    """The answers whose confidence lies above ``low`` and up to ``high`` (the first bin holds 0)."""

    low: float
    high: float
    n: int
    n_correct: int
    mean_confidence: float


@dataclass(frozen=True, slots=True)
class CutPoint:
    """Answers with a confidence above ``above`` are right at least as often as asked, with the certified ``bound``.

    ``n`` of ``n_all`` answers are above it, ``n_correct`` of them right.
    """

    above: float
    n: int
    n_correct: int
    n_all: int
    bound: float

    @property
    def coverage(self) -> float:
        """The share of the answers that are above the threshold."""
        return self.n / self.n_all


def calibration_bins(confidences: Sequence[float], correct: Sequence[bool], *, n_bins: int = 10) -> list[Bin]:
    """Bins of equal width that hold an answer; ``n_bins`` of them from 0 to 1."""
    members: dict[int, list[int]] = {}
    for i, confidence in enumerate(confidences):
        members.setdefault(max(0, math.ceil(confidence * n_bins) - 1), []).append(i)
    return [
        Bin(
            place / n_bins,
            (place + 1) / n_bins,
            len(own),
            sum(correct[i] for i in own),
            math.fsum(confidences[i] for i in own) / len(own),
        )
        for place, own in sorted(members.items())
    ]


def calibration_error(bins: Sequence[Bin]) -> float:
    """Expected calibration error: the mean distance of accuracy and confidence over the answers; NaN without any.

    M. P. Naeini et al., "Obtaining well calibrated probabilities using Bayesian binning", AAAI 2015; C. Guo et al.,
    "On calibration of modern neural networks", ICML 2017, equation 3.
    """
    n = sum(one.n for one in bins)
    if not n:
        return math.nan
    return math.fsum(abs(one.n_correct - one.n * one.mean_confidence) for one in bins) / n


def risk_coverage(confidences: Sequence[float], correct: Sequence[bool]) -> list[tuple[float, float]]:
    """(coverage, accuracy) of the most confident answers, one point per confidence: equally sure answers go together.

    R. El-Yaniv and Y. Wiener, "On the foundations of noise-free selective classification", JMLR 11 (2010).
    """
    points, n_correct = [], 0
    ranked = sorted(zip(confidences, correct, strict=True), key=lambda one: -one[0])
    for place, (confidence, right) in enumerate(ranked, 1):
        n_correct += right
        if place == len(ranked) or ranked[place][0] < confidence:
            points.append((place / len(ranked), n_correct / place))
    return points


def accuracy_at(confidences: Sequence[float], correct: Sequence[bool], coverage: float) -> tuple[int, int]:
    """(right answers, answers) among the fewest most confident answers that are this share of all, ties included."""
    n = len(confidences)
    for share, accuracy in risk_coverage(confidences, correct):
        if share >= coverage - 1e-12:
            answered = round(share * n)
            return round(accuracy * answered), answered
    return 0, 0


def certified_cut_point(
    confidences: Sequence[float],
    correct: Sequence[bool],
    accuracy: float,
    *,
    threads: Sequence[Hashable] | None = None,
    delta: float = 0.05,
) -> CutPoint | None:
    """The threshold that answers most, with an accuracy above it of at least ``accuracy`` at confidence 1 - ``delta``.

    Learn then Test (A. N. Angelopoulos et al., arXiv 2110.01052) with fixed-sequence testing: shares of the answers,
    from the smallest that could prove the accuracy to all, in `LEVELS` steps that do not depend on the data; each is
    tested with Clopper and Pearson's lower bound at ``delta``, and the first that fails ends the walk. The cut-point of
    a share is the confidence of the first answer left out: given that one, the answers above it are a random sample of
    all that lie above it, so that the binomial test is exact. None if nothing can be certified.

    The sequence keeps ``delta`` as a whole if accuracy does not fall as confidence grows. ``threads``: answers of one
    thread count as fewer (`threaded`).
    """
    n = len(confidences)
    fewest = math.ceil(math.log(delta) / math.log(accuracy))
    if n < fewest:
        return None
    ranked = sorted(range(n), key=lambda i: -confidences[i])
    found = None
    for level in range(LEVELS + 1):
        size = fewest + (n - fewest) * level // LEVELS
        above = confidences[ranked[size]] if size < n else -math.inf
        kept = [i for i in ranked if confidences[i] > above]
        n_correct = sum(correct[i] for i in kept)
        of = range(n) if threads is None else threads
        worth, one_more = threaded([correct[i] for i in kept], [of[i] for i in kept])
        scaled = scaled_count(n_correct, len(kept), worth) if kept else 0.0
        bound = exact_lower_bound(scaled, worth, confidence=1 - delta, one_more=one_more) if kept else 0.0
        if bound < accuracy:
            if worth >= fewest:
                break
            continue  # ties, or threads, leave too few: no accuracy could pass
        found = CutPoint(above, len(kept), n_correct, n, bound)
    return found
