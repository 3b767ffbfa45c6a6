"""The OpenAI layer of the Developer API, under ``/v1beta/openai``: chat completions and models, for the OpenAI SDKs."""

from __future__ import annotations

import json
import time
from typing import Any

from ..call import Call, Reply
from ..models.generation import stream
from ..routing import Route
from ..service import Service, check_generate
from ..wire.api_errors import invalid
from ..wire.json_fields import anything, flag, message, number, one_of, repeated, struct, text, whole
from ..wire.model_names import LISTED, check_model

_PART = message({"type": text, "text": text}, required=("text",))
_ROLES = {"system": "", "developer": "", "user": "user", "assistant": "model"}
_MESSAGE = message({"role": text, "content": anything, "name": text}, required=("role",))
_REQUEST = message(
    {
        "model": text,
        "messages": repeated(_MESSAGE),
        **dict.fromkeys(("temperature", "topP", "frequencyPenalty", "presencePenalty"), number),
        **dict.fromkeys(("maxTokens", "maxCompletionTokens", "n", "seed", "topLogprobs"), whole),
        **dict.fromkeys(("stream", "logprobs", "store", "parallelToolCalls"), flag),
        **dict.fromkeys(("responseFormat", "streamOptions", "metadata", "extraBody"), struct),
        "reasoningEffort": one_of("NONE", "MINIMAL", "LOW", "MEDIUM", "HIGH"),
        "stop": anything,
        "user": text,
    },
    required=("model", "messages"),
)
_SETTINGS = {
    "temperature": "temperature",
    "topP": "topP",
    "maxTokens": "maxOutputTokens",
    "maxCompletionTokens": "maxOutputTokens",
    "n": "candidateCount",
    "seed": "seed",
}
_REASONS = {"STOP": "stop", "MAX_TOKENS": "length", "SAFETY": "content_filter"}


async def list_models(service: Service, call: Call) -> dict[str, Any]:
    """``GET openai/models``."""
    return {"object": "list", "data": [_describe(name) for name in LISTED]}


async def get_model(service: Service, call: Call) -> dict[str, Any]:
    """``GET openai/models/NAME``."""
    check_model(call.params["model"])
    return _describe(call.params["model"])


async def complete(service: Service, call: Call) -> dict[str, Any] | Reply:
    """``POST openai/chat/completions``; with ``stream`` its chunks as server-sent events."""
    asked = call.message(_REQUEST)
    model = asked["model"].removeprefix("models/")
    check_model(model)
    answer = await service.ask_base(model, check_generate(_as_gemini(asked)))
    if not asked.get("stream"):
        return _completion(answer, model)
    usage = asked.get("streamOptions", {}).get("include_usage", False)
    chunks = [_chunk(piece, model, usage) for piece in stream(answer)]
    body = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
    return Reply(body.encode("utf-8"), headers={"content-type": "text/event-stream"})


def _as_gemini(asked: dict[str, Any]) -> dict[str, Any]:
    contents: list[dict[str, Any]] = []
    system: list[dict[str, Any]] = []
    for place, said in enumerate(asked["messages"]):
        if said["role"] not in _ROLES:
            raise invalid(f"messages[{place}].role: expected one of {', '.join(_ROLES)}", field="messages")
        parts = _parts(said.get("content"), f"messages[{place}].content")
        role = _ROLES[said["role"]]
        if role:
            contents.append({"role": role, "parts": parts})
        else:
            system += parts
    config = {name: asked[key] for key, name in _SETTINGS.items() if key in asked}
    if "stop" in asked:
        config["stopSequences"] = [asked["stop"]] if isinstance(asked["stop"], str) else asked["stop"]
    if asked.get("logprobs"):
        config |= {"responseLogprobs": True, "logprobs": asked.get("topLogprobs", 0)}
    if "reasoningEffort" in asked:
        level = asked["reasoningEffort"].replace("NONE", "MINIMAL")
        config["thinkingConfig"] = {"thinkingLevel": level}
    config |= _format(asked.get("responseFormat", {}))
    return {"contents": contents, "systemInstruction": {"parts": system}, "generationConfig": config}


def _parts(content: Any, where: str) -> list[dict[str, Any]]:
    if isinstance(content, str):
        return [{"text": content}]
    return [{"text": _PART(part, where)["text"]} for part in repeated(anything)(content, where)]


def _format(wanted: dict[str, Any]) -> dict[str, Any]:
    if wanted.get("type") == "json_object":
        return {"responseMimeType": "application/json"}
    if wanted.get("type") != "json_schema":
        return {}
    schema = struct(wanted.get("json_schema"), "response_format.json_schema").get("schema", {})
    return {"responseMimeType": "application/json", "responseJsonSchema": schema}


def _about(answer: dict[str, Any], model: str, kind: str) -> dict[str, Any]:
    return {"id": answer["responseId"], "object": kind, "created": int(time.time()), "model": model}


def _completion(answer: dict[str, Any], model: str) -> dict[str, Any]:
    choices = [
        {
            "index": candidate.get("index", 0),
            "message": {"role": "assistant", "content": _text(candidate)},
            "finish_reason": _REASONS.get(candidate["finishReason"], "stop"),
            "logprobs": _logprobs(candidate),
        }
        for candidate in answer["candidates"]
    ]
    return _about(answer, model, "chat.completion") | {"choices": choices, "usage": _usage(answer)}


def _chunk(answer: dict[str, Any], model: str, with_usage: bool) -> dict[str, Any]:
    (candidate,) = answer["candidates"]
    reason = candidate.get("finishReason")
    choice = {
        "index": candidate.get("index", 0),
        "delta": {"role": "assistant", "content": _text(candidate)},
        "finish_reason": _REASONS.get(reason, "stop") if reason else None,
    }
    chunk = _about(answer, model, "chat.completion.chunk") | {"choices": [choice]}
    return chunk | ({"usage": _usage(answer)} if with_usage and reason else {})


def _text(candidate: dict[str, Any]) -> str | None:
    parts = [part["text"] for part in candidate["content"].get("parts", ()) if not part.get("thought")]
    return "".join(parts) if parts else None


def _usage(answer: dict[str, Any]) -> dict[str, Any]:
    usage = answer["usageMetadata"]
    thoughts = usage.get("thoughtsTokenCount", 0)
    return {
        "prompt_tokens": usage.get("promptTokenCount", 0),
        "completion_tokens": usage.get("candidatesTokenCount", 0) + thoughts,
        "total_tokens": usage.get("totalTokenCount", 0),
    }


def _logprobs(candidate: dict[str, Any]) -> dict[str, Any] | None:
    result = candidate.get("logprobsResult")
    if result is None:
        return None
    tops = [step["candidates"] for step in result.get("topCandidates", ())] or [[]] * len(result["chosenCandidates"])
    return {
        "content": [
            _token(chosen) | {"top_logprobs": [_token(other) for other in others]}
            for chosen, others in zip(result["chosenCandidates"], tops, strict=True)
        ]
    }


def _token(token: dict[str, Any]) -> dict[str, Any]:
    return {"token": token["token"], "logprob": token["logProbability"], "bytes": list(token["token"].encode("utf-8"))}


def _describe(name: str) -> dict[str, Any]:
    return {"id": f"models/{name}", "object": "model", "owned_by": "google"}


ROUTES = (
    Route("GET", "openai/models", list_models),
    Route("GET", "openai/models/{model}", get_model),
    Route("GET", "openai/models/models/{model}", get_model),
    Route("POST", "openai/chat/completions", complete, generates=True),
)
