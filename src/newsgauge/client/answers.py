"""A response of the service in, a `Prediction` out. Pure: reads attributes, calls nothing."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..records import ERROR_LABEL, Outcome, Prediction, bare_model
from ..variants.checks import LOGPROBS, VOTES
from .cleanup import clean, strip_fence
from .usage import Usage, read_usage

if TYPE_CHECKING:
    from google.genai.types import GenerateContentResponse

    from ..variants.variants_file import Variant


def read_answer(
    response: GenerateContentResponse,
    labels: tuple[str, ...],
    *,
    as_json: bool = False,
    cleanup: Sequence[str] = (),
) -> Prediction:
    """The stripped text, or ``(error)`` where the answer is blocked, cut or empty.

    An answer counts only with finish reason STOP: text that came with MAX_TOKENS, SAFETY, RECITATION or any other
    reason is refused, also where it looks like a label. ``as_json``: the text is an object, and its ``label`` the
    answer. Where it is none, the answer is off the list: what is wrong in brackets, and the text as it came.
    ``cleanup``: steps by which an answer that is no label may become one; ``raw`` then keeps it as it came.
    """
    usage = read_usage(response.usage_metadata)
    outcome, detail, text = _judge(response, usage.thinking_tokens)
    version = bare_model(response.model_version or "")
    return finish_answer(outcome, detail, text, labels, as_json=as_json, cleanup=cleanup, version=version, usage=usage)


def finish_answer(
    outcome: Outcome | None,
    detail: str,
    text: str,
    labels: tuple[str, ...],
    *,
    as_json: bool,
    cleanup: Sequence[str],
    version: str,
    usage: Usage,
) -> Prediction:
    """The prediction that a text is, whoever said it; ``outcome``: why it is none, None where it may be one."""
    raw = ""
    if outcome is None:
        came, text = text, _label_of(text) if as_json else text
        if text not in labels and (cleaned := _cleaned(came, text, labels, as_json=as_json, cleanup=cleanup)):
            raw, (text, steps) = came, cleaned
            detail = f"cleaned up: {', '.join(steps)}"
        outcome = Outcome.LABEL if text in labels else Outcome.OFF_LIST
    return Prediction(
        label=ERROR_LABEL if outcome not in (Outcome.LABEL, Outcome.OFF_LIST) else text,
        outcome=outcome,
        detail=detail,
        model_version=version,
        raw=raw,
        **usage._asdict(),
    )


def read_for(variant: Variant, response: GenerateContentResponse, labels: tuple[str, ...]) -> Prediction:
    """The answer to a request of this variant."""
    said = read_answer(response, labels, as_json=variant.answer == "json", cleanup=variant.answer_cleanup)
    if variant.confidence in (None, VOTES):
        return said
    return replace(said, confidence=None if said.is_error else _confidence(variant.confidence, response))


def _confidence(how: str, response: GenerateContentResponse) -> float | None:
    """``logprobs``: the mean probability of the answer's tokens (geometric); ``field:NAME``: a number of the object.

    None if it is not there, or no number from 0 to 1.
    """
    candidate = response.candidates[0] if response.candidates else None
    if how == LOGPROBS:
        mean = None if candidate is None else candidate.avg_logprobs
        return None if mean is None else min(1.0, math.exp(mean))
    parts = (candidate.content.parts if candidate and candidate.content else None) or []
    try:
        found = json.loads(strip_fence("".join(part.text or "" for part in parts if not part.thought).strip()))
    except (ValueError, RecursionError):
        return None
    value = found.get(how.partition(":")[2]) if isinstance(found, dict) else None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
        return None
    return float(value)


def _cleaned(
    came: str, text: str, labels: tuple[str, ...], *, as_json: bool, cleanup: Sequence[str]
) -> tuple[str, tuple[str, ...]] | None:
    """The label in an answer and the steps it took to find; the fence of a JSON object goes before it is read."""
    fenced: tuple[str, ...] = ()
    if as_json and "fence" in cleanup and (inside := strip_fence(came)) != came:
        text, fenced = _label_of(inside), ("fence",)
    found = clean(text, labels, cleanup)
    return None if found is None else (found[0], tuple(dict.fromkeys((*fenced, *found[1]))))


def _judge(response: GenerateContentResponse, thinking_tokens: int) -> tuple[Outcome | None, str, str]:
    feedback = response.prompt_feedback
    if feedback is not None and feedback.block_reason:
        return Outcome.BLOCKED, f"prompt blocked: {feedback.block_reason.value}", ""
    if not response.candidates:
        return Outcome.EMPTY, "no candidate", ""
    candidate = response.candidates[0]
    reason = candidate.finish_reason.value if candidate.finish_reason else "missing"
    parts = (candidate.content.parts if candidate.content else None) or []
    if reason == "MAX_TOKENS":
        if any(part.text and not part.thought for part in parts):
            return Outcome.CUT, "finish reason MAX_TOKENS", ""
        how_many = f"{thinking_tokens:,} tokens of " if thinking_tokens else ""
        return Outcome.CUT, f"finish reason MAX_TOKENS: {how_many}thinking used up the budget", ""
    if reason != "STOP":
        return Outcome.BLOCKED, f"finish reason {reason}", ""
    text = "".join(part.text or "" for part in parts if not part.thought).strip()
    if not text:
        return Outcome.EMPTY, "no text", ""
    return None, "", text


def _label_of(text: str) -> str:
    """The label that a JSON object holds; where there is none, a text that is no label whatever it says."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return f"(not JSON) {text}"
    label = value.get("label") if isinstance(value, dict) else None
    return label.strip() if isinstance(label, str) and label.strip() else f"(no label) {text}"
