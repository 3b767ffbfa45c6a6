"""Asks a plan look by look, and each variant only until its gates are decided. A way to ask and gates in, stops out.

All calls of a look are answered before it is evaluated, so none is under way when a variant stops. Recordings left by
an interruption are evaluated in the same way, so the next run continues to the same stop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from ..errors import UsageError
from ..gates.baseline_file import Baseline
from ..gates.gate import Gate
from ..gates.stopping import find_stop, limits_to_watch, looks_of
from ..gates.watched import Watched
from ..planning.sampling import asking_order, counted_posts, stopped_at
from ..planning.stops import Stop
from ..recording.pending import find_pending, recorded_ids
from ..recording.scheduler import Report
from ..records import Case
from ..running.results_log import MAIN, ResultLog
from ..running.run import Run
from ..running.run_config import RunConfig


@dataclass(frozen=True, slots=True)
class Watch:
    """What decides when a variant stops. ``first``: the first look at all that is recorded already, from 1."""

    limits: tuple[Watched, ...]
    looks: tuple[int, ...]
    first: int


def watch_plan(
    setup: RunConfig,
    gates: Sequence[Gate],
    n_looks: int | None,
    baseline: Baseline | None,
    say: Callable[[str], None],
) -> dict[str, Watch]:
    """The variants that may stop early; ``say`` is also told why the others may not. `UsageError` if none may."""
    found = {
        name: limits_to_watch(gates, name, setup.plan, baseline)
        for name, variant in setup.variants.items()
        if variant.has_cassette
    }
    whole = {name: "; ".join(why_not) for name, (_, why_not) in found.items() if why_not}
    wanted = {name: limits for name, (limits, _) in found.items() if name not in whole}
    looks = looks_of(setup.plan, n_looks, (limit for limits in wanted.values() for limit in limits))
    place = {post.id: number for number, post in enumerate(asking_order(setup.plan.posts, setup.plan.seed), 1)}
    watched, recorded = {}, recorded_ids(setup)
    for name, limits in wanted.items():
        n_recorded = max((place[post_id] for post_id in recorded[name]), default=0)
        first = next(number for number, n in enumerate(looks, 1) if n >= n_recorded)
        watched[name] = Watch(limits, looks, first)
    if not watched:
        reasons = "; ".join(f"{name}: {why}" for name, why in whole.items()) or "no variant is recorded"
        raise UsageError(f"--until-decided: no variant of this plan may stop early. {reasons}")
    if n_more := sum(not counts for _, counts in counted_posts(setup.plan)):
        units = setup.plan.units
        say(f"{n_more:,} {units} are of a thread that is asked about earlier: only the first of a thread counts")
    for name, why in whole.items():
        say(f"{name} is asked the whole plan: {why}")
    shown = ", ".join(f"{n:,}" for n in looks[:3])
    at = f"{shown}, ... {looks[-1]:,}" if len(looks) > 4 else ", ".join(f"{n:,}" for n in looks)
    say(f"{', '.join(watched)}: asked until decided, in at most {len(looks)} looks, after {at} answers")
    return watched


def ask_until_decided(
    setup: RunConfig,
    watched: Mapping[str, Watch],
    *,
    record: Callable[[RunConfig, Sequence[Case]], Report],
    cost_per_call: float,
    say: Callable[[str], None],
) -> tuple[RunConfig, Report]:
    """The setup, planned up to where its variants stopped, and what came of all calls.

    A variant without an answer to a post is planned as a whole. ``record`` asks cases; ``say`` is told of each stop.
    """
    stops: dict[str, Stop] = {}
    total = Report()
    active = [name for name, variant in setup.variants.items() if variant.has_cassette]
    others = [name for name, variant in setup.variants.items() if not variant.has_cassette]
    looks = next(iter(watched.values())).looks
    goes_on = True
    with TemporaryDirectory(prefix="newsgauge-") as folder:
        log = ResultLog(Path(folder), MAIN)
        for look in range(1, len(looks) + 1):
            # A comparison needs both of its sides: all variants are asked up to the same look.
            ends = {name: looks[max(look, watched[name].first) - 1] for name in active if name in watched}
            part = _up_to(setup, active, ends)
            to_ask = find_pending(part).to_ask
            if to_ask:
                found = record(part, to_ask)
                total.add(found)
                goes_on = not found.interrupted and not found.left
            now = replace(_up_to(setup, [*active, *others], ends), mode="none")
            with closing(Run(now, log)) as replay:
                results = replay.results(tuple(now.variants))
            active, others = [name for name in active if name in watched], []
            for name in list(active):
                own = watched[name]
                stop = find_stop(own.limits, setup.plan, looks, results, n_recorded=own.looks[own.first - 1])
                if stop is not None and stop.n <= ends[name]:
                    active.remove(name)
                    stops[name] = stop
                    saved = cost_per_call * (stop.cap - stop.n)
                    say(f"{name}: {stop.words(f' and about {saved:,.4f} USD' if saved else '')}")
                elif any(
                    (one := results.get((post.id, name))) is None or one.prediction is None
                    for post in part.plan.asked(name)
                ):
                    active.remove(name)  # who asks says why
            if not active or not goes_on:
                break
    return replace(setup, plan=stopped_at(setup.plan, dict(sorted(stops.items())))), total  # in the order of the file


def _up_to(setup: RunConfig, names: Sequence[str], ends: Mapping[str, int]) -> RunConfig:
    """The setup of these variants alone, each up to this place in the order of asking."""
    order = [post.id for post in asking_order(setup.plan.posts, setup.plan.seed)]
    stopped = {**setup.plan.stopped, **{name: frozenset(order[:n]) for name, n in ends.items()}}
    variants = {name: setup.variants[name] for name in names}
    return replace(setup, variants=variants, plan=replace(setup.plan, stopped=stopped))
