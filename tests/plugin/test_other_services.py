"""Other services than Gemini, asked by their own SDKs: recorded, replayed without a network, stale by one word."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from newsgauge.cassettes.services import SERVICES, read_services
from newsgauge.cli.main import main
from newsgauge.errors import UsageError
from tests.plugin.other_services import OtherServices

pytest.importorskip("openai")
pytest.importorskip("anthropic")
KEY = "sk-" + "planted0123456789abcdef"
HEAD = """import os
URL = os.environ.get("SERVICE_URL", "https://replay.invalid")
KEY = os.environ.get("PLANTED_KEY", "none")
"""
TECHNIQUES = {
    "chat": """
import openai
def own(text, client, *, labels, model):
    asked = openai.OpenAI(api_key=KEY, base_url=URL + "/team/v1", max_retries=0)
    messages = [{"role": "system", "content": "Name one of: " + ", ".join(labels)}, {"role": "user", "content": text}]
    return asked.chat.completions.create(model=model, messages=messages, temperature=0).choices[0].message.content
""",
    "responses": """
import openai
def own(text, client, *, labels, model):
    asked = openai.OpenAI(api_key=KEY, base_url=URL + "/v1", max_retries=0)
    return asked.responses.create(model=model, instructions="Name one of these labels", input=text).output_text
""",
    "anthropic": """
import anthropic
def own(text, client, *, labels, model):
    asked = anthropic.Anthropic(api_key=KEY, base_url=URL, max_retries=0)
    said = asked.messages.create(
        model=model, max_tokens=20, system="Name one of these labels", messages=[{"role": "user", "content": text}]
    )
    return said.content[0].text
""",
    "async": """
import asyncio, openai
def own(text, client, *, labels, model):
    async def ask():
        async with openai.AsyncOpenAI(api_key=KEY, base_url=URL + "/v1", max_retries=0) as asked:
            message = {"role": "user", "content": "Name one of these labels " + text}
            return await asked.chat.completions.create(model=model, messages=[message])
    return asyncio.run(ask()).choices[0].message.content
""",
    "http": """
def own(text, client, *, labels, model, http):
    body = {"model": model, "messages": [{"role": "user", "content": "Name one of these labels " + text}]}
    said = http.post(URL + "/v1/chat/completions", json=body, headers={"authorization": "Bearer " + KEY})
    return said.json()["choices"][0]["message"]["content"]
""",
    "requests": """
import requests
def own(text, client, *, labels, model):
    body = {"model": model, "messages": [{"role": "user", "content": "Name one of these labels " + text}]}
    said = requests.post(URL + "/v1/chat/completions", json=body, headers={"authorization": "Bearer " + KEY}, timeout=5)
    return said.json()["choices"][0]["message"]["content"]
""",
    "httpx": """
import httpx
def own(text, client, *, labels, model):
    body = {"model": model, "messages": [{"role": "user", "content": "Name one of these labels " + text}]}
    with httpx.Client(trust_env=False) as asked:
        said = asked.post(URL + "/v1/chat/completions", json=body, headers={"authorization": "Bearer " + KEY})
    return said.json()["choices"][0]["message"]["content"]
""",
    "aiohttp": """
import asyncio, aiohttp
def own(text, client, *, labels, model):
    body = {"model": model, "messages": [{"role": "user", "content": "Name one of these labels " + text}]}
    async def ask():
        async with aiohttp.ClientSession(headers={"authorization": "Bearer " + KEY}) as asked:
            async with asked.post(URL + "/v1/chat/completions", json=body) as said:
                return await said.json()
    return asyncio.run(ask())["choices"][0]["message"]["content"]
""",
    "mistralai": """
from mistralai.client import Mistral
def own(text, client, *, labels, model):
    with Mistral(api_key=KEY, server_url=URL) as asked:
        message = {"role": "user", "content": "Name one of these labels " + text}
        return asked.chat.complete(model=model, messages=[message]).choices[0].message.content
