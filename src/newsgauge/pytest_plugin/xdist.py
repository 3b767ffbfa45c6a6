"""Workers of pytest-xdist on other machines: each sends its results in one piece when it is done.

Processes of one machine share the folder of the run, and nothing is sent. If the folder is not shared, a worker
hands its results over with its exit, and the controller puts them into the folder as if they had been written there.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .._util.files import write_whole
from ..errors import UsageError
from ..planning.plan_file import COMMIT, NO_COMMIT, differences
from ..results.run_folder import EXHIBITS
from .slim_reports import Status, is_case

if TYPE_CHECKING:
    from ..planning.plan_file import RunPlan
    from ..running.results_log import ResultLog
    from ..running.run_config import RunConfig

#: The entries of pytest-xdist's ``workeroutput`` that hold a worker's results, and what evals left beside the cases.
_OUTPUT, _EXHIBITS = "newsgauge_results", "newsgauge_exhibits"
#: The entries of its ``workerinput``: the folder of the run's results, what decides its verdict, if gates are required.
_FOLDER, _FACTS, _REQUIRED = "newsgauge_folder", "newsgauge_facts", "newsgauge_required"
#: And whether it may send its cases in batches.
COMPACT = "newsgauge_compact"
_REFUSAL = "this worker would run something else than its controller"


def open_log(results: Path, worker: Mapping[str, Any] | None) -> ResultLog:
    """The log of a process. Each run has a new folder, even if a killed run left one."""
    from ..running.results_log import MAIN, ResultLog

    if worker is None:
        return ResultLog(results / f".cases-{uuid.uuid4().hex}", MAIN)
    return ResultLog(results / worker.get(_FOLDER, f".cases-{worker['testrunuid']}"), worker["workerid"])


def facts_of(run: RunPlan) -> dict[str, str]:
    """What must be equal in all processes of a run, with readable names."""
    return {
        "newsgauge": run.made_by,
        **{name.replace("_", " "): str(value) for name, value in run.describe().items()},
        **{f"prompt or model of {name}": digest for name, digest in run.prompts.items()},
        **run.inputs,
    }


def check_worker(config: pytest.Config, worker: Mapping[str, Any], run: RunPlan) -> None:
    """Refuse to work for a controller with other files. Raises `UsageError`."""
    if _REQUIRED in worker:
        config.option.require_gates = worker[_REQUIRED]
    here, there = facts_of(run), worker.get(_FACTS, {})
    has_git = NO_COMMIT not in (here.get(COMMIT), there.get(COMMIT))  # what is copied to a host may come without
    other = differences(here, there, but=() if has_git else (COMMIT,)) if _FACTS in worker else []
    if other:
        raise UsageError(f"{_REFUSAL}: {', '.join(other)}; bring {config.rootpath} to the controller's state")


class Worker:
    """The hooks of a worker. Nobody reads its terminal, so it writes as little as possible."""

    def __init__(self, config: pytest.Config, log: ResultLog, results: Path) -> None:
        self._log = log
        self._exhibits = {name: results / f"{name}.json" for name in EXHIBITS}
        self._older = {name: _changed_at(path) for name, path in self._exhibits.items()}
        config.option.no_summary = True

    @pytest.hookimpl(wrapper=True)
    def pytest_report_teststatus(self, report: pytest.TestReport | pytest.CollectReport) -> Status:
        """Write no letter for a case."""
        status = yield
        return ("", "", "") if is_case(report) else status

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Hand over the results if the controller cannot see them."""
        if not self._log.is_shared:
            output: dict[str, Any] = session.config.workeroutput  # type: ignore[attr-defined]  # pytest-xdist's
            output[_OUTPUT] = self._log.hand_over()
            output[_EXHIBITS] = {
                name: path.read_text("utf-8")
                for name, path in self._exhibits.items()
                if _changed_at(path) != self._older[name]
            }


class Controller:
    """The hooks of the controller, or of the only process."""

    def __init__(
        self, log: ResultLog, results: Path, facts: Mapping[str, str], *, required: bool, compact: bool
    ) -> None:
        self._log = log
        self._results = results
        self._ready: set[Any] = set()
        self._sent = {_FOLDER: log.name, _FACTS: dict(facts), _REQUIRED: required, COMPACT: compact}

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker where results go and what it has to find on its host."""
        node.workerinput.update(self._sent)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodeready(self, node: Any) -> None:
        """Remember that this worker could start."""
        self._ready.add(node)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Take a worker's results; a crashed worker sends none, and its cases count as not run.

        Raises `pytest.UsageError` for a worker that refused to work, or failed before it could: pytest-xdist would
        start it again and again.
        """
        if error and node not in self._ready:
            lines = [line.strip() for line in reversed(str(error).splitlines())]
            refused = next((line[line.index(_REFUSAL) :] for line in lines if _REFUSAL in line), "")
            failed = next((line for line in lines if "rror" in line), str(error))
            raise pytest.UsageError(
                f"newsgauge: {node.gateway.spec}: {refused or f'this worker could not start: {failed}'}"
            )
        for name, text in getattr(node, "workeroutput", {}).get(_EXHIBITS, {}).items():
            write_whole(self._results / f"{name}.json", text)
        handed_over = getattr(node, "workeroutput", {}).get(_OUTPUT)
        if handed_over:
            self._log.take_in(str(node.gateway.id), handed_over)


def _changed_at(path: Path) -> int | None:
    return path.stat().st_mtime_ns if path.exists() else None


def check_places(config: pytest.Config, setup: RunConfig) -> None:
    """Refuse to record on workers elsewhere: what they pay for would stay in their cassettes. Raises `UsageError`."""
    places = [spec.partition("*")[2] or spec for spec in getattr(config.option, "tx", None) or ()]
    elsewhere = [place for place in places if "popen" not in place.split("//") or "chdir=" in place]
    if elsewhere and not setup.replays:
        raise UsageError(
            f"--record-mode {setup.mode}: the workers of --tx {elsewhere[0]} would record into folders of their own; "
            "record on one machine, then replay on several"
        )
