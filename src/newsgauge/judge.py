"""The hooks of the one process that judges a run: takes in verdicts, concludes, prints the scoreboard, may say red."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .guard import Conclusion, Guard
from .records import Verdict
from .report.terminal import BACKEND_NOTES, gate_lines, scoreboard_lines
from .results import ResultLog

#: The user property in which a gate's test sends its verdict along, also from a worker of pytest-xdist.
GATE_PROPERTY = "newsgauge_gate"


class Judge:
    """The hooks of the process that judges the run: the only one, or the controller of pytest-xdist."""

    def __init__(self, guard: Guard, log: ResultLog) -> None:
        self._guard = guard
        self._log = log
        self._conclusion: Conclusion | None = None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take in the verdict that a gate's test sent along; the test's own outcome has the last word."""
        for name, value in report.user_properties if report.when == "call" else ():
            if name == GATE_PROPERTY and isinstance(value, dict):
                passed = bool(value["passed"]) and report.outcome == "passed"
                self._guard.add(Verdict(value["gate"], value["variant"], passed, tuple(value["reasons"])))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Conclude; red where planned and seen differ and gates are required."""
        try:
            self._conclusion = self._guard.conclude(self._log.read())
        finally:
            self._log.discard()
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
        end, setup, write = self._conclusion, self._guard.setup, terminalreporter.write_line
        if not end.verdicts and not any(score.n for score in end.scores.values()) and not end.complaints:
            write("newsgauge: no case and no gate was part of this run")
            return
        title = (
            f"{setup.backend} backend ({BACKEND_NOTES[setup.backend]}) on {setup.plan.corpus}: "
            f"{len(setup.plan.posts)} posts, plan {setup.plan.digest}"
        )
        terminalreporter.ensure_newline()
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
