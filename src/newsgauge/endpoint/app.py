"""The Developer API of Gemini over HTTP: models, generateContent, countTokens, and tuned models from inline examples.

Wire shapes are the service's own. Every answer's ``modelVersion`` says that the embedded model gave it.
"""

from __future__ import annotations

import json
import re
import threading
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import base_model
from .tokens import count_tokens
from .tuned_model import Example, TrainingError, TunedModel, train

BASE_VERSION = "newsgauge-embedded-base-1"
TUNED_VERSION = "newsgauge-embedded-tuned-1"
MAX_BODY_BYTES = 20_000_000
_LISTED = ("gemini-3.5-flash-lite", "gemini-3.5-flash-lite-tuning")
_MODEL = re.compile(r"gemini-[a-z0-9.-]+")


class ServiceError(Exception):
    """An error in the service's own shape."""

    def __init__(self, code: int, status: str, message: str) -> None:
        super().__init__(message)
        self.code, self.status, self.message = code, status, message


class Service:
    """The state of one server: its tuned models, each with the thread that trains it."""

    def __init__(self) -> None:
        self._tuned: dict[str, dict[str, Any]] = {}
        self._models: dict[str, TunedModel] = {}
        self._lock = threading.Lock()

    def list_models(self) -> dict[str, Any]:
        """``GET models``."""
        return {"models": [_describe(name) for name in _LISTED]}

    def get_model(self, name: str) -> dict[str, Any]:
        """``GET models/NAME``: any name that looks like a Gemini model is served by the embedded base model."""
        _check_model(name)
        return _describe(name)

    def create_tuned(self, tuned_id: str, body: dict[str, Any]) -> dict[str, Any]:
        """``POST tunedModels``: starts training in the background and answers with the operation."""
        name = f"tunedModels/{tuned_id}"
        base = _field(body, "baseModel", str)
        if not base.removeprefix("models/").endswith("-tuning"):
            raise ServiceError(400, "INVALID_ARGUMENT", f"{base} does not support createTunedModel")
        task = _field(body, "tuningTask", dict)
        hyper = task.get("hyperparameters", {})
        data = _field(_field(task, "trainingData", dict), "examples", dict)
        examples = [
            Example(_field(item, "textInput", str), _field(item, "output", str))
            for item in _field(data, "examples", list)
        ]
        settings = {
            "epochs": int(hyper.get("epochCount", 5)),
            "batch_size": int(hyper.get("batchSize", 16)),
            "learning_rate": float(hyper.get("learningRate", 0.001)),
        }
        steps = settings["epochs"] * -(-len(examples) // max(settings["batch_size"], 1))
        with self._lock:
            if name in self._tuned:
                raise ServiceError(409, "ALREADY_EXISTS", f"{name} already exists")
            self._tuned[name] = {
                "name": name,
                "displayName": body.get("displayName", ""),
                "baseModel": base,
                "state": "CREATING",
                "tuningTask": {"hyperparameters": hyper, "snapshots": []},
            }
        threading.Thread(target=self._train, args=(name, examples, settings), daemon=True).start()
        return {"name": f"{name}/operations/1", "metadata": {"totalSteps": steps, "tunedModel": name}}

    def get_tuned(self, tuned_id: str) -> dict[str, Any]:
        """``GET tunedModels/ID``."""
        with self._lock:
            if f"tunedModels/{tuned_id}" not in self._tuned:
                raise ServiceError(404, "NOT_FOUND", f"tunedModels/{tuned_id} is not found")
            return dict(self._tuned[f"tunedModels/{tuned_id}"])

    def list_tuned(self) -> dict[str, Any]:
        """``GET tunedModels``, newest last."""
        with self._lock:
            return {"tunedModels": [dict(model) for model in self._tuned.values()]}

    def generate(self, body: dict[str, Any], *, tuned_id: str | None = None) -> dict[str, Any]:
        """``POST models/M:generateContent`` and ``POST tunedModels/ID:generateContent``."""
        contents = _text(_field(body, "contents", list))
        instruction = _text([body["systemInstruction"]]) if "systemInstruction" in body else ""
        config = body.get("generationConfig", {})
        logprob = None
        if tuned_id is None:
            enum = tuple(config.get("responseSchema", {}).get("enum", ()))
            text = base_model.answer(contents, system_instruction=instruction, enum=enum)
            version = BASE_VERSION
        else:
            if self.get_tuned(tuned_id)["state"] != "ACTIVE":
                raise ServiceError(400, "FAILED_PRECONDITION", f"tunedModels/{tuned_id} is not ACTIVE")
            text, logprob = self._models[f"tunedModels/{tuned_id}"].predict(contents)
            version = TUNED_VERSION
        prompt, spoken = count_tokens(contents) + count_tokens(instruction), count_tokens(text)
        candidate: dict[str, Any] = {
            "content": {"parts": [{"text": text}], "role": "model"},
            "finishReason": "STOP",
            "index": 0,
        }
        if logprob is not None:
            candidate["avgLogprobs"] = round(logprob, 6)
        return {
            "candidates": [candidate],
            "usageMetadata": {
                "promptTokenCount": prompt,
                "candidatesTokenCount": spoken,
                "totalTokenCount": prompt + spoken,
            },
            "modelVersion": version,
        }

    def _train(self, name: str, examples: list[Example], settings: dict[str, Any]) -> None:
        try:
            model = train(examples, **settings)
        except TrainingError as error:
            with self._lock:
                self._tuned[name] |= {"state": "FAILED", "error": {"code": 400, "message": str(error)}}
            return
        with self._lock:
            self._models[name] = model
            task = self._tuned[name]["tuningTask"]
            task["snapshots"] = [
                {"step": s.step, "epoch": s.epoch, "meanLoss": round(s.mean_loss, 6)} for s in model.snapshots
            ]
            self._tuned[name]["state"] = "ACTIVE"


def create_app(service: Service | None = None) -> Starlette:
    """The ASGI app, under ``/v1`` and ``/v1beta`` alike."""
    service = service or Service()

    async def models(request: Request) -> Response:
        return JSONResponse(service.list_models())

    async def model(request: Request) -> Response:
        name, _, action = request.path_params["name"].partition(":")
        if request.method == "GET":
            return JSONResponse(service.get_model(name))
        _check_model(name)
        body = await _json(request)
        if action == "generateContent":
            return JSONResponse(service.generate(body))
        if action == "countTokens":
            return JSONResponse({"totalTokens": count_tokens(_text(_field(body, "contents", list)))})
        raise ServiceError(404, "NOT_FOUND", f"models/{name} has no method {action!r}")

    async def tuned_models(request: Request) -> Response:
        if request.method == "GET":
            return JSONResponse(service.list_tuned())
        body = await _json(request)
        tuned_id = request.query_params.get("tunedModelId", "")
        if not re.fullmatch(r"[a-z][a-z0-9-]{0,39}", tuned_id):
            raise ServiceError(400, "INVALID_ARGUMENT", "tunedModelId: expected [a-z][a-z0-9-]{0,39}")
        return JSONResponse(service.create_tuned(tuned_id, body))

    async def tuned_model(request: Request) -> Response:
        tuned_id, _, action = request.path_params["name"].partition(":")
        if request.method == "GET":
            return JSONResponse(service.get_tuned(tuned_id))
        if action != "generateContent":
            raise ServiceError(404, "NOT_FOUND", f"tunedModels/{tuned_id} has no method {action!r}")
        body = await _json(request)
        return JSONResponse(await run_in_threadpool(lambda: service.generate(body, tuned_id=tuned_id)))

    async def on_service_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, ServiceError)
        return _error(error.code, error.status, error.message)

    async def on_not_found(request: Request, error: Exception) -> Response:
        return _error(404, "NOT_FOUND", f"{request.url.path} is not found")

    return Starlette(
        routes=[
            route
            for version in ("/v1", "/v1beta")
            for route in (
                Route(f"{version}/models", models),
                Route(f"{version}/models/{{name}}", model, methods=["GET", "POST"]),
                Route(f"{version}/tunedModels", tuned_models, methods=["GET", "POST"]),
                Route(f"{version}/tunedModels/{{name}}", tuned_model, methods=["GET", "POST"]),
            )
        ],
        exception_handlers={ServiceError: on_service_error, 404: on_not_found, 405: on_not_found},
    )


