"""When the gates of a variant are decided, so that it need not be asked further: answers in, a `Stop` out. Pure.

A replay computes the same from the recorded answers; a stop that it does not reproduce is not valid.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ..planning.sampling import Plan
from ..planning.stops import DecidedLimit, Stop
from ..records import Key, Result
from ..scoring.stats.sequential import N_LOOKS, chosen_looks, planned_looks
from .gate import ALPHA, Evidence, Gate
from .watched import Answers, Watched, WatchedLead, WatchedRate

if TYPE_CHECKING:
    from .baseline_file import Baseline


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
