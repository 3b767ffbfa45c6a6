"""Faults and quotas: each kind as google-genai and plain HTTP see it, and which call is struck."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from google import genai
from google.genai import errors, types

from gemini_emulator.app import Options
from gemini_emulator.errors import OptionError
from gemini_emulator.faults.fault_file import load_faults
from gemini_emulator.faults.faults import HEADER, Fault, FaultPlan
from gemini_emulator.server import EmbeddedServer
from gemini_emulator.wire.api_errors import ServiceError
from gemini_emulator.wire.quota import SlidingQuota
from tests.gemini_emulator.endpoint_calls import ask, said

URL = "/v1beta/models/gemini-3.5-flash-lite:generateContent"
MODEL = "gemini-3.5-flash-lite"


def faulted(http: Any, fault: Any, text: Any = "Which newsgroup?\nspace", url: Any = URL) -> Any:
    return http.post(url, json=ask(text), headers={HEADER: fault})


@pytest.fixture
def client_with(server: EmbeddedServer) -> Iterator[Any]:
    clients = []

    def make(fault: Any) -> Any:
        options = types.HttpOptions(base_url=server.base_url, headers={HEADER: fault})
        clients.append(genai.Client(api_key="any", http_options=options))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.mark.parametrize(("kind", "period"), [("quota-per-minute", "PerMinute"), ("quota-per-day", "PerDay")])
def test_a_quota_fault_names_the_quota_and_the_wait(client_with: Any, kind: str, period: str) -> None:
    client = client_with(f"{kind}; delay_s=53")
    with pytest.raises(errors.ClientError) as caught:
        client.models.generate_content(model=MODEL, contents="x")
    details = caught.value.details["error"]["details"]
    assert (caught.value.code, caught.value.status) == (429, "RESOURCE_EXHAUSTED")
    assert period in details[0]["violations"][0]["quotaId"]
    assert details[2] == {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "53s"}


@pytest.mark.parametrize(("kind", "code"), [("internal", 500), ("unavailable", 503)])
def test_a_server_fault_is_the_sdks_server_error(client_with: Any, kind: str, code: int) -> None:
    client = client_with(kind)
    with pytest.raises(errors.ServerError) as caught:
        client.models.generate_content(model=MODEL, contents="x")
    assert caught.value.code == code


@pytest.mark.parametrize("kind", ["cut-json", "html"])
def test_a_body_that_is_no_json_reaches_the_sdk_as_that(client_with: Any, kind: str) -> None:
    client = client_with(kind)
    with pytest.raises(json.JSONDecodeError):
        client.models.generate_content(model=MODEL, contents="x")


def test_a_reset_breaks_the_connection_in_the_middle_and_spares_the_next_call(http: httpx2.Client) -> None:
    with pytest.raises((httpx2.ReadError, httpx2.RemoteProtocolError)):
        faulted(http, "reset")
    assert http.post(URL, json=ask("x")).status_code == 200


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        ("blocked-prompt", None, None),
        ("no-candidates", None, None),
        ("safety", None, "SAFETY"),
        ("recitation", None, "RECITATION"),
        ("max-tokens", "sci", "MAX_TOKENS"),
        ("empty-part", "", "STOP"),
    ],
)
def test_answers_that_are_no_labels_look_to_the_sdk_as_the_services_do(
    client_with: Any, kind: str, text: Any, reason: Any
) -> None:
    client = client_with(kind)
    config = types.GenerateContentConfig(system_instruction="Name the group.")
    response = client.models.generate_content(model=MODEL, contents="space", config=config)
    assert response.text == text
    if reason is None:
        assert response.candidates is None
    else:
        assert response.candidates[0].finish_reason.value == reason
    blocked = response.prompt_feedback and response.prompt_feedback.block_reason.value
    assert blocked == ("PROHIBITED_CONTENT" if kind == "blocked-prompt" else None)
    chunks = list(client.models.generate_content_stream(model=MODEL, contents="space", config=config))
    assert (chunks[-1].candidates is None) == (reason is None)


def test_a_slow_answer_is_only_slow(http: httpx2.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = []

    async def record(seconds: Any) -> None:
        waits.append(seconds)

    monkeypatch.setattr("gemini_emulator.app._sleep", record)
    assert said(faulted(http, "slow; delay_s=7").json()) == said(
        http.post(URL, json=ask("Which newsgroup?\nspace")).json()
    )
    assert waits == [7.0]


def test_every_third_call_is_struck(http: httpx2.Client) -> None:
    codes = [faulted(http, "unavailable; every=3").status_code for _ in range(7)]
    assert codes == [200, 200, 503, 200, 200, 503, 200]


@pytest.mark.parametrize(
    "header",
    [
        "",
        "nonsense",
        "slow; delay_s=x",
        "slow; delay_s=1e9",
        "slow; every=0",
        "slow; a=1",
        "safety; probability=nan",
    ],
)
def test_a_header_that_names_no_fault_is_refused(http: httpx2.Client, header: str) -> None:
    answer = faulted(http, header)
    assert (answer.status_code, answer.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")


def test_only_calls_of_a_model_are_faulted(http: httpx2.Client) -> None:
    answer = http.get("/v1beta/models", headers={HEADER: "internal"})
    assert answer.status_code == 200


def test_probabilities_are_seeded() -> None:
    def struck(seed: Any) -> Any:
        plan = FaultPlan((Fault("internal", probability=0.3),), seed)
        return [plan.choose("/x", {}) is not None for _ in range(1000)]

    assert struck(1) == struck(1) != struck(2)
    assert 240 < sum(struck(1)) < 360  # 300 expected; four standard deviations are 58


def test_a_path_limits_a_fault_and_the_first_rule_that_strikes_wins() -> None:
    plan = FaultPlan((Fault("internal", path="tunedModels"), Fault("html", every=2)))
    chosen = [plan.choose(path, {}) for path in ("/tunedModels/a", "/models/b", "/models/b")]
    assert [fault and fault.kind for fault in chosen] == ["internal", None, "html"]


def test_a_file_of_faults_is_served(tmp_path: Path) -> None:
    path = tmp_path / "faults.toml"
    path.write_text('seed = 3\n[[fault]]\nkind = "unavailable"\nevery = 2\n')
    with (
        EmbeddedServer(options=Options(faults=load_faults(path))) as server,
        httpx2.Client(base_url=server.base_url) as http,
    ):
        assert [http.post(URL, json=ask("x")).status_code for _ in range(4)] == [200, 503, 200, 503]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", r"at least one \[\[fault\]\]"),
        ("[[fault", "not readable as TOML"),
        ('[[fault]]\nkind = "slwo"', r"\[\[fault\]\] 1: unknown kind 'slwo'; known: quota-per-minute"),
        ('[[fault]]\nkind = "slow"\nevry = 2', "unknown key 'evry'"),
        ('[[fault]]\nkind = "slow"\nevery = 0', "'every' from 1"),
        ('[[fault]]\nkind = "slow"\nprobability = 2', "from 0 to 1"),
        ('[[fault]]\nkind = "slow"\nevery = 2\nprobability = 0.5', "got both"),
        ('[[fault]]\nkind = "slow"\npath = "("', "regex"),
        ("[[fault]]\nkind = 1", "'kind' to be str"),
        ("[[fault]]\nevery = 2", "'kind'"),
        ('seed = "a"\n[[fault]]\nkind = "slow"', "'seed'"),
        ('sed = 1\n[[fault]]\nkind = "slow"', "unknown key 'sed'"),
    ],
)
def test_a_damaged_file_of_faults_is_told_where(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "faults.toml"
    path.write_text(text)
    with pytest.raises(OptionError, match=reason):
        load_faults(path)


def test_a_quota_slides() -> None:
    now = [0.0]
    quota = SlidingQuota(2, clock=lambda: now[0])
    quota.admit("a")
    now[0] = 40.0
    quota.admit("a")
    quota.admit("b")  # another model has its own quota
    now[0] = 50.0
    with pytest.raises(ServiceError) as caught:
        quota.admit("a")
    assert caught.value.details[2]["retryDelay"] == "10s"
    now[0] = 60.0
    quota.admit("a")  # the first has left, the second has not
    now[0] = 99.9
    with pytest.raises(ServiceError):
        quota.admit("a")
    now[0] = 100.0
    quota.admit("a")


def test_rpm_refuses_calls_of_a_model_and_nothing_else() -> None:
    with (
        EmbeddedServer(options=Options(rpm=2)) as server,
        httpx2.Client(base_url=server.base_url) as http,
    ):
        answers = [http.post(URL, json=ask("x")) for _ in range(3)]
        counted = http.post(URL.replace("generateContent", "countTokens"), json=ask("x"))
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert "PerMinute" in answers[2].json()["error"]["details"][0]["violations"][0]["quotaId"]
    assert counted.status_code == 200


def test_a_safety_stop_has_empty_content_and_ratings(http: httpx2.Client) -> None:
    candidate = faulted(http, "safety").json()["candidates"][0]
    assert candidate["content"] == {}
    blocked = [rating for rating in candidate["safetyRatings"] if rating.get("blocked")]
    assert [rating["category"] for rating in blocked] == ["HARM_CATEGORY_DANGEROUS_CONTENT"]


def test_a_decorated_answer_wears_what_models_put_around_labels_and_json(http: httpx2.Client) -> None:
    instruction = {"systemInstruction": {"parts": [{"text": "Name the newsgroup."}]}}
    headers = {HEADER: "decorated"}
    plain = http.post(URL, json=ask("the space shuttle") | instruction, headers=headers).json()
    as_json = http.post(URL, json=ask("x", responseMimeType="application/json"), headers=headers).json()
    texts = [answer["candidates"][0]["content"]["parts"][0]["text"] for answer in (plain, as_json)]
    assert re.fullmatch(r"\*\*sci\.space[.a-z]*\*\*\.", texts[0])
    assert re.fullmatch(r"```json\n\{.*\}\n```", texts[1])


def test_vertex_refuses_over_quota_without_saying_when_to_come_back(http: httpx2.Client) -> None:
    url = f"/v1beta1/projects/p/locations/global/publishers/google/models/{MODEL}:generateContent"
    answer = http.post(url, json=ask("x"), headers={HEADER: "quota-per-minute"})
    assert answer.status_code == 429
    assert answer.json()["error"]["message"].startswith("Resource exhausted. Please try again later.")
    assert "details" not in answer.json()["error"]
