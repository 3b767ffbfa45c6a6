"""What is committed and written is what the schema of a line says, and what is not is named."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from newsgauge.cassettes.audit import line_validator, schema_problems
from newsgauge.cassettes.line import FORMAT, Line, decode, peek_key

ROOT = Path(__file__).resolve().parents[2]
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
    line_validator().check_schema(line_validator().schema)


def test_every_committed_line_is_what_the_schema_says() -> None:
    paths = sorted((ROOT / "cassettes").rglob("*.jsonl"))
    assert paths
    for path in paths:
        for raw in path.read_bytes().splitlines():
            assert list(schema_problems(json.loads(raw))) == [], path


@pytest.mark.parametrize(
    ("of", "is_good"), [("example sci.space-5", True), ("made", True), ("example", False), ("the post's text", False)]
)
def test_a_digest_says_of_what_it_is_in_few_words(of: str, is_good: bool) -> None:
    line = copy.deepcopy(GOOD)
    line["request"]["body"]["contents"][0]["parts"][0]["text"][1] = {**MARK, "of": of}
    line["provenance"]["calls"] = "2"
    assert (not list(schema_problems(line))) == is_good


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
    assert list(schema_problems(json.loads(line.encode()))) == []
    assert peek_key(line.encode()) == GOOD["key"]
    assert decode(line.encode()) == line


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (("response", "headers", "x-request-id"), "7", "response.headers: expected maxProperties 1, got {"),
        (("response", "status"), 429, "response.status: expected const 200, got 429"),
        (("provenance", "backend"), "openai", 'provenance.backend: expected enum ["embedded", "gemini", "vertex"]'),
        (("provenance", "model_version"), "", 'provenance.model_version: expected minLength 1, got ""'),
        (("provenance", "recorded"), "yesterday", 'provenance.recorded: expected pattern "^'),
        (("request", "path"), "/v1/models/m:generateContent?key=abc", 'request.path: expected pattern "^'),
        (("request", "host"), "example.org", "request: Additional properties are not allowed ('host' was unexpected)"),
        (("request", "body", "contents"), [], "request.body.contents: expected minItems 1, got []"),
        (("format",), 3, "format: expected const 2, got 3"),
        (("extra",), 1, "the line: Additional properties are not allowed ('extra' was unexpected)"),
    ],
)
def test_what_is_wrong_is_named(place: tuple[str, ...], value: object, words: str) -> None:
    line = put(place, value)
    assert [problem for problem in schema_problems(line) if words in problem], list(schema_problems(line))


@pytest.mark.parametrize("name", ["digest", "key", "provenance", "request", "response"])
def test_a_field_that_lacks_is_named(name: str) -> None:
    line = {key: value for key, value in GOOD.items() if key != name}
    assert list(schema_problems(line)) == [f"the line: '{name}' is a required property"]


def put(place: tuple[Any, ...], value: object) -> Any:
    line = copy.deepcopy(GOOD)
    target: Any = line
    for key in place[:-1]:
        target = target[key]
    target[place[-1]] = value
    return line
