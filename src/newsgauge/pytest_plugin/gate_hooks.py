"""The hooks of the one process that decides a run: collect verdicts, conclude, print the scoreboard."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from .._util.wording import count_of, without_line
from ..errors import UsageError
from ..gates.age_gate import day_of
from ..gates.gate import Ages
from ..gates.run_verdict import Conclusion, Guard
from ..recording.pending import beyond_stops
from ..report.summary_sections import as_group, concluding_sections
from ..report.terminal import WIDTH
from ..running.plans_file import oldest_recordings
from ..running.results_log import ResultLog
from ..running.run_config import RunConfig, stand_ins
from ..scoring.prices import today
from ..scoring.scores import Check, Verdict
from ..scoring.stats.decisions import Finding
from .process_guard import VERDICT
from .slim_reports import VARIANT_PROPERTY, is_case, user_property

if TYPE_CHECKING:
    from ..gates.baseline_file import Baseline
    from ..gates.gate import Gate
    from ..planning.sampling import Plan

#: The user property in which a gate's test sends its verdict along, also from a worker of pytest-xdist.
GATE_PROPERTY = "newsgauge_gate"
#: How the reason begins for which a shard leaves a test out that newsgauge merge does not decide either.
LEFT_OUT = "needs the whole plan"


class Judge:
    """The hooks of the process that decides the run: the only one, or the controller of pytest-xdist."""

    def __init__(self, guard: Guard, log: ResultLog, setup: RunConfig) -> None:
        self._guard = guard
        self._log = log
        self._setup = setup
        self._left_out: list[str] = []
        self._failed: dict[str, None] = {}
        #: By gate: whether its own test passed.
        self._passed: dict[str, bool] = {}
        self._conclusion: Conclusion | None = None
        self._unwritten = ""
        #: Whether any case or gate was part of the run, so that there is a verdict to tell.
        self.is_told = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect the verdict that a gate's test sent along; the test's own outcome takes precedence."""
        if report.skipped and isinstance(report.longrepr, tuple) and f"Skipped: {LEFT_OUT}" in report.longrepr[2]:
            self._left_out.append(report.nodeid)
        if report.failed and GATE_PROPERTY not in dict(report.user_properties):
            self._failed[report.nodeid] = None
        for name, value in report.user_properties if report.when == "call" else ():
            if name == GATE_PROPERTY:
                said = json.loads(str(value))
                self._passed[said["gate"]] = report.outcome == "passed"
                self._guard.add(_verdict(said, passed=report.outcome == "passed"))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file that cannot be collected fails too."""
        if report.failed:
            self._failed[report.nodeid] = None

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Conclude after other plugins set their exit status: the verdict of the session decides it."""
        results = self._log.read()
        if self._log.has_guests:  # what other machines decided is decided here, from the files of this one
            for verdict in self._guard.decide(
                results, ages=run_ages(self._setup, self._guard.run.variants), names=self._passed
            ):
                self._guard.add(_held(verdict, passed=self._passed[verdict.gate]))
        try:
            self._conclusion = self._guard.conclude(
                results,
                stand_ins=stand_ins(self._setup),
                left_out=sorted(self._left_out),
                failed=sorted(self._failed),
                exit_status=int(session.exitstatus),
                missing=beyond_stops(self._setup),
            )
        except UsageError as error:  # what the run found could not be written
            self._unwritten, session.exitstatus = str(error), pytest.ExitCode.USAGE_ERROR
            return
        finally:
            self._log.discard()
        end = self._conclusion.session
        session.config.stash[VERDICT] = end
        if self._setup.shard is None:  # a shard decides nothing
            from ..choosing.ledger import open_ledger, short_hash

            baseline = self._guard.baseline.path
            ledger = open_ledger(baseline)
            if self._conclusion.changes is not None:
                ledger.note("update-baseline", short_hash([baseline.read_text("utf-8")]), self._setup.plan)
            ledger.note_limits(self._setup.plan)
        if end.exit_status != session.exitstatus:
            session.exitstatus = end.exit_status

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
        """After pytest's own summary: the scoreboard, then the gates, then what forbids green.

        With ``-q`` a row per variant and what did not pass, with ``-qq`` nothing but the verdict.
        """
        verbosity = terminalreporter.config.get_verbosity()
        kept = {kind: list(terminalreporter.stats.get(kind, ())) for kind in ("error", "failed")}
        faults = _faults(kept["error"])
        if self._conclusion is not None:  # what is said below is not said here
            told = {id(report) for reports in faults.values() for report in reports}
            for kind, reports in kept.items():
                shown = [one for one in reports if id(one) not in told and not self._is_told(one, brief=verbosity < 0)]
                terminalreporter.stats[kind] = shown
        yield
        terminalreporter.stats.update({kind: reports for kind, reports in kept.items() if reports})
        if self._conclusion is None:
            if self._unwritten:
                terminalreporter.write_line(f"newsgauge: red: {self._unwritten}", red=True, bold=True)
            return
        width = terminalreporter._tw.fullwidth - 1 if terminalreporter.isatty else WIDTH
        sections = concluding_sections(
            *(self._conclusion, self._guard),
            width=max(60, width),
            brief=verbosity < 0,
            details=verbosity > 0 or os.environ.get("GITHUB_ACTIONS") == "true",
            told={str(report.longrepr).strip() for reports in faults.values() for report in reports},
        )
        if not sections:
            terminalreporter.write_line("newsgauge: no case and no gate was part of this run")
            return
        self.is_told = True
        if verbosity < -1:
            return
        terminalreporter.ensure_newline()
        for heading, lines in sections:
            group = as_group(heading, lines)
            if group is None:
                terminalreporter.section(heading)
            for line in group or lines:
                terminalreporter.write_line(line, **_markup(line))
        for (variant, _), reports in faults.items():
            said = f"{count_of(len(reports), 'case')} of {variant}: {str(reports[0].longrepr).strip()}"
            terminalreporter.write_line(f"newsgauge: no answer to {said}", yellow=True)
        for reason in self._conclusion.session.reasons:
            terminalreporter.write_line(f"newsgauge: red: {reason}", red=True, bold=True)

    def _is_told(self, report: pytest.TestReport, *, brief: bool) -> bool:
        """Whether the section of gates says all that the failed test of a gate says.

        It does of a gate without an answer, which is not pytest's to explain, and of each gate if the output is
        ``brief``; not if the test failed for another reason.
        """
        said = user_property(report, GATE_PROPERTY) if isinstance(report, pytest.TestReport) else None
        gate = json.loads(str(said or "{}")).get("gate")
        verdict = self._conclusion.verdicts.get(gate) if self._conclusion is not None else None
        if verdict is None or not (brief or verdict.word == "unanswered"):
            return False
        return str(report.longrepr).strip().startswith(f"{verdict.word}: ")


