"""``newsgauge record --batch --backend vertex``: a bucket, a job, answers in any order, the same cassettes."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from gemini_emulator.app import Options
from gemini_emulator.faults.faults import Fault, FaultPlan
from gemini_emulator.server import EmbeddedServer
from newsgauge.cli.main import main
from newsgauge.recording.batch_jobs import Answer, VertexBatches
from tests.plugin.batch_files import lines_of, open_jobs, without

storage = pytest.importorskip("google.cloud.storage", reason="google-cloud-storage is not installed")
import google.cloud  # noqa: E402  # it is there only where the library is
from google.api_core.exceptions import Forbidden  # noqa: E402

FOLDER = Path("cassettes/vertex/bundled")
PLAN = ["--backend", "vertex", "--classes", "^sci.(space|med)$", "--posts-per-class", "4"]
ALL = ["--variants", "bare,system,labels"]
SYSTEM = ["--variants", "system"]
BATCH = ["--batch", "--bucket", "gs://bucket/mine"]
SLOW = Fault("slow", path="requests", delay_s=600)
TUNED = "projects/local/locations/us-central1/endpoints/7"


@pytest.fixture(autouse=True)
def cloud_project(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "local")


class Bucket:
    """What a test sees and does of one server, past newsgauge and Google's clients."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.where = ["--base-url", url]

    def jobs(self) -> list[dict[str, Any]]:
        url = f"{self.url}/v1beta1/projects/local/locations/us-central1/batchPredictionJobs"
        found: list[dict[str, Any]] = httpx2.get(url, trust_env=False).json()["batchPredictionJobs"]
        return found

    def wait(self) -> dict[str, Any]:
        for _ in range(600):
            job = self.jobs()[-1]
            if job["state"] not in ("JOB_STATE_PENDING", "JOB_STATE_RUNNING"):
                return job
            time.sleep(0.02)
        raise AssertionError(f"{job['name']} does not end")

    def cancel(self) -> None:
        httpx2.post(f"{self.url}/v1beta1/{self.jobs()[-1]['name']}:cancel", trust_env=False).raise_for_status()

    def names(self) -> list[str]:
        answer = httpx2.get(f"{self.url}/storage/v1/b/bucket/o", trust_env=False)
        return [item["name"] for item in answer.json()["items"]] if answer.status_code == 200 else []

    def read(self, name: str) -> list[dict[str, Any]]:
        url = f"{self.url}/storage/v1/b/bucket/o/{name.replace('/', '%2F')}?alt=media"
        return [json.loads(line) for line in httpx2.get(url, trust_env=False).text.splitlines()]

    def write(self, name: str, rows: list[dict[str, Any]]) -> None:
        url = f"{self.url}/upload/storage/v1/b/bucket/o"
        data = "".join(json.dumps(row) + "\n" for row in rows)
        query = {"uploadType": "media", "name": name}
        httpx2.post(url, params=query, content=data.encode(), trust_env=False).raise_for_status()

    def answers(self) -> str:
        (name,) = (name for name in self.names() if name.endswith("/predictions.jsonl"))
        return name


@contextmanager
def serving(*faults: Fault) -> Iterator[Bucket]:
    with EmbeddedServer(options=Options(faults=FaultPlan(faults))) as server:
        yield Bucket(server.base_url)


def record(*arguments: str) -> int:
    return main(["record", *PLAN, *arguments])


def lines(variant: str) -> list[dict[str, Any]]:
    return lines_of(FOLDER / f"{variant}.jsonl")


def variants() -> str:
    return Path("evals/variants.toml").read_text()


