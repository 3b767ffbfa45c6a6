"""A fault and an answer in, the spoiled answer out: refused, blocked, cut, or not JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..call import Reply
from ..models.generation import count_usage
from ..models.tokens import count_tokens, cut_tokens
from ..wire.api_errors import ServiceError, internal, over_quota
from .faults import Fault

_METRIC = "generate_content_free_tier_requests"
_HTML = b"<!DOCTYPE html><html><head><title>Error 502</title></head><body><h1>Bad gateway</h1></body></html>"
Answer = dict[str, Any]
_RATINGS = [
    {"category": f"HARM_CATEGORY_{kind}", "probability": "HIGH" if kind == "DANGEROUS_CONTENT" else "NEGLIGIBLE"}
    | ({"blocked": True} if kind == "DANGEROUS_CONTENT" else {})
    for kind in ("SEXUALLY_EXPLICIT", "HATE_SPEECH", "HARASSMENT", "DANGEROUS_CONTENT")
]


def refuse(fault: Fault, model: str, *, on_vertex: bool = False) -> None:
    """Raise the refusal that the fault means; return if it changes something else."""
    if fault.kind in ("quota-per-minute", "quota-per-day"):
        period = "PerDay" if fault.kind == "quota-per-day" else "PerMinute"
        raise over_quota(
            quota_id=f"GenerateRequests{period}PerProjectPerModel-FreeTier",
            metric=_METRIC,
            limit=15,
            model=model,
            retry_after_s=fault.delay_s,
            on_vertex=on_vertex,
        )
    if fault.kind == "internal":
        raise internal()
    if fault.kind == "unavailable":
        raise ServiceError(503, "UNAVAILABLE", "The model is overloaded. Please try again later.")


def spoil(fault: Fault, reply: Reply) -> Reply:
    """The reply as the fault leaves it; of a stream, the last chunk is spoiled and the others stay or go."""
    if fault.kind == "html":
        return Reply(_HTML, headers={"content-type": "text/html; charset=UTF-8"})
    spoiler = _SPOILERS.get(fault.kind)
    if spoiler is None or isinstance(reply.content, bytes):
        return reply
    if isinstance(reply.content, dict):
        return Reply(spoiler(reply.content))
    kept = reply.content[:-1] if fault.kind == "max-tokens" else []
    return Reply([*kept, spoiler(reply.content[-1])])


def _block_prompt(answer: Answer) -> Answer:
    usage = _spoken(answer, 0)
    return {
        "promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},
        "usageMetadata": usage,
        "modelVersion": answer["modelVersion"],
    }


def _without_candidates(answer: Answer) -> Answer:
    return {"usageMetadata": _spoken(answer, 0), "modelVersion": answer["modelVersion"]}


def _finish(reason: str) -> Callable[[Answer], Answer]:
    ratings = {"safetyRatings": _RATINGS} if reason == "SAFETY" else {}

    def spoiler(answer: Answer) -> Answer:
        return answer | {
            "candidates": [{"content": {}, "finishReason": reason, "index": 0} | ratings],
            "usageMetadata": _spoken(answer, 0),
        }

    return spoiler


def _cut(answer: Answer) -> Answer:
    candidate = answer["candidates"][0]
    text = "".join(part["text"] for part in candidate["content"].get("parts", ()))
    half = cut_tokens(text, count_tokens(text) // 2)
    content = {"parts": [{"text": half}], "role": "model"} if half else {"role": "model"}
    return answer | {
        "candidates": [candidate | {"content": content, "finishReason": "MAX_TOKENS"}],
        "usageMetadata": _spoken(answer, count_tokens(half)),
    }


def _empty(answer: Answer) -> Answer:
    content = {"parts": [{"text": ""}], "role": "model"}
    return answer | {
        "candidates": [answer["candidates"][0] | {"content": content}],
        "usageMetadata": _spoken(answer, 0),
    }


def _spoken(answer: Answer, tokens: int) -> Answer:
    return count_usage(answer["usageMetadata"].get("promptTokenCount", 0), tokens)


def _decorate(answer: Answer) -> Answer:
    """A label in bold with a full stop, JSON in a fence: what models write although told not to."""
    candidate = answer["candidates"][0]
    said = "".join(part["text"] for part in candidate["content"].get("parts", ()))
    text = f"```json\n{said}\n```" if said.startswith(("{", "[")) else f"**{said}**."
    return answer | {
        "candidates": [candidate | {"content": {"parts": [{"text": text}], "role": "model"}}],
        "usageMetadata": _spoken(answer, count_tokens(text)),
    }


_SPOILERS: dict[str, Callable[[Answer], Answer]] = {
    "blocked-prompt": _block_prompt,
    "no-candidates": _without_candidates,
    "safety": _finish("SAFETY"),
    "recitation": _finish("RECITATION"),
    "max-tokens": _cut,
    "empty-part": _empty,
    "decorated": _decorate,
}
