"""Tuning on Enterprise/Vertex, against the embedded backend's Vertex surface: bucket, job, endpoint, evaluation."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from google.genai.tunings import Tunings
from google.genai.types import TunedModel, TunedModelCheckpoint

from newsgauge.errors import BackendError
from newsgauge.tuning.vertex import VertexTuning
from tests.quick_python import program
from tests.tuning.tuning_names import LONG, SMALL

BUCKET = ("--bucket", "gs://my-bucket/folder")
TUNED = Path(".newsgauge") / "tuned.json"
pytest.importorskip("google.cloud.storage", reason="google-cloud-storage is not installed")


def at(server: Any) -> tuple[str, ...]:
    return ("--backend", "vertex", "--base-url", server.base_url)


def jobs(server: Any) -> list[dict[str, object]]:
    url = f"{server.base_url}/v1beta1/projects/local/locations/us-central1/tuningJobs"
    return httpx2.get(url, trust_env=False).json().get("tuningJobs", [])


def model_of(out: str) -> str:
    return re.search(r"^Tuned model: (\S+)$", out, re.MULTILINE)[1]


def test_a_job_is_started_from_a_bucket_found_again_and_asked(
    newsgauge: Callable[..., tuple[int, str, str]], fresh_server: Any
) -> None:
    status, out, _ = newsgauge("tune", *SMALL, *at(fresh_server), *BUCKET)
    assert status == 0
    assert "no price is known for gemini-3.5-flash-lite" in out
    (job,) = jobs(fresh_server)
    assert model_of(out) == job["tunedModel"]["endpoint"]
    uri = job["supervisedTuningSpec"]["trainingDatasetUri"]
    tag = job["labels"]["newsgauge"]
    assert uri == f"gs://my-bucket/folder/{tag}.jsonl"
    assert job["tunedModelDisplayName"] == f"text classification {tag}"
    stored = f"{fresh_server.base_url}/storage/v1/b/my-bucket/o/folder%2F{tag}.jsonl?alt=media"
    lines = [json.loads(line) for line in httpx2.get(stored, trust_env=False).text.splitlines()]
    assert len(lines) == 8
    assert {line["contents"][1]["parts"][0]["text"] for line in lines} == {"sci.med", "sci.space"}
    assert ": reused" in newsgauge("tune", *SMALL, *at(fresh_server), *BUCKET)[1]
    assert len(jobs(fresh_server)) == 1
    label = newsgauge("classify", "orbit and launch of the shuttle", *at(fresh_server))[1]
    assert label.split()[0] in ("sci.med", "sci.space")


def test_a_job_that_costs_is_refused_in_ci_and_past_its_budget(
    newsgauge: Callable[..., tuple[int, str, str]], fresh_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    vertex = (*SMALL, *at(fresh_server), *BUCKET)
    monkeypatch.setenv("CI", "true")
    status, _, err = newsgauge("tune", *vertex)
    assert (status, jobs(fresh_server)) == (2, [])
    assert "tune --backend vertex: CI is set" in err
    assert "--allow-record-in-ci" in err
    status, _, err = newsgauge("tune", *vertex, "--allow-record-in-ci", "--max-cost", "0.000001", "--price", "5")
    assert (status, jobs(fresh_server)) == (2, [])
    assert "--max-cost 1e-06: this is forecast to cost about" in err
    status, _, err = newsgauge("tune", *vertex, "--allow-record-in-ci", "--max-cost", "5")
    assert (status, jobs(fresh_server)) == (2, [])
    assert "no price is known" in err
    assert newsgauge("tune", *vertex, "--allow-record-in-ci", "--max-cost", "5", "--price", "5")[0] == 0
    # What is there already is found, and costs nothing.
    assert newsgauge("tune", *vertex)[0] == 0
    assert len(jobs(fresh_server)) == 1


def test_who_sits_at_a_terminal_is_asked_before_a_job_is_paid_for(
    newsgauge: Callable[..., tuple[int, str, str]], fresh_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> Any:
            return True

    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    status, _, err = newsgauge("tune", *SMALL, *at(fresh_server), *BUCKET)
    assert (status, jobs(fresh_server)) == (2, [])
    assert "not confirmed: nothing was asked" in err
    assert newsgauge("tune", *SMALL, *at(fresh_server), *BUCKET, "--yes")[0] == 0
    assert len(jobs(fresh_server)) == 1


def test_settings_arrive_in_the_job_and_make_another_one(
    newsgauge: Callable[..., tuple[int, str, str]], fresh_server: Any
) -> None:
    assert newsgauge("tune", *SMALL, *at(fresh_server), *BUCKET)[0] == 0
    more = ("--learning-rate-multiplier", "2", "--adapter-size", "4", "--epochs", "3", "--price", "3")
    status, out, _ = newsgauge("tune", *SMALL, *at(fresh_server), *BUCKET, *more)
    assert status == 0
    assert re.search(r"cost: about \d+\.\d\d USD at 3 USD per million tokens", out)
    settings = jobs(fresh_server)[1]["supervisedTuningSpec"]["hyperParameters"]
    assert {key: str(value) for key, value in settings.items()} == {
        "epochCount": "3", "learningRateMultiplier": "2.0", "adapterSize": "ADAPTER_SIZE_FOUR",
    }  # fmt: skip


def test_posts_that_are_no_examples_are_what_checkpoints_are_measured_on(
    newsgauge: Callable[..., tuple[int, str, str]], fresh_server: Any, project: Path
) -> None:
    (project / "evals").unlink()
    (project / "evals").mkdir()
    table = '[tuned]\nabout = "x"\nmodel = "tuned"\ncontents = "{post}"\n'
    file = project / "evals" / "variants.toml"
    file.write_text(table + "tuning = { posts_per_class = 4 }\n")
    vertex = (*SMALL[:2], *at(fresh_server), *BUCKET)
    assert newsgauge("tune", *vertex)[0] == 0
    file.write_text(table + "tuning = { posts_per_class = 4, validation_posts_per_class = 2 }\n")
    status, out, err = newsgauge("tune", *vertex)
    assert (status, ": started" in out) == (0, True), err  # one without validation is another job
    assert re.search(r"succeeded, step 2 of 2, mean loss 0\.\d{3}, validation 0\.\d{3}, ", out)
    (job,) = [one["name"] for one in jobs(fresh_server) if "validationDatasetUri" in str(one)]
    rows = Path(f".newsgauge/tuning/{str(job).rpartition('/')[2]}.csv").read_text().splitlines()
    assert rows[0] == "step,epoch,mean_loss,validation_loss"
    assert [row.split(",")[:2] for row in rows[1:]] == [["1", "1"], ["2", "2"]]  # a batch is all eight examples
    assert "on validation texts:\n" in newsgauge("tune", "status", job, *at(fresh_server))[1]
    assert re.search(r"mean loss 0\.\d+, validation 0\.\d+\n", newsgauge("tune", "list", *at(fresh_server))[1])
    plain, validated = (job["supervisedTuningSpec"] for job in jobs(fresh_server))
    assert "validationDatasetUri" not in plain  # type: ignore[operator]

    def texts(uri: Any) -> Any:
        name = uri.removeprefix("gs://my-bucket/").replace("/", "%2F")
        raw = httpx2.get(f"{fresh_server.base_url}/storage/v1/b/my-bucket/o/{name}?alt=media", trust_env=False).text
        return [json.loads(line)["contents"][0]["parts"][0]["text"] for line in raw.splitlines()]

    assert texts(validated["trainingDatasetUri"]) == texts(plain["trainingDatasetUri"])  # the same examples
    held_back = texts(validated["validationDatasetUri"])
    assert len(held_back) == 4
    assert not set(held_back) & set(texts(validated["trainingDatasetUri"]))
    assert ": reused" in newsgauge("tune", *vertex)[1]
    # The suite asks either: what a model learnt is the same.
    assert len(json.loads(TUNED.read_text())["models"]) == 1
    file.write_text(table + "tuning = { posts_per_class = 1000, validation_posts_per_class = 2 }\n")
    status, _, err = newsgauge("tune", *vertex)
    assert (status, "none is left for 'validation_posts_per_class'" in err) == (2, True)


def test_losses_that_cannot_be_read_are_no_reason_to_fail(
    newsgauge: Callable[..., tuple[int, str, str]], fresh_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(self: VertexTuning, name: str) -> Any:
        raise BackendError(f"{name}: 403 PERMISSION_DENIED")

    with monkeypatch.context() as patched:
        patched.setattr(VertexTuning, "_get", refused)
        status, out, _ = newsgauge("tune", *SMALL, *at(fresh_server), *BUCKET)
    assert status == 0
    assert "Losses: the service keeps them in projects/local/locations/us-central1/metadataStores/default/" in out
    (job,) = jobs(fresh_server)
    answers: tuple[dict[str, Any], ...] = ({"metadata": {}}, {}, {"metadata": []})
    for odd in answers:
        with monkeypatch.context() as patched:
            patched.setattr(VertexTuning, "_get", lambda self, name, odd=odd: odd)
            status, out, _ = newsgauge("tune", "status", job["name"], *at(fresh_server))
        assert (status, "losses: in experiment projects/" in out) == (0, True)


def test_a_checkpoint_is_listed_and_chosen(
    newsgauge: Callable[..., tuple[int, str, str]], fresh_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert newsgauge("tune", *SMALL, *at(fresh_server), *BUCKET)[0] == 0
    place = "projects/p/locations/l/endpoints"
    kept = [TunedModelCheckpoint(checkpoint_id=str(n), epoch=n, step=n * 6, endpoint=f"{place}/{n}") for n in (1, 2)]
    more = {"tuned_model": TunedModel(endpoint=f"{place}/2", checkpoints=kept)}
    plain = Tunings.get
    monkeypatch.setattr(Tunings, "get", lambda self, **which: plain(self, **which).model_copy(update=more))
    (job,) = jobs(fresh_server)
    out = newsgauge("tune", "status", job["name"], *at(fresh_server))[1]
    assert "checkpoint 1: epoch 1, step 6, projects/p/locations/l/endpoints/1" in out
    out = newsgauge("tune", *SMALL, *at(fresh_server), *BUCKET, "--checkpoint", "1")[1]
    assert model_of(out) == "projects/p/locations/l/endpoints/1"
    (entry,) = json.loads(TUNED.read_text())["models"].values()
    assert entry["model"] == "projects/p/locations/l/endpoints/1"
    status, _, err = newsgauge("tune", *SMALL, *at(fresh_server), *BUCKET, "--checkpoint", "7")
    assert (status, "--checkpoint: expected one of projects/" in err, "there are: 1, 2" in err) == (2, True, True)


def test_a_job_can_be_cancelled_and_is_not_joined_then(
    newsgauge: Callable[..., tuple[int, str, str]], fresh_server: Any
) -> None:
    status, _, err = newsgauge("tune", *LONG[:2], *at(fresh_server), *BUCKET, "--max-wait", "0s")
    assert status == 1
    (job,) = jobs(fresh_server)
    assert "it continues" in err
    early = newsgauge("tune", "delete", job["name"], *at(fresh_server))
    assert early[0] == 0 or f"newsgauge tune cancel {job['name']} --backend vertex --base-url http" in early[2]
    cancelled = newsgauge("tune", "cancel", job["name"], *at(fresh_server))
    ended = newsgauge("tune", "status", job["name"], *at(fresh_server))[1]
    assert cancelled[0] == 0 or "already" in cancelled[2]
    assert "cancelled" in ended or "succeeded" in ended


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "--bucket: Vertex reads training files and batches from Cloud Storage: name a bucket"),
        (("--bucket", "my-bucket"), "--bucket: expected gs://BUCKET or gs://BUCKET/FOLDER"),
        (("--bucket", "s3://my-bucket"), "--bucket: expected gs://BUCKET or gs://BUCKET/FOLDER"),
        (("--bucket", "gs://"), "--bucket: expected gs://BUCKET or gs://BUCKET/FOLDER"),
        ((*BUCKET, "--batch-size", "4"), "--batch-size: Vertex has no such setting"),
        (
            (*BUCKET, "--learning-rate", "1"),
            "--learning-rate: Vertex has no such setting (there is --learning-rate-mul",
        ),
        ((*BUCKET, "--adapter-size", "3"), "--adapter-size: expected 1, 2, 4, 8, 16, 32, got 3"),
    ],
)
def test_a_mistake_is_one_line_and_starts_nothing(
    newsgauge: Callable[..., tuple[int, str, str]], fresh_server: Any, arguments: Any, words: str
) -> None:
    status, out, err = newsgauge("tune", *SMALL, *at(fresh_server), *arguments)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert words in err
    assert jobs(fresh_server) == []


def test_a_server_of_the_environment_stands_in_for_cloud_storage_too(
    newsgauge: Callable[..., tuple[int, str, str]], fresh_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_VERTEX_BASE_URL", fresh_server.base_url)
    assert newsgauge("tune", *SMALL, "--backend", "vertex", *BUCKET)[0] == 0
    assert len(jobs(fresh_server)) == 1


def test_without_a_project_nothing_is_asked(newsgauge: Callable[..., tuple[int, str, str]]) -> None:
    status, _, err = newsgauge("tune", *SMALL, "--backend", "vertex", *BUCKET)
    assert (status, "GOOGLE_CLOUD_PROJECT" in err, err.count("\n")) == (2, True, 1)


def test_a_server_of_this_machine_that_does_not_listen_is_told_within_seconds(
    newsgauge: Callable[..., tuple[int, str, str]],
) -> None:
    start = time.monotonic()
    status, _, err = newsgauge("tune", "list", "--backend", "vertex", "--base-url", "http://127.0.0.1:9")
    assert (status, err.count("\n"), "Connection refused" in err) == (1, 1, True)
    assert time.monotonic() - start < 10


def test_without_credentials_the_error_says_how_to_get_some(
    newsgauge: Callable[..., tuple[int, str, str]], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "p")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(project / "none.json"))
    status, _, err = newsgauge("tune", *SMALL, "--backend", "vertex", *BUCKET)
    assert status == 1
    assert "gcloud auth application-default login" in err
    assert "Traceback" not in err


# --- the suite finds the model, and its recordings say what it was trained on


@pytest.fixture
def evaluate(project: Path, fresh_server: Any) -> Any:
    """Runs the suite in the project's folder, on the tuned variant of the Vertex backend."""
    (project / "evals").unlink()
    shutil.copytree(Path(__file__).parents[2] / "evals", project / "evals", ignore=shutil.ignore_patterns("*.pyc"))
    for path in project.glob("evals/*.py"):
        if path.name != "test_newsgroups.py":
            path.unlink()
    (project / "pyproject.toml").write_text('[tool.pytest]\nstrict = true\nmarkers = ["case: a", "gate: a"]\n')

    def run(*options: str, online: bool = False) -> tuple[int, str]:
        environment = {key: value for key, value in os.environ.items() if key != "CI" and "PYTEST" not in key}
        if online:
            environment["GOOGLE_VERTEX_BASE_URL"] = fresh_server.base_url
        command = ["evals", "--backend", "vertex", "--variants", "tuned", *SMALL[:2], "--posts-per-class", "2"]
        done = subprocess.run(
            [program("python"), "-m", "pytest", "-p", "no:cacheprovider", *command, *options],
            cwd=project, env=environment, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    return run


@pytest.mark.slow
def test_the_suite_records_the_tuned_model_and_replays_it_alone(
    newsgauge: Callable[..., tuple[int, str, str]], fresh_server: Any, evaluate: Any, project: Path
) -> None:
    status, out = evaluate("--record-mode", "once", online=True)
    assert status == 4
    assert "knows no tuned model of training set" in out
    assert "newsgauge tune --backend vertex --classes '^sci.(space|med)$' --bucket gs://BUCKET" in out
    # The suite's training set: the variant's settings, the run's classes.
    assert newsgauge("tune", *SMALL[:2], *at(fresh_server), *BUCKET)[0] == 0
    status, out = evaluate("--record-mode", "once", online=True)
    assert (status, "tuned    4 " in re.sub(" +4 ", "    4 ", out)) == (0, True), out
    TUNED.unlink()
    status, out = evaluate()
    assert status == 0, out
    assert "stands in" not in out
    kept = [json.loads(line) for line in (project / "cassettes/vertex/bundled/tuned.jsonl").read_text().splitlines()]
    assert {line["provenance"]["training"] for line in kept} == {re.search(r"newsgauge-(\w{12})\)", out)[1]}
    assert all("local" not in json.dumps(line) for line in kept)  # the project's name is nobody's business
    variants = project / "evals" / "variants.toml"
    variants.write_text(variants.read_text().replace("epochs = 2", "epochs = 3"))
    status, out = evaluate()
    assert status == 1
    assert "changed since it was recorded: model: recorded" in out


@pytest.mark.slow
def test_the_scoreboard_names_the_model_that_stands_in(
    newsgauge: Callable[..., tuple[int, str, str]], fresh_server: Any, evaluate: Any, project: Path
) -> None:
    options = (*SMALL[:2], *at(fresh_server), *BUCKET, "--max-wait", "0s", "--fallback", "gemini-3.5-flash-lite")
    assert newsgauge("tune", *options, "--new")[0] == 0
    for extra, online in ((("--record-mode", "once"), True), ((), False)):
        status, out = evaluate(*extra, online=online)
        assert status == 0, out
        assert "tuned: gemini-3.5-flash-lite answered for a job that did not end in time" in out
    kept = [json.loads(line) for line in (project / "cassettes/vertex/bundled/tuned.jsonl").read_text().splitlines()]
    (job,) = jobs(fresh_server)
    assert {line["provenance"]["stands_in_for"] for line in kept} == {job["name"].rpartition("/")[2]}  # type: ignore[attr-defined]
    assert all("projects/local" not in json.dumps(line) for line in kept)
