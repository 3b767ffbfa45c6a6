"""The only layer of retries: a call in, its result out, however often the service was busy in between.

Only a `TransientError` is retried; other errors pass through at once. The wait is the one that the service asked for,
or else exponential with full jitter, so that clients which failed together do not return together. Clock, sleep and
random numbers are values of the policy, so tests do not wait.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from ..errors import TransientError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long to retry, in seconds. ``deadline_s`` counts from the first try to the last, including waits."""

    deadline_s: float = 600.0
    #: If nobody answers at all, a mistyped address is likelier than a short outage.
    unreachable_deadline_s: float = 30.0
    first_wait_s: float = 1.0
    max_wait_s: float = 60.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    rng: random.Random = field(default_factory=random.Random)


def call_patiently(call: Callable[[], T], policy: RetryPolicy) -> T:
    """Call until it succeeds, fails for good, or the next wait would end past the deadline.

    Raises the error of the last try; a `TransientError` then says how often and how long it was tried.
    """
    start = policy.clock()
    attempts = 0
    while True:
        attempts += 1
        try:
            return call()
        except TransientError as error:
            pause = wait_s(policy, error, attempts)
            if is_too_late(policy, error, policy.clock() - start + pause):
                raise given_up(error, attempts, policy.clock() - start) from None
        policy.sleep(pause)


def wait_s(policy: RetryPolicy, error: TransientError, attempts: int) -> float:
    """Seconds to wait after this number of attempts, from 1."""
    # A power past 2 ** 10 is past every sensible maximum, and past 2 ** 1024 no float.
    limit = min(policy.first_wait_s * 2 ** min(attempts - 1, 10), policy.max_wait_s)
    jittered = policy.rng.uniform(0, limit)
    # Clients that were given the same time would return together, so add a little to each.
    return jittered if error.retry_after_s is None else error.retry_after_s + min(jittered, policy.first_wait_s)


def is_too_late(policy: RetryPolicy, error: TransientError, elapsed_s: float) -> bool:
    """Whether the deadline has passed, so long after the first try."""
    deadline_s = policy.deadline_s
    if error.unreachable:
        deadline_s = min(deadline_s, policy.unreachable_deadline_s)
    return elapsed_s > deadline_s


def given_up(error: TransientError, attempts: int, elapsed_s: float) -> TransientError:
    """The last error, telling how often and how long it was tried."""
    tries = "once" if attempts == 1 else f"{attempts} times"
    asked = "" if error.retry_after_s is None else f"; the service asks to wait {error.retry_after_s:g} s"
    return TransientError(
        f"{error}; tried {tries} in {elapsed_s:.0f} s{asked}",
        retry_after_s=error.retry_after_s,
        unreachable=error.unreachable,
        status=error.status,
    )
