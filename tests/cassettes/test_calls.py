"""The calls of a case are one unit: kept together or not at all, played back in any order, stale where they differ."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from newsgauge.cassettes.audit import audit_file, find_orphans
from newsgauge.cassettes.digest import Clear
from newsgauge.cassettes.line import call_key, case_of, number_of
from newsgauge.cassettes.recorder import Recorder, RecordMode
from newsgauge.cassettes.store import CassetteFile
from newsgauge.cassettes.technique_calls import Calls
from newsgauge.errors import MissingRecordingError, NotKeptError, StaleRecordingError
from newsgauge.records import Post, RawPost

POST = Post("sci.space-1", "sci.space", "The mirror was ground to the wrong figure, by some two microns at the edge.")
CLEAR = Clear(["First question", "Second question", "Third question"])
GENERATE = "/v1/models/m:generateContent"


class Service:
    """Answers each call with its number, so that equal requests have different answers."""

    def __init__(self, *statuses: int, says: str = "") -> None:
        self.asked: list[str] = []
        self._says = says
        self._statuses = list(statuses)

        self._client = httpx2.Client(transport=httpx2.MockTransport(self._answer))

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(json.loads(request.content)["contents"][0]["parts"][0]["text"])
        status = self._statuses.pop(0) if self._statuses else 200
        return httpx2.Response(
            status, content=answer(self._says or f"answer {len(self.asked)}") if status == 200 else b"{}"
        )

    def __call__(self, text: str, path: str = GENERATE) -> str:
        said = self._client.post(f"http://service.invalid{path}", json={"contents": [{"parts": [{"text": text}]}]})
        return said_text(said.json()) if said.status_code == 200 else f"status {said.status_code}"


def answer(text: str) -> bytes:
    candidate = {"content": {"parts": [{"text": text}], "role": "model"}, "finishReason": "STOP"}
    return json.dumps({"candidates": [candidate], "modelVersion": "newsgauge-embedded-base-2"}).encode()


def said_text(body: dict[str, Any]) -> str:
    return str(body["candidates"][0]["content"]["parts"][0]["text"])


@pytest.fixture
def calls(tmp_path: Path) -> Callable[..., Calls]:
    folder = tmp_path / "embedded" / "bundled"

    def make(mode: RecordMode = "none", post: Post = POST, **more: Any) -> Calls:
        recorder = Recorder(
            folder, mode=mode, backend="embedded", shown="cassettes", rerecord=lambda variant: f"record {variant}",
            now=lambda: datetime(2026, 11, 23, tzinfo=UTC), **more,
        )  # fmt: skip
        return Calls(recorder, "vote", post, CLEAR)

    return make


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "embedded" / "bundled" / "vote.jsonl"


def keys(path: Path) -> list[str]:
    return [json.loads(raw)["key"] for raw in path.read_bytes().splitlines()]


def ask(service: Service, *texts: str) -> Callable[[], list[str]]:
    return lambda: [service(text) for text in texts]


THREE = ("First question", POST.text, "Third question")


def test_equal_requests_get_their_answers_in_the_order_of_recording(calls: Callable[..., Calls], path: Path) -> None:
    service = Service()
    played = calls("once").play(ask(service, "First question", "First question", "First question"), {})
    assert played.value == ["answer 1", "answer 2", "answer 3"]
    assert len(service.asked) == 3
    assert calls().play(ask(service, *["First question"] * 3), {}).value == played.value
    assert len(service.asked) == 3
    assert keys(path) == ["sci.space-1", "sci.space-1~2", "sci.space-1~3"]
    assert audit_file(path, shown="vote.jsonl") == []


def test_the_order_of_different_requests_does_not_matter(calls: Callable[..., Calls]) -> None:
    calls("once").play(ask(Service(), *THREE), {})
    assert calls().play(ask(Service(), *reversed(THREE)), {}).value == ["answer 3", "answer 2", "answer 1"]


@pytest.mark.parametrize("status", [300, 307, 399])
def test_of_several_calls_the_one_that_was_redirected_is_named_by_its_number(
    calls: Callable[..., Calls], status: int
) -> None:
    answers = [
        httpx2.Response(200, content=answer("fine")),
        httpx2.Response(status, headers={"location": "http://elsewhere.invalid/x?key=secret"}),
    ]
    client = httpx2.Client(transport=httpx2.MockTransport(lambda request: answers.pop(0)))

    def perform() -> None:
        for text in THREE[:2]:
            client.post(f"http://service.invalid{GENERATE}", json={"contents": [{"parts": [{"text": text}]}]})

    said = rf"call 2 was redirected to http://elsewhere\.invalid/x \(status {status}\)"
    with pytest.raises(NotKeptError, match=said):
        calls("once").play(perform, {})


def test_no_call_needs_no_recording(calls: Callable[..., Calls], path: Path) -> None:
    for mode in ("none", "once", "new_episodes", "all"):
        assert calls(mode).play(lambda: "sci.space", {}).answers == ()
    assert not path.exists()


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (("First question", POST.text, "Second question"), r"vote\.jsonl:3: .*call 3: prompt: .*Third question"),
        (("First question", POST.text), r"vote\.jsonl:3: .*3 calls were recorded, now 2"),
        ((*THREE, "First question"), r"vote\.jsonl:3: .*3 calls were recorded, now there are more"),
        ((), r"vote\.jsonl:1: .*3 calls were recorded, now 0"),
        (("First question", POST.text.upper(), "Third question"), r"vote\.jsonl:2: .*call 2: prompt: .*{post}"),
    ],
)  # fmt: skip
def test_other_calls_are_stale_and_the_error_says_which(calls: Callable[..., Calls], texts: Any, words: str) -> None:
    calls("once").play(ask(Service(), *THREE), {})
    for mode in ("none", "once"):
        with pytest.raises(StaleRecordingError, match=f"{words}.* Record it again: record vote"):
            calls(mode).play(ask(Service(), *texts), {})


def test_the_call_that_changed_is_numbered_if_there_are_two_and_not_if_it_is_the_only_one(
    calls: Callable[..., Calls], path: Path
) -> None:
    for n, changed in ((1, r"recorded: prompt: "), (2, r"recorded: call 1: prompt: ")):
        path.unlink(missing_ok=True)
        calls("once").play(ask(Service(), *THREE[:n]), {})
        with pytest.raises(StaleRecordingError, match=changed):
            calls().play(ask(Service(), "Another question", *THREE[1:n]), {})


def test_a_stale_case_is_asked_anew_as_a_whole_and_leaves_nothing_behind(
    calls: Callable[..., Calls], path: Path
) -> None:
    calls("once").play(ask(Service(), *THREE), {})
    service = Service()
    calls("new_episodes").play(ask(service, "First question", "Second question"), {})
    assert service.asked == ["First question", "Second question"]
    CassetteFile(path).finalize()
    assert keys(path) == ["sci.space-1", "sci.space-1~2"]
    assert calls().play(ask(service, "First question", "Second question"), {}).value == ["answer 1", "answer 2"]


def test_what_was_recorded_and_fits_is_not_asked_again(calls: Callable[..., Calls]) -> None:
    calls("once").play(ask(Service(), *THREE), {})
    service = Service()
    for mode in ("once", "new_episodes"):
        assert calls(mode).play(ask(service, *THREE), {}).value == ["answer 1", "answer 2", "answer 3"]
    assert service.asked == []
    calls("all").play(ask(service, *THREE), {})
    assert len(service.asked) == 3


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_case_of_which_a_line_is_lost_counts_as_not_recorded(
    calls: Callable[..., Calls], path: Path, lost: int
) -> None:
    calls("once").play(ask(Service(), *THREE), {})
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:lost] + lines[lost + 1 :]))
    with pytest.raises(MissingRecordingError, match=r"no recording of sci.space-1.*Record it: record vote"):
        calls().play(ask(Service(), *THREE), {})
    service = Service()
    calls("once").play(ask(service, *THREE), {})
    assert len(service.asked) == 3
    CassetteFile(path).finalize()
    assert keys(path) == ["sci.space-1", "sci.space-1~2", "sci.space-1~3"]


def test_a_call_that_failed_keeps_nothing_of_its_case(calls: Callable[..., Calls], path: Path) -> None:
    def fails() -> None:
        service = Service(200, 400)
        service("First question")
        if service("Second question") == "status 400":
            raise ValueError("refused")

    with pytest.raises(ValueError, match="refused"):
        calls("once").play(fails, {})
    assert not path.exists()


def test_a_refusal_that_the_technique_swallowed_is_an_error(calls: Callable[..., Calls], path: Path) -> None:
    with pytest.raises(NotKeptError, match="call 1 was answered with status 400, and the technique went on"):
        calls("once").play(ask(Service(400, 200), "First question", "Second question"), {})
    assert not path.exists()


def test_a_miss_that_the_technique_swallowed_is_an_error(calls: Callable[..., Calls]) -> None:
    calls("once").play(ask(Service(), "First question"), {})

    def swallows() -> str:
        try:
            return Service()("Second question")
        except Exception:
            return "sci.space"

    with pytest.raises(StaleRecordingError, match="Second question"):
        calls().play(swallows, {})


def test_after_a_miss_nothing_is_answered_any_more(calls: Callable[..., Calls]) -> None:
    calls("once").play(ask(Service(), "First question", "Second question"), {})
    seen = []

    def goes_on() -> None:
        for text in ("Third question", "First question"):
            try:
                seen.append(Service()(text))
            except BaseException as error:  # a miss is no Exception, so that few go on after it
                seen.append(type(error).__name__)

    with pytest.raises(StaleRecordingError):
        calls().play(goes_on, {})
    assert seen == ["MissError", "MissError"]


def test_a_technique_that_asks_something_else_each_time_is_not_kept(calls: Callable[..., Calls], path: Path) -> None:
    count = iter(["First question", "Second question"])
    with pytest.raises(NotKeptError, match=r"run again on the answers it had, .* asked something else .*no clock"):
        calls("once").play(lambda: Service()(next(count)), {})
    assert not path.exists()


def test_a_technique_that_returns_something_else_each_time_is_not_kept(calls: Callable[..., Calls], path: Path) -> None:
    count = iter("ab")

    def random() -> str:
        Service()("First question")
        return next(count)

    with pytest.raises(NotKeptError, match="returned something else"):
        calls("once").play(random, {})
    assert not path.exists()


@pytest.mark.parametrize("method", ["streamGenerateContent", "batchEmbedContents", "countTokens"])
def test_another_method_is_refused_before_it_is_asked(calls: Callable[..., Calls], path: Path, method: str) -> None:
    service = Service()
    with pytest.raises(NotKeptError, match=f"call 1 is m:{method}, and only generate_content is recorded"):
        calls("once").play(lambda: service("First question", f"/v1/models/m:{method}"), {})
    assert service.asked == []
    assert not path.exists()


def test_a_call_made_from_an_answer_that_quotes_the_post_is_played_back(
    calls: Callable[..., Calls], path: Path
) -> None:
    quoted = POST.text[4:60]

    def extract_then_ask() -> str:
        said = Service(says=f"It says: {quoted}")("First question")
        return Service()(f"Second question: {said}")

    calls("once").play(extract_then_ask, {})
    assert calls().play(extract_then_ask, {}).value == "answer 1"
    assert quoted not in path.read_text()
    assert "[characters 3-60 of the post]" in path.read_text()


def test_another_model_version_than_the_pinned_one_is_not_kept(calls: Callable[..., Calls], path: Path) -> None:
    with pytest.raises(NotKeptError, match="expects model version 'x'"):
        calls("once", pins=lambda variant: "x").play(ask(Service(), "First question"), {})
    assert not path.exists()


def test_orphans_are_about_posts_whatever_the_call(calls: Callable[..., Calls], path: Path) -> None:
    calls("once").play(ask(Service(), *THREE), {})
    assert find_orphans(path, {POST.id}, shown="vote") == []
    (orphans,) = find_orphans(path, set(), shown="vote")  # one finding per file
    assert "asks for sci.space-1 and for 2 more lines" in orphans.what
    assert not CassetteFile(path).finalize(keep={POST.id})
    assert CassetteFile(path).finalize(keep=set())
    assert path.read_bytes() == b""


def test_a_call_too_many_in_a_file_is_found_and_tidied(calls: Callable[..., Calls], path: Path) -> None:
    calls("once").play(ask(Service(), *THREE), {})
    calls("all").play(ask(Service(), "First question"), {})
    lines = sorted(path.read_bytes().splitlines(keepends=True)[1:], key=lambda raw: json.loads(raw)["key"])
    path.write_bytes(b"".join(lines))
    found = [str(one) for one in audit_file(path, shown="vote")]
    assert found == [
        f"vote:{number}: call {number} of a case that makes fewer. Run: newsgauge cassettes finalize"
        for number in (2, 3)
    ]
    CassetteFile(path).finalize()
    assert audit_file(path, shown="vote") == []


def test_keys_tell_post_and_call() -> None:
    assert [call_key("a-1", 1), call_key("a-1", 2), call_key("a-1", 12)] == ["a-1", "a-1~2", "a-1~12"]
    assert (case_of("a-1~12"), number_of("a-1~12"), case_of("a-1"), number_of("a-1")) == ("a-1", 12, "a-1", 1)
    assert number_of("a-1~x") == 0
    assert (case_of("a-1~r2"), number_of("a-1~r2"), case_of("a-1~r2~3"), number_of("a-1~r2~3")) == (
        *("a-1~r2", 1),
        *("a-1~r2", 3),
    )
    assert case_of(RawPost("a~b", "1~2", "").id) == "a%7Eb-1%7E2"