def _describe(name: str) -> dict[str, Any]:
    methods = ["generateContent", "countTokens"] + (["createTunedModel"] if name.endswith("-tuning") else [])
    return {
        "name": f"models/{name}",
        "version": BASE_VERSION,
        "displayName": f"{name} (newsgauge embedded)",
        "inputTokenLimit": 1_000_000,
        "outputTokenLimit": 8_192,
        "supportedGenerationMethods": methods,
    }


def _check_model(name: str) -> None:
    if not _MODEL.fullmatch(name):
        raise ServiceError(404, "NOT_FOUND", f"models/{name} is not found")


async def _json(request: Request) -> dict[str, Any]:
    raw = await request.body()
    if len(raw) > MAX_BODY_BYTES:
        raise ServiceError(413, "INVALID_ARGUMENT", f"Request payload size exceeds the limit: {MAX_BODY_BYTES} bytes.")
    try:
        body = json.loads(raw)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise ServiceError(400, "INVALID_ARGUMENT", "Invalid JSON payload received. Expected an object.")
    return body


def _field(body: Any, key: str, kind: type) -> Any:
    value = body.get(key) if isinstance(body, dict) else None
    if not isinstance(value, kind):
        raise ServiceError(400, "INVALID_ARGUMENT", f"Invalid value at '{key}': expected {kind.__name__}.")
    return value


def _text(contents: list[Any]) -> str:
    return "\n".join(
        _field(part, "text", str) for content in contents for part in _field(content, "parts", list)
    )


def _error(code: int, status: str, message: str) -> Response:
    return JSONResponse({"error": {"code": code, "message": message, "status": status}}, status_code=code)
