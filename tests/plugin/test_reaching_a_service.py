"""Which server is asked, by which road and which version of the API; a recording by one of them replays for all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from google.auth.credentials import AnonymousCredentials

from newsgauge.cassettes.services import stable_path
from newsgauge.client.clients import Access, open_client
from newsgauge.client.embedded import is_loopback
from newsgauge.errors import UsageError
from newsgauge.running.recording_options import chosen_api_version
from tests.plugin.fake_service import FakeService

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


@pytest.mark.parametrize("road", ["pytest", "newsgauge record"])
def test_each_variant_asks_vertex_in_its_own_location_and_a_tuned_model_where_it_lives(
    project: pytest.Pytester, service: FakeService, monkeypatch: pytest.MonkeyPatch, road: str
) -> None:
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "mine")
    monkeypatch.setenv("GOOGLE_CLOUD_LOCATION", "europe-west1")
    endpoint = "projects/7/locations/us-east4/endpoints/1"
    table = 'about = "x"\nmodel = "{}"\ncontents = "{{post}}"\n'
    file = project.path / "evals" / "variants.toml"
    tables = (table.format("m"), table.format("m") + "location = 'global'\n", table.format(endpoint))
    text = "".join(f"[{name}]\n{one}" for name, one in zip(("bare", "wide", "own"), tables, strict=True))
    file.write_text(text)
    (project.path / "evals" / "gates.toml").write_text("")
    (project.path / "evals" / "test_gates.py").unlink()
    small = ["--classes", "^sci.space$", "--posts-per-class", "1", "--backend", "vertex"]
    recording = ["evals", "--record-mode", "once"] if road == "pytest" else ["newsgauge", "record", "--yes"]
    result = (project.runpytest_inprocess if road == "pytest" else project.run)(*recording, *small)
    assert result.ret == 0, result.stdout.str()
    place = "/v1beta1/projects/mine/locations/{}/publishers/google/models/m:generateContent"
    assert paths(service) == {
        place.format("europe-west1"), place.format("global"), f"/v1beta1/{endpoint}:generateContent"
    }  # fmt: skip
    service.calls.clear()
    file.write_text(text.replace("global", "us-central1"))  # where it is asked is not what is asked
    assert project.runpytest_inprocess("evals", *small).ret == 0
    assert service.calls == []


@pytest.mark.parametrize(
    ("location", "host"),
    [("global", "https://aiplatform.googleapis.com/"), ("us-east4", "https://us-east4-aiplatform.googleapis.com/")],
)
def test_google_is_asked_at_the_host_of_the_location(monkeypatch: pytest.MonkeyPatch, location: str, host: str) -> None:
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "mine")
    monkeypatch.setattr("newsgauge.client.clients.cloud_credentials", lambda url: AnonymousCredentials())  # type: ignore[no-untyped-call]
    with closing(open_client(Access("vertex", location=location))) as client:
        assert client._api_client._http_options.base_url == host


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
