"""A bucket never lets more through in any minute than it may, and hardly less. Times are made up."""

from __future__ import annotations

import pytest

from newsgauge.recording.model_queue import RateLimiter, lower


def starts(bucket: RateLimiter, *, until: float, amount: float = 1.0, late: float = 0.0) -> list[float]:
    """When calls go, where each goes as soon as it may, or ``late`` seconds after that."""
    now, times = 0.0, []
    while now < until:
        wait = bucket.wait_s(amount, now)
        if wait > 0:
            now += wait + late
        else:
            bucket.take(amount, now)
            times.append(now)
    return times


def most_in_a_minute(times: list[float]) -> int:
    return max(sum(start <= time < start + 60 - 1e-6 for time in times) for start in times[::50])


@pytest.mark.parametrize("per_minute", [1, 2, 15, 60, 1000, 3000])
def test_no_minute_sees_more_than_the_limit_and_a_busy_one_nearly_all(per_minute: int) -> None:
    times = starts(RateLimiter(per_minute, now=0.0), until=240)
    assert most_in_a_minute(times) <= per_minute
    assert len(times) >= 4 * per_minute * 0.98


def test_waking_up_late_costs_nothing_as_long_as_a_burst_makes_up_for_it() -> None:
    times = starts(RateLimiter(3000, now=0.0), until=60, late=0.2)
    assert 0.98 * 3000 <= len(times) <= 3000


def test_without_a_limit_nothing_waits() -> None:
    bucket = RateLimiter(None, now=0.0)
    bucket.take(1e9, 0.0)
    assert bucket.wait_s(1e9, 0.0) == 0


def test_an_amount_larger_than_a_burst_goes_when_the_bucket_is_full_and_is_paid_off_after() -> None:
    bucket = RateLimiter(120, now=0.0)  # a burst of 1, two per second
    assert bucket.wait_s(10, 0.0) == 0
    bucket.take(10, 0.0)
    assert bucket.wait_s(1, 0.0) == pytest.approx(10 / 2)


def test_what_was_estimated_too_high_is_given_back() -> None:
    bucket = RateLimiter(120, now=0.0)
    bucket.take(3, 0.0)
    bucket.take(-2, 0.0)
    assert bucket.wait_s(1, 0.0) == pytest.approx(0.5)


def test_a_limit_is_only_ever_lowered() -> None:
    bucket = RateLimiter(None, now=0.0)
    assert lower(bucket, 100)
    assert bucket.wait_s(1, 0.0) == pytest.approx(60 / 100)  # nothing is saved up
    assert not lower(bucket, 200)
    assert lower(bucket, 50)
    assert not lower(bucket, 50)
    assert bucket.per_minute == 50
