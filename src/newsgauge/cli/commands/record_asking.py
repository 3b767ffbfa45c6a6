"""The calls of a recording: unrecorded cases in, their outcome out; for a whole plan, or look by look."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ...choosing.until_decided import ask_until_decided, watch_plan
from ...client.embedded import embedded_process
from ...client.retry import RetryPolicy
from ...gates.gates_file import load_gates, plan_gates
from ...planning.stops import Stop
from ...recording.paying import Budget
from ...recording.pending import Pending, find_pending
from ...recording.preflight import Forecast
from ...recording.scheduler import Limits, Report
from ...recording.session import record_cases, record_techniques
from ...records import Case
from ...running.plans_file import Folders
from ...running.run_config import RunConfig
from ...running.run_options import N_LOOKS
from ...scoring.spending import PriceList
from ...variants.variants_file import Variant
from .record_display import RecordDisplay, announce


def ask_pending(
    setup: RunConfig, options: argparse.Namespace, prices: PriceList, *, since: str
) -> tuple[Pending, Report]:
    """Show the cost, then ask what is not recorded: what was to do, and the outcome."""
    todo = find_pending(setup, since=since)
    expected = announce(setup, todo.to_ask, options, prices)
    if not todo.to_ask:
        return todo, Report()
    with _server(setup, options.base_url) as url, RecordDisplay(setup, len(todo.to_ask)) as display:
        report = _ask(setup, todo.to_ask, options, url=url, display=display, budget=_budget(options, prices, expected))
    report.expected_cost = expected.cost
    return todo, report


def ask_looking(
    setup: RunConfig, options: argparse.Namespace, prices: PriceList, *, folders: Folders, known: Mapping[str, Variant]
) -> tuple[RunConfig, Pending, Report]:
    """Ask until the gates are decided: the setup up to there, what was to do in all, and the outcome."""
    file, n_looks = folders.root / folders.evals / "gates.toml", options.looks or N_LOOKS
    of_file = load_gates(file, backend=setup.backend, corpus=setup.plan.corpus, known=known)
    gates, _ = plan_gates(
        of_file, variants=setup.variants, plan=setup.plan, baseline=None, live=True, updating=False, known=known
    )
    watched, whole = watch_plan(setup, gates, n_looks)
    for name, why in whole.items():
        print(f"newsgauge: {name} is asked the whole plan: {why}")
    todo = find_pending(setup)
    n_looks_planned = len(next(iter(watched.values())).looks)
    print(f"newsgauge: {', '.join(watched)}: asked until decided, in at most {n_looks_planned} looks")
    expected = announce(setup, todo.to_ask, options, prices)
    total, budget = Report(expected_cost=expected.cost), _budget(options, prices, expected)

    def told(name: str, stop: Stop) -> None:
        cost = (expected.cost or 0.0) * (stop.cap - stop.n) / max(1, len(todo.to_ask))
        words = stop.words(f" and about {cost:,.4f} USD" if cost else "")
        print(f"newsgauge: {name}: {words}", flush=True)

    with _server(setup, options.base_url) as url, RecordDisplay(setup, len(todo.to_ask)) as display:

        def ask(part: RunConfig, cases: Sequence[Case]) -> bool:
            found = _ask(part, cases, options, url=url, display=display, budget=budget)
            total.add(found)
            return not found.interrupted and not found.left

        stopped = ask_until_decided(setup, watched, n_looks, ask=ask, on_stop=told)
    return stopped, todo, total


def _budget(options: argparse.Namespace, prices: PriceList, expected: Forecast) -> Budget | None:
    """The rest of ``--max-cost``; None without it, or if no price is known."""
    if options.max_cost is None or expected.cost is None or not expected.n_calls:
        return None
    return Budget(prices.cost_of, options.max_cost, expected.cost / expected.n_calls)


def _ask(
    setup: RunConfig,
    cases: Sequence[Case],
    options: argparse.Namespace,
    *,
    url: str | None,
    display: RecordDisplay,
    budget: Budget | None,
) -> Report:
    asking: dict[str, Any] = {
        "base_url": url,
        "retry": RetryPolicy(deadline_s=options.retry_deadline),
        "budget": budget,
    }
    prompts = [case for case in cases if setup.variants[case.variant].is_gemini_prompt]
    own = [case for case in cases if not setup.variants[case.variant].is_gemini_prompt]
    limits = Limits(options.concurrency, options.rpm, options.tpm)
    report = Report()
    if prompts:
        report = record_cases(
            setup, prompts, limits=limits, on_answer=display.responded, on_note=display.note, **asking
        )
    if own and report.interrupted:
        report.left += [(case, "interrupted") for case in own]
    elif own:
        report.add(record_techniques(setup, own, on_answer=display.answered, **asking))
    return report


@contextmanager
def _server(setup: RunConfig, base_url: str | None) -> Iterator[str | None]:
    if base_url is not None or setup.backend != "embedded":
        yield base_url
        return
    with embedded_process() as url:
        yield url
