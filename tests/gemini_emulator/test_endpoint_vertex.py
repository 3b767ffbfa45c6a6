"""The Enterprise surface with the real clients: google-cloud-storage uploads, google-genai tunes and asks."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from google import genai
from google.auth.credentials import AnonymousCredentials, Credentials
from google.genai import types

from gemini_emulator.app import Options
from gemini_emulator.faults.faults import Fault, FaultPlan
from gemini_emulator.server import EmbeddedServer
from gemini_emulator.surfaces.storage import crc32c, md5
from tests.gemini_emulator.endpoint_calls import ask, make_examples, said

PARENT = "/v1beta1/projects/p/locations/us-central1"
MODEL = "gemini-3.5-flash-lite"


class AnyToken(Credentials):
    def refresh(self, request: pytest.FixtureRequest) -> None:
        self.token = "any"


def jsonl(examples: Any) -> bytes:
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
def enterprise(server: EmbeddedServer) -> Iterator[Any]:
    client = genai.Client(
        vertexai=True,
        project="p",
        location="us-central1",
        credentials=AnyToken(),  # type: ignore[no-untyped-call]
        http_options={"base_url": server.base_url},
    )
    yield client
    client.close()


def put(http: Any, name: Any, data: Any, bucket: Any = "bucket") -> Any:
    url = f"/upload/storage/v1/b/{bucket}/o"
    answer = http.post(url, params={"uploadType": "media", "name": name}, content=data)
    assert answer.status_code == 200, answer.text
    return answer.json()


def job_body(uri: Any = "gs://bucket/train.jsonl", **hyper: Any) -> Any:
    spec = {"trainingDatasetUri": uri, "hyperParameters": hyper}
    return {"baseModel": MODEL, "tunedModelDisplayName": "d", "supervisedTuningSpec": spec}


def finish(http: Any, job: Any, version: Any = "v1beta1") -> Any:
    for _ in range(1200):
        shown = http.get(f"/{version}/{job['name']}").json()
        if shown["state"] not in ("JOB_STATE_QUEUED", "JOB_STATE_PENDING", "JOB_STATE_RUNNING"):
            return shown
        time.sleep(0.05)
    raise AssertionError(f"{job['name']} does not end")


def test_the_sdk_generates_counts_and_streams(enterprise: Any) -> None:
    config = types.GenerateContentConfig(system_instruction="Name the group.")
    response = enterprise.models.generate_content(model=MODEL, contents="space, space", config=config)
    assert (response.text, response.model_version) == ("sci.space", "newsgauge-embedded-base-2")
    counted = enterprise.models.count_tokens(
        model=MODEL, contents="space, space", config={"system_instruction": "Name the group."}
    )
    assert counted.total_tokens == response.usage_metadata.prompt_token_count
    chunks = enterprise.models.generate_content_stream(model=MODEL, contents="space, space", config=config)
    assert "".join(chunk.text for chunk in chunks) == "sci.space"
    assert enterprise.models.get(model=MODEL).name.endswith(MODEL)
    assert len(list(enterprise.models.list())) == 2


@pytest.mark.filterwarnings("ignore:The SDK's tuning implementation is experimental")  # so says the SDK
def test_the_sdk_tunes_from_a_bucket_and_asks_the_endpoint(enterprise: Any, http: httpx2.Client) -> None:
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
    assert (answer.text, answer.model_version) == ("rec.autos", "newsgauge-embedded-tuned-2")

    async def run() -> Any:
        answer = await enterprise.aio.models.generate_content(model=job.tuned_model.endpoint, contents="moon orbit")
        await enterprise.aio.aclose()
        return answer.text

    assert asyncio.run(run()) == "sci.space"


def test_the_storage_client_uploads_lists_reads_and_deletes(server: EmbeddedServer) -> None:
    storage = pytest.importorskip("google.cloud.storage", reason="google-cloud-storage is not installed")
    client = storage.Client(
        project="p",
        credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
        client_options={"api_endpoint": server.base_url},
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


def test_checksums_are_those_of_the_standards() -> None:
    # RFC 3720 B.4 for CRC-32C of 32 zero bytes (aa 36 91 8a, least significant first);
    # RFC 1321 for MD5 of "abc"
    assert crc32c(bytes(32)) == "ipE2qg=="
    assert md5(b"abc") == "kAFQmDzST7DWlj99KOF/cg=="


def test_a_wrong_checksum_and_wrong_names_are_refused(http: httpx2.Client) -> None:
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
def test_a_training_file_that_cannot_train_fails_the_job_and_says_why(
    http: httpx2.Client, data: Any, reason: str
) -> None:
    if data is not None:
        put(http, "bad.jsonl", data, bucket="bad-bucket")
    uri = "gs://bad-bucket/bad.jsonl" if data is not None else "gs://bad-bucket/none.jsonl"
    job = finish(http, http.post(f"{PARENT}/tuningJobs", json=job_body(uri)).json())
    assert job["state"] == "JOB_STATE_FAILED"
    assert reason in job["error"]["message"]
    assert "tunedModel" not in job


def test_the_multiplier_changes_the_result_and_the_job_shows_losses(http: httpx2.Client) -> None:
    put(http, "train.jsonl", jsonl(make_examples()))
    jobs = [
        finish(http, http.post(f"{PARENT}/tuningJobs", json=job_body(epochCount=2, **hyper)).json())
        for hyper in ({}, {"learningRateMultiplier": 1.0}, {"learningRateMultiplier": 3.0})
    ]
    losses = [curves(http, job)["/train_total_loss"] for job in jobs]
    assert losses[0] == losses[1] != losses[2]
    assert [step for step, _ in losses[0]] == [1, 2, 3, 4]  # 24 examples in batches of 16, twice


def test_a_validation_file_is_measured_on_once_an_epoch_and_is_not_learnt_from(http: httpx2.Client) -> None:
    put(http, "train.jsonl", jsonl(make_examples()))
    put(http, "held.jsonl", jsonl(make_examples()[:4]))
    plain, measured = job_body(epochCount=3), job_body(epochCount=3)
    measured["supervisedTuningSpec"]["validationDatasetUri"] = "gs://bucket/held.jsonl"
    without, with_ = (
        curves(http, finish(http, http.post(f"{PARENT}/tuningJobs", json=b).json())) for b in (plain, measured)
    )
    assert set(without) == {"/train_total_loss"}
    assert without["/train_total_loss"] == with_["/train_total_loss"]
    assert [step for step, _ in with_["/eval_total_loss"]] == [2, 4, 6]
    values = [value for _, value in with_["/eval_total_loss"]]
    assert values == sorted(values, reverse=True)  # they are examples too, so the more epochs the better
    missing = f"{PARENT}/metadataStores/default/contexts/tuning-experiment-99999"
    assert http.get(missing).status_code == 404


def curves(http: httpx2.Client, job: dict[str, Any]) -> dict[str, list[tuple[int, float]]]:
    """What the experiment of a job leads to."""
    context = http.get(f"/v1/{job['experiment']}").json()
    board = context["metadata"]["backing_tensorboard_resource"]
    (run,) = http.get(f"/v1/{board}/experiments/{context['name'].rpartition('/')[2]}/runs").json()["tensorboardRuns"]
    found = {}
    for series in http.get(f"/v1/{run['name']}/timeSeries").json()["tensorboardTimeSeries"]:
        data = http.get(f"/v1/{series['name']}:read", params={"maxDataPoints": 100}).json()["timeSeriesData"]
        found[series["displayName"]] = [(int(one["step"]), one["scalar"]["value"]) for one in data["values"]]
    return found


def test_a_job_can_be_cancelled_and_its_endpoint_is_not_there(http: httpx2.Client) -> None:
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
def test_a_uri_that_is_no_object_is_refused(http: httpx2.Client, uri: str) -> None:
    answer = http.post(f"{PARENT}/tuningJobs", json=job_body(uri))
    assert answer.json()["error"]["status"] == "INVALID_ARGUMENT"


# --- batch jobs


def batch_job(
    source: Any = "gs://bucket/in.jsonl",
    prefix: Any = "gs://bucket/out",
    model: Any = f"publishers/google/models/{MODEL}",
) -> Any:
    return {
        "displayName": "mine",
        "model": model,
        "inputConfig": {"instancesFormat": "jsonl", "gcsSource": {"uris": [source]}},
        "outputConfig": {"predictionsFormat": "jsonl", "gcsDestination": {"outputUriPrefix": prefix}},
    }


def put_requests(http: Any, name: Any, *requests: Any) -> None:
    put(http, name, "".join(json.dumps({"request": request}) + "\n" for request in requests).encode())


def predictions(http: Any, shown: Any) -> Any:
    folder = shown["outputInfo"]["gcsOutputDirectory"].removeprefix("gs://bucket/")
    uri = f"/storage/v1/b/bucket/o/{quote(folder, safe='')}%2Fpredictions.jsonl?alt=media"
    return [json.loads(line) for line in http.get(uri).text.splitlines()]


def test_the_sdk_runs_a_batch_of_a_bucket_and_finds_it_by_its_name(
    http: httpx2.Client, enterprise: Any, server: EmbeddedServer
) -> None:
    named = {"systemInstruction": {"parts": [{"text": "Name the group."}]}}
    requests = [
        ask("space, space") | named | {"labels": {"n": "0"}},
        {"contents": []},
        ask("x") | {"labels": {"n": "2"}},
    ]
    put_requests(http, "sdk/in.jsonl", *requests)
    config = {"display_name": "by the SDK", "dest": "gs://bucket/sdk/out"}
    name = enterprise.batches.create(model=MODEL, src="gs://bucket/sdk/in.jsonl", config=config).name
    shown = finish(http, {"name": name}, "v1")
    job = enterprise.batches.get(name=name)
    assert (job.state.value, job.model) == ("JOB_STATE_SUCCEEDED", f"publishers/google/models/{MODEL}")
    assert job.dest.gcs_uri == "gs://bucket/sdk/out"
    assert job.output_info.gcs_output_directory.startswith("gs://bucket/sdk/out/prediction-model-")
    counts = job.completion_stats
    assert (counts.successful_count, counts.failed_count, counts.incomplete_count) == (2, 1, 0)
    rows = predictions(http, shown)
    assert [row["request"] for row in rows] == requests[::-1]
    url = f"{PARENT}/publishers/google/models/{MODEL}:generateContent"
    assert said(rows[2]["response"]) == said(http.post(url, json=requests[0]).json())
    assert [row["status"] == "" for row in rows] == [True, False, True]
    assert rows[1]["response"] == {}
    found = [job.name for job in enterprise.batches.list(config={"filter": 'display_name="by the SDK"'})]
    assert found == [name]
    assert list(enterprise.batches.list(config={"filter": 'display_name="another"'})) == []
    enterprise.batches.delete(name=name)
    assert http.get(f"/v1/{name}").status_code == 404


def test_google_cloud_storage_lists_and_deletes_what_a_batch_wrote(http: httpx2.Client, server: EmbeddedServer) -> None:
    from google.cloud import storage

    put_requests(http, "gone/in.jsonl", ask("x"))
    job = http.post(f"{PARENT}/batchPredictionJobs", json=batch_job("gs://bucket/gone/in.jsonl", "gs://bucket/gone/"))
    finish(http, job.json(), "v1")
    anyone = AnonymousCredentials()  # type: ignore[no-untyped-call]
    client = storage.Client(project="p", credentials=anyone, client_options={"api_endpoint": server.base_url})
    names = [blob.name for blob in client.list_blobs("bucket", prefix="gone/")]
    assert len(names) == 2
    for name in names:
        client.bucket("bucket").blob(name).delete()
    assert list(client.list_blobs("bucket", prefix="gone/")) == []
    client.close()


def test_a_tuned_model_is_asked_by_its_name_and_not_by_its_endpoint(http: httpx2.Client) -> None:
    put(http, "tuned/train.jsonl", jsonl(make_examples()))
    tuned = finish(http, http.post(f"{PARENT}/tuningJobs", json=job_body("gs://bucket/tuned/train.jsonl")).json())
    put_requests(http, "tuned/in.jsonl", ask("orbit"))
    url, uri = f"{PARENT}/batchPredictionJobs", "gs://bucket/tuned/in.jsonl"
    job = http.post(url, json=batch_job(uri, model=tuned["tunedModel"]["model"])).json()
    (row,) = predictions(http, finish(http, job, "v1"))
    single = http.post(f"/v1beta1/{tuned['tunedModel']['endpoint']}:generateContent", json=ask("orbit")).json()
    assert said(row["response"]) == said(single)
    refused = http.post(url, json=batch_job(uri, model=tuned["tunedModel"]["endpoint"]))
    assert (refused.status_code, "'projects/" in refused.text) == (400, True)


def without_key(body: Any, path: Any) -> Any:
    *parents, last = path.split(".")
    inner = body
    for key in parents:
        inner = inner[key]
    del inner[last]
    return body


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        (without_key(batch_job(), "inputConfig.gcsSource"), 400, "inputConfig.gcsSource"),
        (without_key(batch_job(), "outputConfig.gcsDestination"), 400, "outputConfig.gcsDestination"),
        (without_key(batch_job(), "displayName"), 400, "displayName"),
        (without_key(batch_job(), "model"), 400, "model"),
        (batch_job(source="in.jsonl"), 400, "inputConfig.gcsSource.uris"),
        (batch_job(prefix="out"), 400, "outputConfig.gcsDestination.outputUriPrefix"),
        (batch_job(prefix="gs://B/out"), 400, "bucket"),
        (batch_job(prefix=f"gs://bucket/{'o' * 970}"), 400, "name"),
        (batch_job(model="x"), 400, "model"),
        (batch_job(source="gs://bucket/empty.jsonl"), 400, "batch"),
        (batch_job(source="gs://bucket/damaged.jsonl"), 400, ""),
        (batch_job(source="gs://bucket/none.jsonl"), 404, ""),
        (batch_job(model="publishers/google/models/x"), 404, ""),
    ],
)
def test_a_batch_that_cannot_be_run_is_refused_with_the_field(
    http: httpx2.Client, body: Any, code: int, field: str
) -> None:
    put_requests(http, "in.jsonl", ask("x"))
    put(http, "empty.jsonl", b"\n")
    put(http, "damaged.jsonl", b'{"request": ')
    answer = http.post(f"{PARENT}/batchPredictionJobs", json=body)
    details = answer.json()["error"].get("details", [{"fieldViolations": [{"field": ""}]}])
    assert (answer.status_code, details[0]["fieldViolations"][0]["field"]) == (code, field)


def test_a_filter_that_is_not_understood_is_refused(http: httpx2.Client) -> None:
    answer = http.get(f"{PARENT}/batchPredictionJobs", params={"filter": "display_name:x"})
    assert (answer.status_code, "filter" in answer.text) == (400, True)
    assert http.get(f"{PARENT}/batchPredictionJobs/77777").status_code == 404


def test_batches_of_vertex_meet_the_faults_of_batches_and_are_cancelled() -> None:
    plan = FaultPlan((Fault("batch-failed", every=2), Fault("slow", path="requests/1", delay_s=600)))
    with EmbeddedServer(options=Options(faults=plan)) as server, httpx2.Client(base_url=server.base_url) as http:
        put_requests(http, "in.jsonl", ask("x"), ask("y"))
        url = f"{PARENT}/batchPredictionJobs"
        first = http.post(url, json=batch_job()).json()
        second = finish(http, http.post(url, json=batch_job()).json(), "v1")
        assert (second["state"], second["error"]["code"]) == ("JOB_STATE_FAILED", 13)
        assert "outputInfo" not in second
        assert http.post(f"/v1/{first['name']}:cancel").json() == {}
        assert finish(http, first, "v1")["state"] == "JOB_STATE_CANCELLED"
        states = http.get(url, params={"filter": 'state="JOB_STATE_FAILED"'}).json()["batchPredictionJobs"]
        assert [job["name"] for job in states] == [second["name"]]


def test_a_batch_that_a_stopped_server_left_open_is_answered_by_the_next(tmp_path: Path) -> None:
    slow = Options(faults=FaultPlan((Fault("slow", path="requests", delay_s=600),)))
    with EmbeddedServer(state=tmp_path, options=slow) as server, httpx2.Client(base_url=server.base_url) as http:
        put_requests(http, "in.jsonl", ask("x"))
        job = http.post(f"{PARENT}/batchPredictionJobs", json=batch_job()).json()
    with EmbeddedServer(state=tmp_path) as server, httpx2.Client(base_url=server.base_url) as http:
        (row,) = predictions(http, finish(http, job, "v1"))
        assert row["request"] == ask("x")


def test_express_mode_asks_with_a_key_and_no_project(http: httpx2.Client, server: EmbeddedServer) -> None:
    url = f"/v1beta1/publishers/google/models/{MODEL}"
    assert http.post(f"{url}:generateContent", params={"key": "any"}, json=ask("x")).status_code == 200
    assert http.post(f"{url}:countTokens", json=ask("sci.space")).json()["totalTokens"] == 3
    client = genai.Client(vertexai=True, api_key="any", http_options={"base_url": server.base_url})
    config = types.GenerateContentConfig(system_instruction="Name the group.")
    assert client.models.generate_content(model=MODEL, contents="space, space", config=config).text == "sci.space"
    client.close()


def test_a_model_that_vertex_does_not_publish_is_told_in_its_words(http: httpx2.Client) -> None:
    answer = http.post(f"{PARENT}/publishers/google/models/gpt-4:generateContent", json=ask("x"))
    assert answer.status_code == 404
    expected = "Publisher Model `projects/p/locations/us-central1/publishers/google/models/gpt-4` was not found"
    assert answer.json()["error"]["message"].startswith(expected)


def test_a_batch_asks_a_tuned_model_only_where_it_was_tuned(http: httpx2.Client) -> None:
    put_requests(http, "elsewhere/in.jsonl", ask("orbit"))
    model = "projects/p/locations/europe-west4/models/1"
    answer = http.post(f"{PARENT}/batchPredictionJobs", json=batch_job("gs://bucket/elsewhere/in.jsonl", model=model))
    assert (answer.status_code, "is not in projects/p/locations/us-central1" in answer.text) == (400, True)
