"""As many calls at once as the service bears: quickly up, halved at trouble, slowly up again."""

from __future__ import annotations

from newsgauge.recording.scheduler import Concurrency


def test_it_starts_at_four_and_each_answer_allows_one_more_up_to_the_highest() -> None:
    concurrency = Concurrency(6)
    assert concurrency.limit == 4
    for _ in range(5):
        concurrency.succeeded()
    assert concurrency.limit == 6
    assert Concurrency(1).limit == 1


def test_calls_that_were_under_way_together_halve_it_once() -> None:
    concurrency = Concurrency(32)
    for _ in range(12):
        concurrency.succeeded()
    assert concurrency.limit == 16
    for _ in range(16):
        concurrency.refused(started=9.0, now=10.0)
    assert concurrency.limit == 8
    concurrency.refused(started=10.0, now=11.0)
    assert concurrency.limit == 4


def test_after_trouble_a_full_round_of_answers_allows_one_more() -> None:
    concurrency = Concurrency(32)
    concurrency.refused(started=0.0, now=1.0)
    assert concurrency.limit == 2
    for _ in range(3):
        concurrency.succeeded()
    assert concurrency.limit == 3


def test_it_never_falls_below_one() -> None:
    concurrency = Concurrency(4)
    for now in range(1, 9):
        concurrency.refused(started=float(now), now=float(now))
    assert concurrency.limit == 1
