"""The pytest plugin: one case per planned post and variant, the fixtures that answer them, and gates that go last.

A run is active if its paths touch the evals folder (ini ``newsgauge_evals``); elsewhere the plugin does nothing.
Thin: what is not pytest's lives in other modules, and what takes long to import is imported when a run needs it.
"""

from __future__ import annotations

import os
import shlex
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from _pytest.junitxml import xml_key  # pytest has no public name for it

from .._util.platform import give_back
from .._util.secrets import hide_secrets
from ..errors import UsageError
from .cases import pytest_collection_modifyitems, pytest_generate_tests
from .entry import add_guard, add_ini
from .fixtures import exhibits, newsgauge_run, scores, tokens, verdict
from .garbage import search_last, search_rarely
from .network_guard import NETWORK_GUARD, guard_replay
from .options import (
    add_options,
    baseline_file,
    evals_folder,
    inputs_of,
    known_corpora,
    make_setup,
    said_by_hand,
    said_elsewhere,
    unreviewed_options,
)
from .process_guard import JUNIT, MOVED, RESULTS, are_gates_required, touches_evals
from .progress import Progress, pytest_report_header
from .run_state import STATE, RunState

if TYPE_CHECKING:
    from ..gates.gate import Gate
    from ..gates.gates_file import LeftOut
    from ..gates.run_verdict import BaselinePlace
    from ..recording.preflight import Forecast
    from ..recording.shared_budget import SharedBudget
    from ..running.results_log import ResultLog
    from ..running.run_config import RunConfig

#: Hooks and fixtures that live in modules of their own: pytest finds them here.
__all__ = [
    "exhibits",
    "newsgauge_run",
    "pytest_addoption",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_generate_tests",
    "pytest_report_header",
    "pytest_unconfigure",
    "scores",
    "tokens",
    "verdict",
]
#: What ``pytest --markers`` shows.
MARKERS = (
    "case: one text asked of one variant",
    "gate: decides a limit of gates.toml from the results of all planned cases",
)


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """The options of a run; the ini values too if the plugin was named by hand and not through its entry point."""
    if not pluginmanager.hasplugin("newsgauge"):
        add_ini(parser)
    add_guard(pluginmanager)
    recording = ("recording", "pytest_recording.plugin")  # by its entry point, or with -p
    add_options(parser, shares_record_mode=any(pluginmanager.hasplugin(name) for name in recording))


