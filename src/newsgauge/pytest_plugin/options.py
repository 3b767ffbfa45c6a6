"""The options of pytest, and what a configuration says about folders, gates and the id of a run."""

from __future__ import annotations

import os
import shlex
from contextlib import suppress
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import pytest

from .._util.files import read_toml
from ..choosing.ledger import CONFIRMATIONS
from ..errors import UsageError
from ..planning.plan_file import read_inputs
from ..planning.stops import NAME as STOPS
from ..running.recording_options import add_record_mode, add_recording_options, add_until_decided
from ..running.run_options import add_plan_options, baseline_name, setup_of
from .process_guard import are_gates_required, evals_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .._util.pytest_ini import Folders
    from ..gates.baseline_file import Baseline
    from ..planning.sampling import Plan
    from ..running.run_config import RunConfig
    from ..variants.variants_file import Variant

#: Where pytest finds options of the environment.
ENVIRONMENT = "PYTEST_ADDOPTS"
#: Options that decide a verdict or write its inputs; and attributes whose names differ from their options.
_OF_VERDICT = ("--record-mode", "--update-baseline", "--shard", "--no-require-gates")
_ATTRIBUTES = {"-c": "inifilename", "-o": "override_ini", "--no-require-gates": "require_gates"}


def add_options(parser: pytest.Parser, *, shares_record_mode: bool = False) -> None:
    """The options of pytest.

    With ``shares_record_mode`` pytest-recording is there: its ``--record-mode`` takes the same modes, and is ours too.
    """
    group = parser.getgroup("newsgauge", "newsgauge: evaluating model variants")
    add_plan_options(group.addoption)
    group.addoption(
        "--shard",
        default=None,
        metavar="K/N",
        help="ask only the K-th of N equal parts of the plan; newsgauge merge joins the results and decides the gates",
    )
    if not shares_record_mode:
        add_record_mode(group.addoption)
    add_recording_options(group.addoption)
    add_until_decided(group.addoption)
    group.addoption(
        "--require-gates",
        action="store_true",
        default=None,
        help="red unless every planned case ran and every planned gate passed (default if CI is set)",
    )
    group.addoption("--no-require-gates", action="store_false", dest="require_gates", help="do not require that")
    group.addoption(
        "--update-baseline",
        action="store_true",
        help="accept the answers of this run: write them into evals/baselines and print what changed",
    )
    group.addoption(
        "--results",
        default=".newsgauge/results",
        metavar="DIR",
        help="folder for results (default: %(default)s)",
    )
    group.addoption(
        "--network-namespace",
        action="store_true",
        help="replay in a network namespace of its own, which the kernel lets nothing out of (Linux)",
    )
    group.addoption("--no-report", action="store_true", help="do not write report.html, summary.md and tokens.json")
    group.addoption(
        "--report-posts",
        action="store_true",
        help="show your own texts in the report; do not share such a report",
    )


def evals_folder(config: pytest.Config) -> Path:
    """The folder that holds variants.toml, gates.toml and the eval files."""
    return Path(os.path.abspath(config.rootpath / evals_name(config)))


def folders_of(config: pytest.Config) -> Folders:
    """The project's folders, for files written beside its recordings."""
    from .._util.pytest_ini import Folders

    cassettes, bundled = str(config.getini("newsgauge_cassettes")), str(config.getini("newsgauge_bundled"))
    return Folders(config.rootpath, evals_name(config), cassettes, bundled)


def baseline_file(config: pytest.Config, setup: RunConfig) -> tuple[Path, str]:
    """The baseline file of a run, and how to name it: ``evals/baselines/embedded/bundled.json``."""
    inside = baseline_name(setup.backend, setup.plan)
    return evals_folder(config) / inside, f"{evals_name(config)}/{inside}"


def inputs_of(config: pytest.Config, setup: RunConfig, baseline: str) -> dict[str, str]:
    """Digests of what decides the verdict: files and code of the evals, conftests, texts, cassettes that are replayed.

    Texts that lie outside of the project are not looked for again: on another machine they may lie elsewhere.
    """
    evals, texts = evals_name(config), setup.corpus.path
    names = [f"{evals}/variants.toml", f"{evals}/gates.toml", baseline, f"{evals}/services.toml", f"{evals}/**/*.py"]
    names += [(folder / "conftest.py").as_posix() for folder in PurePath(evals).parents]
    if texts is not None:
        inside = PurePath(os.path.relpath(texts, config.rootpath)).as_posix()
        names += [] if texts.is_absolute() and inside.startswith("../") else [inside]
    if setup.replays:
        names += [f"{setup.shown_cassettes}/{name}.jsonl" for name, one in setup.variants.items() if one.has_cassette]
        names += [f"{setup.shown_cassettes}/{STOPS}"] if setup.plan.stops else []
    return read_inputs(config.rootpath, names)


