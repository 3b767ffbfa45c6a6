"""The schema of a line is what is committed, and what the check reads is what the jsonschema library reads."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsgauge.cassettes.line import FORMAT, KEYWORDS, Line, decode, line_schema, peek_key, schema_problems

ROOT = Path(__file__).resolve().parents[2]
VALIDATOR = jsonschema.Draft202012Validator(line_schema())
MARK = {"chars": 3, "sha256": "0" * 64}
GOOD: dict[str, Any] = {
    "digest": "0123456789abcdef",
    "format": FORMAT,
    "key": "sci.space-60862",
    "provenance": {
        "backend": "gemini",
        "model": "gemini-3.5-flash-lite",
        "model_version": "gemini-3.5-flash-lite",
        "newsgauge": "0.1.0",
        "recorded": "2026-11-23T00:09:41Z",
        "sdk": "google-genai 3.4.0",
        "surface": "developer",
    },
    "request": {
        "body": {"contents": [{"parts": [{"text": ["Which newsgroup?\n\n", MARK]}], "role": "user"}]},
        "method": "POST",
        "path": "/v1/models/gemini-3.5-flash-lite:generateContent",
    },
    "response": {
        "body": {"candidates": [], "modelVersion": "gemini-3.5-flash-lite"},
        "headers": {"content-type": "application/json"},
        "status": 200,
    },
}


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(line_schema())


def test_every_committed_line_is_what_the_schema_says() -> None:
    paths = sorted((ROOT / "cassettes").rglob("*.jsonl"))
    assert paths
    for path in paths:
        for raw in path.read_bytes().splitlines():
            assert list(VALIDATOR.iter_errors(json.loads(raw))) == [], path
            assert schema_problems(json.loads(raw)) == []


@pytest.mark.parametrize(
    ("of", "is_good"), [("example sci.space-5", True), ("made", True), ("example", False), ("the post's text", False)]
)
def test_a_digest_says_of_what_it_is_in_few_words(of: str, is_good: bool) -> None:
    line = copy.deepcopy(GOOD)
    line["request"]["body"]["contents"][0]["parts"][0]["text"][1] = {**MARK, "of": of}
    line["provenance"]["calls"] = "2"
    assert (not list(VALIDATOR.iter_errors(line)), not schema_problems(line)) == (is_good, is_good)


def test_a_line_that_is_written_is_what_the_schema_says() -> None:
    request, response = GOOD["request"], GOOD["response"]
    line = Line(
        GOOD["key"],
        request["method"],
        request["path"],
        request["body"],
        response["status"],
        response["headers"],
        response["body"],
        GOOD["provenance"],
    )
    assert list(VALIDATOR.iter_errors(json.loads(line.encode()))) == []
    assert peek_key(line.encode()) == GOOD["key"]
    assert decode(line.encode()) == line


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (("response", "headers", "x-request-id"), "7", "response.headers: unknown 'x-request-id'; known: content-type"),
        (("response", "status"), 429, "response.status: expected 200, got 429"),
        (("provenance", "backend"), "openai", "provenance.backend: expected one of"),
        (("provenance", "model_version"), "", "provenance.model_version: expected a text, it is empty"),
        (("provenance", "recorded"), "yesterday", "provenance.recorded: expected ^"),
        (("request", "path"), "/v1/models/m:generateContent?key=abc", "request.path: expected ^"),
        (("request", "host"), "example.org", "request: unknown 'host'"),
        (("request", "body", "contents"), [], "request.body.contents: expected at least 1 entries, got 0"),
        (("format",), 3, "format: expected 2, got 3"),
        (("extra",), 1, "the line: unknown 'extra'"),
    ],
)
def test_what_is_wrong_is_named(place: tuple[str, ...], value: object, words: str) -> None:
    line = put(place, value)
    assert any(words in problem for problem in schema_problems(line)), schema_problems(line)
    assert not VALIDATOR.is_valid(line)


@pytest.mark.parametrize("name", ["digest", "key", "provenance", "request", "response"])
def test_a_field_that_lacks_is_named(name: str) -> None:
    line = {key: value for key, value in GOOD.items() if key != name}
    assert schema_problems(line) == [f"the line: expected '{name}', there is none"]


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 300)
    | st.text(max_size=3)
    | st.sampled_from(["POST", "gemini", "0" * 64]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["text", "chars", "sha256"]), inner),
    max_leaves=6,
)


def places(value: Any) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, item in items for place in [(key,), *((key, *rest) for rest in places(item))]]


@given(st.sampled_from(places(GOOD)), ANYTHING)
def test_the_check_and_the_jsonschema_library_agree(place: tuple[Any, ...], value: object) -> None:
    line = put(place, value)
    assert (schema_problems(line) == []) == VALIDATOR.is_valid(line)


def test_the_check_knows_every_keyword_of_the_schema() -> None:
    def keywords(schema: dict[str, Any]) -> set[str]:
        inner = [*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]
        return set(schema).union(*(keywords(part) for part in inner))

    assert keywords(line_schema()) <= KEYWORDS


def put(place: tuple[Any, ...], value: object) -> Any:
    line = copy.deepcopy(GOOD)
    target: Any = line
    for key in place[:-1]:
        target = target[key]
    target[place[-1]] = value
    return line
