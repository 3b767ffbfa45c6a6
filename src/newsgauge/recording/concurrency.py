"""How many calls may be under way at once: doubled until the first trouble, then raised by one and halved, as TCP does.

Pure: outcomes in, a number out. ``highest`` is what the user allows.
"""

from __future__ import annotations

_FIRST = 4.0


class Concurrency:
    """``limit`` starts low, so that a service which is overloaded is not met by all calls at once."""

    def __init__(self, highest: int) -> None:
        self._highest = float(highest)
        self._limit = min(_FIRST, self._highest)
        self._slow_start = True
        self._cut_at = float("-inf")

    @property
    def limit(self) -> int:
        """Calls that may be under way, from 1."""
        return int(self._limit)

    def succeeded(self) -> None:
        """An answer came: one more at once, and after the first trouble one more for each full round of answers."""
        self._limit = min(self._highest, self._limit + (1.0 if self._slow_start else 1.0 / self._limit))

    def refused(self, *, started: float, now: float) -> None:
        """The service was busy. Calls that were under way together are one trouble, and halve the number once."""
        if started < self._cut_at:
            return
        self._cut_at, self._slow_start = now, False
        self._limit = max(1.0, self._limit / 2)
