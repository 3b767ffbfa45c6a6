"""Two sets of answers to the same posts in, a `Comparison` out: who gained, who lost, every flipped post by name.

Knows nothing of gates. A post that one of the two has no answer to is an error here, not a smaller sample.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..records import Key, Post, Result
from .scores import Comparison, Flip
from .stats import mcnemar_exact, mcnemar_exact_two_sided, pair, paired_interval


def compare(
    posts: Sequence[Post], first: Mapping[str, str], second: Mapping[str, str], *, names: tuple[str, str]
) -> Comparison:
    """Compare post by post; ``first`` and ``second`` map the id of each post to what was answered.

    KeyError where a post has no answer in one of them.
    """
    pairs = pair(
        {post.id: first[post.id] == post.label for post in posts},
        {post.id: second[post.id] == post.label for post in posts},
    )
    labels = {post.id: post.label for post in posts}

    def flips(ids: Sequence[str]) -> tuple[Flip, ...]:
        return tuple(Flip(post_id, labels[post_id], first[post_id], second[post_id]) for post_id in ids)

    gained, lost = len(pairs.gained), len(pairs.lost)
    low, high = paired_interval(gained, lost, pairs.n)
    return Comparison(
        first=names[0],
        second=names[1],
        n=pairs.n,
        n_both=pairs.n_both,
        gained=flips(pairs.gained),
        lost=flips(pairs.lost),
        low=low,
        high=high,
        p=mcnemar_exact(gained, lost),
        p_two_sided=mcnemar_exact_two_sided(gained, lost),
    )


def compare_variants(results: Mapping[Key, Result], posts: Sequence[Post], first: str, second: str) -> Comparison:
    """Compare two variants of a run. KeyError where a case of either has no answer."""
    return compare(posts, answers_of(results, first), answers_of(results, second), names=(first, second))


def answers_of(results: Mapping[Key, Result], variant: str) -> dict[str, str]:
    """Id of a post -> what the variant answered; cases without an answer are left out."""
    return {
        post_id: result.prediction.label
        for (post_id, name), result in results.items()
        if name == variant and result.prediction is not None
    }
