"""A recording from the side of pytest: what is confirmed before it, and what is put in order and said after it.

One process does this, the only one or the controller of pytest-xdist.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from ..errors import UsageError
from ..recording.paying import Budget, budget_of, check_budget, confirm
from ..recording.preflight import check_ci, check_folder, forecast
from ..recording.session import finalize_files, note_anew
from ..recording.shared_budget import SharedBudget
from ..running.run_config import check_setup
from ..scoring.spending import spent_line, todays_prices
from .options import folders_of

if TYPE_CHECKING:
    from ..recording.preflight import Forecast
    from ..running.results_log import ResultLog
    from ..running.run_config import RunConfig


def prepare_recording(config: pytest.Config, setup: RunConfig) -> Forecast | None:
    """Check all that a recording needs, and on a terminal ask before the first paid call. None if nothing is paid.

    Raises `UsageError` before anything is asked. The embedded backend costs nothing: nothing is counted or confirmed.
    """
    check_ci(setup, allowed=config.option.allow_record_in_ci)
    check_setup(setup)
    if setup.replays:
        return None
    check_folder(setup)
    if setup.backend == "embedded":
        return None
    prices = todays_prices(setup)
    expected = forecast(setup, price=prices.cost, thinking=prices.thinking)
    budget = _budget(config)
    if expected.n_calls:
        check_budget(budget, expected.cost)
    if expected.n_calls and not config.option.yes:
        with _terminal(config) as is_terminal:
            if is_terminal:
                confirm(expected.lines())
    return expected


def _budget(config: pytest.Config) -> float | None:
    return budget_of(config.option.max_cost, config.getini("newsgauge_max_cost"))


class Recording:
    """The hooks of the process that puts recordings in order when a run is over."""

    def __init__(self, config: pytest.Config, setup: RunConfig, log: ResultLog, expected: Forecast | None) -> None:
        self._config = config
        option = config.option
        keeps_plan = not (setup.replays or option.no_plan or option.cassettes)
        #: Where PLANS.toml is; None: nothing is recorded that belongs there.
        self._folders = folders_of(config) if keeps_plan else None
        self._added = ""
        self._setup = setup
        self._expected = expected
        self._start = datetime.now(UTC)
        self._log = log
        self._red: list[str] = []
        self._notes: list[str] = []
        self._spent = ""
        limit = _budget(config)
        if limit is not None and expected is not None and expected.n_calls and expected.cost is not None:
            budget = Budget(todays_prices(setup).cost_of, limit, expected.cost / expected.n_calls)
            SharedBudget.start(log.folder, budget, [(case.post.id, case.variant) for case in expected.cases])

    @pytest.hookimpl(tryfirst=True)  # before the results of the run are put away
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Sort the files that were recorded; hold the versions that answered against what the variants expect."""
        if self._expected is not None and self._expected.cases:
            prices, expected = todays_prices(self._setup), self._expected
            self._spent = spent_line(self._setup, expected.cases, prices, expected=expected.cost, since=self._start)
        if not self._setup.replays:
            self._red += finalize_files(self._setup)
            self._note_anew()
        self._add_plan()
        self._compare_versions()
        if self._red and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(wrapper=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
        """After the scoreboard: answers of another model version than expected, and files that could not be sorted."""
        yield
        if self._added:
            terminalreporter.write_line(f"newsgauge: {self._added}")
        if self._spent:
            terminalreporter.write_line(f"newsgauge: {self._spent}")
        for note in self._notes:
            terminalreporter.write_line(f"newsgauge: {note}", yellow=True, bold=True)
        for complaint in self._red:
            terminalreporter.write_line(f"newsgauge: red: {complaint}", red=True, bold=True)

    def _add_plan(self) -> None:
        if self._folders is None:
            return
        from ..running.plans_file import add_plan

        try:
            self._added = add_plan(self._folders, self._setup)
        except (UsageError, OSError) as error:
            self._notes.append(f"PLANS.toml: the plan of this recording was not added: {error}")

    def _note_anew(self) -> None:
        answered = {key for key, result in self._log.read().items() if result.prediction is not None}
        asked = self._setup.plan.asked_keys(self._setup.variants)
        whole = [name for name, keys in asked.items() if {(key, name) for key in keys} <= answered]
        try:
            note_anew(self._setup, whole, self._start)
        except OSError as error:
            self._notes.append(f"{self._setup.shown_cassettes}: when it was asked anew could not be kept: {error}")

    def _compare_versions(self) -> None:
        answered: dict[str, Counter[str]] = {}
        for result in self._log.read().values():
            if result.prediction is not None:
                answered.setdefault(result.variant, Counter())[result.prediction.model_version] += 1
        for name, variant in self._setup.variants.items():
            pin = variant.pinned_version(self._setup.backend)
            for version, n in sorted(answered.get(name, Counter()).items()):
                if pin is not None and version != pin:
                    self._notes.append(
                        f"{name}: {n} {'answer is' if n == 1 else 'answers are'} of model version {version!r}, "
                        f"and variants.toml expects {pin!r}"
                    )


@contextmanager
def _terminal(config: pytest.Config) -> Iterator[bool]:
    """Take the terminal back from pytest's capturing; True if somebody sits at it.

    While pytest is being configured, only its input is captured; afterwards that is so again.
    """
    capture = config.pluginmanager.getplugin("capturemanager")
    if capture is not None:
        capture.suspend_global_capture(in_=True)
    try:
        yield sys.stdin.isatty() and sys.stdout.isatty()
    finally:
        if capture is not None:
            capture.resume_global_capture()
            capture.suspend_global_capture(in_=False)
