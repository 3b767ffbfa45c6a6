"""A service that sends a call on to another place, or breaks off: the same for every client that asks one."""

from __future__ import annotations

import asyncio
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpx2
import pytest
import requests

from newsgauge.cassettes.digest import Clear
from newsgauge.cassettes.recorder import Recorder
from newsgauge.cassettes.technique_calls import Calls, watch
from newsgauge.client.calls import generate_once, open_async_client
from newsgauge.client.clients import Access, open_client
from newsgauge.client.other_apis import OtherClient
from newsgauge.client.retry import RetryPolicy
from newsgauge.errors import BackendError, NewsgaugeError, TransientError
from newsgauge.records import Post, Request
from newsgauge.running.custom_predict import TechniqueClient
from tests.plugin.fake_service import FakeService
from tests.plugin.loopback_service import LoopbackService, send

KEY = "planted-key-0123456789"
ASKED = Request("m", "hello", None, None, None)
ONCE = RetryPolicy(deadline_s=0.0)
Ask = Callable[[str, pytest.MonkeyPatch], Any]


class Road(LoopbackService):
    """Sends each call on to ``location``; without one it breaks off in the middle of its answer."""

    def __init__(self, location: str = "", status: int = 307) -> None:
        self.location, self.status = location, status
        super().__init__()

    def respond(self, handler: BaseHTTPRequestHandler, body: str) -> None:
        if self.location:
            send(handler, self.status, b"", extra={"location": self.location})
        else:
            send(handler, 200, b'{"half":', extra={"content-length": "1000"})
            handler.close_connection = True


def by_gemini(url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    with closing(open_client(Access("gemini", base_url=url))) as client:
        return generate_once(client, ASKED)


def side_by_side(url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    async def ask() -> Any:
        async with open_async_client(Access("gemini", base_url=url), connections=1) as ask_once:
            return await ask_once(ASKED)

    return asyncio.run(ask())


def by_technique(url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    with closing(TechniqueClient(Access("gemini", base_url=url))) as client, client.transport.asking(ONCE):
        return generate_once(client.client, ASKED)


def by_http(url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    with closing(TechniqueClient(Access("gemini", base_url=url))) as client, client.transport.asking(ONCE):
        return client.http.post(f"{url}/v1/chat/completions", json={}, headers={"x-own-key": KEY})


def by_openai(url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("OPENAI_BASE_URL", url)
    with closing(OtherClient("openai", live=True)) as client:
        return client.ask(ASKED, ONCE)


def by_anthropic(url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("ANTHROPIC_BASE_URL", url)
    with closing(OtherClient("anthropic", live=True)) as client:
        return client.ask(ASKED, ONCE)


ROADS = [by_gemini, side_by_side, by_technique, by_http, by_openai, by_anthropic]


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GEMINI_API_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(name, KEY)
    for name in ("GOOGLE_API_KEY", "GOOGLE_GEMINI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def elsewhere() -> Iterator[FakeService]:
    with FakeService() as service:
        yield service


@pytest.mark.parametrize("status", [302, 307])
@pytest.mark.parametrize("ask", ROADS)
def test_nobody_is_sent_on_with_the_key(
    monkeypatch: pytest.MonkeyPatch, elsewhere: FakeService, ask: Ask, status: int
) -> None:
    with Road(f"{elsewhere.url}/v1/other?token=secret", status) as service, pytest.raises(BackendError) as caught:
        ask(service.url, monkeypatch)
    said = str(caught.value)
    assert f"sends the call on (status {status}) to {elsewhere.url}/v1/other, which is not followed" in said
    assert "secret" not in said
    assert "\n" not in said
    assert elsewhere.calls == []


@pytest.mark.parametrize("ask", ROADS)
def test_an_answer_that_breaks_off_may_be_asked_for_again(monkeypatch: pytest.MonkeyPatch, ask: Ask) -> None:
    with Road() as service, pytest.raises(TransientError, match="RemoteProtocolError: peer closed") as caught:
        ask(service.url, monkeypatch)
    assert not caught.value.unreachable  # somebody is there


@pytest.mark.parametrize("ask", ROADS)
def test_a_port_at_which_nobody_listens_is_unreachable(monkeypatch: pytest.MonkeyPatch, ask: Ask) -> None:
    with Road() as service:
        url = service.url
    with pytest.raises(TransientError, match="ConnectError") as caught:
        ask(url, monkeypatch)
    assert caught.value.unreachable
    assert "proxy" not in str(caught.value)  # this machine is asked directly


@pytest.mark.parametrize("ask", ROADS)
def test_a_proxy_that_refuses_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch, ask: Ask) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with Road() as service:
        port = service.url.rpartition(":")[2]
    monkeypatch.setenv("http_proxy", f"http://joe:planted-password@127.0.0.1:{port}")
    with pytest.raises(TransientError, match=rf"asked through http://127\.0\.0\.1:{port}, the proxy") as caught:
        ask("http://service.invalid", monkeypatch)
    assert "planted-password" not in str(caught.value)


def post_by_requests(url: str, data: bytes, headers: dict[str, str]) -> None:
    requests.post(url, data=data, headers=headers, timeout=10)


def post_by_httpx(url: str, data: bytes, headers: dict[str, str]) -> None:
    with httpx2.Client(follow_redirects=True) as client:
        client.post(url, content=data, headers=headers)


def post_by_urllib(url: str, data: bytes, headers: dict[str, str]) -> None:
    with urllib.request.urlopen(urllib.request.Request(url, data, headers)) as response:  # noqa: S310
        response.read()


def post_by_aiohttp(url: str, data: bytes, headers: dict[str, str]) -> None:
    aiohttp = pytest.importorskip("aiohttp")

    async def ask() -> None:
        async with aiohttp.ClientSession(headers=headers) as session, session.post(url, data=data) as response:
            await response.read()

    asyncio.run(ask())


@pytest.mark.parametrize(
    ("post", "status"),
    [
        (post_by_requests, 307),
        (post_by_requests, 302),
        (post_by_httpx, 307),
        (post_by_urllib, 302),
        (post_by_aiohttp, 307),
        (post_by_aiohttp, 302),
    ],
)
@pytest.mark.parametrize("is_recorded", [True, False], ids=["recorded", "only watched"])
def test_a_techniques_own_client_that_would_follow_asks_nobody_else_and_nothing_is_kept(
    tmp_path: Path, elsewhere: FakeService, post: Callable[..., None], status: int, is_recorded: bool
) -> None:
    recorder = Recorder(tmp_path, mode="once", backend="gemini", shown="cassettes", rerecord="record {}".format)
    calls = Calls(recorder, "v", Post("sci.med-1", "sci.med", "the text"), Clear([]))

    def perform() -> str:
        with suppress(Exception):
            post(f"{service.url}/v1/chat/completions", b'{"model": "m", "messages": []}', {"x-own-key": KEY})
        return "went on"

    told = f"call 1 was redirected to {elsewhere.url}.* which is not followed"
    with (
        closing(recorder),
        Road(f"{elsewhere.url}/v1/chat/completions?token=secret", status) as service,
        pytest.raises(NewsgaugeError, match=told) as caught,
    ):
        calls.play(perform, {}) if is_recorded else watch(perform)
    assert "secret" not in str(caught.value)
    assert elsewhere.calls == []
    assert list(tmp_path.glob("*.jsonl")) == []
