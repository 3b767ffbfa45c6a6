"""Results in, one `Score` per variant out. The denominator is the plan's, never the number of cases that ran.

Two sets of answers to the same posts in, a `Comparison` out: who gained, who lost, every flipped post by name. A post
that one of the two has no answer to is an error there, not a smaller sample. Knows nothing of gates.

The scores of a run that still goes on: its log in; scores out, computed again only after new results.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import combinations

from ..planning.sampling import Plan, counted_looks, counted_posts, split_key
from ..records import Key, Outcome, Post, Prediction, Result
from ..running.results_log import ResultLog
from .confidences import confidence_scores, repeat_scores
from .latency import Latency
from .scores import AnswerCounts, Comparison, Flip, Score, Share
from .slices import slice_scores
from .stats.classification import ConfusionMatrix, class_scores, confusion_matrix, macro_f1
from .stats.intervals import Interval, clustered_interval, effective_posts, wilson_interval
from .stats.paired import mcnemar_exact, mcnemar_exact_two_sided, paired_interval
from .stats.repeats import flips_per_post
from .stats.sequential import repeated_interval
from .stats.standardised import Stratum, standardised_interval, standardised_rate

#: What is counted of each answer.
TOKENS = ("input_tokens", "output_tokens", "thinking_tokens", "cached_tokens", "tool_use_tokens")


def score(
    results: Mapping[Key, Result],
    plan: Plan,
    variants: Iterable[str],
    *,
    trained_threads: Mapping[str, Collection[str]] | None = None,
) -> dict[str, Score]:
    """The score of each variant over the planned posts; results of other posts are left out.

    ``trained_threads``: variant -> the posts whose threads it was trained on.
    """
    known = trained_threads or {}
    return {variant: _score(variant, results, plan, frozenset(known.get(variant, ()))) for variant in variants}


def threads_of(posts: Iterable[Post]) -> list[str]:
    """The thread of each post; a post without one is its own, with all of its repeats."""
    return [post.thread or f"\0{split_key(post.id)[0]}" for post in posts]


def nearest_label(answer: str, labels: Iterable[str]) -> str | None:
    """The one label that an answer is or extends: ``rec.autos`` for ``rec.autos.misc`` and for ``Rec.Autos.``.

    Case does not count. None if it is no label's, or more than one's: a guess is not a near miss.
    """
    said = answer.casefold()
    near = [label for label in labels if said == label.casefold() or said.startswith(f"{label.casefold()}.")]
    return near[0] if len(near) == 1 else None


def _score(variant: str, results: Mapping[Key, Result], plan: Plan, trained: frozenset[str]) -> Score:
    asked = [(post, results.get((post.id, variant))) for post in plan.asked(variant)]
    seen = [(post, result.prediction) for post, result in asked if result is not None and result.prediction is not None]
    correct = [said.label == post.label for post, said in seen]
    threads = threads_of(post for post, _ in seen)
    n_threads, became = len(set(threads)), Counter(_kind(result) for _, result in asked)
    off_list = [(post.label, said.label) for post, said in seen if said.outcome is Outcome.OFF_LIST]
    matrix = confusion_matrix(
        [post.label for post, _ in seen],
        [None if said.is_error else said.label for _, said in seen],
        plan.labels,
    )
    is_repeated = plan.repeats.get(variant, 1) > 1
    says_how_sure = is_repeated or any(said.confidence is not None for _, said in seen)
    effective_n = effective_posts(correct, threads) if seen else 0.0
    effective_share = effective_n / len(seen) if seen else 1.0
    took_ms = [said.latency_ms for _, said in seen if said.latency_ms is not None]
    return Score(
        variant=variant,
        n_planned=len(asked),
        counts=AnswerCounts(**{name: became[name] for name in AnswerCounts.__slots__}),
        n_closed_set=sum(correct) + sum(nearest_label(said, plan.labels) == label for label, said in off_list),
        wilson=wilson_interval(sum(correct), len(seen)),
        clustered=clustered_interval(correct, threads) if n_threads < len(seen) else None,
        after_stopping=_after_stopping(variant, plan, {post.id for post, said in seen if said.label == post.label})
        if (stop := plan.stops.get(variant)) is not None and (len(seen), len(plan.posts)) == (stop.n, stop.cap)
        else None,
        n_threads=n_threads,
        effective_n=effective_n,
        matrix=matrix,
        classes=class_scores(matrix),
        macro_f1=macro_f1(matrix),
        **{name: sum(getattr(said, name) for _, said in seen) for name in TOKENS},
        model_versions=tuple(sorted({said.model_version for _, said in seen})),
        n_cleaned=sum(bool(said.raw) for _, said in seen),
        n_uncounted=sum(said.is_uncounted for _, said in seen),
        repeats=repeat_scores(results, plan, variant) if is_repeated else None,
        own_mix=_own_mix(plan, matrix, effective_share),
        slices=slice_scores(results, plan, variant),
        trained_threads=_by_training(seen, trained),
        confidence=confidence_scores(results, plan, variant) if says_how_sure else None,
        latency=Latency.of(took_ms) if took_ms else None,
    )


def _after_stopping(variant: str, plan: Plan, right: Collection[str]) -> Interval:
    """Of the posts that count: of a thread the first that is asked."""
    stop, posts = plan.stops[variant], counted_posts(plan)
    n_right = sum(counts and post.id in right for post, counts in posts)
    return repeated_interval(n_right, counted_looks(posts, stop.looks), stop.look)


def strata_of(matrix: ConfusionMatrix, population: Mapping[str, int], effective_share: float) -> list[Stratum]:
    """One stratum per label of the data, its answers scaled to the effective number of posts."""
    counts = {one.label: (one.n_correct, one.support) for one in class_scores(matrix)}
    found = {label: counts.get(label, (0, 0)) for label in population}
    return [Stratum(k * effective_share, n * effective_share, population[label]) for label, (k, n) in found.items()]


def has_own_mix(plan: Plan) -> bool:
    """Whether the sample has the mix of the data, to within a post or a quarter per label, or the data is unknown."""
    drawn = Counter(post.label for post in plan.posts)
    n_data = sum(plan.population.values())
    expected = {label: size * len(plan.posts) / n_data for label, size in plan.population.items()}
    return all(abs(drawn[label] - own) <= 1 or 0.75 <= drawn[label] / own <= 4 / 3 for label, own in expected.items())


def _by_training(seen: Iterable[tuple[Post, Prediction]], trained: frozenset[str]) -> tuple[Share, Share] | None:
    """None unless there are answers to posts of both kinds."""
    parts: dict[bool, list[tuple[bool, str]]] = {True: [], False: []}
    for post, said in seen:
        [thread] = threads_of([post])
        parts[split_key(post.id)[0] in trained].append((said.label == post.label, thread))
    if not all(parts.values()):
        return None
    shares = []
    for part in parts.values():
        right, threads = zip(*part, strict=True)
        shares.append(Share(len(part), sum(right) / len(part), clustered_interval(right, threads)))
    return shares[0], shares[1]


def _own_mix(plan: Plan, matrix: ConfusionMatrix, effective_share: float) -> tuple[float, Interval] | None:
    """None also if a label of the data has no answer."""
    if has_own_mix(plan):
        return None
    strata = strata_of(matrix, plan.population, effective_share)
    rate = standardised_rate(strata)
    return None if rate != rate else (rate, standardised_interval(strata))


def _kind(result: Result | None) -> str:
    if result is None:
        return "missing"
    if result.prediction is None:
        return "broken"
    if result.correct:
        return "right"
    outcome = result.prediction.outcome
    return "wrong" if outcome is Outcome.LABEL else outcome.value.replace("-", "_")


class LiveScores:
    """The scores of the planned posts from everything that the processes of a run have logged so far."""

    def __init__(self, log: ResultLog, plan: Plan) -> None:
        self._log = log
        self._plan = plan
        self._scored: dict[str, tuple[int, Score]] = {}

    def of(self, variants: tuple[str, ...]) -> dict[str, Score]:
        """The score of each variant."""
        results, n_read = self._log.read(), self._log.n_bytes_read
        stale = [name for name in variants if name not in self._scored or self._scored[name][0] != n_read]
        for variant in stale:
            self._scored[variant] = (n_read, score(results, self._plan, [variant])[variant])
        return {variant: self._scored[variant][1] for variant in variants}


#: What was said of a post, whenever it was asked.
Said = str | Sequence[str]


def compare(
    posts: Sequence[Post], first: Mapping[str, Said], second: Mapping[str, Said], *, names: tuple[str, str]
) -> Comparison:
    """Compare post by post; ``first`` and ``second`` map the id of each post to its answer, or answers.

    KeyError if a post has no answer in one of them.
    """
    shares = [[right_share(said[post.id], post.label) for post in posts] for said in (first, second)]
    changes = [one - other for one, other in zip(*shares, strict=True)]

    def flips(sign: int) -> tuple[Flip, ...]:
        return tuple(
            Flip(post.id, post.label, in_one(first[post.id]), in_one(second[post.id]))
            for post, change in zip(posts, changes, strict=True)
            if sign * change > 0
        )

    n = len(posts)
    n_gained, n_lost = (math.fsum(max(0.0, sign * change) for change in changes) for sign in (1, -1))
    effective_n = effective_posts(changes, threads_of(posts)) * flips_per_post(changes) if posts else 0.0
    share = effective_n / n if n else 1.0
    gained, lost = n_gained * share, n_lost * share
    low, high = paired_interval(gained, lost, effective_n)
    return Comparison(
        first=names[0],
        second=names[1],
        n=n,
        n_both=sum(one == other == 1 for one, other in zip(*shares, strict=True)),
        gained=flips(1),
        lost=flips(-1),
        low=low,
        high=high,
        p=mcnemar_exact(gained, lost),
        p_two_sided=mcnemar_exact_two_sided(gained, lost),
        effective_n=effective_n,
        n_gained=n_gained,
        n_lost=n_lost,
    )


def right_share(said: Said, label: str) -> float:
    """The share of right answers to a post."""
    return float(said == label) if isinstance(said, str) else sum(one == label for one in said) / len(said)


def in_one(said: Said) -> str:
    """The answer; of several ``sci.med (2), sci.space (1)``, the most frequent first."""
    told = [said] if isinstance(said, str) else list(said)
    return told[0] if len(told) == 1 else ", ".join(f"{one} ({n})" for one, n in Counter(told).most_common())


def compared_pairs(variants: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Every two variants; one that is asked under a disturbance, such as ``tuned+typos``, only with its own."""
    for first, second in combinations(variants, 2):
        if "+" not in first + second or second.rpartition("+")[0] == first:
            yield first, second


def compare_variants(results: Mapping[Key, Result], posts: Sequence[Post], first: str, second: str) -> Comparison:
    """Compare two variants of a run by all their answers. KeyError if a post has no answer from either."""
    return compare(posts, rows_of(results, first), rows_of(results, second), names=(first, second))


def rows_of(results: Mapping[Key, Result], variant: str) -> dict[str, list[str]]:
    """Id of a post -> what the variant answered each time it was asked, in that order."""
    return in_rows(answers_of(results, variant))


def in_rows(answers: Mapping[str, str]) -> dict[str, list[str]]:
    """The answers of each post together, from one per key."""
    found: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for key, said in answers.items():
        post_id, number = split_key(key)
        found[post_id].append((number, said))
    return {post_id: [said for _, said in sorted(row)] for post_id, row in found.items()}


def answers_of(results: Mapping[Key, Result], variant: str) -> dict[str, str]:
    """Id of a post -> what the variant answered; cases without an answer are left out."""
    return {
        post_id: result.prediction.label
        for (post_id, name), result in results.items()
        if name == variant and result.prediction is not None
    }
