"""The cases of one model: when the next may go, and what refusals teach."""

from __future__ import annotations

import math

import pytest

from newsgauge.recording.model_queue import Job, ModelQueue, RateLimiter
from newsgauge.records import Case, Post


def make_lane(n_jobs: int, *, rpm: float | None = None, tpm: float | None = None) -> ModelQueue:
    lane = ModelQueue("m", RateLimiter(rpm, now=0.0), RateLimiter(tpm, now=0.0))
    for number in range(n_jobs):
        lane.add(Job(Case(Post(f"a-{number}", "a", "text"), "v"), chars=400))
    return lane


def test_jobs_go_in_their_order_and_then_nothing_is_left() -> None:
    lane = make_lane(2)
    assert [lane.start(0.0).case.post.id for _ in range(2)] == ["a-0", "a-1"]
    assert lane.wait_s(0.0) == math.inf


def test_a_refused_job_goes_again_when_it_may_and_does_not_hold_up_the_others() -> None:
    lane = make_lane(2)
    job = lane.start(0.0)
    lane.refused(job, again_at=5.0, per_minute={}, now=0.1)
    assert lane.start(0.2).case.post.id == "a-1"
    assert lane.wait_s(1.0) == 4.0
    assert lane.start(5.0) is job


def test_five_refusals_in_a_row_make_all_wait_and_an_answer_between_starts_anew() -> None:
    lane = make_lane(19)
    for now in range(4):
        lane.refused(lane.start(0.0), again_at=50.0, per_minute={}, now=float(now))
    lane.answered(lane.start(4.0), 100, 4.0)
    for now in range(5, 9):
        lane.refused(lane.start(0.0), again_at=50.0, per_minute={}, now=float(now))
    assert lane.wait_s(8.0) == 0
    said = lane.refused(lane.start(9.0), again_at=53.0, per_minute={}, now=9.0)
    assert lane.wait_s(9.0) == 44.0
    assert said == ["m: refused 5 times in a row; waiting 44 s"]
    # As soon as that is over a wait is told again, of 5 seconds or more.
    assert lane.refused(lane.start(53.0), again_at=57.9, per_minute={}, now=53.0) == []
    said = lane.refused(lane.start(57.9), again_at=62.9, per_minute={}, now=57.9)
    assert said == ["m: refused 7 times in a row; waiting 5 s"]


def test_a_limit_that_refusals_name_is_learnt() -> None:
    lane = make_lane(9, tpm=1000)
    said = [
        lane.refused(lane.start(0.0), again_at=1.0, per_minute={"requests": 15, "input tokens": 2000}, now=0.1)
        for _ in range(5)
    ]
    assert said == [[]] * 4 + [["m: the service allows 15 requests per minute; keeping to it"]]
    assert (lane.requests.per_minute, lane.tokens.per_minute) == (15, 1000)


def test_a_limit_that_was_exceeded_in_the_last_minute_is_none() -> None:
    lane = make_lane(30)
    for second in range(16):
        lane.answered(lane.start(float(second)), 10, float(second))
    for now in (16.0, 16.1, 16.2, 16.3, 16.4):
        named = {"requests": 15, "input tokens": 159}  # 16 answers with 10 tokens each came through
        assert lane.refused(lane.start(now), again_at=17.0, per_minute=named, now=now) == []
    assert lane.requests.per_minute is None
    said = lane.refused(lane.start(17.0), again_at=18.0, per_minute={"input tokens": 160}, now=17.0)
    assert said == ["m: the service allows 160 input tokens per minute; keeping to it"]
    # Over a minute after the first of them only 15 are left.
    assert lane.refused(lane.start(80.0), again_at=61.0, per_minute={"requests": 15}, now=60.0) == []
    said = lane.refused(lane.start(80.0), again_at=61.0, per_minute={"requests": 15}, now=60.1)
    assert said == ["m: the service allows 15 requests per minute; keeping to it"]


def test_answers_whose_tokens_nobody_counted_change_no_estimate_and_exceed_no_limit() -> None:
    lane = make_lane(12, tpm=60_000)
    for _ in range(2):
        lane.answered(lane.start(0.0), None, 0.0)
    assert lane.start(0.0).charged == 100
    said = [lane.refused(lane.start(9.0), again_at=9.0, per_minute={"input tokens": 1}, now=9.0) for _ in range(5)]
    assert said[-1] == ["m: the service allows 1 input tokens per minute; keeping to it"]


def test_a_request_takes_one_of_those_that_may_go_at_once() -> None:
    lane = make_lane(4, rpm=240)  # a burst of 2, and 239 evenly over the minute
    lane.start(0.0)
    assert lane.wait_s(0.0) == 0
    lane.start(0.0)
    assert lane.wait_s(0.0) == pytest.approx(60 / 239)


def test_tokens_are_estimated_at_four_characters_and_corrected_by_what_was_used() -> None:
    lane = make_lane(3, tpm=60_000)  # a burst of 500, about 1,000 a second
    job = lane.start(0.0)
    assert job.charged == 100
    lane.answered(job, 600, 0.0)
    assert lane.wait_s(0.0) == pytest.approx(0.2, abs=0.05)
    # 600 tokens of 400 characters are 1.5 a character, and a new estimate counts a twentieth: 0.25 + 1.25 / 20.
    assert lane.start(1.0).charged == pytest.approx(400 * 0.3125)


def test_a_closed_lane_hands_back_what_it_has() -> None:
    lane = make_lane(3)
    lane.refused(lane.start(0.0), again_at=9.0, per_minute={}, now=0.0)
    assert {job.case.post.id for job in lane.close("over")} == {"a-0", "a-1", "a-2"}
    assert lane.wait_s(99.0) == math.inf
