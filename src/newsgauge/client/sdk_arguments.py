"""A `Request` as arguments of ``generate_content``, in the SDK's own types.

What the SDK converts, it asks for each field it knows whether the field is ``in`` the value. pydantic's models have no
answer to that, so Python goes through all their fields, and finds nothing: what comes are pairs. Here they say so at
once, which takes away nearly half of what a call costs. What is sent is the same.
"""

from __future__ import annotations

import json
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from ..variants.variants_file import Request
from .config_check import parse_config

if TYPE_CHECKING:
    from google.genai.types import Content, GenerateContentConfig, Part


def call_arguments(request: Request) -> dict[str, Any]:
    """``model``, ``contents`` and ``config`` of the call."""
    config = _config(
        request.system_instruction, request.max_output_tokens, request.enum, request.json_fields, request.config
    )
    return {"model": request.model, "contents": _content(request.contents), "config": config}


def _content(text: str) -> Content:
    """What the SDK makes of a text: one turn of the user."""
    kinds = _kinds()
    return kinds.content(role="user", parts=[kinds.part(text=text)])


@lru_cache(maxsize=64)  # the same for every post of a variant; the SDK does not change it
def _config(
    system_instruction: str | None,
    max_output_tokens: int | None,
    enum: tuple[str, ...] | None,
    json_fields: tuple[tuple[str, str], ...] | None,
    more: str = "",
) -> GenerateContentConfig:
    from google.genai.types import AutomaticFunctionCallingConfig, Schema, Type

    kind = _kinds().config
    config = parse_config(json.loads(more), kind) if more else kind()
    config.system_instruction = None if system_instruction is None else _content(system_instruction)
    config.max_output_tokens = max_output_tokens
    # Never sent: there are no functions to call, and where they may be, the SDK copies its settings for each call.
    config.automatic_function_calling = AutomaticFunctionCallingConfig(disable=True)
    label = Schema(type=Type.STRING, enum=list(enum or ()))
    if json_fields is not None:
        # The label comes last: what a model writes before it, it has thought about when it decides.
        fields = {**{name: Schema(type=Type(kind.upper())) for name, kind in json_fields}, "label": label}
        names = list(fields)
        config.response_mime_type = "application/json"
        config.response_schema = Schema(type=Type.OBJECT, properties=fields, required=names, property_ordering=names)
    elif enum:
        config.response_mime_type = "text/x.enum"
        config.response_schema = label
    return config


class _Kinds(NamedTuple):
    config: type[GenerateContentConfig]
    content: type[Content]
    part: type[Part]


@cache
def _kinds() -> _Kinds:
    """The SDK's types, with the answer that Python finds by going through all fields. Imports the SDK."""
    from google.genai import types

    class Config(types.GenerateContentConfig):
        def __contains__(self, name: object) -> bool:
            return False

    class Content(types.Content):
        def __contains__(self, name: object) -> bool:
            return False

    class Part(types.Part):
        def __contains__(self, name: object) -> bool:
            return False

    return _Kinds(Config, Content, Part)
