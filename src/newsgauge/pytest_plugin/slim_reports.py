"""Keeps the reports of cases small: with 30,000 cases they would be most of a run's memory.

pytest's terminal keeps three reports per test to the end, to count and possibly list them. So does the terminal of a
pytest-xdist worker, which nobody reads. Reports that another plugin or a conftest.py could read are kept whole.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from functools import cached_property
from types import MappingProxyType

import pytest
from _pytest.junitxml import xml_key  # pytest has no public name for it

#: The type of a `pytest_report_teststatus` hook that wraps the others: what it is sent, and what it returns.
Status = Generator[None, tuple[str, str, str], tuple[str, str, str]]
#: The user properties in which a case says what it is about; also in junit.xml.
VARIANT_PROPERTY = "newsgauge_variant"
CORRECT_PROPERTY = "newsgauge_correct"


#: Hooks in which a plugin may read what the terminal has kept.
_READERS = (
    *("pytest_runtest_logreport", "pytest_runtest_logfinish", "pytest_runtestloop", "pytest_terminal_summary"),
    *("pytest_sessionfinish", "pytest_unconfigure", "pytest_report_teststatus"),
)
#: The packages whose hooks do not read the reports of single tests.
_KNOWN = frozenset({"_pytest", "xdist", "newsgauge", "_hypothesis_pytestplugin"})


class SlimReports:
    """The hooks of each process of a run."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Put a light report in the place of a case's, once all have seen it; drop those of its setup and teardown."""
        if self._terminal is None or report.failed or self._is_read or not is_case(report):
            return
        category = "xfailed" if hasattr(report, "wasxfail") else "passed"
        for name, kept in ((name, self._terminal.stats.get(name)) for name in (category, "")):
            if kept and kept[-1] is report:
                kept.pop()
                if name:
                    kept.append(_LightReport(report))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Leave what Hypothesis writes into junit.xml for its own terminal, in base64, out of it.

        Where no test used it, its summary would import it, for 0.1 s, to say nothing.
        """
        if "hypothesis" not in sys.modules and not self._config.getoption("hypothesis_show_statistics", False):
            self._config.pluginmanager.unregister(name="hypothesispytest")
        xml = self._config.stash.get(xml_key, None)
        if xml is not None:
            kept = [one for one in xml.global_properties if not one[0].startswith("hypothesis-statistics-")]
            xml.global_properties[:] = kept

    @cached_property
    def _is_read(self) -> bool:
        return are_read(self._config)

    @cached_property
    def _terminal(self) -> pytest.TerminalReporter | None:
        return terminal_of(self._config)


def are_read(config: pytest.Config) -> bool:
    """Whether pytest lists all reports at the end, including passed ones, or another plugin may read them."""
    option = config.option
    listed = option.durations is not None or option.xfail_tb or bool(set("PA") & set(option.reportchars))
    return listed or bool(other_readers(config.pluginmanager))


def other_readers(plugins: pytest.PytestPluginManager) -> set[str]:
    """The packages, other than pytest's, xdist's and our own, with a hook in which they may read kept reports."""
    callers = [getattr(plugins.hook, name) for name in _READERS]
    homes = {implementation.function.__module__ for caller in callers for implementation in caller.get_hookimpls()}
    return {home.partition(".")[0] for home in homes} - _KNOWN


def terminal_of(config: pytest.Config) -> pytest.TerminalReporter | None:
    """The terminal reporter of this process; None with ``-p no:terminal``."""
    found = config.pluginmanager.get_plugin("terminalreporter")
    return found if isinstance(found, pytest.TerminalReporter) else None


def is_case(report: pytest.TestReport | pytest.CollectReport) -> bool:
    """Whether a report is about a case."""
    return isinstance(report, pytest.TestReport) and user_property(report, VARIANT_PROPERTY) is not None


def user_property(report: pytest.TestReport, name: str) -> object:
    """The value of a user property; None if there is none. Builds no dict, because there are three reports per case."""
    for key, value in report.user_properties:
        if key == name:
            return value
    return None


class _LightReport(pytest.TestReport):
    """A light report for pytest's summary, with the id and the reason of a case."""

    keywords = MappingProxyType({})
    user_properties = []  # noqa: RUF012  # one for all, and nobody adds to it: the tests are over
    sections = []  # noqa: RUF012
    location = ("", None, "")
    longrepr = None
    duration = 0.0
    when = "call"

    def __init__(self, report: pytest.TestReport) -> None:
        self.nodeid = report.nodeid
        self.outcome = report.outcome
        if hasattr(report, "wasxfail"):
            self.wasxfail = report.wasxfail