""",
}
#: Techniques whose library is no dependency of the project's own.
LIBRARIES = {"requests", "httpx", "aiohttp", "mistralai"}
FILE = Path("cassettes/embedded/bundled/own.jsonl")


@pytest.fixture
def service(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Iterator[OtherServices]:
    with OtherServices() as service:
        monkeypatch.setenv("SERVICE_URL", service.url)
        monkeypatch.setenv("PLANTED_KEY", KEY)
        yield service


def write(technique: str, variants: str = "") -> None:
    Path("evals/own_technique.py").write_text(HEAD + TECHNIQUES.get(technique, technique))
    own = '[own]\nabout = "of one\'s own"\nmodel = "some-model"\npredict = "own_technique:own"\n'
    Path("evals/variants.toml").write_text(own + variants)
    reason = 'bound = "value", reason = "a fact of the service of this test"'
    Path("evals/gates.toml").write_text(f"[embedded.bundled.own]\nmin_accuracy = {{ limit = 0.5, {reason} }}\n")


def lines() -> list[dict[str, Any]]:
    return [json.loads(raw) for raw in FILE.read_text().splitlines()]


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_what_another_service_is_asked_is_recorded_replayed_and_stale_by_one_word(
    project: pytest.Pytester, service: OtherServices, monkeypatch: pytest.MonkeyPatch, technique: str
) -> None:
    if technique in LIBRARIES:
        pytest.importorskip(technique)
    write(technique)
    recorded = project.runpytest_inprocess("evals", "--record-mode", "once")
    assert recorded.ret == 0, recorded.stdout.str()
    assert len(service.asked) == 8  # exactly once
    kept = FILE.read_text()
    for private in (KEY, "127.0.0.1", "planted", "/team", "x-request-id"):
        assert private not in kept
    names = {"chat": "openai-chat", "responses": "openai-responses", "anthropic": "anthropic"}
    (name,) = {line["request"]["service"] for line in lines()}
    assert name == names.get(technique, "openai-chat")
    about = lines()[0]["provenance"]
    assert (about["model"], about["model_version"]) == ("some-model", "some-model-2026-08-06")
    assert "Name one of" in kept
    monkeypatch.delenv("SERVICE_URL")
    monkeypatch.delenv("PLANTED_KEY")
    replayed = project.runpytest_inprocess("evals")
    assert replayed.ret == 0, replayed.stdout.str()
    replayed.stdout.re_match_lines([r"own +8 +50\.0% .* 960 +240 +200 +160 +PASS"])
    write(TECHNIQUES[technique].replace("Name one of", "Name any of"))
    stale = project.runpytest_inprocess("evals")
    assert stale.ret == 1
    stale.stdout.fnmatch_lines(["*own.jsonl:1: variant 'own' changed since it was recorded: *Name one*Name any*"])
    assert len(service.asked) == 8


@pytest.mark.slow
def test_workers_record_and_shards_replay_what_a_techniques_own_client_asks(
    project: pytest.Pytester, service: OtherServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("requests")
    recorded = project.runpytest_subprocess("evals", "--record-mode", "once", "-n", "2")
    assert recorded.ret == 0, recorded.stdout.str()
    assert len(service.asked) == len({body["messages"][0]["content"] for _, _, body in service.asked}) == 8
    assert [line["key"] for line in lines()] == sorted(line["key"] for line in lines())
    monkeypatch.delenv("SERVICE_URL")
    for number in (1, 2):
        part = project.runpytest_inprocess("evals", "--shard", f"{number}/2", "--results", f"part-{number}")
        assert part.ret == 0, part.stdout.str()
    assert main(["merge", "part-1", "part-2"]) == 0
    assert len(service.asked) == 8


def test_a_key_that_clients_insist_on_is_filled_in_and_a_wrong_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "services.toml"
    path.write_text('[own]\nlike = "openai-chat"\nfill = { id = "none" }\n')
    own = read_services(path, SERVICES)["own"]
    assert own.fill == {"id": "none"}
    path.write_text('[own]\nlike = "openai-chat"\nfill = "id"\n')
    with pytest.raises(UsageError, match="expected 'fill' to be a table, got 'id'"):
        read_services(path, SERVICES)
    for secret in ("set-cookie", "x-api-key", "www-authenticate", "X-Request-Id"):
        path.write_text(f'[own]\nlike = "openai-chat"\nheaders = ["{secret}"]\n')
        with pytest.raises(UsageError, match=f"in lower case that hold no key, got '{secret}'"):
            read_services(path, SERVICES)


def test_the_record_command_and_the_check_know_other_services(
    project: pytest.Pytester, service: OtherServices, capsys: pytest.CaptureFixture[str]
) -> None:
    write("chat")
    plan = ["--classes", "^sci.(space|med)$", "--posts-per-class", "4", "--variants", "own"]
    assert main(["record", *plan]) == 0, capsys.readouterr()
    assert main(["record", *plan]) == 0
    assert len(service.asked) == 8
    assert "8 of 8 planned cases are recorded" in capsys.readouterr().out
    for path in FILE.parent.glob("*.jsonl"):
        if path.name != "own.jsonl":
            path.unlink()
    assert main(["cassettes", "check"]) == 0, capsys.readouterr().out
    assert main(["cassettes", "stats"]) == 0
    assert "sdk: OpenAI/Python" in (out := capsys.readouterr().out)
    assert "tokens in 960, out 240, of it thinking 200" in out


@pytest.mark.parametrize("fault", ["401", "500", "echo", "no version"])
@pytest.mark.parametrize("technique", ["chat", "anthropic", "http"])
def test_no_key_leaks_by_any_failure(
    project: pytest.Pytester, service: OtherServices, fault: str, technique: str
) -> None:
    write(technique)
    service.fault = fault
    result = project.runpytest_inprocess("evals", "--record-mode", "once", "--retry-deadline", "0")
    assert result.ret == 1
    assert not FILE.exists() or FILE.read_text() == ""
    written = [path.read_text(errors="replace") for path in Path(".newsgauge").rglob("*") if path.is_file()]
    for text in (result.stdout.str(), result.stderr.str(), *written):
        assert "planted0123456789" not in text
    if fault == "no version":
        result.stdout.fnmatch_lines(["*the answer names no model version (model)*"])


def test_a_service_that_is_not_known_is_refused_with_the_profile_to_write_and_recorded_with_it(
    project: pytest.Pytester,
    service: OtherServices,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write(
        "def own(text, client, *, labels, model, http):\n"
        "    said = http.post(URL + '/generate', json={'engine': model, 'question': 'Which label? ' + text})\n"
        "    return said.json()['said']['label'] if said.headers['x-request-id'] else ''\n"
    )
    refused = project.runpytest_inprocess("evals", "--record-mode", "once")
    assert refused.ret == 1
    assert service.asked == []
    refused.stdout.fnmatch_lines(["*POST 127.0.0.1/generate, a service whose calls are not known here*services.toml*"])
    assert main(["record", "--classes", "^sci.(space|med)$", "--posts-per-class", "4"]) == 1
    (once,) = [line for line in capsys.readouterr().err.splitlines() if "not recorded, the first" in line]
    assert "8 not recorded" in once
    profile = (
        "[own-service]\npath = '/generate$'\nprompt = ['question']\nmodel = 'engine'\nmodel_version = 'version'\n"
        "answer = 'said.label'\ntokens_in = 'counts.*.in'\nheaders = ['x-request-id']\n"
    )
    Path("evals/services.toml").write_text(profile)
    assert project.runpytest_inprocess("evals", "--record-mode", "once").ret == 0
    (answer,) = {json.dumps(line["response"]["body"]) for line in lines()}
    assert json.loads(answer) == {"counts": [{"in": 9}, {"in": 3}], "said": {"label": "sci.med"}, "version": "own-7"}
    assert lines()[0]["provenance"]["model"] == "some-model"
    assert lines()[0]["response"]["headers"] == {"content-type": "application/json", "x-request-id": "req-planted"}
    assert main(["cassettes", "check"]) == 0 or "headers" not in capsys.readouterr().out
    monkeypatch.delenv("SERVICE_URL")
    assert project.runpytest_inprocess("evals").ret == 0
    Path("evals/services.toml").write_text(profile.replace("headers = ['x-request-id']\n", ""))
    assert main(["cassettes", "check"]) == 1
    assert "response.headers: 'x-request-id' is none that the profile of own-service keeps" in capsys.readouterr().out
    Path("evals/services.toml").unlink()
    forgotten = project.runpytest_inprocess("evals")
    assert forgotten.ret == 1
    Path("evals/services.toml").write_text(profile.replace("path =", "paths ="))
    wrong = project.runpytest_inprocess("evals")
    assert wrong.ret == 4
    wrong.stderr.fnmatch_lines(
        ["ERROR: newsgauge: services.toml: [[]own-service]: unknown key 'paths'; known: path, *"]
    )


def test_the_embedded_backend_asks_this_machine_alone(project: pytest.Pytester, service: OtherServices) -> None:
    write(TECHNIQUES["chat"].replace("URL + ", "'https://api.openai.com' + "))
    result = project.runpytest_inprocess("evals", "--record-mode", "once")
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ["*POST api.openai.com/team/v1/chat/completions, and --backend embedded asks only this*"]
    )
