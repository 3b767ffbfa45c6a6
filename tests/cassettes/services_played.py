"""Services that tests of cassettes ask: functions behind the HTTP client or the SDK, and servers on loopback."""

from __future__ import annotations

import hashlib
import json
import socketserver
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
import pytest
from google import genai
from google.genai.types import HttpOptions

from newsgauge.cassettes.line import Line
from newsgauge.records import Post

URL = "http://service.invalid/v1/models/m:generateContent"
N = 8
Answer = Callable[[httpx2.Request], httpx2.Response]


def post(number: int) -> Post:
    return Post(f"sci.space-{number}", "sci.space", f"Post {number}. The mirror was ground to the wrong figure by two.")


def answer(text: str, **more: Any) -> dict[str, Any]:
    candidate = {"content": {"parts": [{"text": text}], "role": "model"}, "finishReason": "STOP"}
    return {"candidates": [candidate], "modelVersion": "gemini-x", **more}


def body(text: str) -> dict[str, Any]:
    return {"contents": [{"parts": [{"text": text}], "role": "user"}]}


def text_of(request: httpx2.Request) -> str:
    return str(json.loads(request.content)["contents"][0]["parts"][0]["text"])


def echo(request: httpx2.Request) -> httpx2.Response:
    """Answers with the first words of what it is asked."""
    return httpx2.Response(200, json=answer(text_of(request)[:7]))


def nobody(request: httpx2.Request) -> httpx2.Response:
    pytest.fail("the service was asked")


def client(service: Answer = nobody) -> httpx2.Client:
    return httpx2.Client(transport=httpx2.MockTransport(service))


def sdk(service: Answer = nobody) -> genai.Client:
    """The SDK whose calls a function answers, sync and async."""
    transport = httpx2.MockTransport(service)
    options = HttpOptions(
        client_args={"transport": transport, "verify": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)},
        httpx_async_client=httpx2.AsyncClient(transport=transport),
    )
    return genai.Client(vertexai=False, api_key="none", http_options=options)


def marks(line: Line) -> str:
    return str(line.body["contents"][0]["parts"][0]["text"]["sha256"])


def digest(of: Post) -> str:
    return hashlib.sha256(of.text.encode()).hexdigest()


def said(value: Any) -> str:
    return str(value["candidates"][0]["content"]["parts"][0]["text"])


def each_has_its_own(found: list[Line], n: int = N) -> None:
    assert sorted(line.key for line in found) == sorted(post(number).id for number in range(n))
    for line in found:
        number = int(line.key.rpartition("-")[2])
        assert (marks(line), said(line.answer)) == (digest(post(number)), f"Post {number}.{''}"[:7])


class Echo:
    """An HTTP server on loopback that answers every request with a label, and hands out tokens at ``/token``.

    ``paths``: where it was posted to.
    """

    def __init__(self) -> None:
        self.paths: list[str] = []

    def __enter__(self) -> str:
        paths = self.paths

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["content-length"]))
                paths.append(self.path)
                if self.path == "/token":
                    return self._send({"access_token": "t0ken", "expires_in": 3600, "token_type": "Bearer"})
                self._send(answer(json.loads(raw)["contents"][0]["parts"][0]["text"][:7]))

            def do_GET(self) -> None:
                self._send({})

            def _send(self, value: Any) -> None:
                raw = json.dumps(value).encode()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *arguments: Any) -> None:
                pass

        self._server: socketserver.BaseServer = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __exit__(self, *raised: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Raw:
    """A server that answers with these bytes, said to be gzip."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def __enter__(self) -> str:
        raw = self._raw

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                self.send_response(200)
                for name, value in (("type", "application/json"), ("encoding", "gzip"), ("length", str(len(raw)))):
                    self.send_header(f"content-{name}", value)
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1/models/m:generateContent"

    def __exit__(self, *raised: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
