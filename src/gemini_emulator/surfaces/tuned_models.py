"""``tunedModels`` of the Developer API: create from inline examples, get, list, delete, operations."""

from __future__ import annotations

import re
import secrets
from typing import Any

from ..call import Call
from ..models.training_job import (
    CANCELLED,
    EXAMPLES,
    FAILED,
    FINISHED,
    KIND,
    SUCCEEDED,
    new_document,
    pack_examples,
    read_settings,
)
from ..models.tuned_model import Example
from ..service import Service
from ..wire.api_errors import ServiceError, exists, invalid, not_found
from ..wire.messages import TUNED_MODEL
from ..wire.model_names import check_tunable
from ..wire.paging import page

PREFIX = "tunedModels/"
_ID = re.compile(r"[a-z][a-z0-9-]{0,39}")
_DROPPED = "google-genai from 1.50 on drops inline examples: send them over REST, or tune on Vertex from a bucket."
_ID_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
_STATES = {SUCCEEDED: "ACTIVE", FAILED: "FAILED", CANCELLED: "FAILED"}
_OPERATION = "type.googleapis.com/google.ai.generativelanguage.v1beta."


async def create(service: Service, call: Call) -> dict[str, Any]:
    """``POST tunedModels?tunedModelId=ID``: queues the training and answers with its operation."""
    try:
        request = call.message(TUNED_MODEL)
    except ServiceError as error:
        if "trainingData" in error.message and "required" in error.message:
            raise invalid(f"{error.message} {_DROPPED}", field="tuningTask.trainingData") from None
        raise
    tuned_id = call.query.get("tunedModelId") or _make_id(request.get("displayName", ""))
    if not _ID.fullmatch(tuned_id):
        raise invalid("tunedModelId: expected [a-z][a-z0-9-]{0,39}", field="tuned_model_id")
    check_tunable(request["baseModel"])
    task = request["tuningTask"]
    hyper = task.get("hyperparameters", {})
    settings = read_settings(hyper)
    examples = [Example(item["textInput"], item["output"]) for item in task["trainingData"]["examples"]["examples"]]
    name = PREFIX + tuned_id
    about = {key: request[key] for key in ("displayName", "description", "baseModel") if key in request}
    document = new_document(name, settings=settings, examples=len(examples), about=about | {"hyperparameters": hyper})
    if not service.state.create(KIND, name, document, blobs={EXAMPLES: pack_examples(examples)}):
        raise exists(name)
    service.trainer.submit(name)
    return _operation(document)


async def get(service: Service, call: Call) -> dict[str, Any]:
    """``GET tunedModels/ID``."""
    return _show(_find(service, call))


async def list_all(service: Service, call: Call) -> dict[str, Any]:
    """``GET tunedModels``, newest last."""
    result = page(service.state.list(KIND, prefix=PREFIX), call.query, key="tunedModels", default_size=10)
    return result | {"tunedModels": [_show(service.trainer.progress(job)) for job in result["tunedModels"]]}


async def delete(service: Service, call: Call) -> dict[str, Any]:
    """``DELETE tunedModels/ID``: ends its training too, if that still runs."""
    name = PREFIX + call.params["id"]
    if not service.trainer.cancel(name, delete=True):
        raise not_found(name)
    return {}


async def get_operation(service: Service, call: Call) -> dict[str, Any]:
    """``GET tunedModels/ID/operations/1``."""
    job = _find(service, call)
    if call.params["operation"] != "1":
        raise not_found(f"{job['name']}/operations/{call.params['operation']}")
    return _operation(job)


async def list_operations(service: Service, call: Call) -> dict[str, Any]:
    """``GET tunedModels/ID/operations``: one."""
    return page([_operation(_find(service, call))], call.query, key="operations")


def _find(service: Service, call: Call) -> dict[str, Any]:
    return service.trainer.progress(service.find(KIND, PREFIX + call.params["id"]))


def _show(job: dict[str, Any]) -> dict[str, Any]:
    about = job["about"]
    task: dict[str, Any] = {"hyperparameters": about["hyperparameters"], "snapshots": job["snapshots"]}
    for key, shown in (("startTime", "startTime"), ("endTime", "completeTime")):
        if key in job:
            task[shown] = job[key]
    shown_model = {
        "name": job["name"],
        "displayName": about.get("displayName", ""),
        "description": about.get("description", ""),
        "baseModel": about["baseModel"],
        "state": _STATES.get(job["state"], "CREATING"),
        "createTime": job["createTime"],
        "updateTime": job["updateTime"],
        "tuningTask": task,
    }
    return shown_model | ({"error": job["error"]} if "error" in job else {})


def _operation(job: dict[str, Any]) -> dict[str, Any]:
    total, done = job["totalSteps"], len(job["snapshots"])
    operation: dict[str, Any] = {
        "name": f"{job['name']}/operations/1",
        "metadata": {
            "@type": f"{_OPERATION}CreateTunedModelMetadata",
            "totalSteps": total,
            "completedSteps": done,
            "completedPercent": round(100 * done / total, 1) if total else 0,
            "snapshots": job["snapshots"],
            "tunedModel": job["name"],
        },
    }
    if job["state"] in FINISHED:
        operation["done"] = True
        if job["state"] == SUCCEEDED:
            operation["response"] = {"@type": f"{_OPERATION}TunedModel", **_show(job)}
        else:
            operation["error"] = job.get("error", {"code": 1, "message": "The operation was cancelled."})
    return operation


def _make_id(display_name: str) -> str:
    # As the service did: 30 characters of the display name, and 8 that make it unique. Clients look for the former.
    words = re.sub(r"[^a-z0-9]+", "-", display_name.lower()).strip("-")
    words = words if words[:1].isalpha() else f"tuned-{words}".strip("-")
    end = "".join(secrets.choice(_ID_LETTERS) for _ in range(8))
    return f"{words[:30].strip('-')}-{end}"
