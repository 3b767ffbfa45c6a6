"""The progress of a run: one line updated in place in a terminal, one plain line every few seconds elsewhere.

Reports of cases in, from any process; lines out. pytest then writes no letter per case, so that 30,000
cases do not fill 400 lines. With ``-q`` there is no line either; ``-v`` keeps pytest's own way of showing them.

Also the header of a run.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import pytest

from .._util.platform import is_ci
from ..report.tally import Tally, describe
from .process_guard import MOVED
from .run_state import STATE
from .slim_reports import CORRECT_PROPERTY, VARIANT_PROPERTY, Status, is_case, terminal_of, user_property

#: Seconds between two rewrites in a terminal, and between two plain lines.
_LIVE_S, _PLAIN_S = 0.1, 5.0
#: And this many lines at most, however long the run takes.
_MAX_LINES = 50


class Progress:
    """The hooks of the process that writes to the terminal. ``is_quiet``: no letters, and no line either."""

    def __init__(
        self, config: pytest.Config, *, n_planned: int, is_quiet: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._config = config
        self._is_quiet = is_quiet
        self._clock = clock
        self._tally = Tally(n_planned)
        self._start: float | None = None
        self._last = 0.0
        self._lines = 0
        self._shown = 0

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """With ``-k`` fewer cases run than are planned. Under pytest-xdist only the workers know."""
        mine = sum(item.get_closest_marker("case") is not None for item in session.items)
        self._tally.n_planned = mine or self._tally.n_planned
        if self._config.get_verbosity() < -1 and (reporter := terminal_of(self._config)) is not None:
            reporter._show_progress_info = False  # one line is asked for: the verdict

    @pytest.hookimpl(wrapper=True)
    def pytest_report_teststatus(self, report: pytest.TestReport | pytest.CollectReport) -> Status:
        """No letter for a case; what pytest counts it as, and the word that ``-rx`` begins its lines with, stay."""
        category, letter, word = yield
        return category, "" if is_case(report) or self._config.get_verbosity() < -1 else letter, word

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a case once: at its call, or if it got no answer."""
        if not (report.when == "call" or (report.when == "setup" and report.failed)):
            return
        if isinstance(report, pytest.SubtestReport):
            return  # a part of one
        variant = user_property(report, VARIANT_PROPERTY)
        if variant is None:
            return
        self._tally.add(str(variant), user_property(report, CORRECT_PROPERTY))
        now = self._clock()
        if self._start is None:
            self._start = self._last = now
        is_last = self._tally.done >= self._tally.n_planned
        if self._is_due(now) or (is_last and (self._lines or self._is_live())):
            self._last, self._shown = now, self._tally.done
            self._show(now - self._start, is_last=is_last)

    def _show(self, elapsed_s: float, *, is_last: bool) -> None:
        reporter = terminal_of(self._config)
        if reporter is None or self._is_quiet:
            return
        # Straight to the terminal writer: ensure_newline() would make pytest name the file again at the next case.
        writer = reporter._tw
        text = describe(self._tally, elapsed_s, width=writer.fullwidth - 1 if reporter.isatty else None)
        if writer.width_of_current_line:
            writer.line()
        if self._is_live():
            # Past the writer's count of columns: it would see one line that never ends, and break it.
            writer._file.write(f"\r\x1b[2K{text}" + "\n" * is_last)
            writer._file.flush()
        else:
            writer.line(text)
        self._lines += 1

    def _is_due(self, now: float) -> bool:
        if now - self._last < _LIVE_S:
            return False  # as of nearly all: there are thousands
        if self._is_live():
            return True
        news = self._tally.done - self._shown
        return now - self._last >= _PLAIN_S and news * _MAX_LINES >= self._tally.n_planned

    def _is_live(self) -> bool:
        reporter = terminal_of(self._config)
        is_screen = reporter is not None and bool(reporter.isatty)
        return is_screen and os.environ.get("TERM", "") not in ("", "dumb") and not is_ci()


def pytest_report_header(config: pytest.Config) -> list[str]:
    """The header: what is asked, of whom, and whether anything can leave the machine."""
    state = config.stash.get(STATE, None)
    if state is None:
        return []
    from ..choosing.ledger import open_ledger
    from ..planning.sampling import describe_sample
    from .options import baseline_file

    setup, plan = state.run.setup, state.run.setup.plan
    lines = [
        *(f"newsgauge: {line}" for line in describe_sample(plan)),
        f"newsgauge: variants {', '.join(setup.variants)}",
    ]
    ledger = open_ledger(baseline_file(config, setup)[0])
    lines += [f"newsgauge: {line}" for line in ledger.header(plan.digest)]
    if setup.shard is not None:
        lines.append(f"newsgauge: {setup.run_plan.extent}; newsgauge merge decides the gates")
    for name, training in setup.trainings.items():
        lines.append(f"newsgauge: {name} is trained on {len(training.examples)} {plan.units} ({training.model})")
    for name, shown in setup.examples.items():
        lines.append(
            f"newsgauge: {name} shows {len(shown.posts)} training {plan.units} as examples (digest {shown.digest})"
        )
    if MOVED in config.stash:
        lines.append(f"newsgauge: the usual folder of results cannot be written; they go to {config.option.results}")
    doing = "replaying" if setup.replays else f"recording (mode {setup.mode}) into"
    lines.append(f"newsgauge: backend {setup.backend}, {doing} {setup.shown_cassettes}")
    from ..corpora.suspect_labels import labels_written_alike
    from ..gates.gates_file import undecidable
    from ..scoring.prices import retiring

    lines += [
        f"newsgauge: warning: labels that differ only in how they are written are classes of their own: "
        f"{', '.join(map(repr, group))}"
        for group in labels_written_alike(plan.labels)
    ]
    too_few = undecidable(state.gates, plan)
    if too_few:
        note = f"{'a live run of this plan' if setup.replays else 'this run'} cannot pass"
        lines += [f"newsgauge: warning: {len(plan.posts)} {plan.units}: {note}: {text}" for text in too_few]
    if not setup.replays:
        from .gate_hooks import odds_lines

        lines += odds_lines(state.gates, plan, state.baseline)
    if state.not_set:
        lines.append(f"newsgauge: not held with --classes {plan.classes!r}: {', '.join(state.not_set)}")
    models = {name: variant.model for name, variant in setup.variants.items()}
    lines += [f"newsgauge: warning: {note}" for note in retiring(models)]
    return [*lines, *(f"newsgauge: recording {line}" for line in (state.forecast.lines() if state.forecast else ()))]
