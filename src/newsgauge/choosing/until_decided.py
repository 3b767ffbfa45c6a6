"""Asks a plan look by look, and each variant only until its gates are decided. A way to ask and gates in, stops out.

All calls of a look are answered before it is evaluated, so none is under way when a variant stops. Recordings left by
an interruption are evaluated in the same way, so the next run continues to the same stop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from ..cassettes.line import case_of
from ..errors import UsageError
from ..gates.findings import Limit
from ..gates.gate import Gate
from ..gates.stopping import find_stop, limits_to_watch, looks_of
from ..planning.sampling import asking_order, stopped_at
from ..planning.stops import Stop
from ..recording.pending import find_pending
from ..records import Case, Key, Result
from ..running.results_log import MAIN, ResultLog
from ..running.run import Run
from ..running.run_config import RunConfig, open_recorder


@dataclass(frozen=True, slots=True)
class Watch:
    """What decides when a variant stops. ``first``: the first look at all that is recorded already, from 1."""

    limits: tuple[Limit, ...]
    looks: tuple[int, ...]
    first: int


def watch_plan(setup: RunConfig, gates: Sequence[Gate], n_looks: int) -> tuple[dict[str, Watch], dict[str, str]]:
    """The variants that may stop early; the others that are recorded, and why they are asked the whole plan.

    Raises `UsageError` if none may stop.
    """
    watched, whole = {}, {}
    recorder, looks = open_recorder(setup), looks_of(setup.plan, n_looks)
    place = {post.id: number for number, post in enumerate(asking_order(setup.plan.posts, setup.plan.seed), 1)}
    for name, variant in setup.variants.items():
        if not variant.has_cassette:
            continue
        limits, why_not = limits_to_watch(gates, name, setup.plan)
        if why_not:
            whole[name] = "; ".join(why_not)
            continue
        keys = recorder.file(name).keys()
        n_recorded = max((place.get(case_of(key), 0) for key in keys), default=0)
        first = next(number for number, n in enumerate(looks, 1) if n >= n_recorded)
        watched[name] = Watch(limits, looks, first)
    recorder.close()
    if not watched:
        reasons = "; ".join(f"{name}: {why}" for name, why in whole.items()) or "no variant is recorded"
        raise UsageError(f"--until-decided: no variant of this plan may stop early. {reasons}")
    return watched, whole


def ask_until_decided(
    setup: RunConfig,
    watched: Mapping[str, Watch],
    n_looks: int,
    *,
    ask: Callable[[RunConfig, Sequence[Case]], bool],
    on_stop: Callable[[str, Stop], None],
) -> RunConfig:
    """The setup, planned up to where its variants stopped; one without an answer to a post is planned as a whole.

    ``ask`` asks cases and returns whether to continue; ``on_stop`` is called for each variant that stops.
    """
    stops: dict[str, Stop] = {}
    at = {name: one.first for name, one in watched.items()}
    active = [name for name, variant in setup.variants.items() if variant.has_cassette]
    goes_on = True
    with TemporaryDirectory(prefix="newsgauge-") as folder:
        log = ResultLog(Path(folder), MAIN)
        while active and goes_on:
            part = _up_to(setup, active, {name: watched[name].looks[look - 1] for name, look in at.items()})
            to_ask = find_pending(part).to_ask
            goes_on = not to_ask or ask(part, to_ask)
            active = [name for name in active if name in watched]
            results = _replayed(_up_to(part, active, {}), log)
            for name in list(active):
                own, answers = watched[name], (results.get((post.id, name)) for post in part.plan.asked(name))
                if any(one is None or one.prediction is None for one in answers):
                    active.remove(name)  # who asks says why
                    continue
                n_recorded = own.looks[own.first - 1]
                stop = find_stop(own.limits, name, setup.plan, n_looks, results, n_recorded=n_recorded)
                if stop is None:
                    at[name] += 1
                else:
                    active.remove(name)
                    stops[name] = stop
                    on_stop(name, stop)
    return replace(setup, plan=stopped_at(setup.plan, stops))


def _up_to(setup: RunConfig, names: Sequence[str], ends: Mapping[str, int]) -> RunConfig:
    """The setup of these variants alone, each up to this place in the order of asking."""
    order = [post.id for post in asking_order(setup.plan.posts, setup.plan.seed)]
    stopped = {**setup.plan.stopped, **{name: frozenset(order[:n]) for name, n in ends.items()}}
    variants = {name: setup.variants[name] for name in names}
    return replace(setup, variants=variants, plan=replace(setup.plan, stopped=stopped))


def _replayed(setup: RunConfig, log: ResultLog) -> Mapping[Key, Result]:
    """The answers from the cassettes, now and at earlier looks."""
    run = Run(replace(setup, mode="none"), log)
    try:
        return run.results(tuple(setup.variants))
    finally:
        run.close()
