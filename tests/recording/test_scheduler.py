"""A recording in bulk, without a service: which cases are asked, asked again, given up, and why the others are left."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from newsgauge.client.answers import Usage
from newsgauge.client.retry import RetryPolicy
from newsgauge.errors import BackendError, NotKeptError, QuotaError, TransientError
from newsgauge.recording.paying import Budget
from newsgauge.recording.scheduler import Limits, Report, Scheduler
from newsgauge.records import Case, Post

Answering = Callable[[str], Awaitable[Any]]


def cases(n: int, variant: str = "v") -> list[Case]:
    return [Case(Post(f"a-{number}", "a", f"{variant}-{number}"), variant) for number in range(n)]


def response() -> Any:
    return SimpleNamespace(model_version="m-1", usage_metadata=SimpleNamespace(prompt_token_count=100))


def failing(*errors: Exception | None) -> Answering:
    """One call after the other; None: it is answered, as all later ones are."""
    left = iter(errors)

    async def ask(text: str) -> Any:
        await asyncio.sleep(0)
        if (error := next(left, None)) is not None:
            raise error
        return response()

    return ask


class Recorder:
    @contextmanager
    def asking(self, variant: str, post: Post, provenance: object) -> Iterator[None]:
        yield


class Bulk(Scheduler):
    """Each variant asks the model of its name; a request is the post's text."""

    def __init__(self, ask: Answering, *, concurrency: int = 4, deadline_s: float = 600.0, **more: Any) -> None:
        self.said: list[tuple[str, bool]] = []
        self.notes: list[str] = []

        def on_answer(case: Case, one: object) -> None:
            self.said.append((case.post.text, one is not None))

        of = {
            name: SimpleNamespace(
                model=name,
                provenance={},
                chars=lambda post: len(post.text),
                template=SimpleNamespace(about=lambda text: text),
            )
            for name in ("v", "w")
        }
        retry = RetryPolicy(deadline_s=deadline_s, first_wait_s=0.001, max_wait_s=0.001)
        more |= {"on_answer": on_answer, "on_note": self.notes.append, "retry": retry, "limits": Limits(concurrency)}
        super().__init__(ask, Recorder(), of, **more)  # type: ignore[arg-type]

    def ended(self, *several: list[Case]) -> Report:
        return asyncio.run(self.run([case for some in several for case in some]))


def whys(found: list[tuple[Case, str]]) -> list[tuple[str, str]]:
    return sorted((case.post.text, why) for case, why in found)


def test_every_case_is_asked_once_and_never_more_at_a_time_than_the_limit() -> None:
    under_way, most = 0, 0

    async def ask(text: str) -> Any:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.001)
        under_way -= 1
        return response()

    bulk = Bulk(ask, concurrency=3)
    report = bulk.ended(cases(9), cases(4, "w"))
    assert sorted(bulk.said) == sorted((case.post.text, True) for case in (*cases(9), *cases(4, "w")))
    assert (report.n_kept, report.n_calls, report.n_refused, len(report.took_ms)) == (13, 13, 0, 13)
    assert (report.broken, report.left, report.interrupted) == ([], [], False)
    assert most == 3
    assert all(1 <= one < 5_000 for one in report.took_ms)  # milliseconds


def test_a_refused_case_is_asked_again_until_its_own_deadline() -> None:
    bulk = Bulk(failing(*[TransientError("busy")] * 2), concurrency=1)
    report = bulk.ended(cases(2))
    assert (report.n_kept, report.n_calls, report.n_refused) == (2, 4, 2)
    start = time.monotonic()
    assert Bulk(failing(TransientError("busy", retry_after_s=0.03))).ended(cases(1)).n_kept == 1
    assert time.monotonic() - start >= 0.03
    late = Bulk(failing(TransientError("busy")), concurrency=1, deadline_s=0.0).ended(cases(2))
    assert whys(late.broken) == [("v-0", "busy; tried once in 0 s")]
    assert (late.n_kept, late.n_refused) == (1, 0)


def test_a_model_whose_quota_is_used_up_is_asked_no_more_and_the_others_are() -> None:
    async def ask(text: str) -> Any:
        await asyncio.sleep(0)
        if text.startswith("v"):
            raise QuotaError("used up for today")
        return response()

    report = Bulk(ask, concurrency=1).ended(cases(3), cases(2, "w"))
    assert whys(report.left) == [(f"v-{number}", "used up for today") for number in range(3)]
    assert (report.n_kept, report.n_calls, report.broken) == (2, 3, [])


