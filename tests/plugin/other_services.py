"""A server on loopback that answers as OpenAI, Anthropic and others do: the first label that a request names.

``asked`` holds path, headers and body of each call; ``fault`` names what goes wrong.
"""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.plugin.loopback_service import LoopbackService, send

USAGE = {
    "input_tokens": 100,
    "output_tokens": 30,
    "cache_read_input_tokens": 20,
    "cache_creation_input_tokens": 0,
    "output_tokens_details": {"thinking_tokens": 25},
}
CHAT_USAGE = {
    "prompt_tokens": 120,
    "completion_tokens": 30,
    "total_tokens": 150,
    "prompt_tokens_details": {"cached_tokens": 20},
    "completion_tokens_details": {"reasoning_tokens": 25},
}
RESPONSES_USAGE = {
    "input_tokens": 120,
    "output_tokens": 30,
    "total_tokens": 150,
    "input_tokens_details": {"cached_tokens": 20},
    "output_tokens_details": {"reasoning_tokens": 25},
}


class OtherServices(LoopbackService):
    """Start it with ``with``."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.fault = ""
        self.says = "sci.med"
        super().__init__()

    def respond(self, handler: BaseHTTPRequestHandler, body: str) -> None:
        asked = json.loads(body)
        self.asked.append((handler.path, dict(handler.headers), asked))
        code, answer = self.answer(handler.path, asked, handler.headers.get("authorization", ""))
        send(handler, code, json.dumps(answer).encode(), extra={"x-request-id": "req-planted"})

    def answer(self, path: str, body: dict[str, Any], key: str) -> tuple[int, dict[str, Any]]:
        if self.fault.isdecimal():
            return int(self.fault), {"error": {"message": f"no: {key}", "type": "invalid_request_error"}}
        says = f"Your key is {key}" if self.fault == "echo" else self.says
        if "response_format" in body or "output_config" in body:
            says = json.dumps({"label": says})
        reason = self.fault if self.fault in ("length", "content_filter", "max_tokens", "refusal") else "stop"
        version = {} if self.fault == "no version" else {"model": f"{body.get('model')}-2026-08-06"}
        if path.endswith("/chat/completions"):
            choice = {"index": 0, "message": {"role": "assistant", "content": says}, "finish_reason": reason}
            about = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "system_fingerprint": "fp_planted"}
            return 200, {**about, **version, "choices": [choice], "usage": CHAT_USAGE}
        if path.endswith("/responses"):
            part = {"type": "output_text", "text": says, "annotations": []}
            message = {"id": "m1", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
            about = {"id": "resp_1", "object": "response", "created_at": 1, "status": "completed"}
            return 200, {**about, **version, "output": [message], "usage": RESPONSES_USAGE}
        if path.endswith("/messages"):
            about = {"id": "msg_1", "type": "message", "role": "assistant", "stop_reason": reason}
            return 200, {**about, **version, "content": [{"type": "text", "text": says}], "usage": USAGE}
        if path == "/generate":
            return 200, {"said": {"label": says}, "version": "own-7", "counts": [{"in": 9}, {"in": 3}], "secret": "x"}
        return 404, {}
