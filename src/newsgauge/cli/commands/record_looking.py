"""``newsgauge record --until-decided``: the calls of a plan, look by look at its gates."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from functools import partial

from ..._util.pytest_ini import Folders
from ...choosing.until_decided import ask_until_decided, watch_plan
from ...gates.baseline_file import check_baseline, load_baseline
from ...gates.gates_file import load_gates, plan_gates
from ...recording.pending import Pending, find_pending
from ...recording.scheduler import Report
from ...recording.session import server_of
from ...running.run_config import RunConfig
from ...running.run_options import baseline_name
from ...scoring.prices import PriceList
from ...variants.variants_file import Variant
from .record_asking import RecordDisplay, announce, ask_cases


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
    budget = expected.budget(options.max_cost, prices.cost_of)
    with server_of(setup, options.base_url) as url, RecordDisplay(setup, len(todo.to_ask)) as display:
        stopped, total = ask_until_decided(
            setup,
            watched,
            record=partial(ask_cases, options=options, url=url, display=display, budget=budget),
            cost_per_call=(expected.cost or 0.0) / max(1, len(todo.to_ask)),
            say=say,
        )
    if todo.to_ask and not total.n_calls:
        say("nothing was asked: what is recorded decides")
    total.expected_cost = expected.cost
    return stopped, todo, total
