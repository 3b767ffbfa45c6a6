"""The hooks of the one process that judges a run: takes in verdicts, concludes, prints the scoreboard, may say red."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from .errors import UsageError
from .guard import Conclusion, Guard
from .records import Result, Verdict
from .report.baseline import baseline_lines, flip_lines
from .report.classes import worst_lines
from .report.terminal import backend_note, gate_lines, scoreboard_lines
from .results import Key, ResultLog
from .run import stand_ins
from .stats import Finding

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
            if name == GATE_PROPERTY:
                self._guard.add(_verdict(json.loads(str(value)), passed=report.outcome == "passed"))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Conclude; red where planned and seen differ and gates are required."""
        try:
            results = self._log.read()
            self._conclusion = self._guard.conclude(results)
            if self._guard.baseline.updating:
                self._conclusion = self._update(self._conclusion, results, session)
        finally:
            self._log.discard()
        if self._conclusion.complaints and session.exitstatus in (
            pytest.ExitCode.OK,
            pytest.ExitCode.NO_TESTS_COLLECTED,
        ):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _update(self, end: Conclusion, results: Mapping[Key, Result], session: pytest.Session) -> Conclusion:
        """Write the baseline; where that cannot be, say so and be red."""
        if session.exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            return replace(
                end, complaints=(*end.complaints, "--update-baseline: nothing written, the run was cut short")
            )
        try:
            return replace(end, changes=self._guard.update_baseline(end.scores, results))
        except UsageError as error:
            return replace(end, complaints=(*end.complaints, str(error)))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
        """After pytest's own summary: the scoreboard, then the gates, then what forbids green."""
        yield
        if self._conclusion is None:
            return
        end, setup, write = self._conclusion, self._guard.setup, terminalreporter.write_line
        if (
            not end.verdicts
            and not end.complaints
            and not any(score.n or score.counts.broken for score in end.scores.values())
        ):
            write("newsgauge: no case and no gate was part of this run")
            return
        answered = [version for score in end.scores.values() for version in score.model_versions]
        title = (
            f"{setup.backend} ({backend_note(setup.backend, answered)}) on {setup.plan.corpus}: "
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
        worst = worst_lines(end.scores)
        for line in [*([""] if worst else []), *worst, *stand_ins(setup)]:
            write(line)
        terminalreporter.section("newsgauge gates")
        for line in gate_lines(end.verdicts.values(), end.undecided, end.notes):
            write(line)
        # Those of a gate that did not pass stand below it.
        shown = {v.variant for v in end.verdicts.values() if v.gate == f"{v.variant}-baseline" and not v.passed}
        flips = flip_lines((one for one in end.flips if one.first not in shown), shown=self._guard.baseline.shown)
        if flips:
            terminalreporter.section("newsgauge flips")
        for line in flips:
            write(line)
        if end.changes is not None:
            terminalreporter.section("newsgauge baseline")
            for line in baseline_lines(end.changes, shown=self._guard.baseline.shown):
                write(line)
        for complaint in end.complaints:
            write(f"newsgauge: red: {complaint}", red=True, bold=True)


def _verdict(value: dict[str, Any], *, passed: bool) -> Verdict:
    """The verdict that a gate's test sent along; a test that failed for another reason is no pass."""
    finding = Finding(value["finding"])
    if finding is Finding.PASS and not passed:
        finding = Finding.FAIL
    return Verdict(
        value["gate"],
        value["variant"],
        finding,
        tuple(value["reasons"]),
        tuple(value["flips"]),
        value["n_to_decide"],
    )
