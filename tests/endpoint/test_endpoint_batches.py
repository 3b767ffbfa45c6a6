"""Batches of the Developer API: requests in, responses in their order out."""

from __future__ import annotations

import json
import time

import httpx2
import pytest
from endpoint_calls import ask

from newsgauge.endpoint.server import EmbeddedServer
from newsgauge.endpoint.state import State

URL = "/v1beta/models/gemini-3.5-flash-lite:batchGenerateContent"


def batch_body(*requests):
    items = [{"request": request, "metadata": {"key": str(n)}} for n, request in enumerate(requests)]
    return {"batch": {"displayName": "b", "inputConfig": {"requests": {"requests": items}}}}


def wait(http, name):
    for _ in range(600):
        batch = http.get(f"/v1beta/{name}").json()
        if batch.get("done"):
            return batch
        time.sleep(0.02)
    raise AssertionError(f"{name} is not done")


def test_a_batch_answers_each_request_and_keeps_its_key(http):
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


def test_batches_are_listed_cancelled_and_deleted(http):
    created = http.post(URL, json=batch_body(*[ask("space " * 1000)] * 2000)).json()
    assert http.post(f"/v1beta/{created['name']}:cancel").json() == {}
    assert wait(http, created["name"])["metadata"]["state"] == "BATCH_STATE_CANCELLED"
    listed = http.get("/v1beta/batches").json()["operations"]
    assert created["name"] == listed[-1]["name"]
    assert http.delete(f"/v1beta/{created['name']}").json() == {}
    assert http.get(f"/v1beta/{created['name']}").status_code == 404


def test_a_batch_that_a_stopped_server_left_open_is_answered_by_the_next(tmp_path):
    state = State(tmp_path)
    left = {
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


@pytest.mark.parametrize("body", [{}, batch_body(), {"batch": {"inputConfig": {"fileName": "files/x"}}}])
def test_an_empty_or_file_batch_is_refused(http, body):
    assert http.post(URL, json=body).json()["error"]["status"] == "INVALID_ARGUMENT"
