"""Which server is asked, by which road and which version of the API; a recording by one of them replays for all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_service import FakeService

from newsgauge.cassettes.digest import stable_path
from newsgauge.client.loopback import is_loopback
from newsgauge.errors import UsageError
from newsgauge.running.run_options import chosen_api_version

KEY = "AI" + "zaSyPlanted-0123456789abcdefghijklmnop"
BARE = ["evals", "--variants", "bare", "--record-mode"]


@pytest.fixture
def service(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeService]:
    with FakeService() as service:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", service.url)
        monkeypatch.setenv("GOOGLE_VERTEX_BASE_URL", service.url)
        monkeypatch.setenv("GEMINI_API_KEY", KEY)
        yield service


def paths(service: FakeService) -> set[str]:
    return {path for path, _ in service.calls}


@pytest.mark.parametrize("road", ["option", "ini"])
def test_a_version_of_the_api_is_asked_for_and_recordings_of_all_versions_replay(
    project: pytest.Pytester, service: FakeService, road: str
) -> None:
    option = ["--api-version", "v1beta"] if road == "option" else ["-o", "newsgauge_api_version=v1beta"]
    gemini = [*BARE, "once", "--backend", "gemini"]
    assert project.runpytest_inprocess(*gemini, *option).ret == 0
    assert paths(service) == {"/v1beta/models/gemini-3.5-flash-lite:generateContent"}
    recorded = Path("cassettes/gemini/bundled/bare.jsonl").read_text()
    assert json.loads(recorded.splitlines()[0])["request"]["path"].startswith("/v1beta/")
    service.calls.clear()
    for again in ([], ["--api-version", "v1"], ["--api-version", "v1alpha"]):
        assert project.runpytest_inprocess(*gemini[:-3], "none", "--backend", "gemini", *again).ret == 0
    assert project.runpytest_inprocess(*gemini, "--api-version", "v1").ret == 0  # nothing is missing
    assert service.calls == []


def test_newsgauge_record_asks_the_same_version(project: pytest.Pytester, service: FakeService) -> None:
    command = ["newsgauge", "record", "--backend", "gemini", "--variants", "bare", "--yes"]
    assert project.run(*command, "--api-version", "v1beta").ret == 0
    assert paths(service) == {"/v1beta/models/gemini-3.5-flash-lite:generateContent"}


@pytest.mark.parametrize("version", ["", "1", "beta", "v1/x", "v", "V1"])
def test_a_version_that_is_none_is_refused(version: str) -> None:
    with pytest.raises(UsageError, match=r"--api-version: expected a version of the API, such as v1, v1beta"):
        chosen_api_version(version, "v1")
    if version:
        with pytest.raises(UsageError, match="newsgauge_api_version: expected"):
            chosen_api_version(None, version)
    assert chosen_api_version(None, "") is None


def test_a_server_of_this_machine_is_reached_past_any_proxy(
    project: pytest.Pytester, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # refuses
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert project.runpytest_inprocess(*BARE, "once", "--backend", "gemini").ret == 0
    assert project.runpytest_inprocess(*BARE, "all").ret == 0  # the embedded backend
    command = ["newsgauge", "record", "--backend", "gemini", "--variants", "system", "--yes"]
    assert project.run(*command).ret == 0
    assert len(service.calls) == 8 + 80  # 8 posts of this project's pytest.ini, 80 of the command's own default


def test_vertex_is_asked_with_a_key_alone_and_replays_like_a_project(
    project: pytest.Pytester, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GOOGLE_CLOUD_PROJECT", raising=False)
    vertex = [*BARE, "once", "--backend", "vertex"]
    result = project.runpytest_inprocess(*vertex)
    assert result.ret == 0, result.stdout.str()
    assert paths(service) == {"/v1beta1/publishers/google/models/gemini-3.5-flash-lite:generateContent"}
    assert KEY not in Path("cassettes/vertex/bundled/bare.jsonl").read_text()
    service.calls.clear()
    monkeypatch.delenv("GEMINI_API_KEY")
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "mine")
    assert project.runpytest_inprocess(*vertex).ret == 0
    assert service.calls == []


def test_a_path_without_a_project_is_kept_as_one_with_any() -> None:
    express = "/v1beta1/publishers/google/models/m:generateContent"
    project = "/v1beta1/projects/p/locations/eu/publishers/google/models/m:generateContent"
    assert stable_path(express) == stable_path(project) == stable_path(f"/gateway{express}")
    assert stable_path("/v1/models/m:generateContent") == "/v1/models/m:generateContent"


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:80", True),
        ("http://localhost:1/x", True),
        ("http://[::1]:1", True),
        ("http://127.evil.example", False),
        ("http://localhost.example", False),
        ("https://generativelanguage.googleapis.com", False),
        ("http://[", False),
        ("", False),
    ],
)
def test_this_machine_is_told_from_others(url: str, local: bool) -> None:
    assert is_loopback(url) is local
