"""Holds a line against ``schemas/cassette-line.schema.json``: a decoded line in, what is wrong with it out.

The schema file is the one truth. This reads the few keywords that it uses, so that ``newsgauge cassettes check`` needs
no further library; tests hold it against the jsonschema library on the same schema.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from .._util.one_line import one_line

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
KEYWORDS = {
    *("$schema", "title", "description", "type", "const", "enum", "pattern", "minLength", "minimum"),
    *("required", "properties", "additionalProperties", "items", "minItems"),
}


@cache
def line_schema() -> dict[str, Any]:
    """The JSON schema of a cassette's line."""
    text = files("newsgauge.cassettes").joinpath("cassette-line.schema.json").read_text("utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def schema_problems(value: Any) -> list[str]:
    """One sentence a place where a decoded line is not what the schema says; empty where it is."""
    return list(_problems(value, line_schema(), "the line"))


def _problems(value: Any, schema: dict[str, Any], place: str) -> Iterator[str]:
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_is(value, kind) for kind in kinds):
        yield f"{place}: expected {' or '.join(kinds)}, got {_show(value)}"
        return
    if "const" in schema and value != schema["const"]:
        yield f"{place}: expected {_show(schema['const'])}, got {_show(value)}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{place}: expected one of {', '.join(map(_show, schema['enum']))}, got {_show(value)}"
    if isinstance(value, str):
        if len(value) < schema.get("minLength", 0):
            yield f"{place}: expected a text, it is empty"
        if "pattern" in schema and not re.search(schema["pattern"], value):
            yield f"{place}: expected {schema['pattern']}, got {_show(value)}"
    if _is(value, "number") and value < schema.get("minimum", value):
        yield f"{place}: expected at least {schema['minimum']}, got {_show(value)}"
    if isinstance(value, list):
        if len(value) < schema.get("minItems", 0):
            yield f"{place}: expected at least {schema['minItems']} entries, got {len(value)}"
        for number, item in enumerate(value):
            yield from _problems(item, schema.get("items", {}), f"{place}[{number}]")
    if isinstance(value, dict):
        known = schema.get("properties", {})
        for name in schema.get("required", ()):
            if name not in value:
                yield f"{place}: expected {name!r}, there is none"
        for name, item in value.items():
            if name in known:
                yield from _problems(item, known[name], name if place == "the line" else f"{place}.{name}")
            elif schema.get("additionalProperties") is False:
                yield f"{place}: unknown {name!r}; known: {', '.join(known)}"


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _TYPES[kind])


def _show(value: Any) -> str:
    return one_line(json.dumps(value), 50)
