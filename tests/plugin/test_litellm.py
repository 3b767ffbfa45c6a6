"""LiteLLM's proxy as a gateway: at its root and at its pass-through ``/gemini``; recorded, replayed without it.

``nox -s litellm`` installs the proxy in a virtual environment of its own and names its program in NEWSGAUGE_LITELLM.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.plugin.fake_service import VERSION, FakeService

PROGRAM = os.environ.get("NEWSGAUGE_LITELLM")
pytestmark = pytest.mark.skipif(not PROGRAM, reason="LiteLLM's proxy takes 20 s to start: nox -s litellm")
MODEL = """
  - model_name: {}
    litellm_params:
      model: gemini/gemini-3.5-flash-lite
      api_key: any
      api_base: os.environ/GEMINI_API_BASE
"""
NAMES = ("gemini-3.5-flash-lite", "gpt-5.4-nano", "claude-haiku-4-5")
CONFIG = f"""
model_list:{"".join(map(MODEL.format, NAMES))}
general_settings:
  master_key: sk-local
"""


@pytest.fixture
def service() -> Iterator[FakeService]:
    with FakeService() as service:
        yield service


@pytest.fixture
def proxy(tmp_path_factory: pytest.TempPathFactory, service: FakeService) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("litellm")
    (folder / "config.yaml").write_text(CONFIG)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    known = {"GEMINI_API_BASE": service.url, "GEMINI_API_KEY": "any", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    command = [str(PROGRAM), "--config", "config.yaml", "--host", "127.0.0.1", "--port", str(port)]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **known}, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        for _ in range(600):
            time.sleep(0.2)
            with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
        else:
            pytest.fail((folder / "log").read_text()[-2000:])
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(30)


#: By the SDKs as they are: chat completions, responses and messages, and prompts that go to these APIs.
TECHNIQUES = """
import os, anthropic, openai
URL = os.environ.get("SERVICE_URL", "https://replay.invalid")
KEY = os.environ.get("PLANTED_KEY", "none")

def chat(text, client, *, labels, model):
    messages = [{"role": "system", "content": "Name one label"}, {"role": "user", "content": text}]
    asked = openai.OpenAI(api_key=KEY, base_url=URL + "/v1")
    return asked.chat.completions.create(model=model, messages=messages).choices[0].message.content

def responses(text, client, *, labels, model):
    asked = openai.OpenAI(api_key=KEY, base_url=URL + "/v1")
    return asked.responses.create(model=model, instructions="Name one label", input=text).output_text

def messages(text, client, *, labels, model):
    messages = [{"role": "user", "content": text}]
    asked = anthropic.Anthropic(api_key=KEY, base_url=URL)
    return asked.messages.create(model=model, max_tokens=20, system="Name one label", messages=messages).content[0].text
"""
VARIANTS = """
[chat]
about = "by the SDK of OpenAI"
model = "gpt-5.4-nano"
predict = "own_sdks:chat"
[responses]
about = "by its other API"
model = "gpt-5.4-nano"
predict = "own_sdks:responses"
[messages]
about = "by the SDK of Anthropic"
model = "claude-haiku-4-5"
predict = "own_sdks:messages"
[gpt]
about = "a prompt"
api = "openai"
model = "gpt-5.4-nano"
contents = "Name one label of {labels}\\n{post}"
[claude]
about = "the same prompt"
api = "anthropic"
model = "claude-haiku-4-5"
contents = "Name one label of {labels}\\n{post}"
[ours]
about = "the same prompt"
model = "gemini-3.5-flash-lite"
contents = "Name one label of {labels}\\n{post}"
"""
PLAN = ("--backend", "gemini", "--classes", "^sci.(space|med)$", "--posts-per-class", "2")


def test_the_official_sdks_ask_through_litellm_and_stand_in_one_scoreboard_with_gemini(
    project: pytest.Pytester, proxy: str, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("openai")
    pytest.importorskip("anthropic")
    Path("evals/own_sdks.py").write_text(TECHNIQUES)
    Path("evals/variants.toml").write_text(VARIANTS)
    Path("evals/gates.toml").write_text("")
    Path("evals/test_gates.py").unlink()
    bases = {"OPENAI_BASE_URL": f"{proxy}/v1", "ANTHROPIC_BASE_URL": proxy, "GOOGLE_GEMINI_BASE_URL": f"{proxy}/gemini"}
    keys = dict.fromkeys(("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "PLANTED_KEY"), "sk-local")
    around = {**bases, **keys, "SERVICE_URL": proxy}
    for name, value in {**around, "GEMINI_API_KEY": "sk-local"}.items():
        monkeypatch.setenv(name, value)
    service.thoughts = 25
    asked = project.run("newsgauge", "record", *PLAN, "--retry-deadline", "0")
    assert asked.ret == 0, asked.stdout.str() + asked.stderr.str()
    assert len(service.calls) == 6 * 4
    kept = {path.stem: path.read_text() for path in Path("cassettes/gemini/bundled").glob("*.jsonl")}
    assert sorted(kept) == ["chat", "claude", "gpt", "messages", "ours", "responses"]
    assert not [name for name, text in kept.items() if "sk-local" in text or "127.0.0.1" in text]
    for name in (*around, "GEMINI_API_KEY"):
        monkeypatch.delenv(name)
    replayed = project.runpytest_inprocess("evals", *PLAN)
    assert replayed.ret == 0, replayed.stdout.str()
    # 3 tokens of an answer and 25 of thinking, four times: all of them count them as output.
    replayed.stdout.re_match_lines_random([rf"{name} +4 +50\.0% .* 400 +112\b.*" for name in kept])
    Path("evals/variants.toml").write_text(VARIANTS.replace("Name one", "Name any"))
    Path("evals/own_sdks.py").write_text(TECHNIQUES.replace("Name one", "Name any"))
    stale = project.runpytest_inprocess("evals", *PLAN)
    assert stale.ret == 1
    for name in kept:
        stale.stdout.fnmatch_lines_random([f"*{name}.jsonl:1: variant '{name}' changed since it was recorded: *any*"])
    assert len(service.calls) == 6 * 4


def test_what_litellm_passes_on_is_recorded_and_replayed_without_it(
    project: pytest.Pytester, proxy: str, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "sk-local")
    plan = ("--backend", "gemini", "--variants", "labels", "--classes", "^sci.(space|med)$", "--posts-per-class", "2")
    path = Path("cassettes/gemini/bundled/labels.jsonl")
    for place, version in (("", "v1beta"), ("/gemini", "v1beta"), ("/gemini", "v1")):
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", f"{proxy}{place}")
        service.calls.clear()
        path.unlink(missing_ok=True)
        asked = project.run("newsgauge", "record", *plan, "--api-version", version, "--retry-deadline", "0")
        assert (asked.ret, len(service.calls)) == (0, 4), asked.stderr.str()
        lines = [json.loads(raw) for raw in path.read_text().splitlines()]
        assert {line["provenance"]["model_version"] for line in lines} == {VERSION}
        assert "sk-local" not in path.read_text()
        monkeypatch.delenv("GOOGLE_GEMINI_BASE_URL")
        assert project.runpytest_inprocess("evals", *plan).ret == 0
        assert len(service.calls) == 4
