"""When the gates of a variant are decided, so that it need not be asked further: answers in, a `Stop` out. Pure.

A replay asks the same of the answers that are recorded; a stop that does not come out again is not valid.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate, takewhile

from ..planning.sampling import Plan, asking_order
from ..planning.stops import DecidedLimit, Stop
from ..records import Key, Outcome, Post, Prediction, Result
from ..scoring.stats.decisions import Finding
from ..scoring.stats.sequential import Look, ceiling_boundaries, first_decision, floor_boundaries, planned_looks
from .findings import METRICS, Limit
from .gate import ALPHA, Gate

#: The rates whose events are counted answer by answer.
COUNTED = ("accuracy", "error_rate", "off_list_rate")


def counts_for(metric: str, post: Post, said: Prediction) -> bool:
    """Whether the metric counts an answer: as right, as an error, as off the list."""
    if metric == "max_error_rate":
        return said.is_error
    if metric == "max_off_list_rate":
        return said.outcome is Outcome.OFF_LIST
    return said.label == post.label


def looks_of(plan: Plan, n_looks: int) -> tuple[int, ...]:
    """When a recording of the plan looks: at whole rounds over the labels, if each label has as many posts."""
    sizes = set(Counter(post.label for post in plan.posts).values())
    return planned_looks(len(plan.posts), n_looks, step=len(plan.labels) if len(sizes) == 1 else 1)


def limits_to_watch(gates: Iterable[Gate], variant: str, plan: Plan) -> tuple[tuple[Limit, ...], tuple[str, ...]]:
    """The limits that decide when the variant may stop, and the reasons why it may not stop at all."""
    found = [gate.early(plan) for gate in gates if variant in gate.variants]
    limits = tuple(limit for own, _ in found for limit in own)
    whole = [reason for _, reasons in found for reason in reasons]
    why = [f"{', '.join(whole)} can be decided on the whole plan only"] if whole else []
    if plan.repeats.get(variant, 1) > 1:
        why.append(f"it asks each {plan.unit} {plan.repeats[variant]} times, and repeats are not independent answers")
    threads = [post.thread for post in plan.posts if post.thread is not None]
    if len(set(threads)) < len(threads):
        todo = "leave --allow-threads out" if plan.allow_threads else "draw with another --sample-seed"
        if plan.posts_per_class is None and not plan.sample:
            todo = "draw a sample with --posts-per-class"
        why.append(f"{plan.units} of one thread, also under two labels, are not independent answers: {todo}")
    if not limits and not why:
        why.append("no gate sets a floor or a ceiling on a rate of it")
    return limits, tuple(why)


def decided(
    limits: Sequence[Limit], variant: str, plan: Plan, looks: tuple[int, ...], results: Mapping[Key, Result]
) -> list[DecidedLimit | None]:
    """What each limit comes to at the looks for which all answers are there; None while it is open."""
    order = asking_order(plan.posts, plan.seed)
    answers = ((post, results.get((post.id, variant))) for post in order)
    said = [
        (post, found.prediction)
        for post, found in takewhile(lambda one: one[1] is not None and one[1].prediction is not None, answers)
        if found is not None and found.prediction is not None
    ]
    seen = [n for n in looks if n <= len(said)]
    decisions: list[DecidedLimit | None] = []
    for limit in limits:
        is_floor = METRICS[limit.metric].is_floor
        counted = accumulate(counts_for(limit.metric, post, one) is is_floor for post, one in said)
        n_kept = [0, *counted]
        first = first_decision(boundaries(limit.limit, looks, is_floor), [n_kept[n] for n in seen])
        finding = Finding.INCONCLUSIVE if first is None else Finding.PASS if first[1] else Finding.FAIL
        look = len(looks) if first is None else first[0]
        is_open = first is None and len(seen) < len(looks)
        decisions.append(None if is_open else DecidedLimit(limit.metric, limit.limit, finding.value, look))
    return decisions


@lru_cache(maxsize=64)
def boundaries(limit: float, looks: tuple[int, ...], is_floor: bool) -> tuple[Look, ...]:
    """Those of a floor or of a ceiling, at the error rates of a live run."""
    return (floor_boundaries if is_floor else ceiling_boundaries)(limit, looks, alpha=ALPHA)


def find_stop(
    limits: Sequence[Limit],
    variant: str,
    plan: Plan,
    n_looks: int,
    results: Mapping[Key, Result],
    *,
    n_recorded: int = 0,
) -> Stop | None:
    """Where a variant stops; None while it has to be asked on.

    ``n_recorded``: up to this place in the order of asking something is recorded, which then counts too: the stop is
    at the first look from there.
    """
    looks = looks_of(plan, n_looks)
    found = [one for one in decided(limits, variant, plan, looks, results) if one is not None]
    if len(found) < len(limits):
        return None
    look = max(one.look for one in found)
    look = next(number for number, n in enumerate(looks, 1) if number >= look and n >= n_recorded)
    return Stop(looks[look - 1], look, n_looks, looks, tuple(found))


def stop_fault(variant: str, plan: Plan, limits: Sequence[Limit], results: Mapping[Key, Result]) -> str:
    """Why the stop of a variant is not valid for these limits and answers; '' if it is."""
    stop = plan.stops[variant]
    then, now = _named(stop.limits), _named(limits)
    if then != now:
        return (
            f"{variant}: its recording stopped when {then} was decided, and the gates now ask {now}: a stop is valid "
            f"only for the limits it was computed for; {_AGAIN}"
        )
    answers = (results.get((post.id, variant)) for post in plan.asked(variant))
    if any(one is None or one.prediction is None for one in answers):
        return ""  # a case without an answer is a reason by itself
    found = find_stop(limits, variant, plan, stop.n_looks, results, n_recorded=stop.n)
    if found != stop:
        there = "it would not have stopped" if found is None else f"it would have been {found.words()}"
        return f"{variant}: by the answers recorded {there}, and the stop says {stop.words()}; {_AGAIN}"
    return ""


def stop_faults(plan: Plan, gates: Sequence[Gate], results: Mapping[Key, Result]) -> Iterator[str]:
    """A reason for red for each variant whose recording stopped, and not by these gates."""
    for variant in plan.stops:
        limits, why_not = limits_to_watch(gates, variant, plan)
        if why_not:
            yield f"{variant}: its recording stopped early, but {'; '.join(why_not)}; {_AGAIN}"
        elif fault := stop_fault(variant, plan, limits, results):
            yield fault


def _named(limits: Iterable[Limit | DecidedLimit]) -> str:
    return ", ".join(f"{one.metric} {one.limit:g}" for one in limits)


_AGAIN = "'newsgauge record --until-decided' with the options of this run asks on from there, without it the whole plan"
