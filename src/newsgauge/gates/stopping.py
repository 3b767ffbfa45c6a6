"""When the gates of a variant are decided, so that it need not be asked further: answers in, a `Stop` out. Pure.

A replay computes the same from the recorded answers; a stop that it does not reproduce is not valid.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING

from ..planning.sampling import Plan, counted_looks, counted_posts
from ..planning.stops import DecidedLimit, Stop
from ..records import Key, Outcome, Post, Prediction, Result
from ..scoring.stats.decisions import Finding
from ..scoring.stats.sequential import (
    N_LOOKS,
    Look,
    chosen_looks,
    first_decision,
    floor_boundaries,
    planned_looks,
)
from ..scoring.stats.sequential_pairs import Flips, first_above, first_below, first_difference
from .findings import METRICS
from .gate import ALPHA, Evidence, Gate

if TYPE_CHECKING:
    from .baseline_file import Baseline

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


def looks_of(plan: Plan, n_looks: int | None, limits: Iterable[object] = ()) -> tuple[int, ...]:
    """When a recording of the plan looks: at whole rounds over the labels, if each label has as many posts."""
    sizes = set(Counter(post.label for post in plan.posts).values())
    return looks_at(len(plan.posts), len(plan.labels) if len(sizes) == 1 else 1, n_looks, list(limits))


def looks_at(cap: int, step: int, n_looks: int | None, limits: Sequence[object]) -> tuple[int, ...]:
    """``n_looks`` None: as takes few calls until these limits are decided; `N_LOOKS` if one of them is no rate."""
    rates = [one for one in limits if isinstance(one, WatchedRate)]
    if n_looks is not None or len(rates) < len(limits):
        return planned_looks(cap, n_looks or N_LOOKS, step=step)
    return chosen_looks(cap, sorted({one.floor for one in rates}), step=step, alpha=ALPHA)


def limits_to_watch(
    gates: Sequence[Gate], variant: str, plan: Plan, baseline: Baseline | None
) -> tuple[tuple[Watched, ...], tuple[str, ...]]:
    """The limits that decide when the variant may stop, and the reasons why it may not stop at all."""
    found = [gate.early(plan, gates, baseline) for gate in gates if variant in gate.variants]
    limits = tuple(limit for own, _ in found for limit in own)
    whole = [reason for _, reasons in found for reason in reasons]
    why = [f"{', '.join(whole)} can be decided on the whole plan only"] if whole else []
    if plan.repeats.get(variant, 1) > 1:
        why.append(f"it asks each {plan.unit} {plan.repeats[variant]} times, and repeats are not independent answers")
    if not limits and not why:
        why.append("no gate sets a floor, a ceiling, a lead or a drop of it")
    return limits, tuple(why)


@lru_cache(maxsize=64)
def boundaries(floor: float, looks: tuple[int, ...]) -> tuple[Look, ...]:
    """At the error rates of a live run."""
    return floor_boundaries(floor, looks, alpha=ALPHA)


def find_stop(
    limits: Sequence[Watched],
    plan: Plan,
    looks: tuple[int, ...],
    results: Mapping[Key, Result],
    *,
    n_recorded: int = 0,
    stored: Sequence[DecidedLimit] = (),
) -> Stop | None:
    """Where a variant stops, of these looks; None while it has to be asked on.

    ``n_recorded``: up to this place in the order of asking something is recorded, which then counts too: the stop is
    at the first look from there.
    """
    answers, then = Answers(plan, looks, results), {one.metric: one for one in stored}
    found = [one for limit in limits if (one := limit.decide(answers, then.get(limit.metric))) is not None]
    if len(found) < len(limits):
        return None
    found += [one for one in stored if one.metric not in {limit.metric for limit in limits}]
    look = max(one.look for one in found)
    look = next(number for number, n in enumerate(looks, 1) if number >= look and n >= n_recorded)
    return Stop(looks[look - 1], look, looks, tuple(sorted(found, key=lambda one: one.metric)))


def stop_fault(
    variant: str,
    plan: Plan,
    limits: Sequence[Watched],
    results: Mapping[Key, Result],
    *,
    only: bool = False,
    without_drop: bool = False,
) -> str:
    """Why the stop of a variant is not valid for these limits and answers; '' if it is.

    What compares with a variant that is not part of the run stays as the recording decided it. ``only``: the limits
    are those of one gate, so that the stop has others.
    """
    stop = plan.stops[variant]
    asked = {name for _, name in results}
    now = {limit.metric for limit in limits}
    absent = {one.metric for one in stop.limits if any(not {*pair} <= asked for pair in one.among)}
    absent |= {one.metric for one in stop.limits if without_drop and one.against}
    then_asked = [(one.metric, one.limit, len(one.among)) for one in stop.limits if one.metric in now or not only]
    now_asked = [(one.metric, one.limit, len(one.family) if isinstance(one, WatchedLead) else 0) for one in limits]
    then_named, now_named = (_named(one for one in some if one[0] not in absent) for some in (then_asked, now_asked))
    if then_named != now_named:
        return (
            f"{variant}: its recording stopped when {then_named or 'another limit'} was decided, and the gates now ask "
            f"{now_named or 'nothing of it'}: a stop is valid only for the limits it was computed for; {_AGAIN}"
        )
    answers = (results.get((post.id, variant)) for post in plan.asked(variant))
    if any(one is None or one.prediction is None for one in answers):
        return ""  # a case without an answer is a reason by itself
    own = [limit for limit in limits if limit.metric not in absent]
    found = find_stop(own, plan, stop.looks, results, n_recorded=stop.n, stored=stop.limits)
    if found != stop:
        there = "it would not have stopped" if found is None else f"it would have been {found.words()}"
        return f"{variant}: by the answers recorded {there}, and the stop says {stop.words()}; {_AGAIN}"
    return ""


def decided_by_stop(variant: str, gate: Gate, evidence: Evidence) -> tuple[str, dict[str, DecidedLimit]]:
    """Why the stop of a variant is not valid for a gate, '' if it is; and by metric what the recording decided."""
    plan = evidence.plan
    watched, _ = gate.early(plan, evidence.family, evidence.baseline)
    fault = stop_fault(variant, plan, watched, evidence.results, only=True)
    return fault, {one.metric: one for one in plan.stops[variant].limits}


def stop_faults(
    plan: Plan,
    gates: Sequence[Gate],
    results: Mapping[Key, Result],
    baseline: Baseline | None,
    *,
    updating: bool,
) -> Iterator[str]:
    """A reason for red for each variant whose recording stopped, and not by these gates.

    ``updating``: the run writes the baseline and is not held to it.
    """
    for variant in plan.stops:
        limits, why_not = limits_to_watch(gates, variant, plan, baseline)
        if why_not and not (updating and any(one.against for one in plan.stops[variant].limits)):
            yield f"{variant}: its recording stopped early, but {'; '.join(why_not)}; {_AGAIN}"
        elif fault := stop_fault(variant, plan, limits, results, without_drop=updating):
            yield fault


def _named(limits: Iterable[tuple[str, float, int]]) -> str:
    return ", ".join(
        f"{metric} {limit:g}{f' (of {n} comparisons)' if n > 1 else ''}" for metric, limit, n in sorted(limits)
    )


_AGAIN = "'newsgauge record --until-decided' with the options of this run asks on from there, without it the whole plan"
