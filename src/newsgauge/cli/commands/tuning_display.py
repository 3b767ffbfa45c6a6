"""Shows a job while it is waited for: a live loss curve on a terminal, a line now and then anywhere else."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from ...tuning.jobs import Job
from ...tuning.loss_curve import curve_lines
from .live_display import LiveDisplay

if TYPE_CHECKING:
    from rich.console import Console

_HEIGHT = 8
_LINE_EVERY_S = 30.0


class JobDisplay(LiveDisplay):
    """A context manager; ``show`` takes each state of the job."""

    def __init__(self, console: Console, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(console)
        self._clock = clock
        self._start = clock()
        self._last: tuple[str, float] = ("", float("-inf"))

    def show(self, job: Job) -> None:
        """Draw the job anew, or print a line where it is in another state or half a minute has passed."""
        now = self._clock()
        line = status_line(job, elapsed_s=now - self._start)
        if self.is_live:
            chart = curve_lines(job.losses, width=max(10, self._console.width - 10), height=_HEIGHT)
            self.draw("\n".join([line, *chart]))
        elif job.state != self._last[0] or now - self._last[1] >= _LINE_EVERY_S:
            self._console.print(line, highlight=False, soft_wrap=True, markup=False)
            self._last = (job.state, now)


def status_line(job: Job, *, elapsed_s: float) -> str:
    """``running, step 12 of 50, mean loss 1.234, 0:07 elapsed``."""
    parts = [str(job.state)]
    if job.losses:
        total = f" of {job.n_steps}" if job.n_steps else ""
        parts.append(f"step {job.losses[-1].step}{total}")
        parts.append(f"mean loss {job.losses[-1].mean_loss:.3f}")
    return ", ".join([*parts, f"{int(elapsed_s) // 60}:{int(elapsed_s) % 60:02d} elapsed"])
