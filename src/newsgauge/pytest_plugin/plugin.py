"""The pytest plugin: one case a planned post and variant, the fixtures that answer them, and gates that go last.

A run is active where its paths touch the evals folder (ini ``newsgauge_evals``); elsewhere the plugin does nothing.
Thin: what is not pytest's lives in other modules, and what takes long to import is imported where a run needs it.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import pytest

from .._util.process import give_back
from ..errors import UsageError
from ..scoring.scores import Verdict
from .entry import add_guard, add_ini
from .network_guard import NETWORK_GUARD, guard_replay
from .options import (
    add_options,
    baseline_file,
    evals_folder,
    inputs_of,
    is_active,
    known_corpora,
    make_setup,
    said_by_hand,
)
from .process_guard import RESULTS, are_gates_required
from .progress import Progress

if TYPE_CHECKING:
    from ..gates.baseline_file import Baseline
    from ..gates.gate import Gate
    from ..gates.planning import LeftOut
    from ..gates.run_verdict import BaselinePlace
    from ..recording.preflight import Forecast
    from ..results.attachments import Attachments
    from ..running.results_log import ResultLog
    from ..running.run import Run
    from ..running.run_config import RunConfig
    from ..scoring.live_scores import LiveScores
    from .scores_and_tokens import Scores, Tokens

_RUN: pytest.StashKey[Run] = pytest.StashKey()
_SETUP: pytest.StashKey[RunConfig] = pytest.StashKey()
_FORECAST: pytest.StashKey[Forecast | None] = pytest.StashKey()
_GATES: pytest.StashKey[tuple[Gate, ...]] = pytest.StashKey()
_SCORES: pytest.StashKey[LiveScores] = pytest.StashKey()
_NOT_SET: pytest.StashKey[list[str]] = pytest.StashKey()
_LEFT_OUT: pytest.StashKey[tuple[LeftOut, ...]] = pytest.StashKey()
_BASELINE: pytest.StashKey[Baseline | None] = pytest.StashKey()

#: What ``pytest --markers`` shows.
MARKERS = (
    "case: one post asked of one variant",
    "gate: decides a limit of gates.toml from the results of all planned cases",
)


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """The options of a run; the ini values too where the plugin was named by hand and not through its entry point."""
    if not pluginmanager.hasplugin("newsgauge"):
        add_ini(parser)
    add_guard(pluginmanager)
    recording = ("recording", "pytest_recording.plugin")  # by its entry point, or with -p
    add_options(parser, shares_record_mode=any(pluginmanager.hasplugin(name) for name in recording))


def pytest_configure(config: pytest.Config) -> None:
    """Read and check everything a run depends on before anything is collected; a mistake is a usage error."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    network = config.pluginmanager.get_plugin(NETWORK_GUARD)
    if config.option.help or not is_active(config):
        if network is not None:
            network.stop()
        return
    from ..cassettes.network_block import lifted
    from ..client.retry import RetryPolicy
    from ..gates.baseline_file import check_baseline, load_baseline
    from ..gates.gates_file import load_gates
    from ..gates.planning import left_out_gates, limits_of_other_classes, plan_gates
    from ..running.run import Run
    from ..scoring.live_scores import LiveScores
    from ..scoring.slicing import with_slices
    from ..variants.variants_file import load_variants
    from .cases import Cases
    from .slim_reports import SlimReports
    from .xdist import Worker, check_worker, open_log

    worker: dict[str, Any] | None = getattr(config, "workerinput", None)
    results = config.rootpath / config.option.results
    log = open_log(results, worker)
    judges = worker is None and not config.option.collectonly
    if judges:
        config.stash[RESULTS] = results
        # Also a run that ends right here, with a usage error, leaves no older verdict to be read.
        with suppress(OSError):
            (results / "gates.json").unlink()
    try:
        variants = load_variants(evals_folder(config) / "variants.toml")
        with lifted():  # scikit-learn may have to download the corpus; no code of the project's runs meanwhile
            setup = make_setup(config, variants)
            setup = with_slices(setup, evals_folder(config) / "gates.toml")
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
        baseline = load_baseline(path, shown=shown)
        if baseline is not None and not updating:
            check_baseline(baseline, setup.plan, backend=setup.backend, shown=shown)
        held = baseline if setup.replays and not updating else None
        left_out = left_out_gates(gates, variants=setup.variants, known=variants, plan=setup.plan, baseline=held)
        planned = plan_gates(
            gates,
            variants=setup.variants,
            plan=setup.plan,
            baseline=baseline,
            live=not setup.replays,
            updating=updating,
        )
        if worker is not None:
            check_worker(config, worker, replace(setup.run_plan, inputs=inputs_of(config, setup, shown)))
            config.pluginmanager.register(Worker(config, log, results), "newsgauge-worker")
        if judges:
            from ..gates.run_verdict import BaselinePlace

            _register_judge(
                config, setup, planned, left_out, log, BaselinePlace(path, shown, baseline, updating, tuple(variants))
            )
        _ = setup.trainings
        setup.corpus.release()  # the plan and the training sets hold the texts that the run is about
        give_back()
    except UsageError as error:
        raise pytest.UsageError(f"newsgauge: {error}") from None
    config.stash[_SETUP], config.stash[_GATES], config.stash[_BASELINE] = setup, planned, baseline
    config.stash[_LEFT_OUT] = left_out if are_gates_required(config) else ()
    config.stash[_NOT_SET] = limits_of_other_classes(gates, setup.plan)
    retry = RetryPolicy(deadline_s=config.option.retry_deadline)
    config.stash[_RUN] = run = Run(setup, log, retry=retry)
    config.stash[_SCORES] = LiveScores(log, setup.plan)
    config.pluginmanager.register(Cases(run), "newsgauge-cases")
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
) -> None:
    """What only the process does that judges the run. Raises `UsageError`."""
    from ..gates.run_verdict import Guard
    from .gate_hooks import Judge, LastLine
    from .publisher import Publisher
    from .recording_hooks import Recording, prepare_recording
    from .xdist import Controller, check_places, facts_of

    check_places(config, setup)
    config.stash[_FORECAST] = expected = prepare_recording(config, setup)
    where, plugins = config.option.results, config.pluginmanager
    results = config.rootpath / where
    run_plan = replace(
        setup.run_plan, inputs=inputs_of(config, setup, baseline.shown), chosen_by_hand=said_by_hand(config)
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
    facts = facts_of(config, run_plan)
    plugins.register(Controller(log, results, facts, required=guard.required), "newsgauge-controller")
    plugins.register(Recording(config, setup, log, expected), "newsgauge-recording")
    if config.get_verbosity() <= 0:
        n_planned, is_quiet = setup.part.n_cases(setup.variants), config.get_verbosity() < 0
        plugins.register(Progress(config, n_planned=n_planned, is_quiet=is_quiet), "newsgauge-progress")
    publisher = Publisher(setup, results, shown=where, posts_wanted=config.option.report_posts)
    publisher.start()  # also with --no-report: an older report is not about this run
    if not config.option.no_report:
        plugins.register(publisher, "newsgauge-publisher")
    plugins.register(LastLine(judge), "newsgauge-last-line")


def pytest_report_header(config: pytest.Config) -> list[str]:
    """What is asked, of whom, and whether anything can leave the machine."""
    setup = config.stash.get(_SETUP, None)
    if setup is None:
        return []
    from ..planning.sampling import describe_sample

    plan = setup.plan
    lines = [
        *(f"newsgauge: {line}" for line in describe_sample(plan)),
        f"newsgauge: variants {', '.join(setup.variants)}",
    ]
    if setup.shard is not None:
        lines.append(f"newsgauge: {setup.run_plan.extent}; newsgauge merge decides the gates")
    for name, training in setup.trainings.items():
        lines.append(f"newsgauge: {name} is trained on {len(training.examples)} {plan.units} ({training.model})")
    for name, shown in setup.examples.items():
        lines.append(
            f"newsgauge: {name} shows {len(shown.posts)} training {plan.units} as examples (digest {shown.digest})"
        )
    doing = "replaying" if setup.replays else f"recording (mode {setup.mode}) into"
    lines.append(f"newsgauge: backend {setup.backend}, {doing} {setup.shown_cassettes}")
    from ..corpora.suspect_labels import labels_written_alike
    from ..gates.min_sample import undecidable
    from ..scoring.spending import retiring

    lines += [
        f"newsgauge: warning: labels that differ only in how they are written are classes of their own: "
        f"{', '.join(map(repr, group))}"
        for group in labels_written_alike(plan.labels)
    ]
    gates: tuple[Gate, ...] = config.stash[_GATES]
    too_few = undecidable(gates, plan)
    if too_few:
        note = "a live run of this plan cannot pass" if setup.replays else "whatever is answered, this run cannot pass"
        lines += [f"newsgauge: warning: {len(plan.posts)} {plan.units}: {note}: {text}" for text in too_few]
    if not setup.replays:
        from .gate_hooks import odds_lines

        lines += odds_lines(gates, plan, config.stash[_BASELINE])
    not_set: list[str] = config.stash[_NOT_SET]
    if not_set:
        lines.append(f"newsgauge: not held with --classes {plan.classes!r}: {', '.join(not_set)}")
    models = {name: variant.model for name, variant in setup.variants.items()}
    lines += [f"newsgauge: warning: {note}" for note in retiring(models)]
    expected = config.stash.get(_FORECAST, None)
    return [*lines, *(f"newsgauge: recording {line}" for line in (expected.lines() if expected else ()))]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One case a planned post and variant; one gate a planned gate."""
    config = metafunc.config
    setup = config.stash.get(_SETUP, None)
    if setup is None or not metafunc.definition.path.is_relative_to(evals_folder(config)):
        return
    if "case" in metafunc.fixturenames:
        cases = setup.cases
        metafunc.parametrize("case", cases, ids=[case.id for case in cases])
    if "gate" in metafunc.fixturenames:
        gates = config.stash[_GATES]
        where = f"gates.toml sets no gate for [{setup.backend}.{setup.plan.corpus}] and these variants"
        none = pytest.param(None, id="none-set", marks=pytest.mark.skip(reason=where))
        left_out = [
            pytest.param(None, id=one.gate, marks=pytest.mark.skip(reason=f"left out: {one.why}"))
            for one in config.stash[_LEFT_OUT]
        ]
        decided = [pytest.param(gate, id=gate.name) for gate in gates]
        metafunc.parametrize("gate", [*(decided or [none]), *left_out])


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Gates and tests of scores or tokens go last: by then most cases have left their results."""
    if not items or _SETUP not in items[0].config.stash:
        return
    known: dict[tuple[object, ...], bool] = {}  # the items of one test function are alike, and there are thousands

    def goes_last(item: pytest.Item) -> bool:
        kind = (item.parent, getattr(item, "originalname", item.name), *[mark.name for mark in item.own_markers])
        if kind not in known:
            is_gate = item.get_closest_marker("gate") is not None
            known[kind] = is_gate or not {"scores", "tokens"}.isdisjoint(_fixtures(item))
        return known[kind]

    items.sort(key=goes_last)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what this process started."""
    run = config.stash.get(_RUN, None)
    if run is not None:
        run.close()


@pytest.fixture(scope="session")
def newsgauge_run(request: pytest.FixtureRequest) -> Run:
    """This process's part of the run: ``setup`` and ``results`` for questions about more than one case."""
    _leave_out_of_shards(request)
    return request.config.stash[_RUN]


@pytest.fixture
def verdict(request: pytest.FixtureRequest, gate: Gate) -> Verdict:
    """The gate, decided from the results of all planned cases; in a replay missing ones are recomputed."""
    if request.config.stash[_SETUP].shard is not None:
        pytest.skip("newsgauge merge decides it, from the results of all shards")
    from ..gates.decide import decide
    from ..gates.gate import AgeGate, ComparisonGate, Evidence
    from .gate_hooks import GATE_PROPERTY, run_ages

    stash = request.config.stash
    run, setup = stash[_RUN], stash[_SETUP]
    # A comparison is corrected for the others of the run, so it needs their results too.
    family = tuple(one for one in stash[_GATES] if isinstance(one, ComparisonGate))
    gates = family if isinstance(gate, ComparisonGate) else (gate,)
    needed = tuple(dict.fromkeys(variant for one in gates for variant in one.variants))
    results = run.results(needed)
    decided = decide(
        gate,
        Evidence(
            plan=setup.plan,
            scores=stash[_SCORES].of(needed),
            results=results,
            live=not setup.replays,
            family=family,
            baseline=stash[_BASELINE],
            ages=run_ages(setup, needed) if isinstance(gate, AgeGate) else None,
        ),
    )
    sent = json.dumps(asdict(decided))  # JSON: for pytest-xdist, and for who reads junit.xml
    request.node.user_properties += [(GATE_PROPERTY, sent), ("newsgauge_finding", decided.finding.value)]
    return decided


@pytest.fixture
def scores(request: pytest.FixtureRequest) -> Scores:
    """The scores of the run: ``scores["tuned"].accuracy.low``, ``scores["tuned"].beats("system")``."""
    _leave_out_of_shards(request)
    from .scores_and_tokens import Scores

    return Scores(request.config.stash[_RUN])


@pytest.fixture
def tokens(request: pytest.FixtureRequest) -> Tokens:
    """The tokens of the run: ``tokens.saving("input", "tuned", than="system").saved.low``."""
    _leave_out_of_shards(request)
    from .scores_and_tokens import Tokens

    return Tokens(request.config.stash[_RUN])


@pytest.fixture
def exhibits(request: pytest.FixtureRequest) -> Attachments:
    """What a test leaves for the report: ``exhibits.leave_learning_curve(points)``."""
    from ..results.attachments import Attachments

    config = request.config
    return Attachments(config.rootpath / config.option.results, plan=config.stash[_SETUP].plan.digest)


def _leave_out_of_shards(request: pytest.FixtureRequest) -> None:
    """A shard does not know what other posts answer, and to recompute it from the cassettes would undo the split."""
    setup = request.config.stash[_SETUP]
    if setup.shard is not None:
        from .gate_hooks import LEFT_OUT

        pytest.skip(f"{LEFT_OUT}, and this is shard {setup.shard} of it; a run without --shard asks it")


def _fixtures(item: pytest.Item) -> tuple[str, ...]:
    return tuple(getattr(item, "fixturenames", ()))
