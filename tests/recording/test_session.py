"""One recording of a plan: who is asked in which order, what ends it, and what is left; no service is asked."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from newsgauge.cassettes.asked_again import asked_at
from newsgauge.cassettes.line import decode
from newsgauge.cassettes.recorder import RecordMode
from newsgauge.client.answers import Usage
from newsgauge.client.retry import RetryPolicy
from newsgauge.corpora.corpus import Corpus
from newsgauge.errors import BackendError, CassetteError, QuotaError
from newsgauge.planning.plan_file import Shard
from newsgauge.planning.sampling import Plan
from newsgauge.recording import session
from newsgauge.recording.paying import Budget
from newsgauge.recording.scheduler import Limits, Report
from newsgauge.recording.session import finalize_files, note_anew, record_all, record_techniques, server_of
from newsgauge.records import Backend, Case, Outcome, Post, Prediction
from newsgauge.running.run_config import RunConfig
from newsgauge.variants.variants_file import Variant
from tests.cassettes.cassette_lines import make_line

POSTS = tuple(Post(f"a-{number}", "a", f"text {number}") for number in range(4))
IDS = [post.id for post in POSTS]
Steps = dict[str, Exception | Callable[[], object]]


@pytest.fixture
def setup(tmp_path: Path) -> RunConfig:
    """A prompt `v`, and `own`, a callable of the user's."""
    plan = Plan("own", ".", None, 0, False, "clean", ("a", "b"), POSTS)
    variants = {
        "v": Variant(name="v", about="x", model="m", contents="Which? {post}"),
        "own": Variant(name="own", about="x", model="m", contents="", predict="mine:ask"),
    }
    folder = tmp_path / "cassettes"
    return RunConfig(Corpus("own", tmp_path), plan, variants, "gemini", "once", folder, "cassettes", "")


def cases(variant: str) -> list[Case]:
    return [Case(post, variant) for post in POSTS]


@pytest.fixture
def ask_own(setup: RunConfig, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Report, list[str]]]:
    """Record the callable's cases; ``steps``: what happens in which of them. The report, and what was told."""

    def ask(steps: Steps, **more: Any) -> tuple[Report, list[str]]:
        told: list[str] = []

        def answer(case: Case) -> Prediction:
            step = steps.get(case.post.id)
            if isinstance(step, Exception):
                raise step
            if step is not None:
                step()
            return Prediction("a", Outcome.LABEL, "", 100, 4, "m-1", latency_ms=5)

        @contextmanager
        def brief_run(setup: RunConfig, **how: object) -> Iterator[object]:
            yield SimpleNamespace(ask=answer)

        monkeypatch.setattr("newsgauge.running.run.brief_run", brief_run)
        report = record_techniques(
            setup, cases("own"), base_url=None, retry=RetryPolicy(),
            on_answer=lambda case, said: told.append(f"{case.post.id} {'broken' if said is None else said.label}"),
            **more,
        )  # fmt: skip
        return report, told

    return ask


def left(report: Report) -> list[tuple[str, str]]:
    return [(case.post.id, why) for case, why in report.left]


def test_callables_are_asked_one_after_the_other_and_one_that_breaks_stops_no_other(ask_own: Any) -> None:
    report, told = ask_own({"a-1": BackendError("no such model"), "a-2": CassetteError("not kept")})
    assert told == ["a-0 a", "a-1 broken", "a-2 broken", "a-3 a"]
    assert (report.n_calls, report.n_kept, report.took_ms) == (4, 2, [5, 5])
    assert [(case.post.id, why) for case, why in report.broken] == [("a-1", "no such model"), ("a-2", "not kept")]
    assert (left(report), report.interrupted) == ([], False)


def test_a_quota_that_is_used_up_leaves_the_case_under_way_and_all_later_ones(ask_own: Any) -> None:
    report, told = ask_own({"a-1": QuotaError("none left today")})
    assert told == ["a-0 a"]
    assert left(report) == [(key, "none left today") for key in IDS[1:]]
    assert (report.n_kept, report.broken) == (1, [])


