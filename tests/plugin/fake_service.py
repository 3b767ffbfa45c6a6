"""A service on loopback in the place of Gemini: answers one name, counts its calls, and fails as it is told.

The SDK finds it by GOOGLE_GEMINI_BASE_URL, so a run takes the whole road of a paid recording. Calls are counted here,
at the endpoint, in whatever process they were made.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

VERSION = "gemini-3.5-flash-lite-001"


class FakeService:
    """``calls`` holds path and digestible body of each; ``fault`` names what goes wrong with every call."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self.fault = ""
        self.version = VERSION
        self.thoughts = 0
        #: Changes an answer by the body that asked for it.
        self.changed: Callable[[str, dict[str, Any]], dict[str, Any]] = lambda body, answer: answer
        self._lock = threading.Lock()
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                with service._lock:
                    service.calls.append((self.path, body))
                service._answer(self, body)

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> FakeService:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()

    def _answer(self, handler: BaseHTTPRequestHandler, body: str) -> None:
        key = handler.headers.get("x-goog-api-key", "")
        if self.fault == "reset":
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            handler.connection.close()
            handler.close_connection = True
            return
        if self.fault == "not json":
            return _send(handler, 200, f"<html>{key}</html>".encode(), "text/html")
        if self.fault == "a list":
            return _send(handler, 200, json.dumps([key]).encode())
        if self.fault == "echo in the answer":
            return _send(handler, 200, json.dumps(_said(f"Your key is {key}", self.version)).encode())
        if self.fault == "echo in a header":
            return _send(handler, 200, json.dumps(_said("sci.med", self.version)).encode(), extra={"x-echo": key})
        if self.fault:
            code = int(self.fault)
            details = [{"reason": "API_KEY_INVALID", "metadata": {"key": key}}]
            error = {"code": code, "message": f"API key not valid: {key}", "status": "REFUSED", "details": details}
            return _send(handler, code, json.dumps({"error": error}).encode())
        answer = _said("sci.med", self.version)
        if self.thoughts:
            answer["usageMetadata"]["thoughtsTokenCount"] = self.thoughts
            answer["usageMetadata"]["totalTokenCount"] += self.thoughts
        return _send(handler, 200, json.dumps(self.changed(body, answer)).encode())


def _said(text: str, version: str) -> dict[str, Any]:
    return {
        "candidates": [{"content": {"parts": [{"text": text}], "role": "model"}, "finishReason": "STOP", "index": 0}],
        "modelVersion": version,
        "usageMetadata": {"promptTokenCount": 100, "candidatesTokenCount": 3, "totalTokenCount": 103},
    }


def _send(
    handler: BaseHTTPRequestHandler,
    code: int,
    body: bytes,
    kind: str = "application/json",
    *,
    extra: dict[str, str] | None = None,
) -> None:
    handler.send_response(code)
    for name, value in {"content-type": kind, "content-length": str(len(body)), **(extra or {})}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)
