"""What is kept and compared of a service: its name, not the version of its API, nothing opaque."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx2
import pytest

from newsgauge.cassettes.digest import Clear
from newsgauge.cassettes.line import Line
from newsgauge.cassettes.open_case import Asked, OpenCase
from newsgauge.cassettes.services import SERVICES, Service, endpoint_of, named_service
from newsgauge.cassettes.technique_calls import Calls
from newsgauge.errors import (
    MissingRecordingError,
    NotKeptError,
    StaleRecordingError,
)
from tests.cassettes.services_played import (
    URL,
    answer,
    body,
    client,
    echo,
    post,
    said,
    sdk,
)


class Other:
    """A service that no table describes."""

    name = "other"
    spoken = frozenset({"contents"})
    fill: Mapping[str, Any] = {}
    version_at = "modelVersion"

    def owns(self, host: str, path: str) -> bool:
        return host == "api.other.invalid"

    def kept_path(self, path: str) -> str:
        return path

    def same_path(self, one: str, other: str) -> bool:
        return one == other

    def is_answered_by_a_model(self, path: str) -> bool:
        return True

    def is_stream(self, path: str, body: bytes) -> bool:
        return False

    def compared_body(self, body: Any) -> Any:
        return body

    def kept_headers(self, headers: Mapping[str, Sequence[object]]) -> dict[str, str]:
        return {}

    def kept_answer(self, answer: dict[str, Any]) -> dict[str, Any]:
        return answer

    def model_version(self, answer: dict[str, Any]) -> str:
        return str(answer["modelVersion"])

    def provenance(self, path: str, body: Any) -> dict[str, str]:
        return {"surface": "other", "model": "m"}

    def usage(self, answer: dict[str, Any]) -> Any:
        return {}


@pytest.fixture
def other_service(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("newsgauge.cassettes.services.SERVICES", {"other": Other(), **SERVICES})
    endpoint_of.cache_clear()
    yield
    endpoint_of.cache_clear()


@pytest.mark.usefixtures("other_service")
def test_two_services_whose_requests_look_alike_are_told_apart(open_recorder: Any, lines: Any) -> None:
    other = URL.replace("service", "api.other")

    def perform(url: str) -> Callable[[], str]:
        return lambda: said(client(echo).post(url, json=body("Question")).json())

    Calls(open_recorder("once"), "v", post(0), Clear([])).play(perform(other), {})
    assert [line.service for line in lines()] == ["other"]
    assert Calls(open_recorder(), "v", post(0), Clear([])).play(perform(other), {}).value == "Questio"
    with pytest.raises(StaleRecordingError, match='service: recorded "other", now "gemini"'):
        Calls(open_recorder(), "v", post(0), Clear([])).play(perform(URL), {})


@pytest.mark.usefixtures("other_service")
@pytest.mark.parametrize(
    ("agent", "kept"),
    [("Acme/2.1 httpx2/2.16", "Acme/2.1 httpx2/2.16"), ("ask joe@x.example", "unnamed"), ("", "unnamed")],
)
def test_a_line_of_another_service_names_the_client_that_asked_if_that_looks_like_one(
    open_recorder: Any, lines: Any, agent: str, kept: str
) -> None:
    url, headers = URL.replace("service", "api.other"), {"user-agent": agent}
    ask = lambda: client(echo).post(url, json=body("Question"), headers=headers).json()  # noqa: E731
    Calls(open_recorder("once"), "v", post(0), Clear([])).play(ask, {})
    assert lines()[0].provenance["sdk"] == kept


def test_of_an_answer_what_is_read_is_kept_and_nothing_else_and_a_model_without_a_name_is_unnamed() -> None:
    service = named_service("openai-chat")
    read = {"choices": [{"message": {"content": "a"}}], "usage": {"prompt_tokens": 3}, "model": "gpt-5"}
    assert service.kept_answer({**read, "id": "chatcmpl-1", "organization": "acme"}) == read
    named = service.provenance("/v1/chat/completions", {"model": "gpt-5"})
    assert named == {"surface": "openai-chat", "model": "gpt-5"}
    for asked in ({"model": ""}, {"model": 3}, {}):
        assert service.provenance("/v1/chat/completions", asked)["model"] == "unnamed"


def test_a_line_that_names_no_service_is_about_gemini(open_recorder: Any, folder: Path, lines: Any) -> None:
    open_recorder("once").play("v", post(0), lambda: client(echo).post(URL, json=body(post(0).text)).json())
    assert [line.service for line in lines()] == ["gemini"]
    assert '"service"' not in (folder / "v.jsonl").read_text()


# What is kept of Gemini's answers, and what of a path counts.

VERSIONS = ["v1", "v1beta", "v1beta1", "v1alpha", "v2"]


@pytest.mark.parametrize("recorded", VERSIONS)
@pytest.mark.parametrize("now", VERSIONS)
def test_the_version_of_the_api_may_change_without_making_a_recording_stale(
    open_recorder: Any, lines: Any, recorded: Any, now: Any
) -> None:
    urls = [URL.replace("/v1/", f"/{version}/") for version in (recorded, now)]
    open_recorder("once").play("v", post(0), lambda: client(echo).post(urls[0], json=body(post(0).text)).json())
    assert lines()[0].path == f"/{recorded}/models/m:generateContent"  # what was asked is still to be read
    for mode in ("none", "once", "new_episodes"):
        replayed = open_recorder(mode).play(
            "v", post(0), lambda: client().post(urls[1], json=body(post(0).text)).json()
        )
        assert said(replayed) == "Post 0."


def test_another_model_is_stale_whatever_the_version(open_recorder: Any) -> None:
    open_recorder("once").play("v", post(0), lambda: client(echo).post(URL, json=body(post(0).text)).json())
    other = URL.replace("/v1/", "/v1beta/").replace("/m:", "/n:")
    with pytest.raises(
        StaleRecordingError, match=r'model: recorded "/v1/models/m:.*, now "/v1beta/models/n:'
    ) as caught:
        open_recorder().play("v", post(0), lambda: client().post(other, json=body(post(0).text)).json())
    assert "prompt" not in str(caught.value)


def test_a_changed_prompt_does_not_name_the_version_as_a_change(open_recorder: Any) -> None:
    open_recorder("once").play("v", post(0), lambda: client(echo).post(URL, json=body(post(0).text)).json())
    beta = URL.replace("/v1/", "/v1beta/")
    with pytest.raises(StaleRecordingError, match="changed since it was recorded: prompt: ") as caught:
        open_recorder().play("v", post(0), lambda: client().post(beta, json=body("Which? " + post(0).text)).json())
    assert "model" not in str(caught.value)


def signed() -> dict[str, Any]:
    parts = [
        {"text": "thinking", "thought": True, "thoughtSignature": "AAAA"},
        {"text": "said", "thoughtSignature": "BBBB"},
    ]
    return {**answer("x"), "candidates": [{"content": {"parts": parts, "role": "model"}}], "responseId": "r1"}


def test_opaque_parts_of_an_answer_are_not_kept(open_recorder: Any, folder: Path, lines: Any) -> None:
    service = client(lambda request: httpx2.Response(200, json=signed()))
    open_recorder("once").play("v", post(0), lambda: service.post(URL, json=body(post(0).text)).json())
    kept = (folder / "v.jsonl").read_text()
    assert "thoughtSignature" not in kept
    assert "responseId" not in kept
    assert lines()[0].answer["candidates"][0]["content"]["parts"] == [
        {"text": "thinking", "thought": True},
        {"text": "said"},
    ]


def test_a_chat_that_sends_signatures_back_can_be_replayed(open_recorder: Any, lines: Any) -> None:
    sent: list[str] = []

    def service(request: httpx2.Request) -> httpx2.Response:
        sent.append(request.content.decode())
        return httpx2.Response(200, json=signed())

    def perform() -> str:
        asked = sdk(service)
        chat = asked.chats.create(model="m")
        chat.send_message("First question")
        return chat.send_message("Second question").text or ""

    calls = Calls(open_recorder("once"), "v", post(0), Clear(["First question", "Second question"]))
    assert calls.play(perform, {}).value == "said"
    assert "BBBB" in sent[1]  # the service is sent what it signed
    assert (
        Calls(open_recorder(), "v", post(0), Clear(["First question", "Second question"])).play(perform, {}).value
        == "said"
    )
    assert (len(sent), len(lines())) == (2, 2)


@pytest.mark.parametrize("version", [None, ""])
def test_an_answer_without_model_version_is_refused_on_every_road(open_recorder: Any, lines: Any, version: Any) -> None:
    from newsgauge.records import Wire

    raw = {**answer("sci.space"), "modelVersion": version}
    if version is None:
        del raw["modelVersion"]
    service = sdk(lambda request: httpx2.Response(200, json=raw))
    words = r"names no model version \(modelVersion\)"

    def ask() -> Any:
        return service.models.generate_content(model="m", contents=post(0).text)

    with pytest.raises(NotKeptError, match=words):
        open_recorder("once").play("v", post(0), ask)
    with pytest.raises(NotKeptError, match=words), open_recorder("once").asking("v", post(0), {}):
        ask()
    with pytest.raises(NotKeptError, match=words):
        Calls(open_recorder("once"), "v", post(0), Clear([])).play(lambda: ask().text, {})
    wire = Wire("POST", URL, json.dumps(body(post(0).text)).encode(), 200, json.dumps(raw).encode())
    with pytest.raises(NotKeptError, match=words):
        open_recorder("once").keep("v", post(0), wire, {"mode": "batch"})
    assert lines() == []


def test_a_count_of_tokens_names_no_version_and_is_kept(open_recorder: Any, lines: Any) -> None:
    count = URL.replace("generateContent", "countTokens")
    service = client(lambda request: httpx2.Response(200, json={"totalTokens": 7}))
    open_recorder("once").play("v", post(0), lambda: service.post(count, json=body(post(0).text)).json())
    assert "model_version" not in lines()[0].provenance


@pytest.mark.parametrize("pin", [None, "gemini-2.5-pro", "models/gemini-2.5-pro"])
def test_a_version_is_the_same_with_and_without_its_folder(open_recorder: Any, lines: Any, pin: Any) -> None:
    service = client(
        lambda request: httpx2.Response(200, json={**answer("x"), "modelVersion": "models/gemini-2.5-pro"})
    )
    recorder = open_recorder("once", pins=lambda variant: pin)
    recorder.play("v", post(0), lambda: service.post(URL, json=body(post(0).text)).json())
    assert lines()[0].provenance["model_version"] == "gemini-2.5-pro"


NEW = {
    "finish reason": answer("x", candidates=[{"content": {"parts": [{"text": "x"}]}, "finishReason": "QUITE_NEW"}]),
    "block reason": {"promptFeedback": {"blockReason": "QUITE_NEW"}, "modelVersion": "gemini-x"},
    "harm": answer("x", candidates=[{"content": {"parts": [{"text": "x"}]}, "finishReason": "STOP",
                                     "safetyRatings": [{"category": "HARM_NEW", "probability": "MAYBE"}]}]),
    "field": answer("x", novelty={"a": [1]}, usageMetadata={"newCount": 2, "trafficType": "FAST"}),
}  # fmt: skip


@pytest.mark.parametrize("value", NEW.values(), ids=NEW)
@pytest.mark.filterwarnings("error")
def test_a_value_that_the_sdk_does_not_know_is_recorded_and_replays(open_recorder: Any, lines: Any, value: Any) -> None:
    from newsgauge.client.answers import accept_unknown_values
    from newsgauge.client.calls import recorded_response

    accept_unknown_values()
    service = sdk(lambda request: httpx2.Response(200, json=value))
    answered = [
        open_recorder(mode).play(
            "v", post(0), lambda: service.models.generate_content(model="m", contents=post(0).text)
        )
        for mode in ("once", "none")
    ]
    assert answered[0].candidates == answered[1].candidates
    assert recorded_response(json.loads(json.dumps(lines()[0].answer))).candidates == answered[0].candidates


def test_a_warning_that_is_not_about_a_value_still_comes_through() -> None:
    from newsgauge.client.answers import accept_unknown_values

    accept_unknown_values()
    with pytest.warns(UserWarning, match="something else"):
        warnings.warn("something else", stacklevel=1)


def test_a_recording_of_before_is_found_by_its_unsigned_request(open_recorder: Any, folder: Path, lines: Any) -> None:
    """A technique's line whose request kept a signature still answers: it is no part of what is compared."""
    chat = body("First question")
    chat["contents"].append({"parts": [{"text": "said", "thoughtSignature": "BBBB"}], "role": "model"})
    perform = lambda: said(client(echo).post(URL, json=chat).json())  # noqa: E731
    Calls(open_recorder("once"), "v", post(0), Clear(["First question"])).play(perform, {})
    (line,) = lines()
    parts = line.body["contents"][1]["parts"]
    parts[0]["thoughtSignature"] = {"chars": 4, "of": "made", "sha256": "0" * 64}
    (folder / "v.jsonl").write_bytes(line.encode())
    assert Calls(open_recorder(), "v", post(0), Clear(["First question"])).play(perform, {}).value == "First q"