def test_a_budget_is_asked_before_each_call_and_told_each_answer(ask_own: Any) -> None:
    def cost_of(version: str, usage: Usage) -> float:
        assert (version, usage.input_tokens, usage.output_tokens) == ("m-1", 100, 4)
        return 0.4

    report, told = ask_own({}, budget=Budget(cost_of, limit=1.0, dearest=0.1))
    assert told == ["a-0 a", "a-1 a"]
    why = "--max-cost 1: 0.8000 USD are spent, and the next call could pass it"
    assert left(report) == [("a-2", why), ("a-3", why)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_waits_for_the_case_under_way_and_a_second_one_leaves_it(ask_own: Any, number: Any) -> None:
    before = signal.getsignal(number)

    def once() -> None:
        signal.raise_signal(number)

    def twice() -> None:
        once()
        once()

    report, told = ask_own({"a-1": once})
    assert told == ["a-0 a", "a-1 a"]
    assert left(report) == [("a-2", "interrupted"), ("a-3", "interrupted")]
    assert report.interrupted
    with pytest.raises(KeyboardInterrupt):
        ask_own({"a-1": twice})
    assert signal.getsignal(number) is before


@pytest.mark.parametrize("interrupted", [False, True])
def test_callables_come_after_the_prompts_and_not_after_an_interrupt(
    setup: RunConfig, monkeypatch: pytest.MonkeyPatch, interrupted: bool
) -> None:
    asked: list[tuple[str, list[Case]]] = []

    def prompts(setup: RunConfig, some: list[Case], **how: object) -> Report:
        asked.append(("prompts", some))
        return Report(n_kept=4, interrupted=interrupted)

    def own(setup: RunConfig, some: list[Case], **how: object) -> Report:
        asked.append(("own", some))
        return Report(n_kept=2)

    monkeypatch.setattr(session, "record_cases", prompts)
    monkeypatch.setattr(session, "record_techniques", own)
    how: Any = {"limits": Limits(), "on_answer": None, "on_note": None}
    report = record_all(setup, [*cases("own"), *cases("v")], **how)
    if interrupted:
        assert asked == [("prompts", cases("v"))]
        assert (report.n_kept, left(report)) == (4, [(key, "interrupted") for key in IDS])
    else:
        assert asked == [("prompts", cases("v")), ("own", cases("own"))]
        assert (report.n_kept, left(report)) == (6, [])
    asked.clear()
    assert (record_all(setup, [], **how), asked) == (Report(), [])


def test_a_server_is_started_for_the_embedded_backend_alone_and_if_none_is_named(
    setup: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def started() -> Iterator[str]:
        yield "http://127.0.0.1:1"

    monkeypatch.setattr(session, "embedded_process", started)
    named_one = "http://127.0.0.1:2"
    expectations: list[tuple[Backend, str | None, str | None]] = [
        ("gemini", None, None),
        ("gemini", named_one, named_one),
        ("embedded", named_one, named_one),
        ("embedded", None, "http://127.0.0.1:1"),
    ]
    for backend, named, expected in expectations:
        with server_of(replace(setup, backend=backend), named) as url:
            assert url == expected


def write(setup: RunConfig, variant: str, *keys: str) -> Path:
    path = setup.cassettes / f"{variant}.jsonl"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"".join(make_line(key).encode() for key in keys))
    return path


@pytest.mark.parametrize(
    ("mode", "is_over", "kept"),
    [
        ("once", True, ["a-0", "a-1", "a-9"]),
        ("rewrite", True, ["a-0", "a-1"]),
        ("rewrite", False, ["a-0", "a-0", "a-1"]),
    ],
)
def test_files_are_sorted_without_equal_lines_once_all_is_asked_and_in_a_rewrite_without_other_posts(
    setup: RunConfig, mode: RecordMode, is_over: bool, kept: list[str]
) -> None:
    path = write(setup, "v", "a-0", "a-1", "a-9", "a-0")
    assert finalize_files(replace(setup, mode=mode), is_over=is_over) == []
    assert [decode(line).key for line in path.read_bytes().splitlines(keepends=True)] == kept


def test_a_file_that_cannot_be_sorted_is_told_with_the_command_that_sorts_it_and_stops_no_other(
    setup: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    class Recorder:
        def finalize(self, variant: str, planned: set[str], *, is_over: bool) -> None:
            done.append(variant)
            raise OSError(28, "No space left on device") if variant == "v" else CassetteError("own.jsonl: damaged")

    monkeypatch.setattr(session, "open_recorder", lambda setup: Recorder())
    assert finalize_files(setup) == [
        "cassettes/v.jsonl: recorded, but not sorted: No space left on device. "
        "Nothing is lost; run: newsgauge cassettes finalize",
        "own.jsonl: damaged",
    ]
    assert done == ["v", "own"]


def test_only_a_recording_that_asked_all_cases_of_a_variant_again_is_noted(setup: RunConfig) -> None:
    setup.cassettes.mkdir()
    since = datetime(2026, 11, 26, 12, tzinfo=UTC)
    for other in (setup, replace(setup, mode="all", shard=Shard(1, 2))):
        note_anew(other, ["v"], since)
        assert asked_at(setup.cassettes, "v", IDS) == ""
    note_anew(replace(setup, mode="all"), ["v"], since)
    assert asked_at(setup.cassettes, "v", IDS) == "2026-11-26T12:00:00Z"
    note_anew(replace(setup, mode="rewrite"), ["v"], "2026-11-26T13:00:00Z")
    assert asked_at(setup.cassettes, "v", IDS) == "2026-11-26T13:00:00Z"
