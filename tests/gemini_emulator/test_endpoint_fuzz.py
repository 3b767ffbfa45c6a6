"""Two thousand requests that nobody meant: no 500, no hang, and every refusal in the service's own shape."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.gemini_emulator.endpoint_calls import ask, make_examples, tuning_body

GENERATE = "/v1beta/models/gemini-3.5-flash-lite:generateContent"
_NAMES = st.one_of(
    st.sampled_from(["gemini-3.5-flash-lite", "a", "1", "..", ".", "three-labels", "bucket", "x/../y", "\0", "%2e"]),
    st.text(max_size=12),
)
_TEMPLATES = st.sampled_from(
    [
        "/v1beta/models/{}:generateContent",
        "/v1/models/{}:streamGenerateContent",
        "/v1beta/models/{}:countTokens",
        "/v1beta/models/{}:batchGenerateContent",
        "/v1beta/models/{}",
        "/v1beta/tunedModels/{}",
        "/v1beta/tunedModels/{}:generateContent",
        "/v1beta/tunedModels/{}/operations/{}",
        "/v1beta/batches/{}:cancel",
        "/v1beta/tunedModels",
        "/v1beta1/projects/{}/locations/{}/tuningJobs",
        "/v1beta1/projects/{}/locations/l/tuningJobs/{}:cancel",
        "/v1beta1/projects/{}/locations/l/batchPredictionJobs",
        "/v1beta1/projects/p/locations/l/batchPredictionJobs/{}:cancel",
        "/v1beta1/projects/p/locations/l/endpoints/{}:generateContent",
        "/v1beta1/projects/p/locations/l/publishers/google/models/{}:countTokens",
        "/storage/v1/b",
        "/storage/v1/b/{}/o",
        "/storage/v1/b/{}/o/{}",
        "/download/storage/v1/b/{}/o/{}",
        "/upload/storage/v1/b/{}/o",
        "/{}",
    ]
)
_SAFE = st.text(alphabet=st.characters(codec="utf-8"), max_size=20)
_WORDS = """
contents parts text role systemInstruction generationConfig temperature topP topK seed
maxOutputTokens stopSequences responseMimeType responseSchema responseJsonSchema enum items
properties type $ref $defs thinkingConfig thinkingBudget candidateCount baseModel tuningTask
hyperparameters epochCount batchSize learningRate trainingData examples textInput output batch
inputConfig requests request metadata supervisedTuningSpec trainingDatasetUri generateContentRequest
displayName model instancesFormat gcsSource uris predictionsFormat gcsDestination outputUriPrefix
minItems maxItems minimum const name
"""
_KEYS = st.one_of(
    st.sampled_from(_WORDS.split()),
    _SAFE,
)
_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(allow_nan=True, allow_infinity=True),
    _SAFE,
    st.sampled_from(["application/json", "text/x.enum", "array", "object", "integer", "#/$defs/N", "gs://bucket/x"]),
)
_JSON = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=5),
    max_leaves=12,
)
_PROJECT = "/v1beta1/projects/p/locations/l"
_SCHEMA = {"type": "OBJECT", "properties": {"a": {"type": "ARRAY", "items": {"enum": ["x"]}}}}
_CONFIG = {
    "temperature": 0.5,
    "seed": 1,
    "maxOutputTokens": 9,
    "stopSequences": ["z"],
    "thinkingConfig": {"thinkingBudget": 3},
    "responseMimeType": "application/json",
    "responseSchema": _SCHEMA,
}
_JSON_SCHEMA = {
    "responseMimeType": "application/json",
    "responseJsonSchema": {"$ref": "#/$defs/N", "$defs": {}},
}
_GOOD = [
    (GENERATE, ask("space\nmoon", **_CONFIG)),
    (GENERATE, ask("space", **_JSON_SCHEMA)),
    (GENERATE.replace("generate", "streamGenerate"), ask("Which newsgroup?\nmoon")),
    ("/v1beta/tunedModels/three-labels:generateContent", ask("moon", **_CONFIG)),
    ("/v1/models/gemini-1:countTokens", {"generateContentRequest": ask("space")}),
    ("/v1beta/tunedModels", tuning_body(make_examples(2), epochCount=1, batchSize=4, learningRate=0.1)),
    (
        "/v1beta/models/gemini-1:batchGenerateContent",
        {"batch": {"inputConfig": {"requests": {"requests": [{"request": ask("x"), "metadata": {"key": "a"}}]}}}},
    ),
    (
        f"{_PROJECT}/tuningJobs",
        {"baseModel": "gemini-1", "supervisedTuningSpec": {"trainingDatasetUri": "gs://bucket/x"}},
    ),
    (
        f"{_PROJECT}/batchPredictionJobs",
        {
            "displayName": "d",
            "model": "publishers/google/models/gemini-1",
            "inputConfig": {"instancesFormat": "jsonl", "gcsSource": {"uris": ["gs://bucket/requests"]}},
            "outputConfig": {"predictionsFormat": "jsonl", "gcsDestination": {"outputUriPrefix": "gs://bucket/x"}},
        },
    ),
    ("/upload/storage/v1/b/bucket/o?uploadType=media&name=requests", {"request": ask("moon")}),
    (f"{_PROJECT}/publishers/google/models/gemini-1:generateContent", ask("moon", **_CONFIG)),
    ("/storage/v1/b", {"name": "bucket-1"}),
    ("/upload/storage/v1/b/bucket/o?uploadType=media&name=x", {"contents": []}),
]


def _paths(value: Any, path: Any = ()) -> Iterator[Any]:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from _paths(inner, (*path, key))


def _mutate(draw: Any, good: Any) -> Any:
    """A good body with one place changed to anything, or with a key more."""
    body = json.loads(json.dumps(good))
    path = draw(st.sampled_from(list(_paths(body))))
    value = draw(_JSON)
    if not path:
        return value
    parent = body
    for key in path[:-1]:
        parent = parent[key]
    if isinstance(parent[path[-1]], dict) and draw(st.booleans()):
        parent[path[-1]][draw(_KEYS)] = value
    else:
        parent[path[-1]] = value
    return body


@st.composite
def _near(draw: Any) -> Any:
    """A call that is right but for one place of its body, or wholly right."""
    path, good = draw(st.sampled_from(_GOOD))
    body = _mutate(draw, good) if draw(st.integers(0, 3)) else good
    return "POST", path, {}, json.dumps(body).encode()


@st.composite
def _wild(draw: Any) -> Any:
    """A call that is wrong in its names, its method, its query or its body."""
    method = draw(st.sampled_from(["POST", "POST", "GET", "GET", "DELETE", "PUT", "PATCH"]))
    safe = "" if draw(st.booleans()) else "/."
    names = [quote(draw(_NAMES).encode("utf-8", "replace"), safe=safe) for _ in range(2)]
    good = draw(st.sampled_from(_GOOD))[1]
    body = draw(st.one_of(st.just(good), _JSON, st.binary(max_size=60)))
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return method, draw(_TEMPLATES).format(*names), draw(_QUERIES), raw


_QUERIES = st.dictionaries(
    st.sampled_from(
        ["alt", "key", "pageSize", "pageToken", "tunedModelId", "uploadType", "name", "upload_id", "prefix"]
    ),
    st.sampled_from(["", "sse", "media", "multipart", "resumable", "0", "-1", "99999999999", "a", "..", "é"])
    | st.text(max_size=8),
    max_size=3,
)
_HEADERS = st.dictionaries(
    st.sampled_from(["content-type", "content-range", "range", "x-newsgauge-fault", "authorization", "host"]),
    st.sampled_from(
        [
            "multipart/related; boundary=b",
            "bytes 0-1/2",
            "bytes */*",
            "bytes=5-1",
            "safety",
            "max-tokens",
            "no-candidates; probability=0.5",
            "nonsense",
            "a:b",
        ]
    ),
    max_size=2,
)


@pytest.mark.slow
@settings(
    max_examples=2000,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
@given(call=st.one_of(_near(), _near(), _wild()), headers=st.one_of(st.just({}), _HEADERS))
@example(("POST", GENERATE, {}, b'{"contents":[{"parts":[{"text":"\\ud83d"}]}]}'), {})
@example(("POST", GENERATE, {}, b'{"contents":' + b"[" * 5000), {})
def test_no_request_makes_the_server_stumble(http: Any, tuned: str, call: Any, headers: Any) -> None:
    method, path, query, body = call
    answer = http.request(method, path, params=query or None, headers=headers, content=body, timeout=30)
    assert answer.status_code < 500, (answer.status_code, answer.text)
    if answer.status_code == 404 and answer.headers["content-type"].startswith("text/html"):
        assert "Traceback" not in answer.text  # a path under which nothing is served: as Google's front end answers
    elif answer.status_code >= 400:
        error = answer.json()["error"]
        assert error["code"] == answer.status_code
        assert error["status"]
        assert error["message"]
        assert "Traceback" not in answer.text
