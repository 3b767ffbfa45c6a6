"""Answers that are JSON and no answer of the Gemini API: one line that names the field, never a crash."""

from __future__ import annotations

import ssl
from typing import Any

import httpx2
import pytest
from google import genai
from google.genai.types import HttpOptions

from newsgauge.client.answers import accept_unknown_values
from newsgauge.client.calls import generate_once
from newsgauge.errors import BackendError
from newsgauge.records import Request

ODD = {
    "content as a text": ({"candidates": [{"content": "x"}]}, r"candidates\.0\.content: Input should be"),
    "parts as a text": ({"candidates": [{"content": {"parts": "x"}}]}, r"candidates\.0\.content\.parts: Input"),
    "tokens as a word": (
        {"usageMetadata": {"promptTokenCount": "many"}},
        "usage_?[mM]etadata.prompt_?[tT]oken_?[cC]ount: Input",
    ),
    "a number as finish reason": (
        {"candidates": [{"finishReason": 7}]},
        r"candidates\.0\.finish_?[rR]eason: Input should be",
    ),
    "a number as version": ({"modelVersion": 5}, "model_?[vV]ersion: Input should be a valid string"),
}


@pytest.mark.parametrize(("answer", "words"), ODD.values(), ids=ODD)
def test_an_answer_that_the_sdk_cannot_read_is_an_error_of_the_backend(answer: dict[str, Any], words: str) -> None:
    accept_unknown_values()
    transport = httpx2.MockTransport(lambda request: httpx2.Response(200, json=answer))
    options = HttpOptions(client_args={"transport": transport, "verify": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)})
    client = genai.Client(vertexai=False, api_key="none", http_options=options)
    with pytest.raises(BackendError, match=f"^m: google-genai cannot read the answer: {words}") as caught:
        generate_once(client, Request("m", "hello", None, None, None))
    assert "\n" not in str(caught.value)
