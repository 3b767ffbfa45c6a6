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
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.plugin.loopback_service import LoopbackService, send

VERSION = "gemini-3.5-flash-lite-001"


class FakeService(LoopbackService):
    """``calls`` holds path and digestible body of each; ``fault`` names what goes wrong with every call."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self.fault = ""
        self.version = VERSION
        self.thoughts = 0
        #: Changes an answer by the body that asked for it.
        self.changed: Callable[[str, dict[str, Any]], dict[str, Any]] = lambda body, answer: answer
        self._lock = threading.Lock()
        super().__init__()

    def respond(self, handler: BaseHTTPRequestHandler, body: str) -> None:
        with self._lock:
            self.calls.append((handler.path, body))
        self._answer(handler, body)

    def _answer(self, handler: BaseHTTPRequestHandler, body: str) -> None:
        key = handler.headers.get("x-goog-api-key", "")
        if self.fault == "reset":
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            handler.connection.close()
            handler.close_connection = True
            return
        if self.fault == "not json":
            return send(handler, 200, f"<html>{key}</html>".encode(), "text/html")
        if self.fault == "a list":
            return send(handler, 200, json.dumps([key]).encode())
        if self.fault == "echo in the answer":
            return send(handler, 200, json.dumps(_said(f"Your key is {key}", self.version)).encode())
        if self.fault == "echo in a header":
            return send(handler, 200, json.dumps(_said("sci.med", self.version)).encode(), extra={"x-echo": key})
        if self.fault:
            code = int(self.fault)
            details = [{"reason": "API_KEY_INVALID", "metadata": {"key": key}}]
            error = {"code": code, "message": f"API key not valid: {key}", "status": "REFUSED", "details": details}
            return send(handler, code, json.dumps({"error": error}).encode())
        answer = _said("sci.med", self.version)
        if self.thoughts:
            answer["usageMetadata"]["thoughtsTokenCount"] = self.thoughts
            answer["usageMetadata"]["totalTokenCount"] += self.thoughts
        return send(handler, 200, json.dumps(self.changed(body, answer)).encode())


def _said(text: str, version: str) -> dict[str, Any]:
    return {
        "candidates": [{"content": {"parts": [{"text": text}], "role": "model"}, "finishReason": "STOP", "index": 0}],
        "modelVersion": version,
        "usageMetadata": {"promptTokenCount": 100, "candidatesTokenCount": 3, "totalTokenCount": 103},
    }
