"""Asks the cases of a recording: shows the cost first, and the progress meanwhile.

On a terminal a live line, elsewhere a plain one every few seconds.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console

from ...client.retry import RetryPolicy
from ...recording.paying import Budget, check_budget, confirm, is_watched
from ...recording.pending import Pending, find_pending
from ...recording.preflight import Forecast, forecast
from ...recording.scheduler import Limits, Report
from ...recording.session import record_all, server_of
from ...records import Case, Prediction
from ...report.tally import Tally, describe
from ...running.run_config import RunConfig
from ...scoring.prices import PriceList, retiring

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live


_LIVE_S, _PLAIN_S = 0.1, 5.0


class LiveDisplay:
    """A context manager. ``is_live``: within it, on a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            from rich.live import Live

            self._live = Live(console=self._console, auto_refresh=False)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    @property
    def is_live(self) -> bool:
        """Whether `draw` shows anything."""
        return self._live is not None

    def draw(self, text: str) -> None:
        """Replace what was drawn before with the text."""
        if self._live is not None:
            from rich.text import Text

            self._live.update(Text(text), refresh=True)


class RecordDisplay(LiveDisplay):
    """A context manager; ``answered`` takes each case as it is answered, or broken."""

    def __init__(
        self,
        setup: RunConfig,
        n_cases: int,
        *,
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(console or Console(stderr=True, soft_wrap=True, highlight=False, markup=False))
        self._setup = setup
        self._clock = clock
        self._tally = Tally(n_cases)
        self._start = self._last = clock()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._tally.done:
            self._show(is_over=True)
        super().__exit__(kind, error, trace)

    def answered(self, case: Case, said: Prediction | None) -> None:
        """Count a case; ``said`` is None if it is broken."""
        self._tally.add(case.variant, None if said is None else said.label == case.post.label)
        if self._clock() - self._last >= (_LIVE_S if self.is_live else _PLAIN_S):
            self._show()

    def note(self, text: str) -> None:
        """A line of its own."""
        self._console.print(f"newsgauge: {text}")

    def _show(self, *, is_over: bool = False) -> None:
        self._last = self._clock()
        width = self._console.width - 1 if self.is_live else None
        line = describe(self._tally, self._last - self._start, width=width, is_over=is_over)
        if self.is_live:
            self.draw(line)
        else:
            self._console.print(f"newsgauge: {line}")


def announce(setup: RunConfig, cases: Sequence[Case], options: argparse.Namespace, prices: PriceList) -> Forecast:
    """Show what will be asked; if it costs money, ask for confirmation on a terminal. Raises `UsageError`."""
    expected = forecast(setup, price=prices.cost, thinking=prices.thinking, cases=cases)
    retired = retiring({name: variant.model for name, variant in setup.variants.items()})
    lines = [*(f"warning: {note}" for note in retired), *expected.lines()]
    if cases and setup.backend != "embedded":
        check_budget(options.max_cost, expected.cost)
    if cases and setup.backend != "embedded" and not options.yes and is_watched():
        confirm(lines)
    else:
        print("\n".join(f"newsgauge: {line}" for line in lines), flush=True)
    return expected


def ask_pending(
    setup: RunConfig, options: argparse.Namespace, prices: PriceList, *, since: str
) -> tuple[Pending, Report]:
    """Show the cost, then ask what is not recorded: what was to do, and the outcome."""
    todo = find_pending(setup, since=since)
    expected = announce(setup, todo.to_ask, options, prices)
    if not todo.to_ask:
        return todo, Report()
    budget = expected.budget(options.max_cost, prices.cost_of)
    with server_of(setup, options.base_url) as url, RecordDisplay(setup, len(todo.to_ask)) as display:
        report = ask_cases(setup, todo.to_ask, options, url=url, display=display, budget=budget)
    report.expected_cost = expected.cost
    return todo, report


def ask_cases(
    setup: RunConfig,
    cases: Sequence[Case],
    options: argparse.Namespace,
    *,
    url: str | None,
    display: RecordDisplay,
    budget: Budget | None,
) -> Report:
    """Ask with the options' limits; ``url``: the server, ``budget``: the rest of it."""
    return record_all(
        setup,
        cases,
        base_url=url,
        limits=Limits(options.concurrency, options.rpm, options.tpm),
        retry=RetryPolicy(deadline_s=options.retry_deadline),
        on_answer=display.answered,
        on_note=display.note,
        budget=budget,
    )
