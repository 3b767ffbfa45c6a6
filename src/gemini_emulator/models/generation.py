"""A `Prompt` and a model's voice in, a GenerateContentResponse out: cut, stopped, counted and named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from .prompt import Prompt
from .tokens import count_tokens, cut_tokens, split_tokens

_STREAMED_TOKENS = 4  # a chunk; small, so that labels too arrive in pieces


@dataclass(frozen=True, slots=True)
class Draft:
    """What a model says, whole: ``logprob`` in nats where it knows one, ``thought`` for how it came to it."""

    text: str
    logprob: float | None
    thought: str


class Voice(Protocol):
    """A model that has read a prompt."""

    @property
    def version(self) -> str:
        """What ``modelVersion`` says."""

    def say(self, round_number: int) -> Draft:
        """The draft of candidate number ``round_number``, from 0."""


def generate(prompt: Prompt, voice: Voice) -> dict[str, Any]:
    """The whole answer."""
    candidates, spoken, thought = [], 0, 0
    for index in range(prompt.candidate_count):
        candidate, spoken_here, thought_here = _candidate(prompt, voice.say(index), index)
        candidates.append(candidate)
        spoken, thought = spoken + spoken_here, thought + thought_here
    usage = {
        "promptTokenCount": prompt.tokens,
        "candidatesTokenCount": spoken,
        "totalTokenCount": prompt.tokens + spoken + thought,
    }
    if thought:
        usage["thoughtsTokenCount"] = thought
    return {"candidates": candidates, "usageMetadata": usage, "modelVersion": voice.version}


def stream(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The same answer in chunks whose texts joined give it; the last has finish reason and full usage."""
    chunks: list[dict[str, Any]] = []
    prompt_tokens = answer["usageMetadata"]["promptTokenCount"]
    for candidate in answer["candidates"]:
        pieces = [
            part | {"text": piece}
            for part in candidate["content"].get("parts", [])
            for piece in split_tokens(part["text"], _STREAMED_TOKENS)
        ]
        chunks += [
            {
                "candidates": [{"content": {"parts": [piece], "role": "model"}, "index": candidate["index"]}],
                "usageMetadata": {"promptTokenCount": prompt_tokens, "totalTokenCount": prompt_tokens},
                "modelVersion": answer["modelVersion"],
            }
            for piece in pieces[:-1]
        ]
        last = candidate | {"content": {"parts": pieces[-1:], "role": "model"}}
        chunks.append(answer | {"candidates": [last]})
    return chunks


def _candidate(prompt: Prompt, draft: Draft, index: int) -> tuple[dict[str, Any], int, int]:
    budget = prompt.max_output_tokens
    thought = cut_tokens(draft.thought, prompt.thinking_tokens or 0)
    if budget is not None:
        thought = cut_tokens(thought, budget)  # thoughts are spoken first and use up the budget too
        budget -= count_tokens(thought)
    text, reason = _stop(draft.text, prompt.stop_sequences), "STOP"
    if budget is not None and count_tokens(text) > budget:
        text, reason = cut_tokens(text, budget), "MAX_TOKENS"
    parts: list[dict[str, Any]] = []
    if thought and prompt.include_thoughts:
        parts.append({"text": thought, "thought": True})
    if text or reason == "STOP":
        parts.append({"text": text})
    content: dict[str, Any] = {"parts": parts, "role": "model"} if parts else {"role": "model"}
    candidate: dict[str, Any] = {"content": content, "finishReason": reason, "index": index}
    if draft.logprob is not None:
        candidate["avgLogprobs"] = round(draft.logprob, 6)
    return candidate, count_tokens(text), count_tokens(thought)


def _stop(text: str, sequences: tuple[str, ...]) -> str:
    ends = [text.find(sequence) for sequence in sequences if sequence in text]
    return text[: min(ends)] if ends else text
