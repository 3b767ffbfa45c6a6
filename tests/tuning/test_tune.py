"""``newsgauge tune`` against an embedded backend: one job for one training set, however often it is asked for."""

from __future__ import annotations

import csv
import json
import re
import signal
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.tuning.tuning_names import LONG, SMALL

TUNED = Path(".newsgauge") / "tuned.json"


def models(server: Any) -> list[dict[str, object]]:
    return httpx2.get(f"{server.base_url}/v1beta/tunedModels?pageSize=100", trust_env=False).json()["tunedModels"]


def test_a_first_tune_trains_and_a_second_reuses_the_job(newsgauge: Any, fresh_server: Any) -> None:
    at = ("--base-url", fresh_server.base_url)
    status, out, _ = newsgauge("tune", *SMALL, *at)
    assert status == 0
    assert "8 texts of 2 labels" in out
    name = re.search(r"^Tuned model: (tunedModels/newsgauge-[0-9a-f]{12})$", out, re.MULTILINE)[1]
    assert "--classes '^sci.(space|med)$' --variants tuned" in out
    status, out, _ = newsgauge("tune", *SMALL, *at)
    assert (status, len(models(fresh_server))) == (0, 1)
    assert f"Job {name}: a job with the same training set, base model and settings has succeeded: reused" in out
    entries = json.loads(TUNED.read_text())["models"]
    assert list(entries) == [f"embedded/bundled/{name[-12:]}"]
    assert entries[f"embedded/bundled/{name[-12:]}"]["labels"] == ["sci.med", "sci.space"]


def test_the_suite_and_the_command_name_the_same_model(newsgauge: Any, server: Any) -> None:
    committed = (Path(__file__).parents[2] / "cassettes/embedded/bundled/tuned.jsonl").read_text()
    status, out, _ = newsgauge("tune", "--base-url", server.base_url)
    assert status == 0
    assert re.search(r"Tuned model: (\S+)", out)[1] in committed
    assert "The settings are not those" not in out


@pytest.mark.parametrize("change", [["--epochs", "3"], ["--posts-per-class", "5"], ["--learning-rate", "0.01"]])
def test_a_changed_training_set_or_setting_is_another_job(newsgauge: Any, server: Any, change: Any) -> None:
    at = ("--base-url", server.base_url)
    first = re.search(r"Tuned model: (\S+)", newsgauge("tune", *SMALL, *at)[1])[1]
    out = newsgauge("tune", *SMALL, *change, *at)[1]
    assert re.search(r"Tuned model: (\S+)", out)[1] != first
    assert "The settings are not those of [tuned] in variants.toml" in out


def test_new_starts_another_job_and_the_newest_is_taken_then(newsgauge: Any, fresh_server: Any) -> None:
    at = ("--base-url", fresh_server.base_url)
    first = re.search(r"Tuned model: (\S+)", newsgauge("tune", *SMALL, *at)[1])[1]
    second = re.search(r"Tuned model: (\S+)", newsgauge("tune", *SMALL, *at, "--new")[1])[1]
    assert second == f"{first}-2"
    assert f"Tuned model: {second}" in newsgauge("tune", *SMALL, *at)[1]
    assert len(models(fresh_server)) == 2


def test_the_loss_curve_is_saved_as_table_and_picture(newsgauge: Any, server: Any) -> None:
    assert newsgauge("tune", *SMALL, "--epochs", "5", "--batch-size", "2", "--base-url", server.base_url)[0] == 0
    table = next(Path(".newsgauge/tuning").glob("*.csv"))
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert [int(row["step"]) for row in rows] == list(range(1, 21))  # 5 epochs of 8 posts in pairs
    assert float(rows[-1]["mean_loss"]) < float(rows[0]["mean_loss"])
    page = table.with_suffix(".html").read_text("utf-8")
    assert f'<th scope="row">20</th><td>5</td><td>{float(rows[-1]["mean_loss"]):.4f}</td>' in page
    assert page.count("<polyline") == 1


