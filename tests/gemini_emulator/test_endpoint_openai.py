"""The OpenAI layer: chat completions in OpenAI's words, answered by the same model as generateContent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.gemini_emulator.endpoint_calls import ask

CHAT = "/v1beta/openai/chat/completions"
INSTRUCTION = "Classify the text as one of: animals, trains. Answer with the label."
TEXT = "The locomotive left the station"
MESSAGES = [{"role": "system", "content": INSTRUCTION}, {"role": "user", "content": [{"type": "text", "text": TEXT}]}]


def complete(http: Any, **more: Any) -> Any:
    return http.post(CHAT, json={"model": "gemini-3.5-flash-lite", "messages": MESSAGES, **more})


def test_a_completion_says_what_generate_content_says(http: Any) -> None:
    answer = complete(http).json()
    body = ask(TEXT) | {"systemInstruction": {"parts": [{"text": INSTRUCTION}]}}
    native = http.post("/v1beta/models/gemini-3.5-flash-lite:generateContent", json=body).json()
    (choice,) = answer["choices"]
    assert choice["message"] == {"role": "assistant", "content": "trains"}
    assert choice["finish_reason"] == "stop"
    usage = native["usageMetadata"]
    assert answer["usage"] == {
        "prompt_tokens": usage["promptTokenCount"],
        "completion_tokens": usage["candidatesTokenCount"],
        "total_tokens": usage["totalTokenCount"],
    }


def test_earlier_turns_are_examples_and_settings_are_honoured(http: Any) -> None:
    turns = [{"role": "user", "content": "the dog barks"}, {"role": "assistant", "content": "X1"}]
    turns += [{"role": "user", "content": "the train is late"}, {"role": "assistant", "content": "X2"}]
    turns += [{"role": "user", "content": "the railway station"}]
    answer = complete(http, messages=turns, n=2, temperature=0, max_tokens=1, stop=["Z"]).json()
    assert [choice["message"]["content"] for choice in answer["choices"]] == ["X2", "X2"]


def test_a_schema_and_thinking_and_logprobs_are_asked_for_in_openais_words(http: Any) -> None:
    schema = {"type": "object", "properties": {"label": {"type": "string", "enum": ["animals", "trains"]}}}
    wanted = {"type": "json_schema", "json_schema": {"name": "L", "schema": schema}}
    answer = complete(http, response_format=wanted, reasoning_effort="low", logprobs=True, top_logprobs=2).json()
    (choice,) = answer["choices"]
    assert json.loads(choice["message"]["content"]) == {"label": "trains"}
    assert answer["usage"]["completion_tokens"] > len(choice["logprobs"]["content"])  # thoughts are billed too
    assert "".join(token["token"] for token in choice["logprobs"]["content"]) == choice["message"]["content"]


def test_a_stream_ends_with_done_and_joins_to_the_whole(http: Any) -> None:
    text = complete(http, stream=True, stream_options={"include_usage": True}).text
    *chunks, done = [line.removeprefix("data: ") for line in text.split("\n\n") if line]
    parsed = [json.loads(chunk) for chunk in chunks]
    assert done == "[DONE]"
    assert "".join(chunk["choices"][0]["delta"]["content"] for chunk in parsed) == "trains"
    assert parsed[-1]["usage"]["completion_tokens"] == 1


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"model": "gpt-4o"}, 404),
        ({"messages": []}, 400),
        ({"messages": [{"role": "tool", "content": "x"}]}, 400),
        ({"messages": [{"role": "user"}]}, 400),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]}, 400),
        ({"response_format": {"type": "json_schema", "json_schema": 3}}, 400),
        ({"reasoning_effort": "loud"}, 400),
        ({"tools": [{}]}, 400),
    ],
)
def test_what_it_cannot_do_is_refused(http: Any, more: Any, status: int) -> None:
    assert complete(http, **more).status_code == status


def test_models_are_listed(http: Any) -> None:
    listed = http.get("/v1beta/openai/models").json()
    ids = [model["id"] for model in listed["data"]]
    assert ids == ["models/gemini-3.5-flash-lite", "models/gemini-3.5-flash-lite-tuning"]
    assert http.get("/v1beta/openai/models/gemini-2.5-pro").json()["id"] == "models/gemini-2.5-pro"
    assert http.get("/v1beta/openai/models/gpt-4").status_code == 404


def test_the_openai_sdk_asks_streams_and_lists(server: Any) -> None:
    openai = pytest.importorskip("openai", reason="the OpenAI SDK is not installed")
    with openai.OpenAI(api_key="any", base_url=f"{server.base_url}/v1beta/openai/", max_retries=0) as client:
        answer = client.chat.completions.create(model="gemini-3.5-flash-lite", messages=MESSAGES)
        chunks = client.chat.completions.create(model="gemini-3.5-flash-lite", messages=MESSAGES, stream=True)
        assert answer.choices[0].message.content == "trains"
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "trains"
        assert len(list(client.models.list())) == 2
