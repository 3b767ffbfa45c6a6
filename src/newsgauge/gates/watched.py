"""Limits that may be decided before a plan is asked whole: answers at the looks of a plan in, a `DecidedLimit` out.

Each by exact boundaries for its looks: a rate, a drop against a baseline, a lead. Pure.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import accumulate

from ..planning.sampling import Plan, counted_looks, counted_posts
from ..planning.stops import DecidedLimit
from ..records import Key, Outcome, Post, Prediction, Result
from ..scoring.stats.decisions import Finding
from ..scoring.stats.sequential import Look, first_decision, floor_boundaries
from ..scoring.stats.sequential_pairs import Flips, first_above, first_below, first_difference
from .findings import METRICS
from .gate import ALPHA

#: The rates whose events are counted answer by answer.
COUNTED = ("accuracy", "error_rate", "off_list_rate")


def counts_for(metric: str, post: Post, said: Prediction) -> bool:
    """Whether the metric counts an answer: as right, as an error, as off the list."""
    if metric == "max_error_rate":
        return said.is_error
    if metric == "max_off_list_rate":
        return said.outcome is Outcome.OFF_LIST
    return said.label == post.label


class Answers:
    """What is answered so far, in the order of asking, at the looks of a plan."""

    def __init__(self, plan: Plan, looks: tuple[int, ...], results: Mapping[Key, Result]) -> None:
        self.looks = looks
        self.order = counted_posts(plan)
        #: The posts that count by each look: of a thread the first that is asked.
        self.n_counted = counted_looks(self.order, looks)
        self._results = results
        self._said: dict[str, list[tuple[Post, Prediction]]] = {}

    def said(self, variant: str) -> list[tuple[Post, Prediction]]:
        """The answers up to the first post without one."""
        if variant not in self._said:
            found: list[tuple[Post, Prediction]] = []
            for post, _ in self.order:
                one = self._results.get((post.id, variant))
                if one is None or one.prediction is None:
                    break
                found.append((post, one.prediction))
            self._said[variant] = found
        return self._said[variant]

    def right(self, variant: str) -> list[bool]:
        """Which of them are right; False for those that do not count."""
        answered = zip(self.said(variant), self.order, strict=False)
        return [counts and said.label == post.label for (post, said), (_, counts) in answered]

    def seen(self, *variants: str) -> list[int]:
        """The looks for which all of these variants have answers."""
        n = min(len(self.said(variant)) for variant in variants)
        return [look for look in self.looks if look <= n]

    def found(self, limit: Watched, first: tuple[int, bool] | None, n_seen: int) -> DecidedLimit | None:
        """What a limit comes to by its first deciding look; None while it is open."""
        if first is None and n_seen < len(self.looks):
            return None
        look, finding = len(self.looks), Finding.INCONCLUSIVE
        if first is not None:
            look, finding = first[0], Finding.PASS if first[1] else Finding.FAIL
        return DecidedLimit(limit.metric, limit.limit, finding.value, look)


@dataclass(frozen=True)
class Watched(ABC):
    """A limit that may be decided before the plan is asked whole."""

    metric: str
    limit: float

    @abstractmethod
    def decide(self, answers: Answers, stored: DecidedLimit | None = None) -> DecidedLimit | None:
        """What it comes to by these answers; None while it is open. ``stored``: what a recording made of it."""


@dataclass(frozen=True)
class WatchedRate(Watched):
    """A floor or a ceiling on a rate of single answers."""

    variant: str

    @property
    def floor(self) -> float:
        """A ceiling is a floor on what does not happen."""
        return self.limit if METRICS[self.metric].is_floor else 1 - self.limit

    def decide(self, answers: Answers, stored: DecidedLimit | None = None) -> DecidedLimit | None:
        """By the exact boundaries of a rate."""
        is_floor, seen = METRICS[self.metric].is_floor, answers.seen(self.variant)
        kept = [
            counts and counts_for(self.metric, post, one) is is_floor
            for (post, one), (_, counts) in zip(answers.said(self.variant), answers.order, strict=False)
        ]
        n_kept = {n: sum(kept[:look]) for n, look in zip(answers.n_counted, seen, strict=False)}
        first = first_decision(boundaries(self.floor, tuple(sorted({*answers.n_counted}))), [*n_kept.values()])
        if first is not None:
            first = answers.n_counted.index([*n_kept][first[0] - 1]) + 1, first[1]
        return answers.found(self, first, len(seen))


@dataclass(frozen=True)
class WatchedDrop(Watched):
    """The largest drop that is allowed against a baseline. ``then``: whether its answers were right, by post."""

    variant: str
    then: Mapping[str, bool]
    against: str

    def decide(self, answers: Answers, stored: DecidedLimit | None = None) -> DecidedLimit | None:
        """By the trinomial boundaries, over the posts that the baseline knows; without any it is never decided.

        If the baseline was replaced since, by what the recording counted then.
        """
        if stored is not None and stored.against != self.against:
            flips = [Flips(*counts) for counts in stored.counts]
            against, planned = stored.against, tuple(one.n for one in flips)
        else:
            against, common = self.against, [(post, counts and post.id in self.then) for post, counts in answers.order]
            planned = counted_looks(common, answers.looks)
            pairs = [
                (counts and self.then[post.id], counts and is_right)
                for (post, counts), is_right in zip(common, answers.right(self.variant), strict=False)
            ]
            flips = flips_at(answers.seen(self.variant), pairs, planned)
        if not planned or not planned[-1]:
            return DecidedLimit(self.metric, self.limit, Finding.INCONCLUSIVE.value, 1, against=against)
        found = answers.found(self, first_difference(flips, planned, -self.limit, alpha=ALPHA), len(flips))
        if found is None:
            return None
        counted = ((one.n, one.gained, one.lost) for one in flips[: found.look])
        counts = (*counted, *((n, 0, 0) for n in planned[found.look :]))
        return replace(found, against=against, counts=counts)


@dataclass(frozen=True)
class Pair:
    """A comparison: ``first`` leads ``other`` by at least so much. ``is_primary``: held without a correction."""

    first: str
    other: str
    at_least: float
    is_primary: bool


@dataclass(frozen=True)
class WatchedLead(Watched):
    """A comparison, corrected for the others of the run."""

    pair: Pair
    family: tuple[Pair, ...]

    def decide(self, answers: Answers, stored: DecidedLimit | None = None) -> DecidedLimit | None:
        """By `decide_pairs`; its own looks have to be there."""
        first = decide_pairs(self.family, answers).get(self.pair)
        found = answers.found(self, first, len(answers.seen(self.pair.first, self.pair.other)))
        return found and replace(found, among=tuple((one.first, one.other) for one in self.family))


def flips_at(seen: Sequence[int], pairs: Sequence[tuple[bool, bool]], planned: Sequence[int]) -> list[Flips]:
    """Gains and losses up to each look, of pairs (then right, now right); ``planned``: the posts compared by then."""
    gained = [0, *accumulate(now and not then for then, now in pairs)]
    lost = [0, *accumulate(then and not now for then, now in pairs)]
    return [Flips(n, gained[look], lost[look]) for look, n in zip(seen, planned, strict=False)]


@lru_cache(maxsize=1)  # each comparison of a run asks for all of them
def decide_pairs(family: tuple[Pair, ...], answers: Answers) -> dict[Pair, tuple[int, bool]]:
    """The comparisons that are decided: at which look, and whether by a PASS.

    The primary one is held at alpha, the others by Holm's procedure, look by look, and not before the primary one has
    passed (Ye, Li, Liu, Yao, Statistics in Medicine 32, 2013: each step has boundaries of its own level from the first
    look on). A boundary counts as reached only if those of all larger levels are, so that levels are nested. FAIL is
    not corrected: it says of one comparison that it is broken.
    """
    primary = next((one for one in family if one.is_primary), family[0] if len(family) == 1 else None)
    others = [one for one in family if one != primary]
    flips = {}
    for one in family:
        pairs = list(zip(answers.right(one.other), answers.right(one.first), strict=False))
        flips[one] = flips_at(answers.seen(one.first, one.other), pairs, answers.n_counted)
    never = len(answers.looks) + 1

    def above(one: Pair, level: float) -> int:
        return first_above(flips[one], answers.n_counted, one.at_least, level) or never

    fails = {one: first_below(flips[one], answers.n_counted, one.at_least, ALPHA) for one in family}
    levels = {one: list(accumulate((above(one, ALPHA / n) for n in range(1, len(others) + 1)), max)) for one in others}
    found: dict[Pair, tuple[int, bool]] = {}
    for look in range(1, never):
        found |= {one: (look, False) for one, fail in fails.items() if fail == look and one not in found}
        if primary is not None and primary not in found and above(primary, ALPHA) == look:
            found[primary] = (look, True)
        if primary is not None and not found.get(primary, (0, False))[1]:
            continue
        while proved := [
            one
            for one in others
            if one not in found
            and levels[one][len(others) - sum(is_pass for other, (_, is_pass) in found.items() if other != primary) - 1]
            <= look
        ]:
            found[proved[0]] = (look, True)
    return found


@lru_cache(maxsize=64)
def boundaries(floor: float, looks: tuple[int, ...]) -> tuple[Look, ...]:
    """At the error rates of a live run."""
    return floor_boundaries(floor, looks, alpha=ALPHA)
