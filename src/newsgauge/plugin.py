"""The pytest plugin: options, one case per post and variant, fixtures, and the guard that keeps a run from being green
wrongly. Thin: what is not pytest's lives in the other modules, and heavy ones are imported where a run needs them.

A run is active where its paths touch the evals folder (ini ``newsgauge_evals``); elsewhere the plugin does nothing.
"""

from __future__ import annotations

import os
import shlex
import uuid
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .errors import NewsgaugeError
from .records import Case, Prediction, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .gates import Gate
    from .guard import Conclusion, Guard
    from .run import Setup
    from .variants import Variant

_RUN = pytest.StashKey["Run"]()
_SETUP = pytest.StashKey["Setup"]()
_GATES = pytest.StashKey["tuple[Gate, ...]"]()
_GATE_PROPERTY = "newsgauge_gate"
_DEFAULTS: dict[str, Any] = {
    "corpus": "bundled",
    "classes": "^rec|^sci",
    "posts_per_class": "10",
    "sample_seed": 0,
    "backend": "embedded",
}
RECORD_MODES = ("none", "once", "new_episodes", "all", "rewrite")
BACKENDS = ("embedded", "gemini", "vertex")


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of a run; the names of the recording ones are those of pytest-recording."""
    group = parser.getgroup("newsgauge", "newsgauge: evaluating model variants")
    group.addoption(
        "--corpus",
        default=_DEFAULTS["corpus"],
        metavar="NAME",
        help="bundled, 20newsgroups, or a folder (default: bundled)",
    )
    group.addoption(
        "--classes",
        default=_DEFAULTS["classes"],
        metavar="REGEX",
        help="labels to keep (default: %(default)s)",
    )
    group.addoption(
        "--posts-per-class",
        default=_DEFAULTS["posts_per_class"],
        metavar="N|all",
        help="posts of each label (default: 10)",
    )
    group.addoption(
        "--sample-seed",
        type=int,
        default=_DEFAULTS["sample_seed"],
        metavar="N",
        help="seed of the draw (default: 0)",
    )
    group.addoption("--variants", default=None, metavar="A,B", help="variants of variants.toml to ask (default: all)")
    group.addoption("--backend", choices=BACKENDS, default="embedded", help="who is asked (default: embedded)")
    group.addoption(
        "--record-mode",
        choices=RECORD_MODES,
        default="none",
        help="none: replay only (default); once: record what is missing; new_episodes: and what changed; "
        "all: everything anew; rewrite: and drop what is not planned",
    )
    group.addoption(
        "--require-gates",
        action="store_true",
        default=None,
        help="red unless every planned case ran and every planned gate passed (default where CI is set)",
    )
    group.addoption("--no-require-gates", action="store_false", dest="require_gates", help="the opposite")
    group.addoption(
        "--results",
        default=".newsgauge/results",
        metavar="DIR",
        help="where results go (default: %(default)s)",
    )
    parser.addini("newsgauge_evals", "folder of variants.toml, gates.toml and the eval files", default="evals")
    parser.addini("newsgauge_cassettes", "folder of the cassettes", default="cassettes")
    parser.addini("newsgauge_bundled", "folder of the bundled corpus", default="fixtures/bundled")


def pytest_configure(config: pytest.Config) -> None:
    """Read and check everything a run depends on before anything is collected; a mistake is a usage error."""
    if config.option.help or not _is_active(config):
        return
    from .errors import UsageError
    from .gates import load_gates, select_gates
    from .guard import Guard
    from .results import ResultLog
    from .run import Run, check_setup
    from .variants import load_variants

    evals = config.rootpath / config.getini("newsgauge_evals")
    worker: dict[str, str] | None = getattr(config, "workerinput", None)
    results = config.rootpath / config.option.results
    try:
        variants = load_variants(evals / "variants.toml")
        setup = _make_setup(config, variants)
        gates = load_gates(evals / "gates.toml", backend=setup.backend, corpus=setup.plan.corpus, known=variants)
        planned = select_gates(gates, setup.variants)
        if worker is None and not config.option.collectonly:
            check_setup(setup)
            guard = Guard(setup, planned, results=results, required=_are_gates_required(config))
            guard.start()
            config.pluginmanager.register(_Judge(config, guard), "newsgauge-judge")
    except UsageError as error:
        raise pytest.UsageError(f"newsgauge: {error}") from None
    config.stash[_SETUP] = setup
    config.stash[_GATES] = planned
    folder = results / f".cases-{_run_id(config, worker)}"
    config.stash[_RUN] = Run(setup, ResultLog(folder, worker["workerid"] if worker else "main"))


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
    """Gates go last: by then most cases have left their results."""
    items.sort(key=lambda item: item.get_closest_marker("gate") is not None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """In a replay no test of the evals folder reaches any network."""
    setup = item.config.stash.get(_SETUP, None)
    if setup is None or not setup.replays or not item.path.is_relative_to(_evals(item.config)):
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
    try:
        return request.config.stash[_RUN].ask(case)
    except NewsgaugeError as error:
        message = str(error)
    pytest.fail(message, pytrace=False)


@pytest.fixture
def verdict(request: pytest.FixtureRequest, gate: Gate) -> Verdict:
    """The gate, decided from the results of all planned cases; in a replay missing ones are recomputed."""
    from .gates import decide
    from .scoreboard import score

    run, setup = request.config.stash[_RUN], request.config.stash[_SETUP]
    results = run.results(gate.variants)
    decided = decide(gate, score(results, setup.plan, gate.variants), results, setup.plan)
    request.node.user_properties.append((_GATE_PROPERTY, asdict(decided)))
    return decided


class _Judge:
    """The hooks of the process that judges the run: the only one, or the controller of pytest-xdist."""

    def __init__(self, config: pytest.Config, guard: Guard) -> None:
        self._config = config
        self._guard = guard
        self._conclusion: Conclusion | None = None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take in the verdict that a gate's test sent along; the test's own outcome has the last word."""
        for name, value in report.user_properties if report.when == "call" else ():
            if name == _GATE_PROPERTY and isinstance(value, dict):
                passed = bool(value["passed"]) and report.outcome == "passed"
                self._guard.add(Verdict(value["gate"], value["variant"], passed, tuple(value["reasons"])))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Conclude; red where planned and seen differ and gates are required."""
        setup = self._guard.setup
        log = self._config.stash[_RUN].log
        if not setup.replays:
            from .run import open_recorder

            recorder = open_recorder(setup)
            for variant in setup.variants:
                recorder.finalize(variant, {post.id for post in setup.plan.posts})
        try:
            self._conclusion = self._guard.conclude(log.read())
        finally:
            log.discard()
        if self._conclusion.complaints and session.exitstatus in (
            pytest.ExitCode.OK,
            pytest.ExitCode.NO_TESTS_COLLECTED,
        ):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
        """After pytest's own summary: the scoreboard, then the gates, then what forbids green."""
        yield
        if self._conclusion is None:
            return
        from .report.terminal import BACKEND_NOTES, gate_lines, scoreboard_lines

        end, setup, write = self._conclusion, self._guard.setup, terminalreporter.write_line
        title = (
            f"{setup.backend} backend ({BACKEND_NOTES[setup.backend]}) on {setup.plan.corpus}: "
            f"{len(setup.plan.posts)} posts, plan {setup.plan.digest}"
        )
        terminalreporter.section("newsgauge scoreboard")
        for line in scoreboard_lines(
            end.scores,
            end.verdicts,
            undecided=[g.variant for g in self._guard.gates if g.name in end.undecided],
            title=title,
        ):
            write(line)
        terminalreporter.section("newsgauge gates")
        for line in gate_lines(end.verdicts.values(), end.undecided):
            write(line)
        for complaint in end.complaints:
            write(f"newsgauge: red: {complaint}", red=True, bold=True)