def said_by_hand(config: pytest.Config) -> tuple[str, ...]:
    """The options that leave gates out, if the command line itself holds them: not a file, not PYTEST_ADDOPTS."""
    said = {str(arg).partition("=")[0] for arg in config.invocation_params.args}
    return tuple(option for option in ("--variants", "--classes") if option in said)


def said_elsewhere(config: pytest.Config) -> dict[str, str]:
    """Options that choose the plan and are not on the command line itself -> `ENVIRONMENT` or ``addopts``.

    Raises `UsageError` if gates are required for an option that writes or replaces what the verdict rests on: to
    record, to accept answers, to decide no gate is nothing that an environment or a file may say for everybody. Called
    before the options are completed.
    """
    words = shlex.split(os.environ.get(ENVIRONMENT, ""))
    if not words and not config.getini("addopts"):
        return {}
    hand = [str(word) for word in config.invocation_params.args]
    parse = config._parser.parse_known_args
    by_hand, by_environment = (vars(parse(args)) for args in (hand, [*words, *hand]))
    plan: list[str] = []
    add_plan_options(lambda option, **_: plan.append(option))
    found: dict[str, str] = {}
    for option in (*plan, "-c", "-o", *_OF_VERDICT):
        name = _ATTRIBUTES.get(option, option[2:].replace("-", "_"))
        value = getattr(config.option, name)
        if value in (None, "none") or value == by_hand[name] or (option == "--no-require-gates" and value):
            continue
        source = ENVIRONMENT if by_environment[name] != by_hand[name] else "addopts"
        if option in _OF_VERDICT and are_gates_required(config):
            raise UsageError(
                f"{option} in {source}: if gates are required, it counts only on the command line itself; put it "
                "there, or take it out"
            )
        if option == "-o":
            new = [one for one in value if one not in (by_hand[name] or ())]
            found |= {f"-o {one}": source for one in new if one.startswith(("newsgauge_", "addopts="))}
        elif option not in _OF_VERDICT:
            found[option if value is True else f"{option} {value}"] = source
    return found


def unreviewed_options(elsewhere: Mapping[str, str], plan: Plan, baseline: Baseline | None) -> tuple[str, ...]:
    """Of what `said_elsewhere` found: all of the environment, and of a file what the baseline was drawn without."""
    from ..gates.baseline_file import changed_draw

    changed = set() if baseline is None else changed_draw(baseline, plan)
    changed |= {"sample"} if "posts_per_class" in changed else set()
    return tuple(
        f"{said} in {source}"
        for said, source in elsewhere.items()
        if source == ENVIRONMENT or said.partition(" ")[0][2:].replace("-", "_") in changed
    )


def known_corpora(config: pytest.Config, setup: RunConfig) -> set[str]:
    """Names that gates may be about: this run's, the project's, and what has recordings here.

    newsgauge's own corpora are known if the bundled one is there, or one of them is asked about.
    """
    from ..corpora.corpus import BUNDLED
    from ..corpora.twenty_newsgroups import TWENTY

    root = config.rootpath
    own = [str(config.getini("newsgauge_corpus"))]
    with suppress(UsageError):  # 'newsgauge cassettes' reports a broken file
        plans = root / str(config.getini("newsgauge_cassettes")) / "PLANS.toml"
        found = read_toml(plans, expected="plans").get("plan", ()) if plans.is_file() else ()
        own += [str(plan.get("corpus", "")) for plan in found]
    folders = [*setup.cassettes.parent.parent.glob("*/*/"), *evals_folder(config).glob("baselines/*/*.json")]
    recorded = {path.name.removesuffix(".json").partition("+")[0] for path in folders if path.name != CONFIRMATIONS}
    known = {setup.plan.corpus, *recorded, *(Path(name).stem for name in own if name)}
    has_own = (root / str(config.getini("newsgauge_bundled"))).is_dir() or not known.isdisjoint((BUNDLED, TWENTY))
    return known | ({BUNDLED, TWENTY} if has_own else set())


def make_setup(config: pytest.Config, variants: dict[str, Variant]) -> RunConfig:
    """The plan, variants and backend that the command line asks for. Raises `UsageError`."""
    return setup_of(config.option, variants, root=config.rootpath, ini=config.getini)