def test_a_deleted_model_is_trained_again(newsgauge: Any, fresh_server: Any) -> None:
    at = ("--base-url", fresh_server.base_url)
    name = re.search(r"Tuned model: (\S+)", newsgauge("tune", *SMALL, *at)[1])[1]
    assert newsgauge("tune", "delete", name, *at)[:2] == (0, f"{name}: deleted\n")
    assert json.loads(TUNED.read_text())["models"] == {}
    assert f"Job {name}: started" in newsgauge("tune", *SMALL, *at)[1]


def test_a_job_that_failed_is_told_in_the_service_s_words_and_not_reused(newsgauge: Any, fresh_server: Any) -> None:
    at = ("--base-url", fresh_server.base_url)
    one_label = ["--classes", "^sci.space$", "--posts-per-class", "4"]
    for number in ("", "-2"):
        status, _, err = newsgauge("tune", *one_label, *at)
        assert status == 1
        assert re.search(rf"newsgauge-\w+{number}: tuning has failed: .*two", err)
    assert not TUNED.exists()
    assert [model["state"] for model in models(fresh_server)] == ["FAILED", "FAILED"]


def test_list_status_and_cancel_are_about_the_jobs_of_the_service(newsgauge: Any, fresh_server: Any) -> None:
    at = ("--base-url", fresh_server.base_url)
    assert newsgauge("tune", "list", *at)[1] == f"no tuning jobs; 'newsgauge tune {' '.join(at)}' starts one\n"
    assert newsgauge("tune", *SMALL, *at)[0] == 0
    name = models(fresh_server)[0]["name"]
    assert f"{name}  'text classification'" in newsgauge("tune", "list", *at)[1]
    out = newsgauge("tune", "status", name, *at)[1]
    assert f"{name}: succeeded" in out
    assert "step 2 of 2, mean loss" in out
    status, _, err = newsgauge("tune", "cancel", name, *at)
    assert (status, "has succeeded already" in err) == (2, True)
    status, _, err = newsgauge("tune", "status", "tunedModels/none", *at)
    assert (status, "404 NOT_FOUND" in err) == (1, True)


def test_when_the_wait_is_over_the_job_goes_on_and_is_joined_later(newsgauge: Any, fresh_server: Any) -> None:
    at = ("--base-url", fresh_server.base_url)
    status, out, err = newsgauge("tune", *LONG, *at, "--max-wait", "0s", "--new")
    assert status == 1
    assert re.search(r"is still .* after 0 s; it continues\nCome back: newsgauge tune .* --max-wait 0s\n", err)
    assert not TUNED.exists()
    status, out, _ = newsgauge("tune", *LONG, *at, "--max-wait", "0s")
    assert "is under way: waiting for it" in out
    (model,) = models(fresh_server)
    assert newsgauge("tune", "cancel", model["name"], *at)[0] == 0
    assert models(fresh_server) == []


def test_a_fallback_stands_in_and_says_so(newsgauge: Any, fresh_server: Any) -> None:
    at = ("--base-url", fresh_server.base_url)
    status, _, err = newsgauge("tune", *LONG, *at, "--max-wait", "0.1s", "--fallback", "gemini-3.5-flash-lite")
    assert status == 0
    assert "gemini-3.5-flash-lite is used instead" in err
    (entry,) = json.loads(TUNED.read_text())["models"].values()
    (model,) = models(fresh_server)
    assert (entry["model"], entry["fallback_for"]) == ("gemini-3.5-flash-lite", model["name"])
    newsgauge("tune", "delete", model["name"], *at)


def test_ctrl_c_leaves_the_job_and_says_how_to_come_back(start_newsgauge: Any, fresh_server: Any) -> None:
    process = start_newsgauge("tune", *LONG, "--base-url", fresh_server.base_url)
    for line in process.stdout:
        if line.startswith("running"):
            break
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    (model,) = models(fresh_server)
    assert model["state"] == "CREATING"
    assert f"left {model['name']} running; it continues." in err
    assert f"Come back:  newsgauge tune {' '.join(LONG)} --base-url" in err
    assert f"newsgauge tune status {model['name']} --base-url {fresh_server.base_url}" in err
    assert "Traceback" not in err


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_a_job_in_this_folder_is_found_again_after_its_command_was_stopped(
    start_newsgauge: Any, newsgauge: Any, end: Any
) -> None:
    settings = ["--epochs", "50", "--batch-size", "16"]
    process = start_newsgauge("tune", *settings)
    for line in process.stdout:
        if line.startswith("running"):
            break
    process.send_signal(end)
    process.communicate(timeout=30)
    status, out, _ = newsgauge("tune", *settings)
    assert status == 0
    assert "is under way: waiting for it" in out
    assert newsgauge("tune", "list")[1].count("tunedModels/") == 1


