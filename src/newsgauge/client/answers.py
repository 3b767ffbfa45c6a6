"""A response of the service in, a `Prediction` and its tokens out. Pure: reads attributes, calls nothing.

Output is answer plus thinking. Input is the prompt, including cached parts, plus what tools added. In 543 of 544
recorded answers of Gemini these add up to ``totalTokenCount``. If that is larger, the rest counts as thinking, because
early answers of thinking models left ``thoughtsTokenCount`` out, and output costs more.

Matching is strict by default. A cleanup step applies only if the variant declares it, and counts only if it turns the
answer into a label of the plan.
"""

from __future__ import annotations

import json
import math
import re
import threading
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from ..records import ERROR_LABEL, Outcome, Prediction, bare_model, whole_text
from ..variants.checks import LOGPROBS, VOTES

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
    """The stripped text, or ``(error)`` if the answer is blocked, cut or empty.

    An answer counts only with finish reason STOP: text that came with MAX_TOKENS, SAFETY, RECITATION or any other
    reason is refused, even if it looks like a label. ``as_json``: the text is an object, and its ``label`` the
    answer. If there is no such object, the answer is off the list: the problem in brackets, and the original text.
    ``cleanup``: steps that may turn an answer into a label; ``raw`` then keeps the original.
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
    """The prediction for a text, whoever wrote it; ``outcome``: why it is not a label, None if it may be one."""
    raw, text = "", whole_text(text)
    if outcome is None:
        came, text = text, _label_of(text) if as_json else text
        if text not in labels and (cleaned := _cleaned(came, text, labels, as_json=as_json, cleanup=cleanup)):
            raw, (text, steps) = came, cleaned
            detail = f"cleaned up: {', '.join(steps)}"
        outcome = Outcome.LABEL if text in labels else Outcome.OFF_LIST
    return Prediction(
        label=ERROR_LABEL if outcome not in (Outcome.LABEL, Outcome.OFF_LIST) else text,
        outcome=outcome,
        detail=whole_text(detail),
        model_version=whole_text(version),
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

    None if it is missing or not a number from 0 to 1.
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
    """The label in an answer and the cleanup steps used; a fence around a JSON object is removed before reading it."""
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
    """The label in a JSON object; if there is none, a text that can never equal a label."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return f"(not JSON) {text}"
    label = value.get("label") if isinstance(value, dict) else None
    return label.strip() if isinstance(label, str) and label.strip() else f"(no label) {text}"


_COUNTS = ("prompt", "toolUsePrompt", "candidates", "thoughts", "cachedContent", "total")
_ATTRIBUTES = [re.sub("([A-Z])", r"_\1", name).lower() + "_token_count" for name in _COUNTS]


class Usage(NamedTuple):
    """Tokens of one answer, or of several; named as the fields of a `Prediction`."""

    input_tokens: int = 0
    output_tokens: int = 0
    thinking_tokens: int = 0
    cached_tokens: int = 0
    tool_use_tokens: int = 0

    @property
    def is_counted(self) -> bool:
        """Whether the service reported tokens: no request has none."""
        return self.input_tokens > 0


def read_usage(metadata: object) -> Usage:
    """The counts of ``usageMetadata``, as JSON or as the SDK's object; zeros if there is none."""
    if isinstance(metadata, Mapping):
        counts = [_count(metadata.get(f"{name}TokenCount")) for name in _COUNTS]
    else:
        counts = [_count(getattr(metadata, name, None)) for name in _ATTRIBUTES]
    prompt, tool_use, answer, thinking, cached, total = counts
    thinking += max(0, total - prompt - tool_use - answer - thinking) if prompt else 0
    return Usage(prompt + tool_use, answer + thinking, thinking, min(cached, prompt), tool_use)


def usage_of(said: Prediction) -> Usage:
    """The counts of a prediction."""
    return Usage(*(getattr(said, name) for name in Usage._fields))


def add_usage(several: Iterable[Usage]) -> Usage:
    """The sum over the calls of one case."""
    return Usage(*map(sum, zip(*[Usage(), *several], strict=True)))


def _count(value: Any) -> int:
    if isinstance(value, str) and value.isascii() and value.isdecimal():  # as JSON of protocol buffers may have it
        return int(value[:18])
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


_LOCK = threading.Lock()


@cache
def accept_unknown_values() -> None:
    """Silence the SDK's warnings about values that it does not know, such as a new finish reason.

    The SDK passes such a value on unchanged, and warns. If warnings are errors, that breaks the answer: one that was
    paid for could not be recorded, and a recorded one not replayed. Changes nothing in an SDK of another build.
    """
    from google.genai import _common

    enum = getattr(_common, "CaseInSensitiveEnum", None)
    missing = vars(enum).get("_missing_") if enum is not None else None
    if not isinstance(missing, classmethod):
        return

    def quietly(cls: Any, value: Any) -> Any:
        # Filters apply to the whole process, so they are changed only while an unknown value is read.
        if not isinstance(value, str):
            return None  # not a value of the enum; the SDK would call upper() on a number
        with _LOCK, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return missing.__get__(None, cls)(value)

    enum._missing_ = classmethod(quietly)  # type: ignore[union-attr]


_FENCE = re.compile(r"```[\w+-]*[ \t]*\n?(.*?)\n?[ \t]*```", re.DOTALL)
_PREFIX = re.compile(r"[^\W\d][\w -]{0,30}:\s*(.+)", re.DOTALL)
_MARKUP = re.compile(r"(\*{1,3}|_{1,3}|~~|`)(.+)\1", re.DOTALL)
_QUOTES = ('""', "''", "\u201c\u201d", "\u2018\u2019", "\u00ab\u00bb", "\u201e\u201c")


def strip_fence(text: str) -> str:
    """The inside of a Markdown fence, ``` ```json ... ``` ```; other texts as they are."""
    match = _FENCE.fullmatch(text.strip())
    return match[1].strip() if match else text


def _prefix(text: str) -> str:
    match = _PREFIX.fullmatch(text)
    return match[1].strip() if match else text


def _markup(text: str) -> str:
    match = _MARKUP.fullmatch(text)
    # A longer run of marks, such as a fence, is left alone.
    return match[2].strip() if match and match[2][0] != match[1][0] else text


def _quotes(text: str) -> str:
    quoted = len(text) > 2 and any(text[0] == pair[0] and text[-1] == pair[1] for pair in _QUOTES)
    return text[1:-1].strip() if quoted else text


def _final_stop(text: str) -> str:
    return text.removesuffix(".").rstrip()


#: From the outermost to the innermost, whatever the order in variants.toml.
_STEPS: Mapping[str, Callable[[str], str]] = {
    "fence": strip_fence,
    "prefix": _prefix,
    "markup": _markup,
    "quotes": _quotes,
    "final-stop": _final_stop,
}


def clean(text: str, labels: Iterable[str], steps: Iterable[str]) -> tuple[str, tuple[str, ...]] | None:
    """The label that the allowed steps find in an answer, and the steps used; None if they find none."""
    known, allowed, done = set(labels), [name for name in _STEPS if name in set(steps)], []
    while text not in known:
        step = next((name for name in allowed if _STEPS[name](text) not in (text, "")), None)
        if step is None:
            return None
        text = _STEPS[step](text)
        done.append(step)
    return text, tuple(dict.fromkeys(done))
