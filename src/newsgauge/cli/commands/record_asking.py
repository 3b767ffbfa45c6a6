"""The calls of a recording: unrecorded cases in, their outcome out; for a whole plan, or look by look."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from functools import partial

from ...choosing.until_decided import ask_until_decided, watch_plan
from ...client.retry import RetryPolicy
from ...gates.baseline_file import check_baseline, load_baseline
from ...gates.gates_file import load_gates, plan_gates
from ...recording.paying import Budget
from ...recording.pending import Pending, find_pending
from ...recording.preflight import Forecast
from ...recording.scheduler import Limits, Report
from ...recording.session import record_all, server_of
from ...records import Case
from ...running.plans_file import Folders
from ...running.run_config import RunConfig
from ...running.run_options import baseline_name
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
    with server_of(setup, options.base_url) as url, RecordDisplay(setup, len(todo.to_ask)) as display:
        report = _ask(setup, todo.to_ask, options, url=url, display=display, budget=_budget(options, prices, expected))
    report.expected_cost = expected.cost
    return todo, report


def ask_looking(
    setup: RunConfig, options: argparse.Namespace, prices: PriceList, *, folders: Folders, known: Mapping[str, Variant]
) -> tuple[RunConfig, Pending, Report]:
    """Ask until the gates are decided: the setup up to there, what was to do in all, and the outcome."""
    file = folders.root / folders.evals / "gates.toml"
    of_file = load_gates(file, backend=setup.backend, corpus=setup.plan.corpus, known=known)
    shown = f"{folders.evals}/{baseline_name(setup.backend, setup.plan)}"
    baseline = load_baseline(folders.root / shown, shown=shown)
    if baseline is not None:
        check_baseline(baseline, setup.plan, backend=setup.backend, shown=shown)
    gates, _ = plan_gates(
        of_file, variants=setup.variants, plan=setup.plan, baseline=baseline, live=True, updating=False, known=known
    )
    say = partial(print, "newsgauge:", flush=True)
    watched = watch_plan(setup, gates, options.looks, baseline, say)
    todo = find_pending(setup)
    expected = announce(setup, todo.to_ask, options, prices)
    with server_of(setup, options.base_url) as url, RecordDisplay(setup, len(todo.to_ask)) as display:
        stopped, total = ask_until_decided(
            setup,
            watched,
            record=partial(_ask, options=options, url=url, display=display, budget=_budget(options, prices, expected)),
            cost_per_call=(expected.cost or 0.0) / max(1, len(todo.to_ask)),
            say=say,
        )
    total.expected_cost = expected.cost
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
    return record_all(
        setup,
        cases,
        base_url=url,
        limits=Limits(options.concurrency, options.rpm, options.tpm),
        retry=RetryPolicy(deadline_s=options.retry_deadline),
        on_response=display.responded,
        on_answer=display.answered,
        on_note=display.note,
        budget=budget,
    )
