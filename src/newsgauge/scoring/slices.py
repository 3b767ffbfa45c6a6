"""The accuracy of each slice of the posts: a plan with slices and results in, one score per slice out. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ..planning.repeats import split_key
from ..planning.sampling import Plan
from ..records import Key, Post, Result
from .stats.clustered import effective_posts, scaled_count
from .stats.intervals import Interval, wilson_interval


@dataclass(frozen=True, slots=True)
class SliceScore:
    """``slicing``: the name in ``[slices]``; ``name``: which of its slices. ``effective_n``: as in `Score`."""

    slicing: str
    name: str
    n: int
    n_correct: int
    effective_n: float

    @property
    def accuracy(self) -> float:
        """Correct answers over answered cases; NaN where there are none."""
        return self.n_correct / self.n if self.n else math.nan

    @property
    def worth(self) -> tuple[float, float]:
        """Right answers and posts, as many as the slice has of independent ones."""
        return scaled_count(self.n_correct, self.n, self.effective_n) if self.n else 0.0, self.effective_n

    @property
    def interval_95(self) -> Interval:
        """Wilson's interval, by thread where threads repeat."""
        return wilson_interval(*self.worth)


def slice_scores(results: Mapping[Key, Result], plan: Plan, variant: str) -> tuple[SliceScore, ...]:
    """The slices of each slicing, in the order of the plan; none of posts that are not in the plan."""
    return tuple(
        _slice_score(slicing, name, [post for post in plan.asked(variant) if of[split_key(post.id)[0]] == name], found)
        for slicing, of in plan.slices.items()
        for found in [{post_id: result for (post_id, one), result in results.items() if one == variant}]
        for name in dict.fromkeys(of.values())
    )


def _slice_score(slicing: str, name: str, posts: list[Post], results: Mapping[str, Result]) -> SliceScore:
    seen = [(post, one) for post in posts if (one := results.get(post.id)) is not None and one.prediction is not None]
    correct = [result.correct for _, result in seen]
    threads = [post.thread or f"\0{split_key(post.id)[0]}" for post, _ in seen]
    return SliceScore(slicing, name, len(seen), sum(correct), effective_posts(correct, threads) if seen else 0.0)
