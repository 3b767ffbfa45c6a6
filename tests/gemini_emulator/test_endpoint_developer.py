"""The Developer API over plain HTTP: models, generateContent in all its settings, countTokens, streaming."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.gemini_emulator.endpoint_calls import ask, said

POST = "Subject: Orbits\n\nThe rocket left for space; space is large."
CLASSIFY = {"systemInstruction": {"parts": [{"text": "Name the group."}]}}


def generate(http: Any, body: Any, model: Any = "models/gemini-3.5-flash-lite", version: Any = "v1beta") -> Any:
    return http.post(f"/{version}/{model}:generateContent", json=body)


@pytest.mark.parametrize("version", ["v1", "v1beta"])
def test_models_are_listed_under_both_versions_and_one_can_be_tuned(http: Any, version: str) -> None:
    models = http.get(f"/{version}/models").json()["models"]
    tunable = [model["name"] for model in models if "createTunedModel" in model["supportedGenerationMethods"]]
    assert tunable == ["models/gemini-3.5-flash-lite-tuning"]


def test_models_come_in_pages(http: Any) -> None:
    first = http.get("/v1beta/models", params={"pageSize": 1}).json()
    second = http.get("/v1beta/models", params={"pageSize": 1, "pageToken": first["nextPageToken"]}).json()
    assert [len(first["models"]), len(second["models"])] == [1, 1]
    assert first["models"] != second["models"]
    assert "nextPageToken" not in second


@pytest.mark.parametrize("query", [{"pageSize": "x"}, {"pageSize": "-1"}, {"pageToken": "x"}, {"pageToken": "Zm8="}])
def test_a_page_that_no_list_gave_out_is_refused(http: Any, query: Any) -> None:
    answer = http.get("/v1beta/models", params=query)
    assert (answer.status_code, answer.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize("model", ["gemini-1.5-flash-001", "gemini-2.5-flash", "gemini-9-ultra"])
def test_any_gemini_model_is_the_embedded_one_and_says_so(http: Any, model: str) -> None:
    answer = generate(http, ask(POST) | CLASSIFY, f"models/{model}").json()
    assert answer["modelVersion"] == "newsgauge-embedded-base-2"
    assert answer["candidates"][0]["content"] == {"parts": [{"text": "sci.space"}], "role": "model"}
    assert http.get(f"/v1/models/{model}").json()["name"] == f"models/{model}"


@pytest.mark.parametrize("model", ["gpt-4", "gemini", "gemini-", "gemini-..", "gemini-A", "gemini-" + "a" * 200])
def test_a_model_that_is_no_gemini_is_not_found(http: Any, model: Any) -> None:
    assert http.get(f"/v1beta/models/{model}").status_code == 404
    assert generate(http, ask("x"), f"models/{model}").json()["error"]["status"] == "NOT_FOUND"


def test_the_answer_is_exactly_what_cassettes_hold(http: Any) -> None:
    answer = generate(http, ask(POST) | CLASSIFY)
    assert said(answer.json()) == {
        "candidates": [
            {
                "content": {"parts": [{"text": "sci.space"}], "role": "model"},
                "finishReason": "STOP",
                "index": 0,
                "avgLogprobs": pytest.approx(-0.1, abs=0.1),
            }
        ],
        # Subjec t : Orbits The rocket left for space ; space is large . + Name the group .
        "usageMetadata": {
            "promptTokenCount": 18,
            "candidatesTokenCount": 3,
            "totalTokenCount": 21,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 18}],
        },
        "modelVersion": "newsgauge-embedded-base-2",
    }


def test_count_tokens_agrees_with_usage_also_with_an_instruction(http: Any) -> None:
    request = ask(POST) | CLASSIFY
    counted = http.post(
        "/v1beta/models/gemini-3.5-flash-lite:countTokens",
        json={"generateContentRequest": {"model": "models/gemini-3.5-flash-lite", **request}},
    ).json()
    assert counted["totalTokens"] == generate(http, request).json()["usageMetadata"]["promptTokenCount"]
    bare = http.post("/v1beta/models/gemini-3.5-flash-lite:countTokens", json=ask("sci.space")).json()
    assert bare == {"totalTokens": 3}


def test_max_output_tokens_cuts_the_answer(http: Any) -> None:
    candidate = generate(http, ask(POST, maxOutputTokens=2) | CLASSIFY).json()["candidates"][0]
    assert candidate["content"]["parts"] == [{"text": "sci."}]
    assert candidate["finishReason"] == "MAX_TOKENS"


def test_an_answer_of_just_the_budget_is_not_cut(http: Any) -> None:
    candidate = generate(http, ask(POST, maxOutputTokens=3) | CLASSIFY).json()["candidates"][0]
    assert (candidate["content"]["parts"], candidate["finishReason"]) == ([{"text": "sci.space"}], "STOP")


def test_a_stop_sequence_ends_the_answer(http: Any) -> None:
    candidate = generate(http, ask(POST, stopSequences=["pace", "."]) | CLASSIFY).json()["candidates"][0]
    assert (candidate["content"]["parts"], candidate["finishReason"]) == ([{"text": "sci"}], "STOP")


def test_an_enum_answers_one_of_its_values(http: Any) -> None:
    schema = {"type": "STRING", "enum": ["rec.autos", "rec.boats"]}
    answer = generate(http, ask("my auto", responseMimeType="text/x.enum", responseSchema=schema)).json()
    assert answer["candidates"][0]["content"]["parts"] == [{"text": "rec.autos"}]


def test_json_fits_its_schema(http: Any) -> None:
    schema = {
        "type": "OBJECT",
        "properties": {
            "label": {"type": "STRING", "enum": ["rec.autos", "sci.space"]},
            "sure": {"type": "BOOLEAN"},
            "rank": {"type": "INTEGER", "minimum": 1},
            "others": {"type": "ARRAY", "items": {"type": "STRING", "enum": ["a"]}, "minItems": 2},
        },
        "propertyOrdering": ["rank", "label"],
    }
    answer = generate(http, ask(POST, responseMimeType="application/json", responseSchema=schema)).json()
    text = answer["candidates"][0]["content"]["parts"][0]["text"]
    assert json.loads(text) == {"rank": 1, "label": "sci.space", "sure": True, "others": ["a", "a"]}
    assert list(json.loads(text))[:2] == ["rank", "label"]


def test_a_json_schema_with_references_is_followed(http: Any) -> None:
    schema = {"$defs": {"L": {"enum": ["sci.space"]}}, "type": "array", "items": {"$ref": "#/$defs/L"}}
    answer = generate(http, ask(POST, responseMimeType="application/json", responseJsonSchema=schema)).json()
    assert json.loads(answer["candidates"][0]["content"]["parts"][0]["text"]) == ["sci.space"]


def test_a_schema_that_holds_itself_is_answered_with_a_bounded_value(http: Any) -> None:
    node = {"$ref": "#/$defs/N"}
    schema = {"$defs": {"N": {"type": "object", "properties": dict.fromkeys("abcdefgh", node)}}, **node}
    answer = generate(http, ask(POST, responseMimeType="application/json", responseJsonSchema=schema))
    assert answer.status_code == 200
    assert len(answer.content) < 100_000


def test_thoughts_are_counted_and_shown_only_when_asked_for(http: Any) -> None:
    usage, parts = [], []
    for thinking in (
        {"thinkingBudget": 5},
        {"thinkingBudget": 5, "includeThoughts": True},
        {"thinkingBudget": 0},
    ):
        answer = generate(http, ask(POST, thinkingConfig=thinking) | CLASSIFY).json()
        usage.append(answer["usageMetadata"])
        parts.append(answer["candidates"][0]["content"]["parts"])
    assert [u.get("thoughtsTokenCount") for u in usage] == [5, 5, None]
    assert usage[0]["totalTokenCount"] == usage[2]["totalTokenCount"] + 5
    assert [len(p) for p in parts] == [1, 2, 1]
    assert parts[1][0]["thought"] is True


def test_minimal_thinking_is_none_and_snake_case_is_understood(http: Any) -> None:
    plain = generate(http, ask(POST) | CLASSIFY).json()
    minimal = generate(http, ask(POST, thinkingConfig={"thinking_level": "MINIMAL"}) | CLASSIFY).json()
    assert said(minimal) == said(plain)


def test_thinking_can_use_up_the_whole_budget(http: Any) -> None:
    config = {"thinkingConfig": {"thinkingLevel": "HIGH"}, "maxOutputTokens": 4}
    answer = generate(http, ask(POST, **config) | CLASSIFY).json()
    assert answer["candidates"][0]["content"] == {"role": "model"}
    assert answer["candidates"][0]["finishReason"] == "MAX_TOKENS"
    assert answer["usageMetadata"]["thoughtsTokenCount"] == 4


def test_a_seed_makes_a_hot_answer_repeatable_and_temperature_spreads_answers(http: Any) -> None:
    def answers(**config: Any) -> Any:
        return [
            generate(http, ask(POST, **config) | CLASSIFY).json()["candidates"][0]["content"]["parts"][0]["text"]
            for _ in range(6)
        ]

    assert len(set(answers(temperature=2, seed=3))) == 1
    assert set(answers(temperature=0)) == {"sci.space"}
    seeded = {answers(temperature=2, seed=seed)[0] for seed in range(12)}
    assert len(seeded) > 1
    assert {answers(temperature=2, seed=seed, topK=1)[0] for seed in range(12)} == {"sci.space"}


def test_candidates_come_in_the_number_asked_for(http: Any) -> None:
    answer = generate(http, ask(POST, candidateCount=3) | CLASSIFY).json()
    assert [candidate["index"] for candidate in answer["candidates"]] == [0, 1, 2]
    assert answer["usageMetadata"]["candidatesTokenCount"] == 9


def test_a_stream_holds_the_same_text_in_pieces_and_ends_with_the_usage(http: Any) -> None:
    question = "Which newsgroup is this?\n" + POST
    whole = generate(http, ask(question)).json()
    url = "/v1beta/models/gemini-3.5-flash-lite:streamGenerateContent"
    lines = http.post(url, params={"alt": "sse"}, json=ask(question)).text.split("\r\n\r\n")
    chunks = [json.loads(line.removeprefix("data: ")) for line in lines if line]
    texts = [chunk["candidates"][0]["content"]["parts"][0]["text"] for chunk in chunks]
    assert len(chunks) > 3
    assert "".join(texts) == whole["candidates"][0]["content"]["parts"][0]["text"]
    assert [chunk["candidates"][0].get("finishReason") for chunk in chunks] == [None] * (len(chunks) - 1) + ["STOP"]
    assert chunks[-1]["usageMetadata"] == whole["usageMetadata"]
    assert said(http.post(url, json=ask(question)).json()) == said(chunks)


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({}, "contents"),
        ({"contents": []}, "contents"),
        ({"contents": "hi"}, "contents"),
        ({"contents": [{"parts": []}]}, "parts"),
        ({"contents": [{"parts": [{}]}]}, "contents[0].parts[0].text"),
        ({"contents": [{"parts": [{"text": 1}]}]}, "contents[0].parts[0].text"),
        ({"contents": [{"role": "system", "parts": [{"text": "x"}]}]}, "role"),
        ({"contents": [{"parts": [{"inlineData": {}}]}]}, "text only"),
        (ask("x") | {"frobnicate": 1}, "frobnicate"),
        (ask("x") | {"tools": [{}]}, "tools"),
        (ask("x", frobnicate=1), "generationConfig"),
        (ask("x", temperature="hot"), "temperature"),
        (ask("x", temperature=3), "temperature"),
        (ask("x", maxOutputTokens=0), "maxOutputTokens"),
        (ask("x", maxOutputTokens=1.5), "maxOutputTokens"),
        (ask("x", stopSequences=[""]), "stopSequences"),
        (ask("x", responseMimeType="text/html"), "responseMimeType"),
        (ask("x", responseMimeType="text/x.enum"), "enum"),
        (ask("x", responseSchema={"enum": [1]}), "enum"),
        (ask("x", thinkingConfig={"thinkingLevel": "LOUD"}), "thinkingLevel"),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(http: Any, body: Any, names: str) -> None:
    answer = generate(http, body)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["status"]) == (400, 400, "INVALID_ARGUMENT")
    assert names in error["message"]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"contents": NaN}',
        b'{"contents": 1e999}',
        b"\xff\xfe",
        b'{"contents":[{"parts":[{"text":"\\ud800"}]}]}',
        b'{"a":' * 100_000,
        b'{"generationConfig":{"responseSchema":' + b'{"items":' * 400 + b"{}" + b"}" * 402,
        b'{"contents":' + b"9" * 5000 + b"}",
    ],
)
def test_a_body_that_is_no_proto_json_is_refused(http: Any, raw: Any) -> None:
    answer = http.post("/v1beta/models/gemini-3.5-flash-lite:generateContent", content=raw)
    assert (answer.status_code, answer.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")


def test_a_body_over_20_mb_is_refused(http: Any) -> None:
    answer = http.post("/v1beta/models/gemini-3.5-flash-lite:generateContent", content=b" " * 20_000_001)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, 413)


def test_more_than_a_million_tokens_are_refused(http: Any) -> None:
    answer = generate(http, ask("a " * 1_000_001))
    assert "exceeds the maximum number of tokens" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1beta",
        "/v2/models",
        "/v1beta/models/gemini-2.5-flash:frobnicate",
        "/v1beta/models/..%2f..%2fetc",
        "/v1beta/models/%2e%2e/models",
        "/v1beta/tunedModels/..%2fx",
        "/v1beta/tunedModels/%00",
        "/v1beta/tunedModels/%ff",
        "/v1beta//models",
    ],
)
def test_an_unknown_path_is_a_page_as_googles_front_end_has_it(http: Any, path: str) -> None:
    answer = http.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=UTF-8")
    assert "was not found on this server" in answer.text


def test_a_page_for_an_unknown_path_escapes_it(http: Any) -> None:
    assert "<script>" not in http.get("/<script>alert(1)</script>").text


def test_head_answers_as_get_without_a_body_and_options_says_what_there_is(http: Any) -> None:
    head, got = http.head("/v1beta/models"), http.get("/v1beta/models")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == got.headers["content-length"]
    assert http.options("/v1beta/models").headers["allow"] == "GET, HEAD, OPTIONS"
    assert http.options("/v1beta/models/gemini-2.5-flash:generateContent").headers["allow"] == "POST, OPTIONS"
    assert http.head("/nowhere").status_code == http.options("/nowhere").status_code == 404


def test_a_model_that_is_not_there_is_told_in_the_services_words(http: Any) -> None:
    message = generate(http, ask("x"), "models/gpt-4", "v1").json()["error"]["message"]
    assert message.startswith("models/gpt-4 is not found for API version v1, or is not supported for generateContent.")


def test_protobuf_clients_may_send_enums_as_numbers_and_an_empty_instruction(http: Any) -> None:
    # proto JSON with enum-encoding=int: 1 is STRING, 6 is OBJECT, 2 is MEDIUM
    schema = {"type": 6, "properties": {"label": {"type": 1, "enum": ["rec.autos", "sci.space"]}}}
    body = ask(POST, responseMimeType="application/json", responseSchema=schema, thinkingConfig={"thinkingLevel": 2})
    url = "/v1beta/models/gemini-3.5-flash-lite:generateContent"
    answer = http.post(url, params={"$alt": "json;enum-encoding=int"}, json=body | {"systemInstruction": {}})
    assert answer.json()["candidates"][0]["content"]["parts"] == [{"text": '{"label": "sci.space"}'}]
    assert answer.json()["usageMetadata"]["thoughtsTokenCount"] > 0
    assert "'generationConfig.responseSchema.type'" in generate(http, ask("x", responseSchema={"type": 9})).text


@pytest.mark.slow
def test_a_text_of_19_mb_does_not_stall_other_calls(http: Any) -> None:
    with ThreadPoolExecutor(1) as pool:
        long = pool.submit(generate, http, ask("word " * 3_800_000))
        slowest = 0.0
        while not long.done():
            start = time.perf_counter()
            assert generate(http, ask("hello")).status_code == 200
            slowest = max(slowest, time.perf_counter() - start)
    assert "exceeds the maximum number of tokens" in long.result().text
    assert slowest < 3  # it was 30 s when the loop read it; parsing 19 MB of JSON takes some tenths
