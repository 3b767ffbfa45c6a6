"""Keeps secrets out of what a run prints and writes: its output, log files, reports of all kinds, and ids of tests.

What the environment holds is known by its value, other secrets by their shape (`_util.secrets`).
"""

from __future__ import annotations

import warnings
from collections.abc import Generator
from contextlib import suppress
from typing import Any

import pytest
from _pytest.capture import FDCapture
from _pytest.junitxml import xml_key

from .._util.secrets import hide_secrets, redact_output
from .network_guard import owns_process


def redact_run(config: pytest.Config) -> None:
    """Begin, before any conftest.py is imported; end with the process, or with pytest if a program calls it."""
    end, original = redact_output(map(str, config.invocation_params.args)), FDCapture.writeorg

    def writeorg(self: FDCapture, data: str) -> None:
        original(self, hide_secrets(data))  # of a conftest.py, past all streams if pytest ends before its first test

    FDCapture.writeorg = writeorg  # type: ignore[method-assign]
    if not owns_process(config):
        config.add_cleanup(end)
        config.add_cleanup(lambda: setattr(FDCapture, "writeorg", original))
    config.pluginmanager.register(Redaction(), "newsgauge-redaction")


class Redaction:
    """The hooks of each process of a run."""

    def __init__(self) -> None:
        self._n_ids = 0
        #: The properties that were last seen to hold no secret.
        self._clean: list[tuple[str, object]] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """The file of ``--debug``, which holds the arguments of every hook."""
        trace = config.trace.root
        if (writer := getattr(trace, "_writer", None)) is not None:
            trace.setwriter(lambda text: writer(hide_secrets(text)))

    @pytest.hookimpl(tryfirst=True)
    def pytest_make_parametrize_id(self, val: object, argname: str) -> str | None:
        """Replace ids that hold a secret, because ids are written into reports and pytest's cache."""
        text = val.decode("latin-1") if isinstance(val, bytes) else val
        if not isinstance(text, str) or hide_secrets(text) == text:
            return None
        self._n_ids += 1
        return f"{argname}-secret-{self._n_ids}"

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_make_collect_report(self) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Redact errors of a file's import, before other plugins read them."""
        report = yield
        redact_report(report)
        return report

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Redact exceptions, output and properties, before other plugins read them."""
        if item._report_sections:
            item._report_sections = [(when, name, hide_secrets(text)) for when, name, text in item._report_sections]
        report = yield
        if call.excinfo is not None:
            redact_error(call.excinfo.value)
        self._redact(report)
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Redact what was added to a report since, and reports that were made otherwise, as of subtests."""
        if not hasattr(report, "node"):  # of a worker of pytest-xdist, which did
            self._redact(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_exception_interact(self, call: pytest.CallInfo[Any]) -> None:
        """Redact the exception of a file that cannot be imported."""
        if call.excinfo is not None:
            redact_error(call.excinfo.value)

    @pytest.hookimpl(tryfirst=True)
    def pytest_warning_recorded(self, warning_message: warnings.WarningMessage) -> None:
        """Redact warnings, which other plugins write into files."""
        warning_message.filename = hide_secrets(warning_message.filename)
        if isinstance(warning_message.message, Warning):
            redact_error(warning_message.message)

    def _redact(self, report: pytest.TestReport) -> None:
        redact_report(report)
        # All at once, and once: every report of a case holds the same few again.
        if (said := report.user_properties) != self._clean:
            texts = "\n".join([f"{name}\n{value}" for name, value in said])
            if hide_secrets(texts) != texts:
                report.user_properties = [_redact_property(*one) for one in said]
            elif all(isinstance(value, str | int) for _, value in said):  # what cannot change later
                self._clean = list(said)
        if (context := getattr(report, "context", None)) is not None:  # what names a subtest; it is frozen
            object.__setattr__(context, "msg", _redact_value(context.msg))
            object.__setattr__(context, "kwargs", {name: _redact_value(one) for name, one in context.kwargs.items()})

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Redact what tests wrote into junit.xml directly: properties of the suite, attributes of a test."""
        xml = session.config.stash.get(xml_key, None)
        if xml is None:
            return
        xml.global_properties = [(hide_secrets(name), hide_secrets(value)) for name, value in xml.global_properties]
        of_tests = [getattr(one, "attrs", None) or one.to_xml().attrib for one in xml.node_reporters_ordered]
        texts = "\n".join(text for attributes in of_tests for pair in attributes.items() for text in pair)
        for attributes in of_tests if hide_secrets(texts) != texts else ():
            for name in list(attributes):
                attributes[hide_secrets(name)] = hide_secrets(attributes.pop(name))

    @pytest.hookimpl(tryfirst=True)
    def pytest_internalerror(self, excrepr: Any) -> None:
        """Redact internal errors of pytest, which other plugins write into files such as junit.xml."""
        shown = str(excrepr)
        hidden = hide_secrets(shown)
        if hidden != shown:
            excrepr.toterminal = lambda tw: tw.line(hidden)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """An id that was written by hand cannot be changed here."""
        for item in items:
            if hide_secrets(item.nodeid) != item.nodeid:
                raise pytest.UsageError(
                    f"newsgauge: {hide_secrets(item.nodeid)}: the id of this test holds a secret, and would be written "
                    "into reports and pytest's cache; give it another: pytest.param(..., id=...)"
                )


def redact_report(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Replace every secret in a report's traceback, its captured output and its reasons."""
    if isinstance(report.longrepr, tuple):  # a skip: file, line, reason
        file, line, reason = report.longrepr
        report.longrepr = (file, line, hide_secrets(reason))
    elif report.longrepr is not None:
        shown = str(report.longrepr)
        hidden = hide_secrets(shown)
        if hidden != shown:
            report.longrepr = hidden  # as plain text: the pieces of a traceback may hold the secret anywhere
    if report.sections:
        report.sections = [(name, hide_secrets(text)) for name, text in report.sections]
    if isinstance(report, pytest.TestReport) and hasattr(report, "wasxfail"):
        report.wasxfail = hide_secrets(str(report.wasxfail))


def redact_error(error: BaseException) -> None:
    """Replace every secret in the words of an exception, its notes and those that it came from; it stays itself."""
    ends: BaseException | None = error
    seen: list[BaseException] = []
    while ends is not None and ends not in seen:
        seen.append(ends)
        ends = ends.__cause__ or ends.__context__
    for one in seen:
        with suppress(Exception):  # of a class that lets nobody change it
            args = tuple(map(_redact_value, one.args))
            if args != one.args:
                one.args = args
            if hasattr(one, "msg"):  # of pytest.fail, pytest.skip, SyntaxError
                one.msg = _redact_value(one.msg)
            if hasattr(one, "__notes__"):
                one.__notes__ = list(map(_redact_value, one.__notes__))


def _redact_property(name: str, value: object) -> tuple[str, object]:
    return hide_secrets(str(name)), _redact_value(value)


def _redact_value(value: Any) -> Any:
    """A value that is no text is replaced by its text if that holds a secret."""
    shown = str(value)
    hidden = hide_secrets(shown)
    return value if hidden == shown else hidden
