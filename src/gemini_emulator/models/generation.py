"""A `Prompt` and a model's voice in, a GenerateContentResponse out: cut, stopped, counted and named."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any, Protocol

from .logprobs import logprobs_result
from .prompt import Prompt
from .tokens import count_tokens, cut_tokens, split_tokens

_STREAMED_TOKENS = 4  # a chunk; small, so that labels too arrive in pieces


@dataclass(frozen=True, slots=True)
class Draft:
    """A model's complete answer: ``logprob`` in nats if known, ``thought`` for the reasoning.

    ``alternatives`` are all texts it might have said, this one among them, each with its log-probability.
    """

    text: str
    logprob: float | None
    thought: str
    alternatives: tuple[tuple[str, float], ...] = ()


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
    usage = count_usage(prompt.tokens, spoken, thought)
    # As on the service, no two answers have the same id.
    about = {"modelVersion": voice.version, "responseId": secrets.token_urlsafe(16)}
    return {"candidates": candidates, "usageMetadata": usage, **about}


def count_usage(prompt: int, spoken: int, thought: int = 0) -> dict[str, Any]:
    """``usageMetadata``; counts of zero are left out."""
    counts = {"promptTokenCount": prompt, "candidatesTokenCount": spoken, "totalTokenCount": prompt + spoken + thought}
    usage: dict[str, Any] = {key: count for key, count in counts.items() if count}
    if prompt:
        usage["promptTokensDetails"] = [{"modality": "TEXT", "tokenCount": prompt}]
    return usage | ({"thoughtsTokenCount": thought} if thought else {})


def stream(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The same answer in chunks whose texts joined give it; the last has finish reason and full usage."""
    chunks: list[dict[str, Any]] = []
    prompt_tokens = answer["usageMetadata"].get("promptTokenCount", 0)
    about: dict[str, Any] = {key: answer[key] for key in ("modelVersion", "responseId", "createTime") if key in answer}
    for candidate in answer["candidates"]:
        pieces = [
            part | {"text": piece}
            for part in candidate["content"].get("parts", [])
            for piece in split_tokens(part["text"], _STREAMED_TOKENS)
        ]
        chunks += [
            {
                "candidates": [
                    {"content": {"parts": [piece], "role": "model"}}
                    | ({"index": candidate["index"]} if "index" in candidate else {})
                ],
                "usageMetadata": count_usage(prompt_tokens, 0),
                **about,
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
        thought = cut_tokens(thought, budget)  # thoughts come first and use up the budget too
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
    spoken = count_tokens(text)
    if draft.logprob is not None and spoken:
        # Per token, as the name says; times the number of tokens it is the answer's.
        candidate["avgLogprobs"] = round(draft.logprob / count_tokens(draft.text), 6)
        if prompt.top_logprobs is not None:
            alternatives = draft.alternatives or ((draft.text, draft.logprob),)
            candidate["logprobsResult"] = logprobs_result(text, alternatives, prompt.top_logprobs)
    return candidate, spoken, count_tokens(thought)


def _stop(text: str, sequences: tuple[str, ...]) -> str:
    ends = [text.find(sequence) for sequence in sequences if sequence in text]
    return text[: min(ends)] if ends else text