class LastLine:
    """Print the verdict of the session as the last line."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
        """One line, green or red."""
        yield
        end = terminalreporter.config.stash.get(VERDICT, None)
        if end is not None and self._judge.is_told:
            colour = {"green": end.is_green, "red": not end.is_green}
            terminalreporter.write_line(f"newsgauge: {end.headline}", bold=True, **colour)


def _faults(errors: Sequence[pytest.TestReport]) -> dict[tuple[object, str], list[pytest.TestReport]]:
    """Cases without an answer by variant and by why, which is the same if it differs in no more than line and id."""
    found: dict[tuple[object, str], list[pytest.TestReport]] = {}
    for report in errors:
        text = str(report.longrepr).strip()
        if not is_case(report) or "\n" in text:  # a traceback: of a fixture, not of the service or a recording
            continue
        variant = user_property(report, VARIANT_PROPERTY)
        post = report.nodeid.rpartition("[")[2].removesuffix(f"-{variant}]")
        found.setdefault((variant, without_line(text).replace(post, "")), []).append(report)
    return found


def _markup(line: str) -> dict[str, bool]:
    """The colour of a line of the gates: of its finding."""
    word = line.partition("  ")[0]
    return {"green": word == "PASS", "red": word == "FAIL", "yellow": word in ("NOT PROVED", "UNANSWERED")}


def run_ages(setup: RunConfig, variants: tuple[str, ...]) -> Ages:
    """How old the recordings are that answer this run, and how to renew them."""
    oldest = oldest_recordings(setup.cassettes, setup.plan.asked_keys(variants))
    renew = f"{setup.command} --variants {{variant}} --record-mode all"
    return Ages(today(), {variant: day_of(recorded) for variant, recorded in oldest.items()}, renew)


def _verdict(value: dict[str, Any], *, passed: bool) -> Verdict:
    """The verdict that a gate's test sent along."""
    lists = {name: tuple(one) for name, one in value.items() if isinstance(one, list)}
    checks = tuple(Check(**check) for check in value["checks"])
    return _held(Verdict(**value | lists | {"finding": Finding(value["finding"]), "checks": checks}), passed=passed)


def _held(verdict: Verdict, *, passed: bool) -> Verdict:
    """A test that failed for another reason is no pass."""
    return replace(verdict, finding=Finding.FAIL) if verdict.finding is Finding.PASS and not passed else verdict


def odds_lines(gates: tuple[Gate, ...], plan: Plan, baseline: Baseline | None) -> list[str]:
    """How often a live run like this one passes if nothing changed; a warning if that is not often."""
    from ..gates.operating import Operating

    operating = Operating(gates, plan, baseline)
    if not operating.gates:
        return []
    flips = operating.flip_rate
    odds = operating.of_plan(flip_rate=flips.rate, n_runs=400)
    text = (
        f"if nothing changed but answers flip on {flips.rate:.1%} of the {plan.units} ({flips.origin}), "
        f"a run like this passes "
        f"{'its gate' if len(odds.gates) == 1 else f'all {len(odds.gates)} gates'} in {odds.all_pass:.1%} of cases"
    )
    if operating.left_out:
        text += f" (not counted: {', '.join(operating.left_out)})"
    if odds.all_pass >= 0.8:
        return [f"newsgauge: {text}"]
    return [f"newsgauge: warning: {text}; newsgauge power --gates with these options says which, and what would do"]
