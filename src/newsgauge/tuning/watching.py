"""Waits for a job: polls at growing intervals, shows each answer, and returns when it ended or the time is over."""

from __future__ import annotations

import time
from collections.abc import Callable

from .jobs import Job

_FIRST_S, _GROWTH, _LONGEST_S = 0.05, 1.3, 30.0


def watch(
    read: Callable[[], Job],
    *,
    max_wait_s: float | None,
    on_job: Callable[[Job], None] = lambda job: None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Job:
    """The job as it was last read: ended, or still going when ``max_wait_s`` was over. None waits without end."""
    start, pause = clock(), _FIRST_S
    while True:
        job = read()
        on_job(job)
        left_s = float("inf") if max_wait_s is None else start + max_wait_s - clock()
        if job.state.ended or left_s <= 0:
            return job
        sleep(min(pause, left_s))
        pause = min(pause * _GROWTH, _LONGEST_S)