def pytest_configure(config: pytest.Config) -> None:
    """Read and check everything that a run depends on, before collection; a mistake is a usage error."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    network = config.pluginmanager.get_plugin(NETWORK_GUARD)
    if config.option.help or not touches_evals(config, config.args):
        if network is not None:
            network.stop()
        return
    search_rarely(config)
    from ..cassettes.network_block import lifted
    from ..choosing.ledger import open_ledger
    from ..client.retry import RetryPolicy
    from ..gates.baseline_file import check_baseline, load_baseline
    from ..gates.gates_file import limits_of_other_classes, load_gates, plan_gates
    from ..planning.sampling import stopped_at
    from ..running.recording_options import check_until_decided
    from ..running.run import Run
    from ..running.run_config import stops_of
    from ..scoring.scoreboard import LiveScores
    from ..scoring.slices import with_slices
    from ..variants.variants_file import load_variants
    from .cases import Cases
    from .compact_reports import CompactWorker
    from .slim_reports import SlimReports
    from .xdist import COMPACT, Worker, check_places, check_worker, open_log

    worker: dict[str, Any] | None = getattr(config, "workerinput", None)
    if MOVED in config.stash:
        config.option.results = str(config.stash[MOVED])  # pytest-xdist tells its workers
        config.addinivalue_line("filterwarnings", "ignore::pytest.PytestCacheWarning")  # that cannot be written either
    results = config.rootpath / config.option.results
    log = open_log(results, worker)
    judges = worker is None and not config.option.collectonly
    if judges:
        config.stash[RESULTS] = results
        # Also a run that ends right here, with a usage error, leaves no older verdict to be read.
        with suppress(OSError):
            (results / "gates.json").unlink()
    forecast = None
    try:
        check_until_decided(config.option)
        elsewhere = said_elsewhere(config) if judges else {}
        variants = load_variants(evals_folder(config) / "variants.toml")
        with lifted():  # scikit-learn may have to download the corpus; no code of the project's runs meanwhile
            setup = make_setup(config, variants)
        setup = with_slices(setup, evals_folder(config) / "gates.toml")  # may call functions of the project
        for name in setup.plan.disturbed:
            setup.plan.asked(name)  # so may this, and what they raise is a usage error
        if config.option.until_decided and not judges:  # the process that judges has asked, and written down where
            setup = replace(setup, plan=stopped_at(setup.plan, stops_of(setup)))
        gates = load_gates(
            evals_folder(config) / "gates.toml",
            backend=setup.backend,
            corpus=setup.plan.corpus,
            known=variants,
            corpora=known_corpora(config, setup),
        )
        path, shown = baseline_file(config, setup)
        updating = config.option.update_baseline
        if updating and setup.shard is not None:
            raise UsageError("--update-baseline: a baseline is about the whole plan; leave --shard out")
        baseline = load_baseline(path, shown=shown, rewriting=updating)
        if baseline is not None and not updating:
            check_baseline(baseline, setup.plan, backend=setup.backend, shown=shown)
        if worker is None:  # the controller's check is theirs
            open_ledger(path).check()
        planned, left_out = plan_gates(
            gates,
            variants=setup.variants,
            plan=setup.plan,
            baseline=baseline,
            live=not setup.replays,
            updating=updating,
            known=variants,
        )
        if worker is not None:
            check_worker(config, worker, replace(setup.run_plan, inputs=inputs_of(config, setup, shown)))
            config.pluginmanager.register(Worker(config, log, results), "newsgauge-worker")
            if worker.get(COMPACT) and log.is_shared:
                compact = CompactWorker(config, results / log.name / f"{worker['workerid']}.now")
                config.pluginmanager.register(compact, "newsgauge-compact")
        if judges:
            from ..gates.run_verdict import BaselinePlace
            from .recording_hooks import prepare_recording, record_until_decided

            place = BaselinePlace(path, shown, baseline, updating, tuple(variants))
            unreviewed = unreviewed_options(elsewhere, setup.plan, None if updating else baseline)
            check_places(config, setup)
            forecast = prepare_recording(config, setup)
            if config.option.until_decided:
                setup = record_until_decided(config, setup, planned, baseline, forecast)
            _register_judge(config, setup, planned, left_out, log, place, unreviewed, forecast)
        _ = setup.trainings
        setup.corpus.release()  # the plan and the training sets hold the texts that the run is about
        give_back()
    except UsageError as error:
        raise pytest.UsageError(f"newsgauge: {error}") from None
    run = Run(setup, log, retry=RetryPolicy(deadline_s=config.option.retry_deadline))
    config.stash[STATE] = RunState(
        run=run,
        scores=LiveScores(log, setup.plan),
        gates=planned,
        left_out=left_out if are_gates_required(config) else (),
        not_set=limits_of_other_classes(gates, setup.plan),
        baseline=baseline,
        forecast=forecast,
    )
    config.pluginmanager.register(Cases(run, _budget_of(setup, log)), "newsgauge-cases")
    config.pluginmanager.register(SlimReports(config), "newsgauge-light-reports")
    if setup.replays and network is None:  # the plugin was named by hand, in a conftest.py
        guard_replay(config, config.option)
    elif network is not None and not setup.replays:
        network.stop()


def _register_judge(
    config: pytest.Config,
    setup: RunConfig,
    planned: tuple[Gate, ...],
    left_out: tuple[LeftOut, ...],
    log: ResultLog,
    baseline: BaselinePlace,
    unreviewed: tuple[str, ...],
    expected: Forecast | None,
) -> None:
    """What only the process does that judges the run; ``expected``: what it is going to pay for."""
    from ..gates.run_verdict import Guard
    from .compact_reports import CompactController
    from .gate_hooks import Judge, LastLine
    from .publisher import Publisher
    from .recording_hooks import Recording
    from .slim_reports import are_read
    from .xdist import Controller, facts_of

    where, plugins = config.option.results, config.pluginmanager
    results = config.rootpath / where
    run_plan = replace(
        setup.run_plan,
        inputs=inputs_of(config, setup, baseline.shown),
        chosen_by_hand=said_by_hand(config),
        unreviewed=unreviewed,
    )
    guard = Guard(
        run_plan,
        planned,
        results=results,
        required=are_gates_required(config),
        baseline=baseline,
        left_out=left_out,
    )
    guard.start()
    log.open()
    judge = Judge(guard, log, setup)
    plugins.register(judge, "newsgauge-judge")
    facts = facts_of(run_plan)
    is_compact = getattr(config.option, "dist", "no") != "no" and setup.replays and not are_read(config)
    plugins.register(
        Controller(log, results, facts, required=guard.required, compact=is_compact), "newsgauge-controller"
    )
    if is_compact:
        plugins.register(CompactController(config, results / log.name), "newsgauge-compact")
    plugins.register(Recording(config, setup, log, expected), "newsgauge-recording")
    if config.get_verbosity() <= 0:
        n_planned, is_quiet = setup.part.n_cases(setup.variants), config.get_verbosity() < 0
        plugins.register(Progress(config, n_planned=n_planned, is_quiet=is_quiet), "newsgauge-progress")
    publisher = Publisher(
        setup,
        results,
        shown=where,
        posts_wanted=config.option.report_posts,
        gates=Path(os.path.relpath(evals_folder(config) / "gates.toml")),
        command=hide_secrets(shlex.join(["pytest", *config.invocation_params.args])),
    )
    publisher.start()  # also with --no-report: an older report is not about this run
    if not config.option.no_report:
        plugins.register(publisher, "newsgauge-publisher")
    plugins.register(LastLine(judge), "newsgauge-last-line")


def _budget_of(setup: RunConfig, log: ResultLog) -> SharedBudget | None:
    """What this process may pay, as the one that judges wrote it down; None: nothing is paid, or without a bound."""
    if setup.replays:
        return None
    from ..recording.shared_budget import SharedBudget
    from ..scoring.prices import todays_prices

    return SharedBudget(log.folder, todays_prices().cost_of) if SharedBudget.is_set(log.folder) else None


@pytest.hookimpl(tryfirst=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what this process started; keep what pytest's own plugin for junit.xml forgets here."""
    config.stash[JUNIT] = config.stash.get(xml_key, None)
    state = config.stash.get(STATE, None)
    if state is not None:
        state.run.close()
        search_last(config)
