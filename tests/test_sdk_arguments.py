"""What is handed to the SDK quickly is sent as what anybody hands it: a text and a plain GenerateContentConfig."""

from __future__ import annotations

import json
import ssl
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from google import genai
from google.auth.credentials import AnonymousCredentials
from google.genai import types
from hypothesis import example, given, settings
from hypothesis import strategies as st

from newsgauge.client.calls import call_arguments
from newsgauge.records import Request

ENUM = ("rec.autos", "sci.space")
LABEL = types.Schema(type=types.Type.STRING, enum=list(ENUM))
REQUESTS = {
    "text alone": (Request("m", "", None, None, None), types.GenerateContentConfig()),
    "instruction": (
        Request("m", "", "Say \u00e9", None, None),
        types.GenerateContentConfig(system_instruction="Say \u00e9"),
    ),
    "cut": (Request("m", "", "", None, 5), types.GenerateContentConfig(system_instruction="", max_output_tokens=5)),
    "enum": (
        Request("m", "", "Say", ENUM, None),
        types.GenerateContentConfig(system_instruction="Say", response_mime_type="text/x.enum", response_schema=LABEL),
    ),
    "json": (
        Request("m", "", None, ENUM, 9, json_fields=(("why", "string"), ("sure", "number"))),
        types.GenerateContentConfig(
            max_output_tokens=9,
            response_mime_type="application/json",
            response_schema=types.Schema(
                type=types.Type.OBJECT,
                properties={
                    "why": types.Schema(type=types.Type.STRING),
                    "sure": types.Schema(type=types.Type.NUMBER),
                    "label": LABEL,
                },
                required=["why", "sure", "label"],
                property_ordering=["why", "sure", "label"],
            ),
        ),
    ),
}


def client_of(backend: str, sent: list[httpx2.Request]) -> genai.Client:
    def keep(request: httpx2.Request) -> httpx2.Response:
        sent.append(request)
        return httpx2.Response(200, json={})

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    args: dict[str, Any] = {"transport": httpx2.MockTransport(keep), "verify": context}
    options = types.HttpOptions(client_args=args, async_client_args={"verify": context})
    if backend == "vertex":
        token = AnonymousCredentials()  # type: ignore[no-untyped-call]
        token.token = "none"
        return genai.Client(vertexai=True, project="p", location="us-central1", credentials=token, http_options=options)
    return genai.Client(vertexai=False, api_key="none", http_options=options)


SENT: list[httpx2.Request] = []
CLIENTS = {backend: client_of(backend, SENT) for backend in ("gemini", "vertex")}


@pytest.mark.parametrize("backend", CLIENTS)
@pytest.mark.parametrize("kind", REQUESTS)
@settings(max_examples=20, deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"])))
@example(text="")
@example(text="text")
@example(text='"}]} \\ \u2028 \x00 \U0001f600')
def test_the_bytes_that_are_sent_are_those_of_a_plain_call(backend: str, kind: str, text: str) -> None:
    request, config = REQUESTS[kind]
    SENT.clear()
    models = CLIENTS[backend].models
    models.generate_content(model="m", contents=text, config=config)
    models.generate_content(**call_arguments(replace(request, contents=text)))
    plain, quick = SENT
    assert quick.url == plain.url
    assert quick.content == plain.content
    assert json.loads(plain.content)["contents"] == [{"parts": [{"text": text}], "role": "user"}]


@pytest.mark.parametrize(
    "plain", [types.GenerateContentConfig(top_k=1), types.Part(text="a"), types.Content(role="user")]
)
def test_a_field_is_never_in_a_model_of_the_sdk(plain: Any) -> None:
    """The ground on which the quick kinds say so without looking: a later SDK may think otherwise."""
    assert not any(name in plain for name in type(plain).model_fields)
