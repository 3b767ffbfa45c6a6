"""What survives a restart, a kill and a SIGTERM; and who gets in."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest

from gemini_emulator.app import Options
from gemini_emulator.errors import StartError, StorageError
from gemini_emulator.models import arrays
from gemini_emulator.server import EmbeddedServer
from gemini_emulator.state import FILE_NAME, State
from tests.gemini_emulator.endpoint_calls import ask, make_examples, said, tune, tuning_body, wait_tuned
from tests.quick_python import program


def client(server: Any) -> Any:
    return httpx2.Client(base_url=server.base_url, timeout=60)


def start(*arguments: Any) -> Any:
    """The server as its own process, its base URL, and all that it announces."""
    command = [program("python"), "-m", "gemini_emulator", "--port", "0", *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    announced = ""
    assert process.stdout is not None
    for line in process.stdout:
        announced += line
        if "GOOGLE_GEMINI_BASE_URL" in line:
            break
    else:
        raise AssertionError(process.communicate()[1])
    found = re.search(r"http://127\.0\.0\.1:\d+", announced)
    assert found is not None
    return process, found[0], announced


def end(process: Any, number: Any = signal.SIGTERM) -> Any:
    process.send_signal(number)
    return process.communicate(timeout=30)[1]


def test_a_tuned_model_answers_the_same_after_a_restart(tmp_path: Path) -> None:
    with EmbeddedServer(state=tmp_path) as server, client(server) as http:
        before_model = tune(http, "kept")
        before = http.post("/v1beta/tunedModels/kept:generateContent", json=ask("a moon and a tyre")).json()
    with EmbeddedServer(state=tmp_path) as server, client(server) as http:
        assert http.get("/v1beta/tunedModels/kept").json() == before_model
        after = http.post("/v1beta/tunedModels/kept:generateContent", json=ask("a moon and a tyre")).json()
        assert said(after) == said(before)
        assert [m["name"] for m in http.get("/v1/tunedModels").json()["tunedModels"]] == ["tunedModels/kept"]


@pytest.mark.slow
def test_a_training_cut_by_kill_9_is_done_again_to_the_same_model(tmp_path: Path) -> None:
    process, url, _ = start("--state", tmp_path)
    try:
        with httpx2.Client(base_url=url, timeout=60) as http:
            body = tuning_body(make_examples(20), epochCount=20, batchSize=1)
            http.post("/v1beta/tunedModels", params={"tunedModelId": "cut"}, json=body)
            for _ in range(600):
                if http.get("/v1beta/tunedModels/cut").json()["tuningTask"]["snapshots"]:
                    break
                time.sleep(0.02)
    finally:
        end(process, signal.SIGKILL)
    with EmbeddedServer(state=tmp_path) as server, client(server) as http:
        again = wait_tuned(http, "cut")
        whole = tune(http, "whole", make_examples(20), epochCount=20, batchSize=1)
    assert again["state"] == "ACTIVE"
    assert len(again["tuningTask"]["snapshots"]) == 20 * 60
    assert [s["meanLoss"] for s in again["tuningTask"]["snapshots"]] == [
        s["meanLoss"] for s in whole["tuningTask"]["snapshots"]
    ]


@pytest.mark.slow
def test_sigterm_stops_a_busy_server_cleanly_and_quietly(tmp_path: Path) -> None:
    process, url, announced = start("--state", tmp_path)
    with httpx2.Client(base_url=url, timeout=60) as http:
        http.post(
            "/v1beta/tunedModels",
            params={"tunedModelId": "busy"},
            json=tuning_body(make_examples(200), epochCount=100, batchSize=1),
        )
        err = end(process)
    assert (process.returncode, err) == (0, "")
    assert "not Gemini" in announced
    assert f"genai.Client(api_key='any', http_options={{'base_url': '{url}'}})" in announced


@pytest.mark.slow
def test_serve_hands_all_its_options_on(tmp_path: Path) -> None:
    faults = tmp_path / "faults.toml"
    faults.write_text('[[fault]]\nkind = "unavailable"\nevery = 2\n')
    process, url, _ = start("--faults", faults, "--rpm", 2, "--api-key", "k")
    try:
        with httpx2.Client(base_url=url, timeout=60) as http:
            model = "/v1beta/models/gemini-3.5-flash-lite:generateContent"
            codes = [http.post(model, json=ask("x"), headers={"x-goog-api-key": "k"}).status_code for _ in range(3)]
            codes.append(http.post(model, json=ask("x")).status_code)
    finally:
        end(process)
    assert codes == [200, 503, 429, 403]


@pytest.mark.parametrize("arguments", [("--rpm", "0"), ("--faults", "nowhere.toml")])
def test_a_wrong_option_is_told_without_a_trace(arguments: Any) -> None:
    command = [program("python"), "-m", "gemini_emulator", "--port", "0", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr
    assert arguments[0] in done.stderr


@pytest.mark.slow
def test_an_interrupt_leaves_with_130_and_no_trace() -> None:
    process, _, _ = start()
    err = end(process, signal.SIGINT)
    assert (process.returncode, err) == (130, "")


def test_a_full_disk_is_told_and_what_comes_after_it_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with EmbeddedServer(state=tmp_path) as server, client(server) as http:
        database = server._service.state._db
        n_pages = database.execute("PRAGMA page_count").fetchone()[0]
        database.execute(f"PRAGMA max_page_count={n_pages}")
        refused = http.post("/v1beta/tunedModels", params={"tunedModelId": "a"}, json=tuning_body(make_examples(60)))
        assert refused.status_code == 500
        assert refused.json()["error"]["message"].startswith("the server cannot store this (database or disk is full)")
        database.execute(f"PRAGMA max_page_count={n_pages + 50}")  # room for a job, none for a large result
        with monkeypatch.context() as patch:
            patch.setattr(arrays, "to_bytes", lambda model: bytes(10_000_000))
            assert tune(http, "b")["state"] == "FAILED"
        database.execute("PRAGMA max_page_count=100000")
        with monkeypatch.context() as patch:
            patch.setattr(State, "update", refuse_to_store)
            assert tune(http, "c")["state"] == "FAILED", "a failure that cannot be stored either"
        assert tune(http, "d")["state"] == "ACTIVE"
    with EmbeddedServer(state=tmp_path) as server, client(server) as http:
        assert wait_tuned(http, "c")["state"] == "ACTIVE", "what was not stored is trained again"


def test_an_upload_that_a_full_disk_refused_goes_on_when_there_is_room(tmp_path: Path) -> None:
    headers = {"x-goog-upload-protocol": "resumable", "x-goog-upload-command": "start"}
    with EmbeddedServer(state=tmp_path) as server, client(server) as http:
        place = http.post("/upload/v1beta/files", headers=headers).headers["x-goog-upload-url"]
        bucket = "/upload/storage/v1/b/bucket/o"
        of_object = http.post(bucket, params={"uploadType": "resumable", "name": "o"}, json={}).headers["location"]
        database = server._service.state._db
        n_pages = database.execute("PRAGMA page_count").fetchone()[0]
        data = bytes(500_000)
        for is_full in (True, False):
            database.execute(f"PRAGMA max_page_count={n_pages if is_full else 100_000}")
            last = {"x-goog-upload-command": "upload, finalize", "x-goog-upload-offset": "0"}
            codes = [
                http.post(place, headers=last, content=data).status_code,
                http.put(of_object, content=data).status_code,
            ]
            assert codes == ([500, 500] if is_full else [200, 200])
        assert http.post(place, headers=last, content=data).status_code == 404  # it is over


def refuse_to_store(*arguments: Any, **options: Any) -> bool:
    raise StorageError("full")


def test_two_servers_cannot_share_one_state(tmp_path: Path) -> None:
    with EmbeddedServer(state=tmp_path), pytest.raises(StartError, match="another server uses it"):
        EmbeddedServer(state=tmp_path)


def test_a_file_that_is_no_state_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"not a database, but long enough to be looked at" * 40)
    with pytest.raises(StartError, match=f"expected a folder with this server's {FILE_NAME}"):
        State(tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(StartError, match="--state"):
        State(tmp_path / "file")


def test_a_state_of_a_later_format_is_refused(tmp_path: Path) -> None:
    State(tmp_path).close()
    database = sqlite3.connect(tmp_path / FILE_NAME)
    database.execute("PRAGMA user_version=99")
    database.close()
    with pytest.raises(StartError, match="has format 99"):
        State(tmp_path)


def test_state_holds_no_pickle(tmp_path: Path) -> None:
    with EmbeddedServer(state=tmp_path) as server, client(server) as http:
        tune(http, "plain", epochCount=1)
    database = sqlite3.connect(tmp_path / FILE_NAME)
    blobs = dict(database.execute("SELECT part, data FROM blobs"))
    database.close()
    assert set(blobs) == {"examples", "arrays-2", "snapshots"}
    assert blobs["examples"].startswith(b"[[")
    assert blobs["arrays-2"].startswith(b"PK")  # .npz, which is a zip
    assert b"numpy.core" not in blobs["arrays-2"]
    assert b"cnumpy" not in blobs["arrays-2"]


@pytest.mark.parametrize(
    ("headers", "code", "status"),
    [
        ({"x-goog-api-key": "right"}, 200, None),
        ({"authorization": "Bearer right"}, 200, None),
        ({"x-goog-api-key": "wrong"}, 400, "INVALID_ARGUMENT"),
        ({"authorization": "Bearer wrong"}, 401, "UNAUTHENTICATED"),
        ({}, 403, "PERMISSION_DENIED"),
    ],
)
def test_only_the_key_of_the_server_gets_in(headers: Any, code: int, status: Any) -> None:
    with EmbeddedServer(options=Options(api_key="right")) as server, client(server) as http:
        answer = http.get("/v1beta/models", headers=headers)
        by_query = http.get("/v1beta/models", params={"key": "right"})
    assert answer.status_code == code
    assert answer.json().get("error", {}).get("status") == status
    assert by_query.status_code == 200
    if code == 400:
        assert answer.json()["error"]["details"][0]["reason"] == "API_KEY_INVALID"


def test_a_port_that_is_taken_is_said_in_one_line() -> None:
    with EmbeddedServer() as server:
        port = server.base_url.rpartition(":")[2]
        command = [program("python"), "-m", "gemini_emulator", "--port", port]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=os.environ)
    assert done.returncode == 1
    assert re.fullmatch(r"gemini_emulator: cannot listen on .*--port 0 for any free one\n", done.stderr)
