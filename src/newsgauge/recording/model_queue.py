"""The cases that wait for one model, and when the next one may be asked. Quotas apply per model.

Pure: times are arguments.

A token bucket limits the requests, or input tokens, in any minute. It knows no clock.

aiolimiter was looked at: it lets a whole minute's quota go in its first second, cannot take back an estimate once the
true number of tokens is known, and reads the loop's own clock.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..records import Case

#: This many refusals in a row, without an answer between them, mean the quota and not an accident.
_REFUSALS_THAT_COUNT = 5
_MINUTE_S = 60.0
_WORTH_TELLING_S = 5.0
#: The weight of a new estimate of tokens per character, beside all earlier ones.
_NEWEST = 0.05


@dataclass
class Job:
    """A case on its way: ``attempts`` so far, ``first_failed`` when the first of them began."""

    case: Case
    chars: int
    attempts: int = 0
    first_failed: float | None = None
    charged: float = 0.0


@dataclass
class ModelQueue:
    """``closed`` is the reason why this model gets no more requests; it is empty while it does."""

    model: str
    requests: RateLimiter
    tokens: RateLimiter
    closed: str = ""
    _ready: deque[Job] = field(default_factory=deque)
    _later: list[tuple[float, int, Job]] = field(default_factory=list)
    _numbers: itertools.count[int] = field(default_factory=itertools.count)
    _paused_until: float = -math.inf
    _refused: int = 0
    _tokens_a_char: float = 0.25
    _answers: deque[tuple[float, int]] = field(default_factory=deque)  # of the last minute: when, input tokens

    def add(self, job: Job) -> None:
        """Behind the others."""
        self._ready.append(job)

    def wait_s(self, now: float) -> float:
        """Seconds until the next job may start; infinite if none waits."""
        job = self._next(now)
        if self.closed or (job is None and not self._later):
            return math.inf
        wait = self._paused_until - now
        if job is None:
            return max(wait, self._later[0][0] - now)
        return max(0.0, wait, self.requests.wait_s(1.0, now), self.tokens.wait_s(self._estimate(job), now))

    def start(self, now: float) -> Job:
        """The next job, paid for."""
        job = self._next(now)
        assert job is not None
        if self._later and self._later[0][2] is job:
            heapq.heappop(self._later)
        else:
            self._ready.popleft()
        job.charged = self._estimate(job)
        self.requests.take(1.0, now)
        self.tokens.take(job.charged, now)
        return job

    def answered(self, job: Job, input_tokens: int | None, now: float) -> None:
        """Correct what was estimated."""
        self._refused = 0
        self._answers.append((now, input_tokens or 0))
        while self._answers[0][0] < now - _MINUTE_S:
            self._answers.popleft()
        if input_tokens and job.chars:
            self.tokens.take(input_tokens - job.charged, now)
            self._tokens_a_char += _NEWEST * (input_tokens / job.chars - self._tokens_a_char)

    def refused(self, job: Job, *, again_at: float, per_minute: Mapping[str, int], now: float) -> list[str]:
        """Ask again later. If refusals repeat, all jobs wait, and a limit that the service names is kept to.

        Returns notes on what was learnt. A named limit is ignored if more than it came through in the last minute.
        """
        self.tokens.take(-job.charged, now)  # a refused call has used no tokens
        self._refused += 1
        heapq.heappush(self._later, (again_at, next(self._numbers), job))
        if self._refused < _REFUSALS_THAT_COUNT:
            return []
        notes = []
        if self._paused_until <= now and again_at - now >= _WORTH_TELLING_S:
            notes.append(f"{self.model}: refused {self._refused} times in a row; waiting {again_at - now:.0f} s")
        self._paused_until = max(self._paused_until, again_at)
        recent = [tokens for at, tokens in self._answers if at >= now - _MINUTE_S]
        places = {"requests": (self.requests, len(recent)), "input tokens": (self.tokens, sum(recent))}
        return notes + [
            f"{self.model}: the service allows {limit:,} {kind} per minute; keeping to it"
            for kind, limit in per_minute.items()
            if places[kind][1] <= limit and lower(places[kind][0], limit)
        ]

    def close(self, why: str) -> list[Job]:
        """Ask no more; what is left."""
        self.closed = why
        left = [*self._ready, *(job for _, _, job in self._later)]
        self._ready.clear()
        self._later.clear()
        return left

    def _next(self, now: float) -> Job | None:
        if self._later and self._later[0][0] <= now:
            return self._later[0][2]
        return self._ready[0] if self._ready else None

    def _estimate(self, job: Job) -> float:
        return job.chars * self._tokens_a_char


#: What may go at once, as a share of a minute: enough to make up for a late wake-up.
_BURST_SHARE = 1 / 120
_ROUNDING = 1e-6


class RateLimiter:
    """``per_minute`` None: no limit. The limit may be lowered at any time, to what the service says it is.

    The bucket fills evenly and never beyond one burst, so that no minute, burst included, exceeds the limit.
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
    """Lower the limit to what the service says, if that is less; True if it was."""
    if per_minute >= (math.inf if bucket.per_minute is None else bucket.per_minute):
        return False
    bucket.set_limit(per_minute)
    return True
