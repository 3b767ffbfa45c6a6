"""Batch jobs of Vertex, where the embedded backend does not go: what ends half answered, who is refused."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace
from typing import Any

import pytest
from google.genai.errors import APIError, ClientError
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
from newsgauge.recording.batch_jobs import JobStatus, VertexBatches, json_lines

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
