"""``batchGenerateContent`` of the Developer API: inline requests, answered one by one in the background."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from .call import Call
from .clock import now
from .messages import BATCH
from .models import check_model
from .paging import page
from .refusals import ServiceError, invalid, not_found
from .service import Service, check_generate

KIND = "batch"
_REQUESTS, _RESPONSES = "requests", "responses"
_PENDING, _RUNNING = "BATCH_STATE_PENDING", "BATCH_STATE_RUNNING"
_SUCCEEDED, _CANCELLED = "BATCH_STATE_SUCCEEDED", "BATCH_STATE_CANCELLED"
_OPEN = (_PENDING, _RUNNING)
_MOST_REQUESTS = 10_000
_tasks: set[asyncio.Task[None]] = set()  # asyncio keeps no reference of its own


async def create(service: Service, call: Call) -> dict[str, Any]:
    """``POST models/M:batchGenerateContent``."""
    model = call.params["model"]
    check_model(model)
    batch = call.message(BATCH)["batch"]
    requests = batch["inputConfig"]["requests"]["requests"]
    if not 1 <= len(requests) <= _MOST_REQUESTS:
        raise invalid(f"a batch holds 1 to {_MOST_REQUESTS} requests, got {len(requests)}", field="batch")
    name = f"batches/{service.state.next_number()}"
    document = {
        "name": name,
        "model": f"models/{model}",
        "displayName": batch.get("displayName", ""),
        "state": _PENDING,
        "createTime": now(),
        "updateTime": now(),
        "requestCount": len(requests),
        "failedRequestCount": 0,
    }
    blob = json.dumps(requests).encode("ascii")
    if not service.state.create(KIND, name, document, blobs={_REQUESTS: blob}):
        raise ServiceError(503, "UNAVAILABLE", "The name was just taken; please try again.")
    _start(service, name)
    return _show(service, document)


async def get(service: Service, call: Call) -> dict[str, Any]:
    """``GET batches/ID``, with the responses once it is done."""
    return _show(service, _find(service, call), whole=True)


async def list_all(service: Service, call: Call) -> dict[str, Any]:
    """``GET batches``, newest last, without responses."""
    result = page(service.state.list(KIND), call.query, key="operations")
    return result | {"operations": [_show(service, document) for document in result["operations"]]}


async def cancel(service: Service, call: Call) -> dict[str, Any]:
    """``POST batches/ID:cancel``; a finished batch stays as it is."""
    document = _find(service, call)
    if document["state"] in _OPEN:
        done = {"state": _CANCELLED, "endTime": now(), "updateTime": now()}
        service.state.update(KIND, document["name"], document | done)
    return {}


async def delete(service: Service, call: Call) -> dict[str, Any]:
    """``DELETE batches/ID``."""
    service.state.delete(KIND, _find(service, call)["name"])
    return {}


def resume(service: Service) -> None:
    """Run again what a stopped server left open."""
    for document in service.state.list(KIND):
        if document["state"] in _OPEN:
            _start(service, document["name"])


def _start(service: Service, name: str) -> None:
    task = asyncio.create_task(_run(service, name))
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


async def _run(service: Service, name: str) -> None:
    document = service.state.get(KIND, name)
    if document is None or document["state"] not in _OPEN:
        return
    service.state.update(KIND, name, document | {"state": _RUNNING, "updateTime": now()})
    responses, failed = [], 0
    for item in json.loads(service.state.blob(KIND, name, _REQUESTS) or b"[]"):
        await asyncio.sleep(0)  # other calls come first
        current = service.state.get(KIND, name)
        if current is None or current["state"] != _RUNNING:
            return
        about = {"metadata": item["metadata"]} if "metadata" in item else {}
        try:
            responses.append({"response": await _answer(service, item["request"]), **about})
        except ServiceError as error:
            failed += 1
            responses.append({"error": {"code": error.code, "message": error.message}, **about})
    done = {"state": _SUCCEEDED, "endTime": now(), "updateTime": now(), "failedRequestCount": failed}
    service.state.update(KIND, name, document | done, blobs={_RESPONSES: json.dumps(responses).encode("ascii")})


async def _answer(service: Service, request: Any) -> dict[str, Any]:
    try:
        return await service.ask_base(check_generate(request))
    except RecursionError:
        raise invalid("Nested too deeply.") from None


def _find(service: Service, call: Call) -> dict[str, Any]:
    name = f"batches/{call.params['id']}"
    document = service.state.get(KIND, name)
    if document is None:
        raise not_found(name)
    return document


def _show(service: Service, document: dict[str, Any], *, whole: bool = False) -> dict[str, Any]:
    count, failed = document["requestCount"], document["failedRequestCount"]
    done = document["state"] not in _OPEN
    answered = count - failed if document["state"] == _SUCCEEDED else 0
    stats = {
        "requestCount": str(count),
        "successfulRequestCount": str(answered),
        "failedRequestCount": str(failed),
        "pendingRequestCount": str(0 if done else count),
    }
    keys = ("model", "displayName", "state", "createTime", "updateTime", "endTime", "name")
    metadata: dict[str, Any] = {
        "@type": "type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch",
        **{key: document[key] for key in keys if key in document},
        "batchStats": stats,
    }
    shown: dict[str, Any] = {"name": document["name"], "metadata": metadata}
    if done:
        shown["done"] = True
    if whole and document["state"] == _SUCCEEDED:
        responses = json.loads(service.state.blob(KIND, document["name"], _RESPONSES) or b"[]")
        metadata["output"] = {"inlinedResponses": {"inlinedResponses": responses}}
        shown["response"] = metadata["output"]
    return shown
