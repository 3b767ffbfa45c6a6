"""Lines of cassettes as tests need them; none came from a service."""

from __future__ import annotations

from typing import Any

from newsgauge.cassettes.line import Line

PROVENANCE = {
    "backend": "gemini",
    "model": "gemini-3.5-flash-lite",
    "model_version": "gemini-3.5-flash-lite",
    "newsgauge": "0.1.0",
    "recorded": "2026-11-23T00:09:41Z",
    "sdk": "google-genai 3.4.0",
    "surface": "developer",
}


def make_line(key: str, said: str = "sci.space", **changed: Any) -> Line:
    mark = {"chars": 3, "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}
    values: dict[str, Any] = {
        "key": key,
        "method": "POST",
        "path": "/v1/models/gemini-3.5-flash-lite:generateContent",
        "body": {"contents": [{"parts": [{"text": ["Which newsgroup?\n\n", mark]}], "role": "user"}]},
        "status": 200,
        "headers": {"content-type": "application/json"},
        "answer": {
            "candidates": [{"content": {"parts": [{"text": said}], "role": "model"}, "finishReason": "STOP"}],
            "modelVersion": "gemini-3.5-flash-lite",
            "usageMetadata": {"candidatesTokenCount": 3, "promptTokenCount": 40, "totalTokenCount": 43},
        },
        "provenance": PROVENANCE,
    }
    return Line(**{**values, **changed})
