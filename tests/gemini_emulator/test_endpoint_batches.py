"""Batches of the Developer API: requests in, responses in their order out."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest
from google import genai

from gemini_emulator.app import Options
from gemini_emulator.faults.faults import Fault, FaultPlan
from gemini_emulator.server import EmbeddedServer
from gemini_emulator.state import State
from tests.gemini_emulator.endpoint_calls import ask, said

URL = "/v1beta/models/gemini-3.5-flash-lite:batchGenerateContent"
ONE = "/v1beta/models/gemini-3.5-flash-lite:generateContent"


def batch_body(*requests: Any) -> Any:
    items = [{"request": request, "metadata": {"key": str(n)}} for n, request in enumerate(requests)]
    return {"batch": {"displayName": "b", "inputConfig": {"requests": {"requests": items}}}}


def wait(http: Any, name: Any) -> Any:
    for _ in range(600):
        batch = http.get(f"/v1beta/{name}").json()
        if batch.get("done"):
            return batch
        time.sleep(0.02)
    raise AssertionError(f"{name} is not done")


def test_a_batch_answers_each_request_and_keeps_its_key(http: httpx2.Client) -> None:
    named = {"systemInstruction": {"parts": [{"text": "Name the group."}]}}
    created = http.post(URL, json=batch_body(ask("space, space") | named, {"contents": []})).json()
    assert created["metadata"]["state"] in ("BATCH_STATE_PENDING", "BATCH_STATE_RUNNING")
    batch = wait(http, created["name"])
    good, bad = batch["metadata"]["output"]["inlinedResponses"]["inlinedResponses"]
    assert batch["metadata"]["state"] == "BATCH_STATE_SUCCEEDED"
    assert good["response"]["candidates"][0]["content"]["parts"] == [{"text": "sci.space"}]
    assert [good["metadata"], bad["metadata"]] == [{"key": "0"}, {"key": "1"}]
    assert bad["error"]["code"] == 400
    assert batch["metadata"]["batchStats"] == {
        "requestCount": "2",
        "successfulRequestCount": "1",
        "failedRequestCount": "1",
        "pendingRequestCount": "0",
    }


def test_batches_are_listed_cancelled_and_deleted(http: httpx2.Client) -> None:
    created = http.post(URL, json=batch_body(*[ask("space " * 1000)] * 2000)).json()
    assert http.post(f"/v1beta/{created['name']}:cancel").json() == {}
    assert wait(http, created["name"])["metadata"]["state"] == "BATCH_STATE_CANCELLED"
    listed = http.get("/v1beta/batches").json()["operations"]
    assert created["name"] == listed[-1]["name"]
    assert http.delete(f"/v1beta/{created['name']}").json() == {}
    assert http.get(f"/v1beta/{created['name']}").status_code == 404


def test_a_batch_that_a_stopped_server_left_open_is_answered_by_the_next(tmp_path: Path) -> None:
    state = State(tmp_path)
    left: dict[str, Any] = {
        "name": "batches/7",
        "model": "models/gemini-1",
        "displayName": "",
        "state": "BATCH_STATE_RUNNING",
    }
    left |= {"createTime": "", "updateTime": "", "requestCount": 1, "failedRequestCount": 0}
    state.create("batch", "batches/7", left, blobs={"requests": json.dumps([{"request": ask("x")}]).encode()})
    state.close()
    with EmbeddedServer(state=tmp_path) as server, httpx2.Client(base_url=server.base_url) as http:
        assert wait(http, "batches/7")["metadata"]["state"] == "BATCH_STATE_SUCCEEDED"


@pytest.mark.parametrize(
    "body", [{}, batch_body(), {"batch": {"inputConfig": {}}}, {"batch": {"inputConfig": {"fileName": ""}}}]
)
def test_an_empty_batch_is_refused(http: httpx2.Client, body: Any) -> None:
    assert http.post(URL, json=body).json()["error"]["status"] in ("INVALID_ARGUMENT", "NOT_FOUND")


def test_a_batch_of_a_file_writes_a_file_of_answers_with_their_keys(http: httpx2.Client) -> None:
    client = genai.Client(api_key="any", http_options={"base_url": str(http.base_url)})
    lines = [{"key": f"k{n}", "request": request} for n, request in enumerate((ask("space"), {"contents": []}))]
    data = "".join(json.dumps(line) + "\n" for line in lines).encode()
    file = client.files.upload(file=io.BytesIO(data), config={"mime_type": "application/jsonl"})
    assert file.name is not None
    name = client.batches.create(model="gemini-3.5-flash-lite", src=file.name, config={"display_name": "mine"}).name
    assert name is not None
    wait(http, name)
    job = client.batches.get(name=name)
    assert job.state is not None
    assert job.dest is not None
    assert job.dest.file_name is not None
    assert (job.state.value, job.display_name) == ("JOB_STATE_SUCCEEDED", "mine")
    answers = [json.loads(line) for line in client.files.download(file=job.dest.file_name).splitlines()]
    assert [answer["key"] for answer in answers] == ["k0", "k1"]
    assert said(answers[0]["response"]) == said(http.post(ONE, json=ask("space")).json())
    assert answers[1]["error"]["code"] == 400
    assert http.get(f"/v1beta/{file.name}:download").status_code == 400  # what was uploaded is not given back
    client.files.delete(name=file.name)
    assert http.get(f"/v1beta/{file.name}").status_code == 404
    client.close()


def test_a_large_file_arrives_in_pieces(http: httpx2.Client) -> None:
    client = genai.Client(api_key="any", http_options={"base_url": str(http.base_url)})
    line = json.dumps({"key": "k", "request": ask("space " * 1_500_000)}).encode() + b"\n"  # two pieces of 8 MB
    file = client.files.upload(file=io.BytesIO(line), config={"mime_type": "application/jsonl"})
    assert http.get(f"/v1beta/{file.name}").json()["sizeBytes"] == str(len(line))
    client.close()


def test_requests_of_a_batch_meet_faults_of_their_own_and_a_batch_may_end_without_answers() -> None:
    plan = FaultPlan((Fault("internal", every=2, path="requests"), Fault("batch-expired", every=2)))
    with EmbeddedServer(options=Options(faults=plan)) as server, httpx2.Client(base_url=server.base_url) as http:
        first = wait(http, http.post(URL, json=batch_body(*[ask("x")] * 4)).json()["name"])
        stats = first["metadata"]["batchStats"]
        assert (stats["successfulRequestCount"], stats["failedRequestCount"]) == ("2", "2")
        second = wait(http, http.post(URL, json=batch_body(ask("x"))).json()["name"])
        assert second["metadata"]["state"] == "BATCH_STATE_EXPIRED"
        assert "output" not in second["metadata"]
