"""The Enterprise (Vertex) surface: which path is answered by what, under ``/v1beta1`` and ``/v1``."""

from __future__ import annotations

from typing import Any

from ..call import Call, Reply
from ..models.generation import stream
from ..routing import Route
from ..service import Service
from ..wire.api_errors import ServiceError
from ..wire.messages import COUNT_REQUEST, GENERATE_REQUEST
from ..wire.model_names import BASE_VERSION, LISTED, check_model, is_model
from ..wire.paging import page
from . import experiments, prediction_jobs, tuning_jobs
from .developer import count_request
from .vertex_answers import as_vertex

VERSIONS = ("v1", "v1beta1")
_PARENT = "projects/{project}/locations/{location}"
_EXPRESS = "publishers/google/models/{model}"
_MODEL = f"{_PARENT}/{_EXPRESS}"
_ENDPOINT = _PARENT + "/endpoints/{endpoint}"
_RUNS = _PARENT + "/tensorboards/{board}/experiments/{experiment}/runs"


async def list_models(service: Service, call: Call) -> dict[str, Any]:
    """``GET publishers/google/models``."""
    return page([_describe(name) for name in LISTED], call.query, key="publisherModels")


async def get_model(service: Service, call: Call) -> dict[str, Any]:
    """``GET publishers/google/models/NAME``."""
    check_model(call.params["model"])
    return _describe(call.params["model"])


async def generate(service: Service, call: Call) -> dict[str, Any]:
    """``POST publishers/google/models/M:generateContent``."""
    _check_model(call)
    return as_vertex(await service.ask_base(call.params["model"], call.message(GENERATE_REQUEST)))


async def generate_tuned(service: Service, call: Call) -> dict[str, Any]:
    """``POST endpoints/E:generateContent``."""
    shown = f"endpoints/{call.params['endpoint']}"
    request = call.message(GENERATE_REQUEST)
    return as_vertex(await service.ask_tuned(tuning_jobs.job_of_endpoint(call), request, shown=shown))


async def stream_generate(service: Service, call: Call) -> Reply:
    """``POST publishers/google/models/M:streamGenerateContent``."""
    return Reply(stream(await generate(service, call)))


async def stream_tuned(service: Service, call: Call) -> Reply:
    """``POST endpoints/E:streamGenerateContent``."""
    return Reply(stream(await generate_tuned(service, call)))


async def count(service: Service, call: Call) -> dict[str, Any]:
    """``POST ...:countTokens``, of a model or an endpoint: agrees with promptTokenCount."""
    if "model" in call.params:
        _check_model(call)
    request = call.message(COUNT_REQUEST)
    texts = (part["text"] for content in request.get("contents", ()) for part in content["parts"])
    characters = sum(len(text) - sum(map(str.isspace, text)) for text in texts)
    return {"totalTokens": count_request(request), "totalBillableCharacters": characters}


def _check_model(call: Call) -> None:
    """Raise Vertex's own 404 unless the model looks like one of Gemini's."""
    name = call.params["model"]
    if not is_model(name):
        parent = f"{call.parent}/" if "project" in call.params else ""
        raise ServiceError(
            404,
            "NOT_FOUND",
            f"Publisher Model `{parent}publishers/google/models/{name[:100]}` was not found or your project does not "
            "have access to it. Please ensure you are using a valid model version. For more information, see: "
            "https://cloud.google.com/vertex-ai/generative-ai/docs/learn/model-versions",
        )


def _describe(name: str) -> dict[str, Any]:
    return {"name": f"publishers/google/models/{name}", "versionId": BASE_VERSION, "launchStage": "GA"}


ROUTES = (
    Route("GET", "publishers/google/models", list_models),
    Route("GET", "publishers/google/models/{model}", get_model),
    Route("POST", _MODEL + ":generateContent", generate, generates=True),
    Route("POST", _MODEL + ":streamGenerateContent", stream_generate, generates=True),
    Route("POST", _MODEL + ":countTokens", count),
    # Express mode: an API key in the place of a project.
    Route("POST", _EXPRESS + ":generateContent", generate, generates=True),
    Route("POST", _EXPRESS + ":streamGenerateContent", stream_generate, generates=True),
    Route("POST", _EXPRESS + ":countTokens", count),
    Route("POST", _ENDPOINT + ":generateContent", generate_tuned, generates=True),
    Route("POST", _ENDPOINT + ":streamGenerateContent", stream_tuned, generates=True),
    Route("POST", _ENDPOINT + ":countTokens", count),
    Route("POST", _PARENT + "/tuningJobs", tuning_jobs.create),
    Route("GET", _PARENT + "/tuningJobs", tuning_jobs.list_all),
    Route("GET", _PARENT + "/tuningJobs/{job}", tuning_jobs.get),
    Route("POST", _PARENT + "/tuningJobs/{job}:cancel", tuning_jobs.cancel),
    Route("GET", _PARENT + "/metadataStores/default/contexts/{experiment}", experiments.context),
    Route("GET", _RUNS, experiments.runs),
    Route("GET", _RUNS + "/{run}/timeSeries", experiments.series),
    Route("GET", _RUNS + "/{run}/timeSeries/{series}:read", experiments.read),
    Route("POST", _PARENT + "/batchPredictionJobs", prediction_jobs.create),
    Route("GET", _PARENT + "/batchPredictionJobs", prediction_jobs.list_all),
    Route("GET", _PARENT + "/batchPredictionJobs/{job}", prediction_jobs.get),
    Route("POST", _PARENT + "/batchPredictionJobs/{job}:cancel", prediction_jobs.cancel),
    Route("DELETE", _PARENT + "/batchPredictionJobs/{job}", prediction_jobs.delete),
)