def test_nobody_at_the_address_is_told(newsgauge: Any) -> None:
    status, _, err = newsgauge("tune", "list", "--base-url", "http://127.0.0.1:9")
    assert (status, err.count("\n")) == (1, 1)
    assert "tunedModels at http://127.0.0.1:9: ConnectError" in err


def test_two_at_once_start_one_job(start_newsgauge: Any, fresh_server: Any) -> None:
    at = ("--base-url", fresh_server.base_url)
    processes = [start_newsgauge("tune", *SMALL, *at) for _ in range(3)]
    outputs = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert len(models(fresh_server)) == 1
    assert sum(": started" in out for out in outputs) == 1


@pytest.mark.slow
def test_two_at_once_in_one_folder_take_turns_and_start_one_job(start_newsgauge: Any) -> None:
    processes = [start_newsgauge("tune", *SMALL) for _ in range(2)]
    outputs = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sorted(": started" in out for out in outputs) == [False, True]
    assert sorted("succeeded: reused" in out for out in outputs) == [False, True]


@pytest.mark.parametrize("text", ['{"format": 1, "models": {"embedded/b', "", "[]", '{"format": 2, "models": {}}',
                                  '{"format": 1, "models": {"a": {"model": 3}}}'])  # fmt: skip
def test_a_damaged_file_is_told_before_anything_starts_and_stays(
    newsgauge: Any, fresh_server: Any, project: Path, text: str
) -> None:
    (project / ".newsgauge").mkdir()
    TUNED.write_text(text)
    status, out, err = newsgauge("tune", *SMALL, "--base-url", fresh_server.base_url)
    assert (status, out) == (2, "")
    assert "tuned.json: expected the tuned models" in err
    assert "Traceback" not in err
    assert TUNED.read_text() == text
    assert models(fresh_server) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["--backend", "gemini", "--epochs", "3", "--classes", "^sci"],
            "Google ended tuning on the Gemini Developer API; it lives on Enterprise/Vertex: "
            "newsgauge tune --backend vertex --epochs 3 --classes '^sci' --bucket gs://BUCKET",
        ),
        (["list", "--backend=gemini"], "it lives on Enterprise/Vertex: newsgauge tune list --backend=vertex\n"),
        (["--fallback", "m"], "--fallback: expected --max-wait with it"),
        (["--adapter-size", "4"], "--adapter-size: only Vertex has adapters"),
        (["--learning-rate", "1", "--learning-rate-multiplier", "2"], "expected one of them, got both"),
        (["--variant", "system"], "'system' of evals/variants.toml asks a model that is not tuned"),
        (["--base-url", "localhost:1"], "--base-url: expected http://HOST:PORT"),
        (["--base-url", "http://example.com"], "the embedded backend is asked on this machine only"),
        (["status"], "tune status: expected the name of a job"),
        (["delete", "tunedModels/../files/a"], "tune delete: expected a name as 'newsgauge tune list' shows it"),
        (["cancel", "tunedModels/a; rm -r ."], "tune cancel: expected a name as 'newsgauge tune list' shows it"),
        (["status", "tunedModels/a?key=b"], "tune status: expected a name as 'newsgauge tune list' shows it"),
        (["list", "x"], "tune list: expected no job name"),
        (["--corpus", "nowhere"], "--corpus: expected bundled"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(newsgauge: Any, arguments: Any, words: str) -> None:
    status, _, err = newsgauge("tune", *arguments)
    assert status == 2
    assert words in err
    assert err.count("\n") == 1


def test_models_marks_what_can_be_tuned(newsgauge: Any, server: Any) -> None:
    status, out, _ = newsgauge("models", "--base-url", server.base_url)
    assert status == 0
    assert "* models/gemini-3.5-flash-lite-tuning " in out
    assert "  models/gemini-3.5-flash-lite " in out
    assert "1 of 2 can be tuned" in out
