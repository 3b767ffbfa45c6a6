"""Results in, one `Score` a variant out. The denominator is the plan's, never what happened to run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .records import Outcome, Result, Score
from .results import Key
from .sampling import Plan
from .stats import wilson_interval


def score(results: Mapping[Key, Result], plan: Plan, variants: Iterable[str]) -> dict[str, Score]:
    """The score of each variant over the planned posts; results of other posts are left out."""
    return {variant: _score(variant, results, plan) for variant in variants}


def missing_cases(results: Mapping[Key, Result], plan: Plan, variants: Iterable[str]) -> list[Key]:
    """Planned cases without a result, in the order of the plan."""
    return [(post.id, variant) for variant in variants for post in plan.posts if (post.id, variant) not in results]


def _score(variant: str, results: Mapping[Key, Result], plan: Plan) -> Score:
    seen = [
        (result.correct, result.prediction)
        for post in plan.posts
        if (result := results.get((post.id, variant))) is not None and result.prediction is not None
    ]
    n_correct = sum(correct for correct, _ in seen)
    low, high = wilson_interval(n_correct, len(seen))
    return Score(
        variant=variant,
        n_planned=len(plan.posts),
        n=len(seen),
        n_correct=n_correct,
        n_errors=sum(prediction.is_error for _, prediction in seen),
        n_off_list=sum(prediction.outcome is Outcome.OFF_LIST for _, prediction in seen),
        input_tokens=sum(prediction.input_tokens for _, prediction in seen),
        output_tokens=sum(prediction.output_tokens for _, prediction in seen),
        low=low,
        high=high,
        model_versions=tuple(sorted({prediction.model_version for _, prediction in seen})),
    )
