"""Batch jobs of Vertex, where the embedded backend does not go; a job that may have started is not started again."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace
from typing import Any

import pytest
from google.genai.errors import APIError, ClientError, ServerError
from google.genai.types import (
    BatchJob,
    BatchJobDestination,
    BatchJobOutputInfo,
    JobError,
    JobState,
    TunedModel,
    TuningJob,
)

from newsgauge.client.cloud_storage import BucketFolder, CloudStorage
from newsgauge.client.retry import RetryPolicy
from newsgauge.errors import BackendError
from newsgauge.recording.batch_jobs import Answer, BatchService, JobStatus, VertexBatches, _tag, json_lines
from newsgauge.recording.open_jobs import OpenJob

PLACE = "gs://bucket/newsgauge/batches/label/prediction-model-1"


def service(job: BatchJob | APIError | None = None, folder: str = "") -> VertexBatches:
    def get(name: str) -> BatchJob | None:
        if isinstance(job, APIError):
            raise job
        return job

    parent = "projects/p/locations/l"
    tuned = TuningJob(tuned_model=TunedModel(model=f"{parent}/models/7@1", endpoint=f"{parent}/endpoints/7"))
    client: Any = SimpleNamespace(
        batches=SimpleNamespace(get=get), tunings=SimpleNamespace(list=lambda: [TuningJob(), tuned])
    )
    storage = CloudStorage("project", "http://127.0.0.1:1")
    return VertexBatches(client, storage, BucketFolder("bucket", folder), RetryPolicy(deadline_s=0.0))


@pytest.mark.parametrize(
    ("state", "place", "expected"),
    [
        ("JOB_STATE_QUEUED", None, JobStatus("open")),
        ("JOB_STATE_RUNNING", None, JobStatus("open")),
        ("JOB_STATE_PAUSED", None, JobStatus("open")),
        ("JOB_STATE_SUCCEEDED", PLACE, JobStatus("answered", PLACE)),
        ("JOB_STATE_PARTIALLY_SUCCEEDED", PLACE, JobStatus("answered", PLACE)),
        ("JOB_STATE_EXPIRED", PLACE, JobStatus("answered", PLACE, "jobs/1 ended as expired: said")),
        ("JOB_STATE_CANCELLED", PLACE, JobStatus("answered", PLACE, "jobs/1 ended as cancelled: said")),
        ("JOB_STATE_FAILED", None, JobStatus("gone", why="jobs/1 ended as failed: said")),
        ("JOB_STATE_SUCCEEDED", None, JobStatus("gone", why="jobs/1 ended as succeeded: said")),
    ],
)
def test_what_a_job_wrote_is_read_however_it_ended(state: str, place: str | None, expected: JobStatus) -> None:
    info = BatchJobOutputInfo(gcs_output_directory=place) if place else None
    job = BatchJob(state=JobState(state), output_info=info, error=JobError(message="said"))
    assert service(job).status("jobs/1") == expected


@pytest.mark.parametrize("code", [400, 404])
def test_only_the_status_of_an_answer_says_that_a_job_is_gone(code: int) -> None:
    refused = ClientError(code, {"error": {"code": code, "message": "line 3: 404 of it", "status": "X"}})
    if code == 404:
        assert service(refused).status("jobs/1").state == "gone"
    else:
        with pytest.raises(BackendError, match="line 3: 404 of it"):
            service(refused).status("jobs/1")


def test_a_job_that_does_not_say_where_it_wrote_is_looked_for_below_the_place_it_was_given() -> None:
    job = BatchJob(state=JobState.JOB_STATE_CANCELLED, dest=BatchJobDestination(gcs_uri="gs://bucket/given"))
    assert service(job).status("jobs/1") == JobStatus("answered", "gs://bucket/given", "jobs/1 ended as cancelled")


@pytest.mark.parametrize(
    ("model", "is_refused"),
    [
        ("gemini-3.5-flash-lite", False),
        ("publishers/google/models/gemini-3.5-flash-lite", False),
        ("projects/p/locations/l/models/7@1", False),
        ("projects/p/locations/l/endpoints/7", False),
        ("projects/p/locations/l/endpoints/8", True),
    ],
)
def test_an_endpoint_is_refused_where_its_model_is_not_known(model: str, is_refused: bool) -> None:
    assert bool(service().refusal(model)) == is_refused


def test_a_request_keeps_its_own_labels_and_gets_one_that_vertex_takes() -> None:
    line = json.loads(service().line("variant/post é", b'{"contents": [], "labels": {"team": "x"}}'))
    label = line["request"]["labels"].pop("newsgauge_case")
    assert line == {"request": {"contents": [], "labels": {"team": "x"}}}
    assert re.fullmatch("[a-z0-9_-]{1,63}", label)
    assert json.loads(service().line("variant/post e", b"{}"))["request"]["labels"]["newsgauge_case"] != label


@pytest.mark.parametrize(("folder", "said"), [("", " --bucket gs://bucket"), ("a/b", " --bucket gs://bucket/a/b")])
def test_a_command_names_the_bucket_as_it_was_given(folder: str, said: str) -> None:
    assert service(folder=folder).options == said


def test_what_is_no_object_on_a_line_answers_nothing() -> None:
    assert list(json_lines(b'{"a": 1}\n\n[2]\n{"b": \n3\n\xff\n{"c": "\xe2\x80\xa8"}')) == [{"a": 1}, {"c": "\u2028"}]


class Bucket:
    """Objects by their URI."""

    def __init__(self, **objects: bytes) -> None:
        self.objects = {f"{PLACE}/{name.replace('_', '.')}": data for name, data in objects.items()}
        self.refuses = False

    def list_uris(self, prefix: str) -> list[str]:
        return [uri for uri in self.objects if uri.startswith(prefix)]

    def download(self, uri: str) -> bytes:
        return self.objects[uri]

    def delete(self, uri: str) -> None:
        if self.refuses:
            raise BackendError(f"{uri}: 403 no.")
        self.objects.pop(uri, None)


def with_bucket(bucket: Bucket) -> VertexBatches:
    client: Any = SimpleNamespace()
    storage: Any = bucket
    return VertexBatches(client, storage, BucketFolder("bucket", ""), RetryPolicy(deadline_s=0.0))


def test_an_answer_belongs_to_the_case_whose_label_its_request_bears_and_a_refusal_says_why() -> None:
    def line(key: str, **said: object) -> bytes:
        return json.dumps({**json.loads(service().line(key, b"{}")), **said}).encode() + b"\n"

    first = line("v/b", status="", response={"x": 1}) + line("v/a", status="quota", response={"x": 2})
    second = line("v/c", status="", response={}) + line("v/other", status="", response={"x": 3}) + b'{"request": 1}\n'
    bucket = Bucket(predictions_1_jsonl=first, predictions_2_jsonl=second, errors_txt=b"not read")
    assert list(with_bucket(bucket).answers(f"{PLACE}/", ["v/a", "v/b", "v/c"])) == [
        Answer("v/b", {"x": 1}),
        Answer("v/a", None, "quota"),
        Answer("v/c", None, "an empty response"),
    ]


def test_what_a_job_leaves_in_the_bucket_is_deleted_or_told_with_the_command_that_does() -> None:
    job = OpenJob("label", "cassettes", "", "m", "2026-11-26T00:00:00Z", {}, file=f"{PLACE}.jsonl")
    bucket = Bucket(predictions_jsonl=b"", incorrect_jsonl=b"")
    bucket.objects |= {f"{PLACE}.jsonl": b"", "gs://bucket/another": b""}
    bucket.refuses = True
    assert with_bucket(bucket).forget(job) == (
        f"{PLACE}.jsonl: 403 no. Delete it yourself: gcloud storage rm --recursive '{PLACE}*'"
    )
    bucket.refuses = False
    assert with_bucket(bucket).forget(job) == ""
    assert list(bucket.objects) == ["gs://bucket/another"]


BUSY = ServerError(503, {"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}})


class Jobs:
    """The jobs of a service; ``outcomes``: whether the next calls start one, and the error that they answer."""

    def __init__(self, *outcomes: tuple[bool, Exception | None]) -> None:
        self._left, self.there = list(outcomes), [BatchJob(name="jobs/0", display_name="other")]
        self.started = self.looked = 0

    def create(self, *, model: str, src: str, config: dict[str, str]) -> BatchJob:
        self.started += 1
        is_started, error = self._left.pop(0)
        job = BatchJob(name=f"jobs/{self.started}", display_name=config["display_name"])
        if is_started:
            self.there.append(job)
        if error is not None:
            raise error
        return job

    def list(self, *, config: object) -> list[BatchJob]:
        self.looked += 1
        return self.there


def test_a_job_of_which_nobody_knows_whether_it_was_started_is_looked_up_before_it_is_started_again() -> None:
    def submit(jobs: Jobs) -> str:
        client: Any = SimpleNamespace(batches=jobs)
        return BatchService(client, RetryPolicy(first_wait_s=0.0, max_wait_s=0.0)).submit("m", "files/1", label="mine")

    outcomes = [((True, None), "jobs/1", 1, 0), ((True, BUSY), "jobs/1", 1, 1), ((False, BUSY), "jobs/2", 2, 1)]
    for first, name, n_started, n_looked in outcomes:
        jobs = Jobs(first, (True, None))
        assert (submit(jobs), jobs.started, jobs.looked) == (name, n_started, n_looked)


def test_a_file_that_cannot_be_deleted_is_tried_once_as_the_service_deletes_it_itself() -> None:
    tried: list[str] = []

    def delete(name: str) -> None:
        tried.append(name)
        raise BUSY

    client: Any = SimpleNamespace(files=SimpleNamespace(delete=delete))
    job = OpenJob("label", "cassettes", "", "m", "2026-11-26T00:00:00Z", {}, file="files/1")
    assert BatchService(client, RetryPolicy(first_wait_s=0.0, max_wait_s=0.0)).forget(job) == ""
    assert tried == ["files/1"]


def test_a_job_that_was_started_by_an_earlier_version_is_found_by_its_label() -> None:
    assert _tag("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a3"  # FIPS 180-2, appendix B.1, its first 40 digits
