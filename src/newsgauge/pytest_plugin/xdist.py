"""Workers of pytest-xdist on other machines: their results come home in one piece, when each of them is done.

Processes of one machine share the folder of the run, and nothing is sent. Where the folder is not shared, a worker
hands its results over with its exit, and the controller puts them into the folder as if they had been written there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ..errors import UsageError
from .slim_reports import Status, is_case

if TYPE_CHECKING:
    from ..running.results_log import ResultLog
    from ..running.run_config import RunConfig

#: The entry of pytest-xdist's ``workeroutput`` that holds a worker's results.
_OUTPUT = "newsgauge_results"


class Worker:
    """The hooks of a worker. It has a terminal of its own, which nobody reads: what it need not write it does not."""

    def __init__(self, config: pytest.Config, log: ResultLog) -> None:
        self._log = log
        config.option.no_summary = True

    @pytest.hookimpl(wrapper=True)
    def pytest_report_teststatus(self, report: pytest.TestReport | pytest.CollectReport) -> Status:
        """No letter for a case."""
        status = yield
        return ("", "", "") if is_case(report) else status

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Hand over the results where the controller cannot see them."""
        if not self._log.is_shared:
            output: dict[str, Any] = session.config.workeroutput  # type: ignore[attr-defined]  # pytest-xdist's
            output[_OUTPUT] = self._log.hand_over()


class Controller:
    """The hooks of the controller, or of the only process."""

    def __init__(self, log: ResultLog) -> None:
        self._log = log

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take in what a worker handed over; one that crashed handed over nothing, and its cases count as not run."""
        handed_over = getattr(node, "workeroutput", {}).get(_OUTPUT)
        if handed_over:
            self._log.take_in(str(node.gateway.id), handed_over)


def check_places(config: pytest.Config, setup: RunConfig) -> None:
    """Refuse to record on workers elsewhere: what they pay for would stay in their cassettes. Raises `UsageError`."""
    places = [spec.partition("*")[2] or spec for spec in getattr(config.option, "tx", None) or ()]
    elsewhere = [place for place in places if "popen" not in place.split("//") or "chdir=" in place]
    if elsewhere and not setup.replays:
        raise UsageError(
            f"--record-mode {setup.mode}: the workers of --tx {elsewhere[0]} would record into folders of their own; "
            "record on one machine, then replay on several"
        )
