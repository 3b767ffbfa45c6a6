"""What a replay could not answer is refused in words, before it is sent or when it comes."""

from __future__ import annotations

import gzip
import json
from typing import Any

import httpx2
import pytest

from newsgauge.cassettes.digest import Clear
from newsgauge.cassettes.technique_calls import Calls, watch
from newsgauge.errors import (
    CassetteError,
    NotKeptError,
)
from tests.cassettes.services_played import (
    URL,
    Raw,
    answer,
    body,
    client,
    each_has_its_own,
    echo,
    post,
    said,
)

SSE = b'data: {"candidates": []}\n\ndata: {"candidates": []}\n\n'
REFUSED = {
    "a stream by its method": (
        URL.replace("generate", "streamGenerate"),
        {"json": body("x")},
        "a stream is not recorded",
    ),
    "a form": (URL, {"data": {"a": "b"}}, "a body that is not JSON"),
    "bytes": (URL, {"content": b"\x00\xff"}, "a body that is not JSON"),
    "chunks": (URL, {"content": (b"{", b"half")}, "a body that is not JSON"),
    "another service": (
        "https://api.other.invalid/v1/chat",
        {"json": {"prompt": "a long text", "model": "m"}},
        r"POST api.other.invalid/v1/chat, a service whose calls are not known here\. .* api-other-invalid = \{ host = "
        r"'\^api\\.other\\.invalid\$', path = '/v1/chat\$', prompt = \[\"prompt\"\], model_version = \"model\"",
    ),
}


@pytest.mark.parametrize(("url", "arguments", "words"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("mode", ["none", "once", "all"])
def test_a_request_that_cannot_be_kept_is_refused_before_it_is_sent(
    open_recorder: Any, lines: Any, url: Any, arguments: Any, words: Any, mode: str
) -> None:
    with pytest.raises(CassetteError, match=words) as caught:
        open_recorder(mode).play("v", post(0), lambda: client().post(url, **arguments).json())
    assert str(caught.value).startswith("cassettes/v.jsonl: ")
    assert caught.value.__cause__ is None
    assert lines() == []


@pytest.mark.parametrize("mode", ["none", "once"])
@pytest.mark.parametrize("swallow", [True, False], ids=["swallowed", "raised"])
def test_so_it_is_in_a_technique_whatever_that_makes_of_it(
    open_recorder: Any, lines: Any, mode: str, swallow: bool
) -> None:
    def perform() -> str:
        try:
            client().post(URL, data={"a": "b"})
        except Exception:
            if not swallow:
                raise
        return "sci.space"

    with pytest.raises(
        CassetteError, match=r"cassettes/v\.jsonl: .*call 1 is m:generateContent with a body that is not"
    ):
        Calls(open_recorder(mode), "v", post(0), Clear([])).play(perform, {})
    assert lines() == []


BAD_ANSWERS = {
    "a stream": ({"content": SSE, "headers": {"content-type": "text/event-stream; charset=utf-8"}}, "a stream"),
    "a list": ({"json": [answer("x")]}, "no JSON object"),
    "text": ({"text": "sci.space"}, "no JSON object"),
    "nothing": ({"content": b""}, "no JSON object"),
    "half": ({"content": json.dumps(answer("x")).encode()[:-9]}, "no JSON object"),
    "deep": ({"content": b'{"a":' * 100_000}, "no JSON object"),
}


@pytest.mark.parametrize(("response", "words"), BAD_ANSWERS.values(), ids=BAD_ANSWERS)
def test_an_answer_that_cannot_be_kept_is_an_error_of_its_case(
    open_recorder: Any, lines: Any, response: Any, words: Any
) -> None:
    service = client(lambda request: httpx2.Response(200, **response))
    with pytest.raises(NotKeptError, match=f"sci.space-0 was answered but not kept: {words}"):
        open_recorder("once").play("v", post(0), lambda: service.post(URL, json=body(post(0).text)).status_code)

    def perform() -> str:
        service.post(URL, json=body("Question"))
        return "sci.space"

    with pytest.raises(NotKeptError, match=f"call 1 was answered with {words}.*, and the technique went on"):
        Calls(open_recorder("once"), "v", post(0), Clear([])).play(perform, {})
    assert lines() == []


def test_an_answer_may_come_zipped(open_recorder: Any, lines: Any) -> None:
    zipped = gzip.compress(json.dumps(answer("Post 0.")).encode())
    with Raw(zipped) as url:
        open_recorder("once").play("v", post(0), lambda: httpx2.post(url, json=body(post(0).text)).json())
    each_has_its_own(lines(), 1)


def test_what_is_not_what_it_says_to_be_is_not_kept(open_recorder: Any, lines: Any) -> None:
    with Raw(b"this is not gzip") as url, pytest.raises(httpx2.DecodingError):
        open_recorder("once").play("v", post(0), lambda: httpx2.post(url, json=body(post(0).text)).json())
    assert lines() == []


def test_without_a_cassette_whatever_a_technique_asks_passes() -> None:
    def perform() -> str:
        http = client(lambda request: echo(request) if request.method == "POST" else httpx2.Response(200, json={}))
        http.get("http://elsewhere.invalid/x")
        return said(http.post(URL, json=body("Question")).json())

    played = watch(perform)
    assert (played.value, [version for version, _ in played.answers]) == ("Questio", ["", "gemini-x"])
