"""The pytest plugin: one case a planned post and variant, the fixtures that answer them, and gates that go last.

A run is active where its paths touch the evals folder (ini ``newsgauge_evals``); elsewhere the plugin does nothing.
Thin: what is not pytest's lives in other modules, and what takes long to import is imported where a run needs it.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest

from .errors import NewsgaugeError, UsageError
from .options import add_options, are_gates_required, evals_folder, is_active, make_setup, run_id
from .records import Case, Prediction, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .gates import Gate
    from .run import Run, Setup
    from .token_assertions import Tokens

_RUN: pytest.StashKey[Run] = pytest.StashKey()
_SETUP: pytest.StashKey[Setup] = pytest.StashKey()
_GATES: pytest.StashKey[tuple[Gate, ...]] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of a run."""
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Read and check everything a run depends on before anything is collected; a mistake is a usage error."""
    if config.option.help or not is_active(config):
        return
    from .gates import load_gates, select_gates
    from .guard import Guard
    from .judge import Judge
    from .results import ResultLog
    from .run import Run, check_setup
    from .variants import load_variants

    worker: dict[str, str] | None = getattr(config, "workerinput", None)
    results = config.rootpath / config.option.results
    log = ResultLog(results / f".cases-{run_id(config, worker)}", worker["workerid"] if worker else "main")
    try:
        variants = load_variants(evals_folder(config) / "variants.toml")
        setup = make_setup(config, variants)
        gates = load_gates(
            evals_folder(config) / "gates.toml", backend=setup.backend, corpus=setup.plan.corpus, known=variants
        )
        planned = select_gates(gates, setup.variants)
        if worker is None and not config.option.collectonly:
            check_setup(setup)
            guard = Guard(setup, planned, results=results, required=are_gates_required(config))
            guard.start()
            config.pluginmanager.register(Judge(guard, log), "newsgauge-judge")
    except UsageError as error:
        raise pytest.UsageError(f"newsgauge: {error}") from None
    config.stash[_SETUP], config.stash[_GATES] = setup, planned
    config.stash[_RUN] = Run(setup, log)


def pytest_report_header(config: pytest.Config) -> list[str]:
    """What is asked, of whom, and whether anything can leave the machine."""
    setup = config.stash.get(_SETUP, None)
    if setup is None:
        return []
    plan = setup.plan
    per_class = "all posts" if plan.posts_per_class is None else f"{plan.posts_per_class} posts"
    lines = [
        f"newsgauge: corpus {plan.corpus}, {per_class} of each of {len(plan.labels)} labels = {len(plan.posts)} posts "
        f"(seed {plan.seed}, plan {plan.digest})",
        f"newsgauge: variants {', '.join(setup.variants)}",
    ]
    for name, training in setup.trainings.items():
        lines.append(f"newsgauge: {name} is trained on {len(training.examples)} posts ({training.model})")
    doing = "replaying" if setup.replays else f"recording (mode {setup.mode}) into"
    return [*lines, f"newsgauge: backend {setup.backend}, {doing} {setup.shown_cassettes}"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One case a planned post and variant; one gate a planned gate."""
    config = metafunc.config
    setup = config.stash.get(_SETUP, None)
    if setup is None:
        return
    if "case" in metafunc.fixturenames:
        cases = [Case(post, variant) for variant in setup.variants for post in setup.plan.posts]
        metafunc.parametrize("case", cases, ids=[case.id for case in cases])
    if "gate" in metafunc.fixturenames:
        gates = config.stash[_GATES]
        where = f"gates.toml sets no gate for [{setup.backend}.{setup.plan.corpus}] and these variants"
        none = pytest.param(None, id="none-set", marks=pytest.mark.skip(reason=where))
        metafunc.parametrize("gate", [pytest.param(gate, id=gate.name) for gate in gates] or [none])


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Gates and tests of tokens go last: by then most cases have left their results."""
    items.sort(key=lambda item: item.get_closest_marker("gate") is not None or "tokens" in _fixtures(item))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """In a replay no test of the evals folder reaches any network."""
    setup = item.config.stash.get(_SETUP, None)
    if setup is None or not setup.replays or not item.path.is_relative_to(evals_folder(item.config)):
        return (yield)
    from .cassettes.blocking import network_blocked

    with network_blocked():
        return (yield)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what this process started."""
    run = config.stash.get(_RUN, None)
    if run is not None:
        run.close()


@pytest.fixture
def prediction(request: pytest.FixtureRequest, case: Case) -> Prediction:
    """What the case's variant says of its post: from the cassette, or asked and recorded.

    A case that cannot be answered (no recording, a stale one, a refusal of the service) is an error of this test.
    """
    run: Run = request.config.stash[_RUN]
    try:
        return run.ask(case)
    except NewsgaugeError as error:
        message = str(error)
    pytest.fail(message, pytrace=False)


@pytest.fixture
def verdict(request: pytest.FixtureRequest, gate: Gate) -> Verdict:
    """The gate, decided from the results of all planned cases; in a replay missing ones are recomputed."""
    from .gates import decide
    from .judge import GATE_PROPERTY
    from .scoreboard import score

    run, setup = request.config.stash[_RUN], request.config.stash[_SETUP]
    results = run.results(gate.variants)
    decided = decide(gate, score(results, setup.plan, gate.variants), results, setup.plan)
    request.node.user_properties.append((GATE_PROPERTY, asdict(decided)))
    return decided


@pytest.fixture
def tokens(request: pytest.FixtureRequest) -> Tokens:
    """The tokens of the run: ``tokens.saving("input", "tuned", than="system").saved.low``."""
    from .token_assertions import Tokens

    return Tokens(request.config.stash[_RUN])


def _fixtures(item: pytest.Item) -> tuple[str, ...]:
    return tuple(getattr(item, "fixturenames", ()))
