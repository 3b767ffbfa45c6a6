"""How the answers of a variant vary: results of posts that were asked several times in, `RepeatScores` out. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..planning.repeats import split_key
from ..planning.sampling import Plan
from ..records import Key, Prediction, Result
from .stats.repeats import flip_rate, majority, pass_all, pass_any, spread, stability

#: So many of the least stable posts are named.
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

    @property
    def stability(self) -> float:
        """The share of posts whose answers all agree."""
        return self.n_stable / self.n_posts


def repeat_scores(results: Mapping[Key, Result], plan: Plan, variant: str) -> RepeatScores | None:
    """None for a variant that asks once, and where no post has all of its answers."""
    k = plan.repeats.get(variant, 1)
    rows = list(_whole(results, plan, variant, k)) if k > 1 else []
    if not rows:
        return None
    answers = [[said.label for said in row] for _, _, row in rows]
    right = [[said.label == label for said in row] for _, label, row in rows]
    differing = sorted(
        (-flip_rate([row]), post_id) for (post_id, _, _), row in zip(rows, answers, strict=True) if len(set(row)) > 1
    )
    parts = spread(right)
    return RepeatScores(
        k=k,
        n_posts=len(rows),
        n_stable=round(stability(answers) * len(rows)),
        n_all_right=sum(all(row) for row in right),
        flip_rate=flip_rate(answers),
        pass_all=pass_all(right, k),
        pass_any=pass_any(right, k),
        majority_accuracy=sum(majority(row) == label for (_, label, _), row in zip(rows, answers, strict=True))
        / len(rows),
        between=parts.between,
        within=parts.within,
        unstable=tuple(post_id for _, post_id in differing[:_MAX_NAMED]),
    )


def _whole(
    results: Mapping[Key, Result], plan: Plan, variant: str, k: int
) -> Iterable[tuple[str, str, list[Prediction]]]:
    """Id, label and predictions of each post all of whose answers are there."""
    found: dict[str, list[Prediction]] = defaultdict(list)
    labels = {post.id: post.label for post in plan.posts}
    for post in plan.asked(variant):
        result = results.get((post.id, variant))
        if result is not None and result.prediction is not None:
            found[split_key(post.id)[0]].append(result.prediction)
    return ((post_id, labels[post_id], row) for post_id, row in found.items() if len(row) == k)
