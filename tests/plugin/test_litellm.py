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
CONFIG = """
model_list:
  - model_name: gemini-3.5-flash-lite
    litellm_params:
      model: gemini/gemini-3.5-flash-lite
      api_key: any
      api_base: os.environ/GEMINI_API_BASE
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
