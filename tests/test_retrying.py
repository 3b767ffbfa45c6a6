"""Retry: who is asked again, after how long, and when it ends. The clock stands still but for the waits."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from newsgauge.client.retry import RetryPolicy, call_patiently, wait_s
from newsgauge.client.service_errors import refusal
from newsgauge.errors import BackendError, QuotaError, TransientError

RETRY_INFO = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "53s"}


def quota(quota_id: str) -> dict[str, object]:
    failure = {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": quota_id}]}
    return {"error": {"code": 429, "details": [failure, RETRY_INFO]}}


class Clock:
    """Time passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.sleeps: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds


def policy(clock: Clock, **settings: float) -> RetryPolicy:
    return RetryPolicy(clock=clock, sleep=clock.sleep, rng=random.Random(1), **settings)


def failing(*errors: Exception) -> Callable[[], str]:
    left = list(errors)

    def call() -> str:
        if left:
            raise left.pop(0)
        return "answer"

    return call


@pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 504])
def test_what_passes_by_itself_is_asked_again(code: int) -> None:
    clock = Clock()
    error = refusal("m", code, "S", "busy", {})
    assert call_patiently(failing(error, error), policy(clock)) == "answer"
    assert len(clock.sleeps) == 2


@pytest.mark.parametrize("code", [400, 401, 403, 404, 409, 501])
def test_what_does_not_pass_is_asked_once(code: int) -> None:
    clock = Clock()
    with pytest.raises(BackendError, match=f"m: {code} S: no"):
        call_patiently(failing(refusal("m", code, "S", "no", {})), policy(clock))
    assert clock.sleeps == []


def test_the_wait_that_the_service_asks_for_is_kept_and_a_little_longer() -> None:
    clock = Clock()
    error = refusal("m", 429, "RESOURCE_EXHAUSTED", "slow down", quota("RequestsPerMinute"))
    assert call_patiently(failing(error), policy(clock)) == "answer"
    assert 53 <= clock.sleeps[0] <= 54


def test_without_it_waits_are_jittered_below_limits_that_double() -> None:
    error = TransientError("busy")
    rows = []
    for seed in range(100):
        clock = Clock()
        calm = RetryPolicy(clock=clock, sleep=clock.sleep, rng=random.Random(seed), max_wait_s=5)
        call_patiently(failing(*[error] * 6), calm)
        rows.append(clock.sleeps)
    assert len(set(rows[0])) == 6
    for limit, waits in zip((1, 2, 4, 5, 5, 5), zip(*rows, strict=True), strict=True):
        # Full jitter: all of the time from nothing to the limit is in use, and none beyond it.
        assert 0 <= min(waits) < 0.1 * limit
        assert 0.9 * limit < max(waits) <= limit


def test_a_quota_of_a_day_is_not_asked_again_and_says_what_to_do() -> None:
    clock = Clock()
    error = refusal("m", 429, "RESOURCE_EXHAUSTED", "enough", quota("RequestsPerDayPerProject"))
    with pytest.raises(QuotaError, match=r"RequestsPerDayPerProject is used up for today.*tomorrow.*--posts-per-class"):
        call_patiently(failing(error), policy(clock))
    assert clock.sleeps == []


def test_the_last_wait_never_ends_past_the_deadline() -> None:
    clock = Clock()
    busy = TransientError("busy", retry_after_s=40)
    with pytest.raises(TransientError, match=r"busy; tried 3 times in 8\d s; the service asks to wait 40 s"):
        call_patiently(failing(*[busy] * 100), policy(clock, deadline_s=100))
    assert clock.now <= 1100


def test_a_wait_longer_than_the_deadline_is_not_begun() -> None:
    clock = Clock()
    with pytest.raises(TransientError, match=r"tried once in 0 s; the service asks to wait 3600 s"):
        call_patiently(failing(TransientError("busy", retry_after_s=3600)), policy(clock))
    assert clock.sleeps == []


def test_nobody_there_is_given_up_sooner() -> None:
    clock = Clock()
    with pytest.raises(TransientError, match="refused"):
        call_patiently(failing(*[TransientError("refused", unreachable=True)] * 100), policy(clock))
    assert clock.now <= 1030


def test_an_exception_of_another_kind_passes_through_untouched() -> None:
    error = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt) as caught:
        call_patiently(failing(error), policy(Clock()))  # type: ignore[arg-type]
    assert caught.value is error


NO_REASON: list[object] = [
    *(None, [], {}, 7, {"error": 7}, {"error": {"details": {}}}, {"error": {"details": ["x", {"violations": 3}]}}),
    {"error": {"details": [{"@type": "google.rpc.RetryInfo", "retryDelay": "soon"}]}},
]
BUSY: list[object] = ["busy", {"error": "busy"}, {"detail": "busy"}, {"error": {"message": "busy"}}]


@pytest.mark.parametrize(
    ("body", "reason"), [*((one, "no reason given") for one in NO_REASON), *((one, "busy") for one in BUSY)]
)
def test_a_body_of_any_shape_is_only_without_a_wait(body: object, reason: str) -> None:
    error = refusal("m", 429, None, None, body)
    assert isinstance(error, TransientError)
    assert error.retry_after_s is None
    assert str(error) == f"m: 429: {reason}"


def test_those_who_were_told_one_time_come_back_within_the_first_wait_after_it() -> None:
    told = TransientError("busy", retry_after_s=40)
    # By the tenth try the jitter of a wait nobody named is up to 60 s.
    waits = [wait_s(RetryPolicy(rng=random.Random(seed)), told, attempts=10) for seed in range(50)]
    assert 40 <= min(waits) < max(waits) <= 41
