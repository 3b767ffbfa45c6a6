"""The Enterprise surface with the real clients: google-cloud-storage uploads, google-genai tunes and asks."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from endpoint_calls import ask, make_examples
from google import genai
from google.auth.credentials import AnonymousCredentials, Credentials
from google.genai import types

from newsgauge.endpoint.checksums import crc32c, md5

PARENT = "/v1beta1/projects/p/locations/us-central1"
MODEL = "gemini-3.5-flash-lite"


class AnyToken(Credentials):
    def refresh(self, request):
        self.token = "any"


def jsonl(examples) -> bytes:
    lines = [
        {
            "contents": [
                {"role": "user", "parts": [{"text": item["textInput"]}]},
                {"role": "model", "parts": [{"text": item["output"]}]},
            ]
        }
        for item in examples
    ]
    return "\n".join(json.dumps(line) for line in lines).encode()


@pytest.fixture
def enterprise(server):
    client = genai.Client(
        vertexai=True,
        project="p",
        location="us-central1",
        credentials=AnyToken(),
        http_options={"base_url": server.base_url},
    )
    yield client
    client.close()


def put(http, name, data, bucket="bucket"):
    url = f"/upload/storage/v1/b/{bucket}/o"
    answer = http.post(url, params={"uploadType": "media", "name": name}, content=data)
    assert answer.status_code == 200, answer.text
    return answer.json()


def job_body(uri="gs://bucket/train.jsonl", **hyper):
    spec = {"trainingDatasetUri": uri, "hyperParameters": hyper}
    return {"baseModel": MODEL, "tunedModelDisplayName": "d", "supervisedTuningSpec": spec}


def finish(http, job):
    for _ in range(1200):
        shown = http.get(f"/v1beta1/{job['name']}").json()
        if shown["state"] not in ("JOB_STATE_QUEUED", "JOB_STATE_RUNNING"):
            return shown
        time.sleep(0.05)
    raise AssertionError(f"{job['name']} does not end")


def test_the_sdk_generates_counts_and_streams(enterprise):
    config = types.GenerateContentConfig(system_instruction="Name the group.")
    response = enterprise.models.generate_content(model=MODEL, contents="space, space", config=config)
    assert (response.text, response.model_version) == ("sci.space", "newsgauge-embedded-base-1")
    counted = enterprise.models.count_tokens(
        model=MODEL, contents="space, space", config={"system_instruction": "Name the group."}
    )
    assert counted.total_tokens == response.usage_metadata.prompt_token_count
    chunks = enterprise.models.generate_content_stream(model=MODEL, contents="space, space", config=config)
    assert "".join(chunk.text for chunk in chunks) == "sci.space"
    assert enterprise.models.get(model=MODEL).name.endswith(MODEL)
    assert len(list(enterprise.models.list())) == 2


@pytest.mark.filterwarnings("ignore:The SDK's tuning implementation is experimental")  # so says the SDK
def test_the_sdk_tunes_from_a_bucket_and_asks_the_endpoint(enterprise, http):
    put(http, "train.jsonl", jsonl(make_examples()))
    job = enterprise.tunings.tune(
        base_model=MODEL,
        training_dataset=types.TuningDataset(gcs_uri="gs://bucket/train.jsonl"),
        config=types.CreateTuningJobConfig(epoch_count=2, learning_rate_multiplier=1.0, tuned_model_display_name="d"),
    )
    for _ in range(600):
        job = enterprise.tunings.get(name=job.name)
        if job.has_ended:
            break
        time.sleep(0.05)
    assert job.state is types.JobState.JOB_STATE_SUCCEEDED
    assert job.name in [listed.name for listed in enterprise.tunings.list()]
    answer = enterprise.models.generate_content(model=job.tuned_model.endpoint, contents="gearbox and tyre")
    assert (answer.text, answer.model_version) == ("rec.autos", "newsgauge-embedded-tuned-1")

    async def run():
        answer = await enterprise.aio.models.generate_content(model=job.tuned_model.endpoint, contents="moon orbit")
        await enterprise.aio.aclose()
        return answer.text

    assert asyncio.run(run()) == "sci.space"


def test_the_storage_client_uploads_lists_reads_and_deletes(server):
    storage = pytest.importorskip("google.cloud.storage", reason="google-cloud-storage is not installed")
    client = storage.Client(
        project="p", credentials=AnonymousCredentials(), client_options={"api_endpoint": server.base_url}
    )
    bucket = client.create_bucket("my-bucket")
    data = jsonl(make_examples())
    blob = bucket.blob("folder/train.jsonl")
    blob.upload_from_string(data, content_type="application/jsonl")
    assert bucket.blob("folder/train.jsonl").download_as_bytes() == data
    assert client.get_bucket("my-bucket").get_blob("folder/train.jsonl").size == len(data)
    large = bytes(range(256)) * 4096
    with bucket.blob("large").open("wb", chunk_size=262_144) as stream:  # resumable, in four chunks
        stream.write(large)
    assert bucket.blob("large").download_as_bytes() == large
    assert [found.name for found in client.list_blobs("my-bucket")] == ["folder/train.jsonl", "large"]
    assert [found.name for found in client.list_blobs("my-bucket", prefix="fol")] == ["folder/train.jsonl"]
    blob.delete()
    assert not bucket.blob("folder/train.jsonl").exists()
    client.close()


def test_checksums_are_those_of_the_standards():
    # RFC 3720 B.4 for CRC-32C of 32 zero bytes (aa 36 91 8a, least significant first);
    # RFC 1321 for MD5 of "abc"
    assert crc32c(bytes(32)) == "ipE2qg=="
    assert md5(b"abc") == "kAFQmDzST7DWlj99KOF/cg=="


def test_a_wrong_checksum_and_wrong_names_are_refused(http):
    body = b'--b\r\ncontent-type: application/json\r\n\r\n{"name":"x","crc32c":"AAAAAA=="}\r\n--b\r\n'
    body += b"content-type: text/plain\r\n\r\nhello\r\n--b--"
    url = "/upload/storage/v1/b/bucket/o"
    headers = {"content-type": "multipart/related; boundary=b"}
    answer = http.post(url, params={"uploadType": "multipart"}, content=body, headers=headers)
    assert "crc32c" in answer.json()["error"]["message"]
    for name in ("", "..", "a\nb", "a" * 1025):
        answer = http.post(url, params={"uploadType": "media", "name": name}, content=b"x")
        assert answer.status_code == 400
    for bucket in ("..", "A", "a..b"):
        answer = http.post(f"/upload/storage/v1/b/{bucket}/o?uploadType=media&name=x", content=b"x")
        assert answer.status_code in (400, 404)
    assert http.get("/storage/v1/b/never-written/o").status_code == 404
    assert http.put(url, params={"upload_id": "none"}).status_code == 404


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (None, "does not exist"),
        (b"", "no training examples"),
        (b'{"contents": []}', "line 1: expected the roles user, model"),
        (jsonl(make_examples()) + b"\n{", "line 25"),
        (jsonl([{"textInput": "a b", "output": "x"}] * 3), "two are needed"),
    ],
)
def test_a_training_file_that_cannot_train_fails_the_job_and_says_why(http, data, reason):
    if data is not None:
        put(http, "bad.jsonl", data, bucket="bad-bucket")
    uri = "gs://bad-bucket/bad.jsonl" if data is not None else "gs://bad-bucket/none.jsonl"
    job = finish(http, http.post(f"{PARENT}/tuningJobs", json=job_body(uri)).json())
    assert job["state"] == "JOB_STATE_FAILED"
    assert reason in job["error"]["message"]
    assert "tunedModel" not in job


def test_the_multiplier_changes_the_result_and_the_job_shows_losses(http):
    put(http, "train.jsonl", jsonl(make_examples()))
    jobs = [
        finish(http, http.post(f"{PARENT}/tuningJobs", json=job_body(epochCount=2, **hyper)).json())
        for hyper in ({}, {"learningRateMultiplier": 1.0}, {"learningRateMultiplier": 3.0})
    ]
    losses = [[snapshot["meanLoss"] for snapshot in job["snapshots"]] for job in jobs]
    assert losses[0] == losses[1] != losses[2]
    assert len(jobs[0]["epochDurations"]) == 2


def test_a_job_can_be_cancelled_and_its_endpoint_is_not_there(http):
    put(http, "many.jsonl", jsonl(make_examples(200)))
    body = job_body("gs://bucket/many.jsonl", epochCount=100, batchSize=1)
    job = http.post(f"{PARENT}/tuningJobs", json=body).json()
    assert job["state"] == "JOB_STATE_QUEUED"
    assert http.post(f"/v1beta1/{job['name']}:cancel").json() == {}
    assert finish(http, job)["state"] == "JOB_STATE_CANCELLED"
    endpoint = job["name"].replace("tuningJobs", "endpoints")
    answer = http.post(f"/v1beta1/{endpoint}:generateContent", json=ask("x"))
    assert answer.json()["error"]["status"] == "FAILED_PRECONDITION"
    assert http.post(f"{PARENT}/endpoints/999999:generateContent", json=ask("x")).status_code == 404


@pytest.mark.parametrize("uri", ["train.jsonl", "gs://", "gs://bucket", "s3://bucket/x"])
def test_a_uri_that_is_no_object_is_refused(http, uri):
    answer = http.post(f"{PARENT}/tuningJobs", json=job_body(uri))
    assert answer.json()["error"]["status"] == "INVALID_ARGUMENT"
