"""``batchGenerateContent`` of the Developer API: requests, inline or in a file, answered one by one in the background.

Each request may meet a fault of its own, as calls do; the whole batch may fail or expire.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from . import files
from .call import Call, Reply
from .clock import now
from .faults import BATCH_KINDS
from .messages import BATCH, BATCH_LINE
from .models import check_model
from .paging import page
from .refusals import ServiceError, internal, invalid, not_found
from .service import Service, check_generate
from .spoiled import refuse, spoil
from .wire import parse_json

KIND = "batch"
_REQUESTS, _RESPONSES = "requests", "responses"
_PENDING, _RUNNING = "BATCH_STATE_PENDING", "BATCH_STATE_RUNNING"
_SUCCEEDED, _CANCELLED = "BATCH_STATE_SUCCEEDED", "BATCH_STATE_CANCELLED"
_OPEN = (_PENDING, _RUNNING)
_ENDS = {"batch-failed": "BATCH_STATE_FAILED", "batch-expired": "BATCH_STATE_EXPIRED"}
_MOST_REQUESTS = 10_000
_tasks: set[asyncio.Task[None]] = set()  # asyncio keeps no reference of its own


async def create(service: Service, call: Call) -> dict[str, Any]:
    """``POST models/M:batchGenerateContent``."""
    check_model(call.params["model"])
    return _create(service, call, f"models/{call.params['model']}")


async def create_tuned(service: Service, call: Call) -> dict[str, Any]:
    """``POST tunedModels/ID:batchGenerateContent``."""
    return _create(service, call, f"tunedModels/{call.params['id']}")


def _create(service: Service, call: Call, model: str) -> dict[str, Any]:
    batch = call.message(BATCH)["batch"]
    source = batch["inputConfig"]
    if source.keys() not in ({"requests"}, {"fileName"}):
        raise invalid("expected 'requests' or 'fileName', one of them", field="batch.inputConfig")
    file = source.get("fileName")
    requests = source["requests"]["requests"] if file is None else _read_file(service, file)
    if not 1 <= len(requests) <= _MOST_REQUESTS:
        raise invalid(f"a batch holds 1 to {_MOST_REQUESTS} requests, got {len(requests)}", field="batch")
    name = f"batches/{service.state.next_number()}"
    document = {
        "name": name,
        "model": model,
        "displayName": batch.get("displayName", ""),
        "state": _PENDING,
        "createTime": now(),
        "updateTime": now(),
        "requestCount": len(requests),
        "failedRequestCount": 0,
        "inputFile": file or "",
    }
    blob = json.dumps(requests).encode("ascii")
    if not service.state.create(KIND, name, document, blobs={_REQUESTS: blob}):
        raise ServiceError(503, "UNAVAILABLE", "The name was just taken; please try again.")
    _start(service, name)
    return _show(service, document)


def _read_file(service: Service, name: str) -> list[dict[str, Any]]:
    data = files.read(service, name)
    if data is None:
        raise not_found(name)
    return [BATCH_LINE(parse_json(line), f"line {n}") for n, line in enumerate(data.splitlines(), 1) if line.strip()]


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
    ended = service.faults.choose(name, {}, kinds=BATCH_KINDS)
    if ended is not None:
        over = {"state": _ENDS[ended.kind], "endTime": now(), "updateTime": now()}
        service.state.update(KIND, name, document | over)
        return
    responses, failed = [], 0
    for number, item in enumerate(json.loads(service.state.blob(KIND, name, _REQUESTS) or b"[]")):
        await asyncio.sleep(0)  # other calls come first
        current = service.state.get(KIND, name)
        if current is None or current["state"] != _RUNNING:
            return
        about = {key: item[key] for key in ("metadata", "key") if key in item}
        try:
            answer = await _answer(service, document["model"], item["request"], f"{name}/requests/{number}")
            responses.append({"response": answer, **about})
        except ServiceError as error:
            failed += 1
            responses.append({"error": {"code": error.code, "message": error.message}, **about})
    done: dict[str, Any] = {"state": _SUCCEEDED, "endTime": now(), "updateTime": now(), "failedRequestCount": failed}
    if document.get("inputFile"):
        data = b"".join(json.dumps(response).encode("ascii") + b"\n" for response in responses)
        file = files.create(service, about={"displayName": f"Responses of {name}"}, data=data, source="GENERATED")
        service.state.update(KIND, name, document | done | {"responsesFile": file["name"]})
    else:
        service.state.update(KIND, name, document | done, blobs={_RESPONSES: json.dumps(responses).encode("ascii")})


async def _answer(service: Service, model: str, request: Any, path: str) -> dict[str, Any]:
    fault = service.faults.choose(path, {})
    if fault is not None:
        refuse(fault, model.partition("/")[2])
        if fault.kind == "slow":
            await asyncio.sleep(fault.delay_s)
    try:
        checked = check_generate(request)
        if model.startswith("tunedModels/"):
            answer = await service.ask_tuned(model, checked, shown=model)
        else:
            answer = await service.ask_base(checked)
    except RecursionError:
        raise invalid("Nested too deeply.") from None
    if fault is None:
        return answer
    spoiled = spoil(fault, Reply(answer)).content
    if not isinstance(spoiled, dict):
        raise internal()  # a batch has no connection of its own that could break off
    return spoiled


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
    if "responsesFile" in document:
        metadata["output"] = shown["response"] = {"responsesFile": document["responsesFile"]}
    elif whole and document["state"] == _SUCCEEDED:
        responses = json.loads(service.state.blob(KIND, document["name"], _RESPONSES) or b"[]")
        metadata["output"] = {"inlinedResponses": {"inlinedResponses": responses}}
        shown["response"] = metadata["output"]
    return shown
