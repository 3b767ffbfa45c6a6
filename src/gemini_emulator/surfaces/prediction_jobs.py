"""``batchPredictionJobs`` of the Enterprise surface: a JSONL in a bucket answered into a folder of another.

Answers are written in another order than the requests, each with its request repeated: the service
promises no more.
"""

from __future__ import annotations

import json
import re
from typing import Any

from ..call import Call
from ..service import Service
from ..wire.api_errors import invalid, not_found
from ..wire.json_fields import now, parse_json
from ..wire.messages import PREDICTION_JOB, PREDICTION_LINE
from ..wire.model_names import check_model
from ..wire.paging import page
from . import batch_runs, storage
from .batch_runs import SUCCEEDED, Outcome, Surface
from .vertex_answers import as_vertex

_KIND = "prediction"
_PUBLISHED = re.compile(r"(?:projects/[^/]+/locations/[^/]+/)?publishers/google/models/([^/]+)")
_TUNED = re.compile(r"(projects/[^/]+/locations/[^/]+)/models/([0-9]+)(?:@1)?")
_FILTER = re.compile(r'\s*(display_name|state)\s*=\s*"([^"]*)"\s*')
_ENDED = {
    "BATCH_STATE_FAILED": {"code": 13, "message": "Internal error occurred."},
    "BATCH_STATE_EXPIRED": {"code": 4, "message": "The job did not end in time."},
}


async def create(service: Service, call: Call) -> dict[str, Any]:
    """``POST batchPredictionJobs``: reads the requests as they are now. Raises 400, 404 if there are none."""
    job = call.message(PREDICTION_JOB)
    _check_model(job["model"], call.parent)
    uris = job["inputConfig"]["gcsSource"]["uris"]
    requests = [request for uri in uris for request in _read_requests(service, uri)]
    prefix = job["outputConfig"]["gcsDestination"]["outputUriPrefix"]
    storage.check_name(*_output(prefix, _new_folder()))  # a wrong one is refused before anything is asked
    about: dict[str, Any] = {
        key: job[key] for key in ("displayName", "model", "inputConfig", "outputConfig", "labels") if key in job
    }
    name = f"{call.parent}/batchPredictionJobs/{service.state.next_number()}"
    return _show(batch_runs.create(service, _SURFACE, name, requests, about))


async def get(service: Service, call: Call) -> dict[str, Any]:
    """``GET batchPredictionJobs/ID``."""
    return _show(_find(service, call))


async def list_all(service: Service, call: Call) -> dict[str, Any]:
    """``GET batchPredictionJobs?filter=``, newest last; filters are ``display_name="..."`` and ``state="..."``."""
    jobs = [_show(job) for job in service.state.list(_KIND, prefix=f"{call.parent}/batchPredictionJobs/")]
    wanted = call.query.get("filter", "")
    if wanted:
        match = _FILTER.fullmatch(wanted)
        if match is None:
            raise invalid(f'expected display_name="..." or state="...", got {wanted[:100]!r}', field="filter")
        key = "displayName" if match[1] == "display_name" else "state"
        jobs = [job for job in jobs if job[key] == match[2]]
    return page(jobs, call.query, key="batchPredictionJobs")


async def cancel(service: Service, call: Call) -> dict[str, Any]:
    """``POST batchPredictionJobs/ID:cancel``; a finished job stays as it is."""
    batch_runs.cancel(service, _SURFACE, _find(service, call))
    return {}


async def delete(service: Service, call: Call) -> dict[str, Any]:
    """``DELETE batchPredictionJobs/ID``: an operation that is done. What the job wrote stays in its bucket."""
    name = _find(service, call)["name"]
    service.state.delete(_KIND, name)
    return {"name": f"{name}/operations/delete", "done": True}


def resume(service: Service) -> None:
    """Run again what a stopped server left open."""
    batch_runs.resume(service, _SURFACE)


def _find(service: Service, call: Call) -> dict[str, Any]:
    return service.find(_KIND, f"{call.parent}/batchPredictionJobs/{call.params['job']}")


def _check_model(name: str, parent: str) -> None:
    published = _PUBLISHED.fullmatch(name)
    if published is not None:
        check_model(published[1])
    elif tuned := _TUNED.fullmatch(name):
        if tuned[1] != parent:
            raise invalid(f"{name[:200]} is not in {parent}: a model is asked where it was tuned", field="model")
    else:
        expected = "publishers/google/models/MODEL or projects/P/locations/L/models/ID"
        raise invalid(f"expected {expected}, got {name[:100]!r}", field="model")


def _read_requests(service: Service, uri: str) -> list[dict[str, Any]]:
    data = storage.read(service, *storage.split_uri(uri, field="inputConfig.gcsSource.uris"))
    if data is None:
        raise not_found(uri)
    return [
        PREDICTION_LINE(parse_json(line), f"{uri} line {n}")
        for n, line in enumerate(data.split(b"\n"), 1)
        if line.strip()
    ]


def _new_folder() -> str:
    return f"prediction-model-{now()}"


def _output(prefix: str, folder: str) -> tuple[str, str]:
    uri = f"{prefix.rstrip('/')}/{folder}/predictions.jsonl"
    return storage.split_uri(uri, field="outputConfig.gcsDestination.outputUriPrefix")


async def _ask(service: Service, model: str, request: dict[str, Any]) -> dict[str, Any]:
    tuned = _TUNED.fullmatch(model)
    if tuned is None:
        return as_vertex(await service.ask_base(model.rpartition("/")[2], request))
    return as_vertex(await service.ask_tuned(f"{tuned[1]}/tuningJobs/{tuned[2]}", request, shown=model))


async def _finish(
    service: Service, document: dict[str, Any], outcomes: list[Outcome]
) -> tuple[dict[str, Any], dict[str, bytes]]:
    folder = _new_folder()
    prefix = document["outputConfig"]["gcsDestination"]["outputUriPrefix"]
    bucket, name = _output(prefix, folder)
    data = b"".join(json.dumps(_row(outcome)).encode("ascii") + b"\n" for outcome in reversed(outcomes))
    await storage.write(service, bucket, name, data, content_type="application/jsonl", about={})
    return {"outputInfo": {"gcsOutputDirectory": f"{prefix.rstrip('/')}/{folder}"}}, {}


def _row(outcome: Outcome) -> dict[str, Any]:
    status = "" if outcome.error is None else f"{outcome.error.status}: {json.dumps(outcome.error.body())}"
    request = outcome.item["request"]
    return {"status": status, "processed_time": now(), "request": request, "response": outcome.answer or {}}


def _show(document: dict[str, Any]) -> dict[str, Any]:
    keys = ("name", "displayName", "model", "inputConfig", "outputConfig", "labels", "outputInfo")
    times = ("createTime", "endTime", "updateTime")
    shown = {key: document[key] for key in (*keys, *times) if key in document}
    shown["state"] = document["state"].replace("BATCH_STATE_", "JOB_STATE_")
    if document["state"] in _ENDED:
        shown["error"] = _ENDED[document["state"]]
    count, failed = document["requestCount"], document["failedRequestCount"]
    answered = count - failed if document["state"] == SUCCEEDED else 0
    shown["completionStats"] = {
        "successfulCount": str(answered),
        "failedCount": str(failed),
        "incompleteCount": str(count - answered - failed),
    }
    return shown


_SURFACE = Surface(_KIND, _ask, _finish)
