"""``newsgauge export mlflow`` leaves a run where MLflow's own client finds it: whole, once, without texts of posts.

MLflow's own file store takes the runs. ``nox -s mlflow`` says in NEWSGAUGE_MLFLOW where a real server is asked as well.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from newsgauge.cli.main import main
from tests.report.report_runs import SECRET, write_run

mlflow = pytest.importorskip("mlflow", reason="needs the extra mlflow")
SERVER = os.environ.get("NEWSGAUGE_MLFLOW")


@pytest.fixture(params=["files", pytest.param("server", marks=pytest.mark.skipif(not SERVER, reason="nox -s mlflow"))])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME", raising=False)
    return str(SERVER) if request.param == "server" else (tmp_path / "mlflow").as_uri()


def logged(place: str, experiment: str) -> list[Any]:
    client = mlflow.MlflowClient(place)
    found = client.get_experiment_by_name(experiment)
    return list(client.search_runs([found.experiment_id], order_by=["attributes.start_time ASC"]))


def test_a_run_is_logged_whole_once_and_without_texts(
    place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, experiment = write_run(tmp_path / "run"), f"of {tmp_path.name} {os.getpid()}"
    arguments = ["export", "mlflow", str(run), "--tracking-uri", place, "--experiment", experiment]
    assert main(arguments) == 0
    assert "with 2 variants under it" in capsys.readouterr().out
    assert main(arguments) == 0
    assert "was logged before" in capsys.readouterr().out

    parent, *children = sorted(logged(place, experiment), key=lambda one: "mlflow.parentRunId" in one.data.tags)
    gates = json.loads((run / "gates.json").read_text())
    assert parent.data.tags["newsgauge.headline"] == gates["headline"]
    assert parent.data.metrics["n_gates"] == 2
    assert {one.info.run_name for one in children} == {"plain", "tuned"}
    assert {one.data.tags["mlflow.parentRunId"] for one in children} == {parent.info.run_id}
    assert {one.info.status for one in (parent, *children)} == {"FINISHED"}
    tuned = next(one for one in children if one.info.run_name == "tuned")
    score = json.loads((run / "scoreboard.json").read_text())["variants"]["tuned"]
    assert tuned.data.metrics["accuracy"] == score["n_correct"] / score["n"] == 0.9
    assert tuned.data.metrics["accuracy_low"] < 0.9 < tuned.data.metrics["accuracy_high"]
    assert tuned.data.params["model_versions"] == "gemini-3.5-flash-lite"

    files = mlflow.MlflowClient(place).download_artifacts(parent.info.run_id, "", dst_path=str(tmp_path))
    kept = {path.name: path.read_text() for path in Path(files).iterdir() if path.is_file()}
    assert {"results.csv", "scoreboard.json", "gates.json"} <= set(kept)
    assert "posts.json" not in kept
    assert "report.html" not in kept
    assert [name for name, text in kept.items() if SECRET in text and name not in ("results.csv", "flips.csv")] == []


def test_a_run_that_was_interrupted_is_logged_anew(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, experiment = write_run(tmp_path / "run"), f"cut of {tmp_path.name} {os.getpid()}"
    arguments = ["export", "mlflow", str(run), "--tracking-uri", place, "--experiment", experiment]
    with monkeypatch.context() as patch:
        patch.setattr(mlflow.MlflowClient, "log_artifact", lambda *_: (_ for _ in ()).throw(OSError(28, "disk full")))
        assert main(arguments) == 1
    assert main(arguments) == 0
    found = logged(place, experiment)
    assert len(found) == 3
    assert {one.info.status for one in found} == {"FINISHED"}


def test_a_server_that_is_not_there_and_a_missing_address_are_one_line_each(
    place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = str(write_run(tmp_path / "run"))
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    assert main(["export", "mlflow", run, "--tracking-uri", "http://user:hidden@127.0.0.1:9"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert ": MLflow could not take the run: " in said
    assert "hidden" not in said
    assert main(["export", "mlflow", run]) == 2
    assert "expected the address of an MLflow server" in capsys.readouterr().err