def test_a_miss_says_nothing_of_the_post(open_recorder: Any) -> None:
    seen: list[BaseException] = []

    def call() -> None:
        try:
            client().post(URL, json=body(post(0).text))
        except BaseException as error:
            seen.append(error)
            raise

    with pytest.raises(MissingRecordingError):
        open_recorder().play("v", post(0), call)
    assert "mirror" not in str(seen[0])


def test_a_tuned_model_keeps_the_time_that_tells_it_from_another_and_an_answer_does_not() -> None:
    model = {"name": "tunedModels/x", "createTime": "2026-11-26T00:00:00Z"}
    answer = {"candidates": [], "createTime": "2026-11-26T00:00:00Z", "responseId": "r", "modelVersion": "m"}
    assert named_service("gemini").kept_answer(model) == model
    assert named_service("gemini").kept_answer(answer) == {"candidates": [], "modelVersion": "m"}


def test_a_key_that_clients_insist_on_is_filled_in_where_the_answer_has_none() -> None:
    own = Service("own", {"path": "/v1", "prompt": ["input"], "model_version": "model", "fill": {"id": "none"}})
    asked = Asked("POST", "/v1", b"null", own)

    def played(answer: dict[str, str]) -> object:
        line = Line("a-1", "POST", "/v1", None, 200, {}, answer, {}, "own")
        found = OpenCase(lambda service, raw: raw, left=[line]).find(asked)
        return found and found.body

    assert played({"model": "m"}) == {"id": "none", "model": "m"}
    assert played({"id": "its own"}) == {"id": "its own"}


@pytest.mark.parametrize(
    ("path", "surface", "model"),
    [
        ("/v1beta/models/m:generateContent", "developer", "m"),
        ("/v1beta/tunedModels/mine:generateContent", "developer", "mine"),
        ("/v1/projects/p/locations/l/publishers/google/models/m:generateContent", "vertex", "m"),
        ("/v1/projects/p/locations/l/endpoints/7:generateContent", "vertex", "7"),
        ("/v1/publishers/google/models/m:generateContent", "vertex", "m"),
    ],
)
def test_the_path_says_which_of_geminis_surfaces_was_asked_for_which_model(path: str, surface: str, model: str) -> None:
    assert named_service("gemini").provenance(path, {}) == {"surface": surface, "model": model}
