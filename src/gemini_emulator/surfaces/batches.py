"""``batchGenerateContent`` of the Developer API: requests inline or in a file, responses in their order."""

from __future__ import annotations

import json
from typing import Any

from ..call import Call
from ..service import Service
from ..wire.api_errors import invalid, not_found
from ..wire.json_fields import parse_json
from ..wire.messages import BATCH, BATCH_LINE
from ..wire.model_names import check_model
from ..wire.paging import page
from . import batch_runs, files
from .batch_runs import OPEN, SUCCEEDED, Outcome, Surface

_KIND, _RESPONSES = "batch", "responses"


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
    about = {"model": model, "displayName": batch.get("displayName", ""), "inputFile": file or ""}
    name = f"batches/{service.state.next_number()}"
    return _show(service, batch_runs.create(service, _SURFACE, name, requests, about))


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
    result = page(service.state.list(_KIND), call.query, key="operations")
    return result | {"operations": [_show(service, document) for document in result["operations"]]}


async def cancel(service: Service, call: Call) -> dict[str, Any]:
    """``POST batches/ID:cancel``; a finished batch stays as it is."""
    batch_runs.cancel(service, _SURFACE, _find(service, call))
    return {}


async def delete(service: Service, call: Call) -> dict[str, Any]:
    """``DELETE batches/ID``."""
    service.state.delete(_KIND, _find(service, call)["name"])
    return {}


def resume(service: Service) -> None:
    """Run again what a stopped server left open."""
    batch_runs.resume(service, _SURFACE)


async def _ask(service: Service, model: str, request: dict[str, Any]) -> dict[str, Any]:
    if model.startswith("tunedModels/"):
        return await service.ask_tuned(model, request, shown=model)
    return await service.ask_base(model.removeprefix("models/"), request)


async def _finish(
    service: Service, document: dict[str, Any], outcomes: list[Outcome]
) -> tuple[dict[str, Any], dict[str, bytes]]:
    responses = [_response(outcome) for outcome in outcomes]
    if not document.get("inputFile"):
        return {}, {_RESPONSES: json.dumps(responses).encode("ascii")}
    data = b"".join(json.dumps(response).encode("ascii") + b"\n" for response in responses)
    about = {"displayName": f"Responses of {document['name']}"}
    return {"responsesFile": files.create(service, about=about, data=data, source="GENERATED")["name"]}, {}


def _response(outcome: Outcome) -> dict[str, Any]:
    about: dict[str, Any] = {key: outcome.item[key] for key in ("metadata", "key") if key in outcome.item}
    if outcome.error is not None:
        return {"error": {"code": outcome.error.code, "message": outcome.error.message}, **about}
    return {"response": outcome.answer, **about}


_SURFACE = Surface(_KIND, _ask, _finish)


def _find(service: Service, call: Call) -> dict[str, Any]:
    return service.find(_KIND, f"batches/{call.params['id']}")


def _show(service: Service, document: dict[str, Any], *, whole: bool = False) -> dict[str, Any]:
    count, failed = document["requestCount"], document["failedRequestCount"]
    done = document["state"] not in OPEN
    answered = count - failed if document["state"] == SUCCEEDED else 0
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
    elif whole and document["state"] == SUCCEEDED:
        responses = json.loads(service.state.blob(_KIND, document["name"], _RESPONSES) or b"[]")
        metadata["output"] = {"inlinedResponses": {"inlinedResponses": responses}}
        shown["response"] = metadata["output"]
    return shown
