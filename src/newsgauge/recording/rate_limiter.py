"""A token bucket: at most so many requests, or input tokens, in any minute. Knows no clock: times are handed in.

aiolimiter was looked at: it lets a whole minute's quota go in its first second, cannot take back an estimate once the
true number of tokens is known, and reads the loop's own clock.
"""

from __future__ import annotations

import math

_MINUTE_S = 60.0
#: What may go at once, as a share of a minute: enough to make up for a late wake-up.
_BURST_SHARE = 1 / 120
_ROUNDING = 1e-6


class RateLimiter:
    """``per_minute`` None: no limit. The limit may be lowered at any time, to what the service says it is.

    Filled evenly, and never with more than a burst: with it, no minute sees more than the limit.
    """

    def __init__(self, per_minute: float | None, *, now: float) -> None:
        self._at = now
        self._burst = self._rate = self._level = 0.0
        self.per_minute: float | None = None
        self.set_limit(per_minute)
        self._level = self._burst

    def set_limit(self, per_minute: float | None) -> None:
        """From now on this limit; what is in the bucket stays, up to the new burst."""
        self.per_minute = per_minute
        if per_minute is not None:
            self._burst = max(1.0, per_minute * _BURST_SHARE)
            self._rate = (per_minute - (self._burst - 1.0)) / _MINUTE_S
            self._level = min(self._level, self._burst)

    def wait_s(self, amount: float, now: float) -> float:
        """Seconds until the amount may be taken; one larger than a burst may be when the bucket is full."""
        if self.per_minute is None:
            return 0.0
        self._fill(now)
        missing = min(amount, self._burst) - self._level
        return missing / self._rate if missing > _ROUNDING else 0.0

    def take(self, amount: float, now: float) -> None:
        """Take it, whatever is there; a negative amount gives back what was estimated too high."""
        if self.per_minute is None:
            return
        self._fill(now)
        self._level = min(self._burst, self._level - amount)

    def _fill(self, now: float) -> None:
        self._level = min(self._burst, self._level + (now - self._at) * self._rate)
        self._at = now


def lower(bucket: RateLimiter, per_minute: float) -> bool:
    """Lower the limit to what the service says, if that is less; True where it was."""
    if per_minute >= (math.inf if bucket.per_minute is None else bucket.per_minute):
        return False
    bucket.set_limit(per_minute)
    return True
