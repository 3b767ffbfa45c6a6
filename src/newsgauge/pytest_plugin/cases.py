"""The hooks and the fixture of a run's cases: what answers one, and what its report says.

A run has 30,000 of them, so what is done here for each is counted in microseconds.
"""

from __future__ import annotations

import gc
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from .._util.one_line import one_line
from .._util.process import give_back
from .._util.secrets import hide_secrets
from ..errors import NewsgaugeError
from ..records import Case, Prediction
from .slim_reports import CORRECT_PROPERTY, VARIANT_PROPERTY, redact_report

if TYPE_CHECKING:
    from ..running.run import Run
    from .scores_and_tokens import Scores


#: New objects between two looks for garbage, and the share of looks that go through all objects.
_GARBAGE_EVERY, _NEVER = 5_000, 1_000_000
#: Tests between two times that free memory goes back to the system.
_GIVE_BACK_EVERY = 1_000


class Cases:
    """Registered by each process that runs cases. ``run`` asks them."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._n_done = 0

    @pytest.fixture
    def prediction(self, case: Case) -> Prediction:
        """What the case's variant says of its post: from the cassette, or asked and recorded.

        A case that cannot be answered (no recording, a stale one, a refusal of the service) is an error of this test.
        """
        try:
            return self._run.ask(case)
        except NewsgaugeError as error:
            message = str(error)
        pytest.fail(message, pytrace=False)

    @pytest.hookimpl(wrapper=True)
    def pytest_collection(self) -> Iterator[None]:
        """See `_keeping`."""
        with _keeping():
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self) -> Iterator[None]:
        """See `_keeping`."""
        with _keeping():
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Say what a case was about, and a wrong label in one line; a failed test of scores shows their table.

        No key gets into a report, whatever exception printed it.
        """
        reason: BaseException | None = None
        if call.when == "setup":
            _tell_case(item)
        elif call.excinfo is not None and isinstance(call.excinfo.value, pytest.xfail.Exception):
            # Of a wrong label nobody reads a traceback, and pytest would look for each of its files on the disk. What
            # is no ExceptionInfo it takes as it is.
            reason = call.excinfo.value
            call.excinfo = _Reason(reason)  # type: ignore[assignment]
        report = yield
        if reason is not None:
            report.longrepr = text = str(reason)
            if not report.sections and hide_secrets(text) == text:
                return report  # as of nearly all
        elif report.failed and report.when == "call":
            _show_scores(item, report)
        if report.longrepr is not None or report.sections:
            redact_report(report)
        if call.when == "teardown":
            item.user_properties = []  # all reports have theirs, and 30,000 items are kept
            self._n_done += 1
            if self._n_done % _GIVE_BACK_EVERY == 1:  # the first has imported the SDK
                give_back()
        return report


@contextmanager
def _keeping() -> Iterator[None]:
    """Look for garbage among what is new: what a run keeps, items and reports above all, it keeps to its end."""
    usual = gc.get_threshold()
    gc.set_threshold(_GARBAGE_EVERY, usual[1], _NEVER)
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def _show_scores(item: pytest.Item, report: pytest.TestReport) -> None:
    """Below a failed test of scores, their table."""
    asked: Scores | None = getattr(item, "funcargs", {}).get("scores")
    if asked is not None and (table := asked.table()):
        report.sections.append(("newsgauge scores", table))


class _Reason:
    """An exception without its traceback, in the place of pytest's ExceptionInfo."""

    __slots__ = ("value",)

    def __init__(self, value: BaseException) -> None:
        self.value = value


def _tell_case(item: pytest.Item) -> None:
    """What junit.xml, and the progress line of the process that shows it, are to know of a case."""
    callspec: Any = getattr(item, "callspec", None)
    case = callspec.params.get("case") if callspec is not None else None
    if not isinstance(case, Case) or not isinstance(item, pytest.Function) or "prediction" not in item.fixturenames:
        return
    item.user_properties += [(VARIANT_PROPERTY, case.variant), ("newsgauge_label", case.post.label)]
    said = item.funcargs.get("prediction")
    if isinstance(said, Prediction):
        item.user_properties += [
            ("newsgauge_answer", one_line(said.label)),
            (CORRECT_PROPERTY, said.label == case.post.label),
        ]
