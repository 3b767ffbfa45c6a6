"""Cases of a pytest-xdist worker reach the controller in batches: one tuple per case instead of six messages.

pytest-xdist sends six messages per test: its start, three reports and twice its end. With 8,000 cases the controller
reads nothing else for seconds, and the workers wait. For an answered case only the call report matters. So a worker
keeps those and sends up to 64 at once, and never waits for work while it keeps one. Everything else is sent at once,
after the reports that were kept. The controller makes reports of the tuples again, for the terminal, junit.xml and
``-rx``.

A worker that crashes takes up to 64 unsent cases along. It marks in a shared file which test it runs, so that the crash
is pinned on that one; the unsent ones are run again, and the run says so. pytest-xdist has no interface for this: what
is replaced are ``sendevent`` of its worker and ``process_from_remote`` of its controller. Not done if another plugin
reads reports, in a recording, and if the folder of the results is not shared.
"""

from __future__ import annotations

import mmap
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from _pytest.junitxml import xml_key  # pytest has no public name for it
from _pytest.reports import pytest_report_to_serializable

from .slim_reports import is_case

#: Cases per message at most, and seconds that the first of them waits at most.
_N, _WAIT_S = 64, 0.25
_EVENT = "newsgauge_cases"
_NOW = struct.Struct("q")
#: Events of pytest-xdist about a single test, in the order in which a worker sends them.
_OF_A_TEST = ("logstart", "testreport", "logfinish", "runtest_protocol_complete")


class CompactWorker:
    """The hooks of a worker that keeps cases; ``now``: the file in which it marks the test that it runs."""

    def __init__(self, config: pytest.Config, now: Path) -> None:
        self._interactor: Any = next(
            plugin for plugin in config.pluginmanager.get_plugins() if type(plugin).__name__ == "WorkerInteractor"
        )
        self._send: Callable[..., None] = self._interactor.sendevent
        self._interactor.sendevent = self._take
        self._lock = threading.RLock()  # pytest-xdist answers commands in a thread of its own
        self._test: list[tuple[str, dict[str, Any]]] = []
        self._kept: list[tuple[Any, ...]] = []
        self._since = 0.0
        now.write_bytes(_NOW.pack(-1))
        with now.open("r+b") as file:
            self._now = mmap.mmap(file.fileno(), _NOW.size)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self) -> None:
        """Mark the running test, to blame if the process dies."""
        _NOW.pack_into(self._now, 0, self._interactor.item_index)

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_to_serializable(self, report: object) -> dict[str, Any] | None:
        """Leave a report as it is until it is known whether to send it; not a failure: a hook may change it later."""
        return {"report": report} if isinstance(report, pytest.TestReport) and not report.failed else None

    def _take(self, name: str, **values: Any) -> None:
        with self._lock:
            if name not in _OF_A_TEST:
                self._flush()
                self._send(name, **values)
                return
            self._test.append((name, values))
            if name != _OF_A_TEST[-1]:
                return
            test, self._test = self._test, []
            case = _pack(test)
            if case is None:
                self._flush()
                for event, own in test:
                    self._send(event, **_whole(own, self._interactor.config))
                return
            now = time.monotonic()
            if not self._kept:
                self._since = now
            self._kept.append(case)
            with self._interactor.torun.lock() as waiting:
                is_idle = not waiting
            if is_idle or len(self._kept) >= _N or now - self._since >= _WAIT_S:
                self._flush()

    def _flush(self) -> None:
        if self._kept:
            self._send(_EVENT, cases=self._kept)
            self._kept = []


def _pack(test: list[tuple[str, dict[str, Any]]]) -> tuple[Any, ...] | None:
    """What a controller needs of an answered case; None for any other test."""
    reports = [values["data"].get("report") for name, values in test if name == "testreport"]
    if len(reports) != 3 or None in reports or not is_case(reports[1]) or any(report.sections for report in reports):
        return None
    setup, call, teardown = reports
    is_answered = call.passed or (call.skipped and hasattr(call, "wasxfail"))
    if (setup.when, call.when, teardown.when) != ("setup", "call", "teardown") or not is_answered:
        return None
    if not (setup.passed and teardown.passed):
        return None
    done = test[-1][1]
    return (
        *(done["item_index"], done["duration"], call.nodeid, call.location, call.outcome),
        *(getattr(call, "wasxfail", None), call.user_properties, call.start, call.stop, call.duration),
        setup.duration + teardown.duration,
    )


def _whole(values: dict[str, Any], config: pytest.Config) -> dict[str, Any]:
    """An event with its report as pytest-xdist sends it."""
    report = values.get("data", {}).get("report")
    if report is None:
        return values
    more = {name: value for name, value in values["data"].items() if name != "report"}
    return {**values, "data": {**(pytest_report_to_serializable(report) or {}), **more}}


class CompactController:
    """The controller's side. ``folder``: where workers mark which test they run."""

    def __init__(self, config: pytest.Config, folder: Path) -> None:
        self._config = config
        self._folder = folder
        self._again: list[str] = []

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Take in a worker's batches, in the controller's own thread."""
        receive, session = node.process_from_remote, self._config.pluginmanager.getplugin("dsession")
        setattr(session, f"worker_{_EVENT}", self._report)

        def process(event: Any) -> None:
            if isinstance(event, tuple) and event[0] == _EVENT:
                node.notify_inproc(_EVENT, node=node, cases=event[1]["cases"])
            else:
                receive(event)

        node.process_from_remote = process

    def _report(self, node: Any, cases: list[tuple[Any, ...]]) -> None:
        session: Any = self._config.pluginmanager.getplugin("dsession")
        log, has_junit = self._config.hook.pytest_runtest_logreport, xml_key in self._config.stash
        for index, duration, *case in cases:
            for report in _unpack(case, has_junit=has_junit):
                report.node, report.item_index, report.worker_id = node, index, node.gateway.id
                log(report=report)
            session.sched.mark_test_complete(node, index, duration)

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Attribute a crash to the test that ran; earlier ones had run but were not reported yet."""
        session: Any = self._config.pluginmanager.getplugin("dsession")
        pending = getattr(session.sched, "node2pending", {}).get(node) if error else None
        if not pending:
            return
        with suppress(OSError, struct.error, ValueError):
            at = pending.index(_NOW.unpack((self._folder / f"{node.gateway.id}.now").read_bytes())[0])
            unsent = pending[:at]
            pending[:] = [pending[at], *unsent, *pending[at + 1 :]]
            if unsent:
                self._again.append(f"{node.gateway.id} crashed before it had reported {len(unsent)} cases")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Report which tests ran twice."""
        for line in self._again:
            terminalreporter.write_line(f"newsgauge: {line}; they were run again", yellow=True)


def _unpack(case: list[Any], *, has_junit: bool) -> list[Any]:
    nodeid, location, outcome, xfail, properties, start, stop, took, around = case
    properties = [tuple(one) for one in properties]
    reports = [
        pytest.TestReport(
            *(nodeid, tuple(location), {}, outcome, None, "call"),
            user_properties=properties,
            start=start,
            stop=stop,
            duration=took,
        )
    ]
    if xfail is not None:
        reports[0].wasxfail = xfail
    if has_junit:  # which writes a test once its teardown is over
        reports.append(
            pytest.TestReport(
                *(nodeid, tuple(location), {}, "passed", None, "teardown"),
                user_properties=properties,
                start=stop,
                stop=stop,
                duration=around,
            )
        )
    return reports