def test_what_goes_wrong_in_a_row_ends_a_recording_and_an_answer_between_starts_anew() -> None:
    lost = NotKeptError("the answer holds a key")
    stopped = Bulk(failing(*[lost] * 9), concurrency=1).ended(cases(5))
    why = "stopped, as 3 cases in a row went wrong: the answer holds a key"
    assert whys(stopped.left) == [("v-3", why), ("v-4", why)]
    assert (len(stopped.broken), stopped.n_calls) == (3, 3)
    between = Bulk(failing(lost, lost, None, lost, lost), concurrency=1).ended(cases(5))
    assert (len(between.broken), between.n_kept, between.left) == (4, 1, [])
    full = Bulk(failing(NotKeptError("no space left", disk=True)), concurrency=1).ended(cases(2))
    assert whys(full.left) == [("v-1", "stopped, as a case went wrong: no space left")]
    refused = Bulk(failing(*[BackendError("400")] * 99), concurrency=1)
    report = refused.ended(cases(22))
    assert (len(report.broken), len(report.left)) == (20, 2)
    assert refused.said == [(f"v-{number}", False) for number in range(20)]


def test_a_recording_that_nobody_answers_ends_at_the_deadline_of_all() -> None:
    clock = iter(range(0, 100_000, 100))
    bulk = Bulk(failing(*[TransientError("busy")] * 99), concurrency=1, clock=lambda: float(next(clock)))
    report = bulk.ended(cases(3))
    assert report.n_kept == 0
    (why,) = {why for _, why in report.left}
    assert 600 < int(why.removeprefix("no answer for ").removesuffix(" s: busy")) < 1_200


def test_a_budget_waits_for_the_first_answer_and_ends_before_a_call_that_could_pass_it() -> None:
    under_way: list[int] = []

    async def ask(text: str) -> Any:
        under_way.append(len(bulk._running))
        await asyncio.sleep(0)
        return response()

    # A call was thought to cost 1 and costs 2: of 7 USD three are paid, and the fourth could pass them.
    budget = Budget(lambda version, usage: 2.0 if version == "m-1" and usage.input_tokens == 100 else None, 7.0, 1.0)
    bulk = Bulk(ask, budget=budget)
    report = bulk.ended(cases(5))
    assert (report.n_kept, budget.spent, under_way[0], max(under_way)) == (3, 6.0, 1, 2)
    why = "--max-cost 7: 6.0000 USD are spent, and the next call could pass it"
    assert whys(report.left) == [("v-3", why), ("v-4", why)]


def test_an_answer_without_a_price_or_counts_costs_as_much_as_the_dearest_so_far() -> None:
    budget = Budget(lambda version, usage: {"dear": 3.0, "cheap": 1.0}.get(version), 10.0, 2.0)
    assert budget.why_not(0) == ""
    assert "waiting for the first answer" in budget.why_not(1)
    for version, usage, spent in (
        ("cheap", Usage(9, 1), 1.0),
        ("unknown", Usage(9, 1), 3.0),
        ("dear", Usage(9, 1), 6.0),
        ("cheap", Usage(), 9.0),
    ):
        budget.add(version, usage)
        assert budget.spent == spent
    assert budget.why_not(0) == "--max-cost 10: 9.0000 USD are spent, and the next call could pass it"
    exact = Budget(lambda version, usage: 2.0, 8.0, 2.0, is_known=True, spent=2.0)
    assert (exact.why_not(2), exact.why_not(3) != "") == ("", True)


def test_an_interrupted_recording_keeps_what_is_under_way_and_starts_no_more() -> None:
    async def ask(text: str) -> Any:
        if text == "v-1":
            bulk.stop()
        await asyncio.sleep(0.001)
        return response()

    bulk = Bulk(ask, concurrency=2)
    report = bulk.ended(cases(5))
    assert (report.n_kept, report.interrupted) == (2, True)
    assert whys(report.left) == [(f"v-{number}", "interrupted") for number in (2, 3, 4)]
    assert bulk.notes == ["interrupted: waiting for 2 calls under way; once more leaves them"]


def test_a_fault_of_the_program_is_raised_and_what_is_left_is_said() -> None:
    bulk = Bulk(failing(ZeroDivisionError("ours")), concurrency=1)
    with pytest.raises(ZeroDivisionError, match="ours"):
        bulk.ended(cases(2))
    assert whys(bulk.report.left) == [("v-1", "not asked")]


def test_two_reports_are_one_of_all_their_cases() -> None:
    (one,), both = cases(1), Report(1, 2, 3, took_ms=[1.0])
    both.add(Report(10, 20, 30, [(one, "broken")], [(one, "left")], took_ms=[2.0]))
    assert both == Report(11, 22, 33, [(one, "broken")], [(one, "left")], took_ms=[1.0, 2.0])
    both.add(Report(interrupted=True))
    both.add(Report())
    assert both.interrupted
