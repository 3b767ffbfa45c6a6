"""A checked generateContent request in, a `Prompt` out: its texts, and its settings if within bounds."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ..wire.api_errors import invalid
from ..wire.model_names import INPUT_TOKEN_LIMIT, thinks_by_itself
from .sampling import Sampler
from .tokens import count_tokens

_MIME_TYPES = ("", "text/plain", "application/json", "text/x.enum")
_ROLES = ("", "user", "model")
_THINKING_TOKENS = {"MINIMAL": 0, "LOW": 64, "MEDIUM": 256, "HIGH": 1024}
_MAX_STOP_SEQUENCES = 5
_MAX_CANDIDATES = 8
_MOST_LOGPROBS = 20
_DEEPEST_DESCRIPTION = 8


@dataclass(frozen=True)
class Prompt:
    """What is asked. ``contents`` is all turns joined, ``thinking_tokens`` the most it may think, None for not at all.

    ``top_logprobs`` is how many alternatives to show of a token, None if no log-probabilities are asked for.
    """

    contents: str
    instruction: str
    tokens: int
    turns: tuple[tuple[str, str], ...] = ()
    mime_type: str = ""
    schema: dict[str, Any] | None = None
    enum: tuple[str, ...] = ()
    max_output_tokens: int | None = None
    stop_sequences: tuple[str, ...] = ()
    candidate_count: int = 1
    sampler: Sampler = field(default_factory=Sampler)
    thinking_tokens: int | None = None
    include_thoughts: bool = False
    top_logprobs: int | None = None

    @cached_property
    def instruction_read(self) -> str:
        """The system instruction and what the schema says beside its types: the descriptions in it."""
        return "\n".join([self.instruction, *_described(self.schema)]) if self.schema else self.instruction


def read_prompt(request: dict[str, Any], model: str = "") -> Prompt:
    """Read a request that `messages.GENERATE_REQUEST` passed. Raises 400 for what is out of bounds.

    ``model`` is its name, which says whether it thinks without being told to.
    """
    turns, instruction = _texts(request)
    contents = "\n".join(text for _, text in turns)
    tokens = count_tokens(contents) + count_tokens(instruction)
    if tokens > INPUT_TOKEN_LIMIT:
        raise invalid(
            f"The input token count ({tokens}) exceeds the maximum number of tokens allowed ({INPUT_TOKEN_LIMIT})."
        )
    config = request.get("generationConfig", {})
    mime_type, schema = config.get("responseMimeType", ""), _schema(config)
    if mime_type not in _MIME_TYPES:
        raise _out_of_bounds("responseMimeType", f"one of {', '.join(_MIME_TYPES[1:])}", mime_type)
    enum = _strings((schema or {}).get("enum"))
    if mime_type == "text/x.enum" and not enum:
        raise invalid("responseMimeType text/x.enum needs a responseSchema with 'enum'", field="response_schema")
    for key, low, high in (
        ("temperature", 0, 2),
        ("topP", 0, 1),
        ("topK", 0, 1e6),
        ("candidateCount", 1, _MAX_CANDIDATES),
        ("maxOutputTokens", 1, 2**31),
    ):
        if key in config and not low <= config[key] <= high:
            raise _out_of_bounds(key, f"from {low} to {high:g}", config[key])
    stops = tuple(config.get("stopSequences", ()))
    if len(stops) > _MAX_STOP_SEQUENCES or not all(stops):
        raise _out_of_bounds("stopSequences", f"at most {_MAX_STOP_SEQUENCES}, none of them empty", len(stops))
    thinking = config.get("thinkingConfig", {})
    return Prompt(
        contents=contents,
        turns=turns,
        instruction=instruction,
        tokens=tokens,
        mime_type=mime_type,
        schema=schema,
        enum=enum,
        max_output_tokens=config.get("maxOutputTokens"),
        stop_sequences=stops,
        candidate_count=config.get("candidateCount", 1),
        sampler=Sampler(
            temperature=config.get("temperature", 0.0),
            top_p=config.get("topP", 1.0),
            top_k=int(config.get("topK", 0)),
            seed=config.get("seed"),
        ),
        thinking_tokens=_thinking_tokens(thinking, model),
        include_thoughts=thinking.get("includeThoughts", False),
        top_logprobs=_top_logprobs(config),
    )


def _texts(request: dict[str, Any]) -> tuple[tuple[tuple[str, str], ...], str]:
    if not request["contents"]:
        raise invalid("* GenerateContentRequest.contents: contents is not specified", field="contents")
    for number, content in enumerate(request["contents"]):
        if content.get("role", "") not in _ROLES:
            raise invalid("Please use a valid role: user, model.", field=f"contents[{number}].role")
        if not content["parts"]:
            raise invalid("contents.parts must not be empty.", field=f"contents[{number}].parts")
    turns = tuple((content.get("role") or "user", _text(content)) for content in request["contents"])
    return turns, _text(request.get("systemInstruction", {}))


def _text(content: dict[str, Any]) -> str:
    return "\n".join(part["text"] for part in content.get("parts", ()))


def _schema(config: dict[str, Any]) -> dict[str, Any] | None:
    if "responseSchema" in config and "responseJsonSchema" in config:
        raise invalid("response_schema and response_json_schema cannot both be set", field="response_json_schema")
    schema = config.get("responseSchema", config.get("responseJsonSchema"))
    if schema is not None and not isinstance(schema, dict):
        raise _out_of_bounds("responseJsonSchema", "an object", type(schema).__name__)
    return schema


def _strings(value: Any) -> tuple[str, ...]:
    values = value if isinstance(value, list) else []
    return tuple(item for item in values if isinstance(item, str))


def _described(schema: Any, depth: int = 0) -> list[str]:
    if not isinstance(schema, dict) or depth > _DEEPEST_DESCRIPTION:
        return []
    own = [schema["description"]] if isinstance(schema.get("description"), str) else []
    inner = [schema.get("items"), *_values(schema.get("properties")), *(_values(schema.get("$defs")))]
    return own + [text for part in inner for text in _described(part, depth + 1)]


def _values(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else []


def _top_logprobs(config: dict[str, Any]) -> int | None:
    if not config.get("responseLogprobs"):
        if "logprobs" in config:
            raise invalid("logprobs needs responseLogprobs to be true", field="generation_config.logprobs")
        return None
    top = config.get("logprobs", 0)
    if not 0 <= top <= _MOST_LOGPROBS:
        raise _out_of_bounds("logprobs", f"from 0 to {_MOST_LOGPROBS}", top)
    return int(top)


def _thinking_tokens(thinking: dict[str, Any], model: str) -> int | None:
    budget, level = thinking.get("thinkingBudget"), thinking.get("thinkingLevel")
    if budget is not None and level is not None:
        raise invalid("thinking_budget and thinking_level cannot both be set", field="thinking_config")
    if budget is not None and not -1 <= budget <= 32_768:
        raise _out_of_bounds("thinkingBudget", "from -1 to 32768", budget)
    if budget is not None:
        return _THINKING_TOKENS["HIGH"] if budget == -1 else int(budget)
    if level is None and not thinking.get("includeThoughts"):
        return _THINKING_TOKENS["LOW"] if thinks_by_itself(model) else None
    return _THINKING_TOKENS.get(level or "", _THINKING_TOKENS["HIGH"])


def _out_of_bounds(key: str, expected: str, arrived: object) -> Exception:
    return invalid(f"{key}: expected {expected}, got {str(arrived)[:60]}", field=f"generation_config.{key}")
