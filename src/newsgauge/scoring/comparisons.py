"""Two sets of answers to the same posts in, a `Comparison` out: who gained, who lost, every flipped post by name.

Knows nothing of gates. A post that one of the two has no answer to is an error here, not a smaller sample.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..records import Key, Post, Result
from .scoreboard import threads_of
from .scores import Comparison, Flip
from .stats.intervals import effective_posts
from .stats.paired import mcnemar_exact, mcnemar_exact_two_sided, pair, paired_interval

#: A double underflows below; what is smaller is said to be.
SMALLEST_P = 1e-300


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

    only_first, only_second = set(pairs.gained), set(pairs.lost)
    changes = [(post.id in only_first) - (post.id in only_second) for post in posts]
    effective_n = effective_posts(changes, threads_of(posts)) if posts else 0.0
    share = effective_n / pairs.n if posts else 1.0
    gained, lost = len(pairs.gained) * share, len(pairs.lost) * share
    low, high = paired_interval(gained, lost, effective_n)
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
        effective_n=effective_n,
    )


def p_words(p: float) -> str:
    """``p = 0.012``, or ``p < 1e-300``: no p-value is 0."""
    return f"p = {p:.2g}" if p >= SMALLEST_P else f"p {p_number(p)}"


def p_number(p: float) -> str:
    """``0.012``, or ``< 1e-300``, for tables."""
    return f"{p:.2g}" if p >= SMALLEST_P else f"< {SMALLEST_P:.0e}"


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
