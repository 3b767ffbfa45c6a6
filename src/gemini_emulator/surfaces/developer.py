"""The Developer API: which path is answered by what, under ``/v1`` and ``/v1beta`` alike."""

from __future__ import annotations

from typing import Any

from ..call import Call, Reply
from ..models.generation import stream
from ..models.prompt import read_prompt
from ..routing import Route
from ..service import Service
from ..wire.api_errors import invalid
from ..wire.messages import COUNT_REQUEST, GENERATE_REQUEST
from ..wire.model_names import LISTED, check_model, describe
from ..wire.paging import page
from . import batches, files, openai, tuned_models

VERSIONS = ("v1", "v1beta")


async def list_models(service: Service, call: Call) -> dict[str, Any]:
    """``GET models``."""
    return page([describe(name) for name in LISTED], call.query, key="models")


async def get_model(service: Service, call: Call) -> dict[str, Any]:
    """``GET models/NAME``."""
    return describe(call.params["model"])


async def generate(service: Service, call: Call) -> dict[str, Any]:
    """``POST models/M:generateContent``."""
    check_model(call.params["model"], version=call.params["api_version"])
    return await service.ask_base(call.params["model"], call.message(GENERATE_REQUEST))


async def generate_tuned(service: Service, call: Call) -> dict[str, Any]:
    """``POST tunedModels/ID:generateContent``."""
    name = tuned_models.PREFIX + call.params["id"]
    return await service.ask_tuned(name, call.message(GENERATE_REQUEST), shown=name)


async def stream_generate(service: Service, call: Call) -> Reply:
    """``POST models/M:streamGenerateContent``."""
    return Reply(stream(await generate(service, call)))


async def stream_tuned(service: Service, call: Call) -> Reply:
    """``POST tunedModels/ID:streamGenerateContent``."""
    return Reply(stream(await generate_tuned(service, call)))


async def count(service: Service, call: Call) -> dict[str, Any]:
    """``POST models/M:countTokens``: agrees with promptTokenCount of the same request."""
    check_model(call.params["model"], version=call.params["api_version"], method="countTokens")
    return {"totalTokens": count_request(call.message(COUNT_REQUEST))}


def count_request(request: dict[str, Any]) -> int:
    """Tokens of contents and system instruction of a countTokens request."""
    inner = request.pop("generateContentRequest", None)
    if (inner is None) == ("contents" not in request):
        raise invalid("expected 'contents' or 'generateContentRequest', one of them", field="contents")
    return read_prompt(inner or request).tokens


ROUTES = (
    Route("GET", "models", list_models),
    Route("GET", "models/{model}", get_model),
    Route("POST", "models/{model}:generateContent", generate, generates=True),
    Route("POST", "models/{model}:streamGenerateContent", stream_generate, generates=True),
    Route("POST", "models/{model}:countTokens", count),
    Route("POST", "models/{model}:batchGenerateContent", batches.create),
    *files.ROUTES,
    *openai.ROUTES,
    Route("GET", "batches", batches.list_all),
    Route("GET", "batches/{id}", batches.get),
    Route("POST", "batches/{id}:cancel", batches.cancel),
    Route("DELETE", "batches/{id}", batches.delete),
    Route("POST", "tunedModels", tuned_models.create),
    Route("GET", "tunedModels", tuned_models.list_all),
    Route("GET", "tunedModels/{id}", tuned_models.get),
    Route("DELETE", "tunedModels/{id}", tuned_models.delete),
    Route("POST", "tunedModels/{id}:generateContent", generate_tuned, generates=True),
    Route("POST", "tunedModels/{id}:streamGenerateContent", stream_tuned, generates=True),
    Route("POST", "tunedModels/{id}:batchGenerateContent", batches.create_tuned),
    Route("GET", "tunedModels/{id}/operations", tuned_models.list_operations),
    Route("GET", "tunedModels/{id}/operations/{operation}", tuned_models.get_operation),
)