def test_lines_are_those_of_single_calls_but_for_the_mode_and_a_replay_cannot_tell(
    project: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving() as bucket:
        assert record(*bucket.where, *ALL) == 0
        single = {path.name: [without(line, "recorded") for line in lines(path.stem)] for path in FOLDER.iterdir()}
        assert len(single) == 3
        for path in FOLDER.iterdir():
            path.unlink()
        assert record(*bucket.where, *ALL, *BATCH) == 0
        assert [job["model"] for job in bucket.jobs()] == ["publishers/google/models/gemini-3.5-flash-lite"]
        assert bucket.names() == []  # no post is left there
    assert "24 of 24 planned cases are recorded" in capsys.readouterr().out
    for name, expected in single.items():
        found = lines(name.removesuffix(".jsonl"))
        assert {line["provenance"].get("mode") for line in found} == {"batch"}
        assert [without(line, "recorded", "mode") for line in found] == expected
        assert "newsgauge_case" not in (FOLDER / name).read_text()
    assert open_jobs() == []
    assert project.runpytest_inprocess("evals", "--backend", "vertex", *ALL).ret == 0


def test_what_is_in_the_bucket_meanwhile_is_the_requests_each_with_a_label_that_vertex_takes(
    project: pytest.Pytester,
) -> None:
    with serving(SLOW) as bucket:
        assert record(*bucket.where, *SYSTEM, *BATCH, "--no-wait") == 1
        (job,) = open_jobs()
        assert bucket.names() == [f"mine/newsgauge/batches/{job['label']}.jsonl"]
        assert job["file"] == f"gs://bucket/{bucket.names()[0]}"
        rows = bucket.read(bucket.names()[0])
    labels = {row["request"]["labels"]["newsgauge_case"] for row in rows}
    assert len(labels) == 8
    assert all(re.fullmatch("[a-z0-9_-]{1,63}", label) for label in labels)
    sent = {"contents", "systemInstruction", "generationConfig"}  # as by a single call
    assert {frozenset(row["request"]) for row in rows} == {frozenset(sent | {"labels"})}


def test_answers_in_another_order_and_in_several_files_reach_their_cases(project: pytest.Pytester) -> None:
    with serving() as bucket:
        assert record(*bucket.where, *SYSTEM) == 0
        expected = [without(line, "recorded") for line in lines("system")]
        (FOLDER / "system.jsonl").unlink()
        assert record(*bucket.where, *SYSTEM, *BATCH, "--no-wait") == 1
        bucket.wait()
        (source,) = (name for name in bucket.names() if name != bucket.answers())
        asked = [row["request"] for row in bucket.read(source)]
        rows = bucket.read(bucket.answers())
        assert [row["request"] for row in rows] == asked[::-1]
        bucket.write(bucket.answers(), rows[3:])
        bucket.write(bucket.answers().replace("predictions", "predictions_2"), [rows[1], rows[2], rows[0]])
        assert record(*bucket.where, *SYSTEM, *BATCH) == 0
        assert len(bucket.jobs()) == 1
    assert [without(line, "recorded", "mode") for line in lines("system")] == expected


def test_rows_that_failed_or_are_missing_are_told_and_asked_again_by_the_next_recording(
    project: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(Fault("internal", every=8, path="requests")) as bucket:
        assert record(*bucket.where, *SYSTEM, *BATCH, "--no-wait") == 1
        assert bucket.wait()["completionStats"]["failedCount"] == "1"
        rows = bucket.read(bucket.answers())
        assert [bool(row["status"]) for row in rows] == [True] + 7 * [False]
        unknown = {**rows[1], "request": {**rows[1]["request"], "labels": {"newsgauge_case": "0" * 40}}}
        unlabelled = {**rows[2], "request": {"contents": []}}
        bucket.write(bucket.answers(), [rows[0], unknown, unlabelled, *rows[3:]])
        capsys.readouterr()
        assert record(*bucket.where, *SYSTEM, *BATCH, "--no-wait") == 1
        said = capsys.readouterr()
        assert "5 of 8 planned cases are recorded" in said.out
        assert "1 not recorded, the first" in said.err
        assert "the batch did not answer it: INTERNAL: " in said.err
        assert "2 not recorded, the first" in said.err
        assert "has no answer to it" in said.err
        assert len(bucket.jobs()) == 1  # not again in the same recording
        assert record(*bucket.where, *SYSTEM, *BATCH) == 0
        assert bucket.names() == []
    assert ": 3 requests to gemini" in capsys.readouterr().err
    assert len({line["key"] for line in lines("system")}) == len(lines("system")) == 8


@pytest.mark.parametrize("end", ["failed", "expired", "cancelled"])
def test_a_job_that_ended_without_answers_is_told_and_its_cases_are_asked_again(
    project: pytest.Pytester, capsys: pytest.CaptureFixture[str], end: str
) -> None:
    with serving(SLOW if end == "cancelled" else Fault(f"batch-{end}", every=1, path="PredictionJobs")) as bucket:
        assert record(*bucket.where, *SYSTEM, *BATCH, "--no-wait") == 1
        if end == "cancelled":
            bucket.cancel()
        bucket.wait()
        capsys.readouterr()
        assert record(*bucket.where, *SYSTEM, *BATCH, "--no-wait") == 1
        assert f"ended as {end}" in capsys.readouterr().err
        assert bucket.names() == []
        assert open_jobs() == []
    with serving() as bucket:
        assert record(*bucket.where, *SYSTEM, *BATCH) == 0


def test_what_a_job_had_answered_before_it_was_cancelled_is_kept(
    project: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving() as bucket:
        assert record(*bucket.where, *SYSTEM, *BATCH, "--no-wait") == 1
        bucket.wait()
        rows = bucket.read(bucket.answers())
    Path(".newsgauge/batches.json").unlink()
    with serving(SLOW) as bucket:
        assert record(*bucket.where, *SYSTEM, *BATCH, "--no-wait") == 1
        bucket.cancel()
        folder = bucket.names()[0].removesuffix(".jsonl")
        bucket.write(f"{folder}/prediction-model-1/predictions.jsonl", rows[:3])
        capsys.readouterr()
        assert record(*bucket.where, *SYSTEM, *BATCH, "--no-wait") == 1
        assert bucket.names() == []
    said = capsys.readouterr()
    assert "3 of 8 planned cases are recorded" in said.out
    assert re.search("5 not recorded, .* ended as cancelled", said.err)


def test_while_a_job_is_open_its_cases_are_not_submitted_again(
    project: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(SLOW) as bucket:
        for _ in range(2):
            assert record(*bucket.where, *SYSTEM, *BATCH, "--no-wait") == 1
        assert "8 not recorded" in capsys.readouterr().err
        assert record(*bucket.where, *SYSTEM, *BATCH, "--no-wait", "--posts-per-class", "2") == 1
        assert len(bucket.jobs()) == 1
    said = capsys.readouterr().err
    assert "is of another plan; collect it with: newsgauge record --batch" in said
    assert "--variants system --bucket gs://bucket/mine" in said


@pytest.mark.parametrize("moment", ["before the upload", "before the job was started", "after the job was started"])
def test_a_kill_while_submitting_submits_nothing_twice_and_leaves_no_file(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    name = "upload" if moment == "before the upload" else "submit"
    real = getattr(VertexBatches, name)

    def killed(self: VertexBatches, *arguments: Any, **options: Any) -> str:
        if moment != "before the job was started":
            real(self, *arguments, **options)
        raise SystemExit  # as sudden as it gets in one process: nothing after this line runs

    with serving() as bucket:
        with monkeypatch.context() as patch:
            patch.setattr(VertexBatches, name, killed)
            with pytest.raises(SystemExit):
                record(*bucket.where, *SYSTEM, *BATCH)
        assert [job["name"] for job in open_jobs()] == [""]
        assert bucket.names() != []
        assert record(*bucket.where, *SYSTEM, *BATCH) == 0
        assert len(bucket.jobs()) == 1
        assert bucket.names() == []
    assert len(lines("system")) == 8


@pytest.mark.parametrize("moment", ["while keeping answers", "before the files were deleted"])
def test_a_kill_while_collecting_keeps_each_line_once_and_leaves_no_file(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    answers = VertexBatches.answers

    def killed(self: VertexBatches, place: str, keys: Collection[str]) -> Iterator[Answer]:
        for number, answer in enumerate(answers(self, place, keys)):
            if number == 5:
                raise SystemExit
            yield answer

    def killed_too(self: VertexBatches, job: object) -> str:
        raise SystemExit

    with serving() as bucket:
        with monkeypatch.context() as patch:
            keeping = moment == "while keeping answers"
            patch.setattr(VertexBatches, *(("answers", killed) if keeping else ("forget", killed_too)))
            with pytest.raises(SystemExit):
                record(*bucket.where, *SYSTEM, *BATCH)
        assert len(lines("system")) == (5 if keeping else 8)
        assert len(bucket.names()) == 2
        assert record(*bucket.where, *SYSTEM, *BATCH) == 0
        assert len(bucket.jobs()) == 1
        assert bucket.names() == []
    assert open_jobs() == []
    assert len({line["key"] for line in lines("system")}) == len(lines("system")) == 8


def test_files_that_somebody_has_deleted_already_are_fine(project: pytest.Pytester) -> None:
    forget = VertexBatches.forget
    with serving() as bucket, pytest.MonkeyPatch.context() as patch:
        patch.setattr(VertexBatches, "forget", lambda self, job: forget(self, job) + forget(self, job))
        assert record(*bucket.where, *SYSTEM, *BATCH) == 0
    assert open_jobs() == []


def test_a_tuned_model_is_asked_by_its_name_and_recorded_as_its_endpoint_is(project: pytest.Pytester) -> None:
    tuned, bucket_option = ["--variants", "tuned"], ["--bucket", "gs://bucket/tuning"]
    with serving() as bucket:
        assert main(["tune", *PLAN[:4], *bucket.where, *bucket_option]) == 0
        (training_file,) = bucket.names()
        assert record(*bucket.where, *tuned) == 0
        single = [without(line, "recorded") for line in lines("tuned")]
        (FOLDER / "tuned.jsonl").unlink()
        assert record(*bucket.where, *tuned, *BATCH) == 0
        (job,) = bucket.jobs()
        assert re.fullmatch("projects/local/locations/us-central1/models/[0-9]+@1", job["model"])
        assert bucket.names() == [training_file]
    assert all("/endpoints/" in json.dumps(line) for line in single)
    assert len(single) == 8
    assert [without(line, "recorded", "mode") for line in lines("tuned")] == single
    assert project.runpytest_inprocess("evals", "--backend", "vertex", *tuned).ret == 0


def test_an_endpoint_of_no_tuning_job_is_refused_before_anything_is_sent_with_both_commands_that_do(
    project: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = variants().replace('model = "gemini-3.5-flash-lite"\nsystem', f'model = "{TUNED}"\nsystem', 1)
    assert changed != variants()
    Path("evals/variants.toml").write_text(changed)
    with serving() as bucket:
        assert record(*bucket.where, *ALL, *BATCH) == 2
        assert (bucket.names(), bucket.jobs()) == ([], [])
    said = capsys.readouterr().err
    assert f"--batch: system cannot be asked by a job: no tuning job of this project and location made {TUNED}," in said
    url = bucket.where[bucket.where.index("--base-url") + 1]
    assert f"--variants system --base-url {url}', and the others with 'newsgauge record --batch " in said
    assert f"--backend vertex --variants bare,labels --bucket gs://bucket/mine --base-url {url}'" in said
    assert said.count("\n") == 1


def test_a_file_of_more_than_one_piece_arrives_whole(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("google.cloud.storage.blob._MAX_MULTIPART_SIZE", 1000)
    monkeypatch.setattr("newsgauge.client.cloud_storage._PIECE_BYTES", 256 * 1024)
    changed = variants().replace("Name the newsgroup", "Name it. " * 10_000)
    Path("evals/variants.toml").write_text(changed)
    with serving() as bucket:
        assert record(*bucket.where, *SYSTEM, *BATCH) == 0
    assert len(lines("system")) == 8


def test_a_server_of_the_environment_stands_in_for_cloud_storage_too(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GOOGLE_CLOUD_PROJECT")
    with serving() as bucket:
        monkeypatch.setenv("GOOGLE_VERTEX_BASE_URL", bucket.url)
        assert record(*SYSTEM, *BATCH) == 0
        assert len(bucket.jobs()) == 1


def test_a_bucket_that_takes_nothing_is_one_line(project: pytest.Pytester, capsys: pytest.CaptureFixture[str]) -> None:
    with serving() as bucket:
        assert record(*bucket.where, *SYSTEM, "--batch", "--bucket", "gs://a..b", "--no-wait") == 1
    said = capsys.readouterr().err
    assert "gs://a..b/newsgauge/batches/newsgauge-" in said
    assert "Does the bucket exist, and may this account read and write there?" in said
    assert "Traceback" not in said


def test_files_that_cannot_be_deleted_are_told_with_the_command_that_does(
    project: pytest.Pytester, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(self: storage.Blob, **options: Any) -> None:  # type: ignore[name-defined]
        raise Forbidden("no permission")  # type: ignore[no-untyped-call]

    monkeypatch.setattr(storage.Blob, "delete", refused)
    with serving() as bucket:
        assert record(*bucket.where, *SYSTEM, *BATCH) == 0
        assert len(bucket.names()) == 2
    said = capsys.readouterr().err
    assert "403 no permission" in said
    assert "gcloud storage rm --recursive 'gs://bucket/mine/newsgauge/batches/newsgauge-" in said
    assert open_jobs() == []


def test_a_connection_that_breaks_is_one_line(
    project: pytest.Pytester, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: storage.Blob, *arguments: Any, **options: Any) -> None:  # type: ignore[name-defined]
        raise ConnectionError("reset by peer")

    monkeypatch.setattr(storage.Blob, "upload_from_string", broken)
    with serving() as bucket:
        assert record(*bucket.where, *SYSTEM, *BATCH) == 1
        assert bucket.jobs() == []
    said = capsys.readouterr().err
    assert "ConnectionError: reset by peer" in said
    assert "Traceback" not in said


def test_without_the_library_of_cloud_storage_the_error_says_how_to_get_it(
    project: pytest.Pytester, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "google.cloud.storage", None)
    monkeypatch.delattr(google.cloud, "storage")
    with serving() as bucket:
        assert record(*bucket.where, *SYSTEM, *BATCH) == 2
        assert bucket.jobs() == []
    assert "pip install 'newsgauge[vertex]'" in capsys.readouterr().err
