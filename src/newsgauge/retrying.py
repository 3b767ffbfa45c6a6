"""The one layer of retry: a call in, its result out, however often the service was busy in between.

What may be asked again is a `TransientError`; everything else passes through at once. The wait is the one that the
service asked for, else exponential with full jitter, so that clients which failed together do not come back together.
Clock, sleep and random numbers are values of the policy: a test waits for nothing.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type

from .errors import TransientError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long to go on, in seconds. ``deadline_s`` counts from the first try to the last, waits included."""

    deadline_s: float = 600.0
    #: Where nobody answers at all, a mistyped address is likelier than a bad minute.
    unreachable_deadline_s: float = 30.0
    first_wait_s: float = 1.0
    max_wait_s: float = 60.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    rng: random.Random = field(default_factory=random.Random)


def call_patiently(call: Callable[[], T], policy: RetryPolicy) -> T:
    """Call until it succeeds, fails for good, or the next wait would end past the deadline.

    Raises what the last try raised; a `TransientError` then tells how often and how long it was tried.
    """
    start = policy.clock()

    def wait(state: RetryCallState) -> float:
        asked = _transient(state).retry_after_s
        # A power past 2 ** 10 is past every sensible maximum, and past 2 ** 1024 no float.
        limit = min(policy.first_wait_s * 2 ** min(state.attempt_number - 1, 10), policy.max_wait_s)
        jittered = policy.rng.uniform(0, limit)
        # All who were told the same time would come back at the same time: a little later, each by itself.
        return jittered if asked is None else asked + min(jittered, policy.first_wait_s)

    def stop(state: RetryCallState) -> bool:
        deadline_s = policy.deadline_s
        if _transient(state).unreachable:
            deadline_s = min(deadline_s, policy.unreachable_deadline_s)
        return policy.clock() - start + state.upcoming_sleep > deadline_s

    def give_up(state: RetryCallState) -> T:
        error = _transient(state)
        tries = "once" if state.attempt_number == 1 else f"{state.attempt_number} times"
        asked = "" if error.retry_after_s is None else f"; the service asks to wait {error.retry_after_s:g} s"
        raise TransientError(
            f"{error}; tried {tries} in {policy.clock() - start:.0f} s{asked}",
            retry_after_s=error.retry_after_s,
            unreachable=error.unreachable,
        ) from None

    return Retrying(
        retry=retry_if_exception_type(TransientError),
        wait=wait,
        stop=stop,
        sleep=policy.sleep,
        retry_error_callback=give_up,
    )(call)


def _transient(state: RetryCallState) -> TransientError:
    assert state.outcome is not None
    error = state.outcome.exception()
    assert isinstance(error, TransientError)
    return error
