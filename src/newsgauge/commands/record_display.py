"""Shows how far a recording is: a live line on a terminal, a plain one every few seconds anywhere else."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.text import Text

from ..answers import read_answer
from ..progress import Tally, describe
from ..records import Case
from ..setup import Setup

if TYPE_CHECKING:
    from google.genai.types import GenerateContentResponse

_LIVE_S, _PLAIN_S = 0.1, 5.0


class RecordDisplay:
    """A context manager; ``answered`` takes each case as it is answered, or broken."""

    def __init__(
        self,
        setup: Setup,
        n_cases: int,
        *,
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._setup = setup
        self._console = console or Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
        self._clock = clock
        self._tally = Tally(n_cases)
        self._start = self._last = clock()
        self._live: Live | None = None

    def __enter__(self) -> RecordDisplay:
        if self._console.is_terminal:
            self._live = Live(console=self._console, auto_refresh=False)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._show()
        if self._live is not None:
            self._live.stop()

    def answered(self, case: Case, response: GenerateContentResponse | None) -> None:
        """Count a case; its response is None where it is broken."""
        as_json = self._setup.variants[case.variant].answer == "json"
        said = None if response is None else read_answer(response, self._setup.plan.labels, as_json=as_json)
        self._tally.add(case.variant, None if said is None else said.label == case.post.label)
        if self._clock() - self._last >= (_LIVE_S if self._live else _PLAIN_S):
            self._show()

    def note(self, text: str) -> None:
        """A line of its own."""
        self._console.print(f"newsgauge: {text}")

    def _show(self) -> None:
        self._last = self._clock()
        width = self._console.width - 1 if self._live else None
        line = describe(self._tally, self._last - self._start, width=width)
        if self._live is not None:
            self._live.update(Text(line, no_wrap=True), refresh=True)
        else:
            self._console.print(f"newsgauge: {line}")
