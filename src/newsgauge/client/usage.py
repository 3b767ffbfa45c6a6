"""Token counts of an answer as the bill counts them: usage metadata in, a `Usage` out. Pure.

Output is answer and thinking; input is the prompt, cached parts of it too, and what tools added to it. In 543 of 544
recorded answers of Gemini these add up to ``totalTokenCount``. Where that is larger, the rest counts as thinking:
early answers of thinking models left ``thoughtsTokenCount`` out, and output is the dearer side.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ..records import Prediction

_COUNTS = {
    "promptTokenCount": "prompt_token_count",
    "toolUsePromptTokenCount": "tool_use_prompt_token_count",
    "candidatesTokenCount": "candidates_token_count",
    "thoughtsTokenCount": "thoughts_token_count",
    "cachedContentTokenCount": "cached_content_token_count",
    "totalTokenCount": "total_token_count",
}


class Usage(NamedTuple):
    """Tokens of one answer, or of several; named as the fields of a `Prediction`."""

    input_tokens: int = 0
    output_tokens: int = 0
    thinking_tokens: int = 0
    cached_tokens: int = 0
    tool_use_tokens: int = 0


def read_usage(metadata: object) -> Usage:
    """The counts of ``usageMetadata``, as JSON or as the SDK's object; zeros where there is none."""
    if isinstance(metadata, Mapping):
        counts = [_count(metadata.get(name)) for name in _COUNTS]
    else:
        counts = [_count(getattr(metadata, name, None)) for name in _COUNTS.values()]
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
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
