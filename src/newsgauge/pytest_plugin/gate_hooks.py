"""The hooks of the one process that judges a run: takes in verdicts, concludes, prints the scoreboard, may say red."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from ..errors import UsageError
from ..gates.age_gate import day_of
from ..gates.gate import Ages
from ..gates.run_verdict import Conclusion, Guard
from ..records import Key, Result
from ..report.summary_sections import concluding_sections
from ..running.recorded_days import oldest_recordings
from ..running.results_log import ResultLog
from ..running.run_config import RunConfig, stand_ins
from ..scoring.scores import Check, Verdict
from ..scoring.spending import today
from ..scoring.stats import Finding

#: The user property in which a gate's test sends its verdict along, also from a worker of pytest-xdist.
GATE_PROPERTY = "newsgauge_gate"
#: How the reason begins for which a shard leaves a test out that newsgauge merge does not decide either.
LEFT_OUT = "needs the whole plan"
#: So many failed tests are named in the results folder.
_MAX_FAILED = 100


class Judge:
    """The hooks of the process that judges the run: the only one, or the controller of pytest-xdist."""

    def __init__(self, guard: Guard, log: ResultLog, setup: RunConfig) -> None:
        self._guard = guard
        self._log = log
        self._setup = setup
        self._left_out: list[str] = []
        self._failed: list[str] = []
        self._conclusion: Conclusion | None = None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take in the verdict that a gate's test sent along; the test's own outcome has the last word."""
        if report.skipped and isinstance(report.longrepr, tuple) and f"Skipped: {LEFT_OUT}" in report.longrepr[2]:
            self._left_out.append(report.nodeid)
        if report.failed and GATE_PROPERTY not in dict(report.user_properties):
            self._failed.append(report.nodeid)
        for name, value in report.user_properties if report.when == "call" else ():
            if name == GATE_PROPERTY:
                self._guard.add(_verdict(json.loads(str(value)), passed=report.outcome == "passed"))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Conclude; red where planned and seen differ and gates are required."""
        try:
            results = self._log.read()
            self._conclusion = self._guard.conclude(
                results,
                stand_ins=stand_ins(self._setup),
                left_out=sorted(self._left_out),
                failed=sorted(self._failed)[:_MAX_FAILED],
            )
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
        write = terminalreporter.write_line
        sections = concluding_sections(self._conclusion, self._guard)
        if not sections:
            write("newsgauge: no case and no gate was part of this run")
            return
        terminalreporter.ensure_newline()
        for heading, lines in sections:
            terminalreporter.section(heading)
            for line in lines:
                write(line)
        for complaint in self._conclusion.complaints:
            write(f"newsgauge: red: {complaint}", red=True, bold=True)


def run_ages(setup: RunConfig, variants: tuple[str, ...]) -> Ages:
    """How old the recordings are that answer this run, and how to renew them."""
    oldest = oldest_recordings(setup.cassettes, variants, {post.id for post in setup.plan.posts})
    renew = f"pytest evals{setup.options} --variants {{variant}} --record-mode all"
    return Ages(today(), {variant: day_of(recorded) for variant, recorded in oldest.items()}, renew)


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
        checks=tuple(Check(**check) for check in value["checks"]),
    )
