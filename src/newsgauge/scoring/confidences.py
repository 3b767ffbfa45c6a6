"""How sure a variant is of each answer, and how well that fits: results in, `ConfidenceScores` out. Pure.

A confidence is what the service or the answer said, or, of a variant that asks several times, the share of a post's
answers that agree with the most frequent one. How such repeated answers vary: `RepeatScores`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from ..planning.sampling import Plan, split_key
from ..records import Key, Post, Result
from .stats.calibration import Bin, accuracy_at, calibration_bins, calibration_error, risk_coverage
from .stats.repeats import flip_rate, majority, pass_all, pass_any, spread, stability

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


#: How many of the least stable posts are named.
_MAX_NAMED = 10


@dataclass(frozen=True, slots=True)
class RepeatScores:
    """Over ``n_posts``, those whose ``k`` answers are all there.

    ``n_stable``: posts whose answers agree; ``n_all_right``: posts whose answers are all right. ``flip_rate``: the
    probability that two answers to a post differ. ``pass_all`` and ``pass_any``: all, or at least one, of k answers are
    right. ``majority_accuracy``: the most frequent answer is the label. ``between`` and ``within``: the parts of the
    variance of one answer, between posts and within a post. ``unstable``: ids, those that differ most first.
    """

    k: int
    n_posts: int
    n_stable: int
    n_all_right: int
    flip_rate: float
    pass_all: float
    pass_any: float
    majority_accuracy: float
    between: float
    within: float
    unstable: tuple[str, ...]
    #: So many posts have 0, 1, ... k right answers.
    right_counts: tuple[int, ...] = ()

    @property
    def standard_errors(self) -> tuple[float, float]:
        """Of the mean of all answers: as asked, and with as many answers to k times as many posts, each asked once."""
        n = self.n_posts
        return math.sqrt((self.between + self.within / self.k) / n), math.sqrt(
            (self.between + self.within) / n / self.k
        )

    @property
    def stability(self) -> float:
        """The share of posts whose answers all agree."""
        return self.n_stable / self.n_posts


def repeat_scores(results: Mapping[Key, Result], plan: Plan, variant: str) -> RepeatScores | None:
    """Of a variant that asks several times; None if no post has all of its answers."""
    k, rows = plan.repeats[variant], answered_rows(results, plan, variant)
    if not rows:
        return None
    answers = [row for _, row in rows]
    right = [[said == post.label for said in row] for post, row in rows]
    differing = sorted((-flip_rate([row]), post.id) for post, row in rows if len(set(row)) > 1)
    between, within = spread(right)
    return RepeatScores(
        k=k,
        n_posts=len(rows),
        n_stable=round(stability(answers) * len(rows)),
        n_all_right=sum(all(row) for row in right),
        flip_rate=flip_rate(answers),
        pass_all=pass_all(right, k),
        pass_any=pass_any(right, k),
        majority_accuracy=sum(majority(row) == post.label for post, row in rows) / len(rows),
        between=between,
        within=within,
        unstable=tuple(post_id for _, post_id in differing[:_MAX_NAMED]),
        right_counts=tuple(sum(sum(row) == number for row in right) for number in range(k + 1)),
    )


def answered_rows(results: Mapping[Key, Result], plan: Plan, variant: str) -> list[tuple[Post, list[str]]]:
    """Each post all of whose answers are there, with these in the order they were asked."""
    found: dict[str, list[str]] = defaultdict(list)
    for post in plan.asked(variant):
        result = results.get((post.id, variant))
        if result is not None and result.prediction is not None:
            found[split_key(post.id)[0]].append(result.prediction.label)
    return [(post, found[post.id]) for post in plan.posts if len(found[post.id]) == plan.repeats.get(variant, 1)]