def _is_active(config: pytest.Config) -> bool:
    evals = _evals(config)
    for argument in config.args:
        path = Path(os.path.abspath(config.invocation_params.dir / argument.partition("::")[0]))
        if path == evals or path in evals.parents or evals in path.parents:
            return True
    return False


def _evals(config: pytest.Config) -> Path:
    return Path(os.path.abspath(config.rootpath / config.getini("newsgauge_evals")))


def _are_gates_required(config: pytest.Config) -> bool:
    if config.option.require_gates is not None:
        return bool(config.option.require_gates)
    return os.environ.get("CI", "").lower() not in ("", "0", "false")


def _run_id(config: pytest.Config, worker: dict[str, str] | None) -> str:
    if worker is not None:
        return worker["testrunuid"]
    # pytest-xdist hands this id on to its workers; without that plugin the attribute is ours alone.
    if getattr(config.option, "testrunuid", None) is None:
        config.option.testrunuid = uuid.uuid4().hex
    return str(config.option.testrunuid)


def _make_setup(config: pytest.Config, variants: dict[str, Variant]) -> Setup:
    from .corpus import find_corpus
    from .preprocessing import codelab
    from .run import Setup
    from .sampling import make_plan
    from .variants import select_variants

    option = config.option
    chosen = select_variants(variants, option.variants)
    corpus = find_corpus(option.corpus, bundled=config.rootpath / config.getini("newsgauge_bundled"))
    plan = make_plan(
        corpus.posts("test"),
        corpus=corpus.name,
        classes=option.classes,
        posts_per_class=_posts_per_class(option.posts_per_class),
        seed=option.sample_seed,
        preprocess=codelab,
    )
    shown = f"{config.getini('newsgauge_cassettes')}/{option.backend}/{corpus.name}"
    return Setup(
        corpus=corpus,
        plan=plan,
        variants=chosen,
        backend=option.backend,
        mode=option.record_mode,
        cassettes=config.rootpath / shown,
        shown_cassettes=shown,
        options=_changed_options(option),
    )


def _posts_per_class(text: str) -> int | None:
    from .errors import UsageError

    if text == "all":
        return None
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise UsageError(f"--posts-per-class: expected 'all' or a number from 1, got {text!r}")
    return int(text)


def _changed_options(option: Any) -> str:
    changed = [
        f" --{name.replace('_', '-')} {shlex.quote(str(getattr(option, name)))}"
        for name, default in _DEFAULTS.items()
        if getattr(option, name) != default
    ]
    return "".join(changed)
