"""A recording in pytest: confirmation before it, tidying and messages after it.

One process does this, the only one or the controller of pytest-xdist.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import pytest

from ..cassettes.network_block import lifted
from ..errors import UsageError
from ..recording.paying import Budget, check_budget, confirm, is_watched, tokens_spent
from ..recording.pending import find_pending
from ..recording.preflight import check_recording, forecast
from ..recording.session import finalize_files, note_anew
from ..recording.shared_budget import SharedBudget
from ..running.recording_options import budget_of
from ..scoring.prices import todays_prices
from .options import folders_of

if TYPE_CHECKING:
    from ..gates.baseline_file import Baseline
    from ..gates.gate import Gate
    from ..recording.preflight import Forecast
    from ..running.results_log import ResultLog
    from ..running.run_config import RunConfig


def prepare_recording(config: pytest.Config, setup: RunConfig) -> Forecast | None:
    """Check all that a recording needs, and on a terminal ask before the first paid call. None if nothing is paid.

    Raises `UsageError` before anything is asked. The embedded backend costs nothing: nothing is counted or confirmed.
    """
    check_recording(setup, in_ci=config.option.allow_record_in_ci)
    if setup.replays or setup.backend == "embedded":
        return None
    prices = todays_prices()
    expected = forecast(setup, price=prices.cost, thinking=prices.thinking)
    if expected.n_calls:
        check_budget(budget_of(config.option.max_cost, config.getini("newsgauge_max_cost")), expected.cost)
    if expected.n_calls and not config.option.yes:
        with _terminal(config) as is_terminal:
            if is_terminal:
                confirm(expected.lines())
    return expected


def record_until_decided(
    config: pytest.Config,
    setup: RunConfig,
    gates: Sequence[Gate],
    baseline: Baseline | None,
    expected: Forecast | None,
) -> RunConfig:
    """Ask, before the first test, until the gates are decided: the setup, planned up to there.

    So no test asks, in however many processes. Raises `UsageError` if not all that was to be asked has an answer.
    """
    from ..choosing.until_decided import ask_until_decided, watch_plan
    from ..client.retry import RetryPolicy
    from ..recording.scheduler import Limits
    from ..recording.session import record_all, server_of

    say = partial(print, "newsgauge:", flush=True)
    watched = watch_plan(setup, gates, config.option.looks, baseline, say)
    cost = (expected and expected.cost and expected.cost / max(1, expected.n_calls)) or 0.0
    with lifted(), server_of(setup, None) as url:
        stopped, report = ask_until_decided(
            setup,
            watched,
            record=partial(
                record_all,
                base_url=url,
                limits=Limits(),
                retry=RetryPolicy(deadline_s=config.option.retry_deadline),
                on_answer=lambda *_: None,
                on_note=say,
                budget=_budget(config, expected),
            ),
            cost_per_call=cost,
            say=say,
        )
    complaints = finalize_files(stopped)
    if report.interrupted:
        pytest.exit("newsgauge: interrupted; the same command goes on", returncode=pytest.ExitCode.INTERRUPTED)
    missing = [f"{case.id}: {why}" for case, why in [*report.broken, *report.left]]
    missing += [f"{case.id}: {why}" for case, why in find_pending(stopped).unfit]
    if missing or complaints:
        more = f"; and {len(missing) - 1:,} more" if len(missing) > 1 else ""
        raise UsageError(
            f"--until-decided: {'; '.join([*missing[:1], *complaints])}{more}. What was answered is recorded; the same "
            "command goes on"
        )
    return stopped


def _budget(config: pytest.Config, expected: Forecast | None) -> Budget | None:
    limit = budget_of(config.option.max_cost, config.getini("newsgauge_max_cost"))
    return None if expected is None else expected.budget(limit, todays_prices().cost_of)


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
        budget = _budget(config, expected)
        if budget is not None and expected is not None:
            SharedBudget.start(log.folder, budget, [(case.post.id, case.variant) for case in expected.cases])

    @pytest.hookimpl(tryfirst=True)  # before the results of the run are put away
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Sort the files that were recorded; hold the versions that answered against what the variants expect."""
        if self._expected is not None and self._expected.cases:
            prices, expected = todays_prices(), self._expected
            spent = tokens_spent(self._setup, expected.cases, since=self._start)
            self._spent = prices.spent(spent, expected=expected.cost)
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
            self._notes.append(f"{self._setup.shown_cassettes}: could not store the time of asking again: {error}")

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
    """Take the terminal back from pytest's capturing; True if it is interactive.

    While pytest is being configured, only its input is captured; afterwards that is so again.
    """
    capture = config.pluginmanager.getplugin("capturemanager")
    if capture is not None:
        capture.suspend_global_capture(in_=True)
    try:
        yield is_watched()
    finally:
        if capture is not None:
            capture.resume_global_capture()
            capture.suspend_global_capture(in_=False)
