"""With pytest-xdist, cases reach the controller in batches, and what it shows of them is what one process shows."""

from __future__ import annotations

import contextlib
import threading
import xml.etree.ElementTree as ET
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from _pytest.reports import pytest_report_to_serializable

from newsgauge.pytest_plugin.compact_reports import CompactWorker
from newsgauge.pytest_plugin.slim_reports import VARIANT_PROPERTY


class Queue:
    """The queue of pytest-xdist's worker, as far as it is asked."""

    def __init__(self, *waiting: int) -> None:
        self.items = deque(waiting)
        self._lock = threading.RLock()

    @contextlib.contextmanager
    def lock(self) -> Iterator[deque[int]]:
        with self._lock:
            yield self.items


class WorkerInteractor:
    """What of pytest-xdist's worker is replaced: it keeps what would be sent."""

    def __init__(self, *waiting: int) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.torun = Queue(*waiting)
        self.item_index = 0
        self.config = None

    def sendevent(self, name: str, **values: Any) -> None:
        self.sent.append((name, values))


def worker_of(interactor: WorkerInteractor, folder: Path) -> CompactWorker:
    plugins = SimpleNamespace(get_plugins=lambda: {object(), interactor})
    return CompactWorker(SimpleNamespace(pluginmanager=plugins), folder / "gw0.now")  # type: ignore[arg-type]


def run_one(
    interactor: WorkerInteractor, worker: CompactWorker, n: int, outcome: str = "passed", *, sections: Any = ()
) -> None:
    """The events of one test, as pytest-xdist's worker sends them."""
    interactor.item_index = n
    worker.pytest_runtest_logstart()
    where = ("evals/test_x.py", 1, "test_x")
    interactor.sendevent("logstart", nodeid=f"n{n}", location=where)
    for when in ("setup", "call", "teardown"):
        kind: Any = outcome if when == "call" else "passed"
        report = pytest.TestReport(
            *(f"n{n}", where, {}, kind, None, when),
            user_properties=[(VARIANT_PROPERTY, "tuned")],
            sections=sections,
        )
        if kind == "skipped":
            report.wasxfail = "a -> b"
        data = worker.pytest_report_to_serializable(report) or pytest_report_to_serializable(report)
        assert data is not None
        if kind == "failed":
            report.outcome = "passed"  # as a hook of the project's may do, once the report is on its way
        interactor.sendevent("testreport", data={**data, "item_index": n})
    interactor.sendevent("logfinish", nodeid=f"n{n}", location=where)
    interactor.sendevent("runtest_protocol_complete", item_index=n, duration=0.0)


def test_answered_cases_are_sent_together_and_before_anything_else(tmp_path: Path) -> None:
    interactor = WorkerInteractor(4, 5)
    worker = worker_of(interactor, tmp_path)
    run_one(interactor, worker, 1)
    run_one(interactor, worker, 2, "skipped")
    assert interactor.sent == []
    run_one(interactor, worker, 3, "failed")
    names = [name for name, _ in interactor.sent]
    alone = ["logstart", "testreport", "testreport", "testreport", "logfinish", "runtest_protocol_complete"]
    assert names == ["newsgauge_cases", *alone]
    kept = interactor.sent[0][1]["cases"]
    assert [(index, outcome, xfail) for index, _, _, _, outcome, xfail, *_ in kept] == [
        (1, "passed", None),
        (2, "skipped", "a -> b"),
    ]
    assert interactor.sent[3][1]["data"]["$report_type"] == "TestReport"
    assert interactor.sent[3][1]["data"]["outcome"] == "failed"


def test_a_worker_that_would_wait_for_work_keeps_nothing(tmp_path: Path) -> None:
    interactor = WorkerInteractor()
    run_one(interactor, worker_of(interactor, tmp_path), 1)
    assert [name for name, _ in interactor.sent] == ["newsgauge_cases"]


def test_64_cases_are_the_most_that_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("newsgauge.pytest_plugin.compact_reports._WAIT_S", 3600.0)
    interactor = WorkerInteractor(99)
    worker = worker_of(interactor, tmp_path)
    for n in range(130):
        run_one(interactor, worker, n)
    assert [len(values["cases"]) for _, values in interactor.sent] == [64, 64]
    interactor.sendevent("workerfinished", workeroutput={})
    assert [name for name, _ in interactor.sent][2:] == ["newsgauge_cases", "workerfinished"]


def test_a_case_that_printed_something_is_sent_whole(tmp_path: Path) -> None:
    interactor = WorkerInteractor(2)
    run_one(interactor, worker_of(interactor, tmp_path), 1, sections=[("Captured stdout call", "words")])
    assert interactor.sent[1][1]["data"]["sections"] == [("Captured stdout call", "words")]


def shown(project: pytest.Pytester, *options: str) -> tuple[Any, ...]:
    """Outcomes, reasons and junit.xml of a run, without times and order."""
    run = project.runpytest("evals", "-rx", "--junitxml=junit.xml", *options)
    cases = sorted(
        (
            case.get("classname"),
            case.get("name"),
            sorted((one.get("name"), one.get("value")) for one in case.iter("property")),
            [(one.tag, one.get("message")) for one in case if one.tag != "properties"],
        )
        for case in ET.parse("junit.xml").iter("testcase")  # noqa: S314  # our own
    )
    return run.ret, run.parseoutcomes(), sorted(line for line in run.outlines if line.startswith("XFAIL")), cases


def test_two_processes_show_of_every_case_what_one_shows(project: pytest.Pytester) -> None:
    assert shown(project, "-n", "2") == shown(project)


def test_a_crash_is_pinned_on_the_test_that_ran_and_no_case_is_lost(project: pytest.Pytester) -> None:
    file = Path("evals/test_newsgroups.py")
    text = file.read_text()
    die = "    if case.id.endswith('-system') and case.post.label == 'sci.space':\n        os.kill(os.getpid(), 9)\n"
    at = text.index("\n", text.index("def test_names_its_newsgroup")) + 1
    file.write_text("import os\n" + text[:at] + die + text[at:])
    run = project.runpytest("evals", "-n", "1", "--max-worker-restart", "9")
    crashed = [line for line in run.outlines if "crashed while running" in line]
    assert len(crashed) >= 4
    assert all("sci.space" in line and "-system" in line for line in crashed)
    outcomes = run.parseoutcomes()
    assert outcomes["failed"] == 4
    assert outcomes["passed"] + outcomes["xfailed"] + outcomes["failed"] == 32 + 4  # cases and gates
    run.stdout.fnmatch_lines(["*newsgauge: gw* crashed before it had reported * cases; they were run again*"])
