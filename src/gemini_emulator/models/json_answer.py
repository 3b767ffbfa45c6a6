"""A JSON schema and two ways to choose in; a JSON value that fits the schema, as text, out."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_DEEPEST = 16
_MOST_VALUES = 1000
_UNSET = object()


@dataclass(frozen=True, slots=True)
class Chooser:
    """``pick`` chooses among given strings; ``speak`` gives the model's free answer."""

    pick: Callable[[tuple[str, ...]], str]
    speak: Callable[[], str]


def answer_json(schema: dict[str, Any] | None, chooser: Chooser) -> str:
    """The text of a value that fits. Without a schema: ``{"answer": ...}``.

    A schema that asks for more than a thousand values, say one that holds itself, gets null for the rest.
    """
    if schema is None:
        return json.dumps({"answer": chooser.speak()}, ensure_ascii=False)
    return json.dumps(_Builder(schema, chooser).value(schema, 0), ensure_ascii=False)


class _Builder:
    """Builds one value, and counts how many it holds."""

    def __init__(self, root: dict[str, Any], chooser: Chooser) -> None:
        self._root, self._chooser, self._left = root, chooser, _MOST_VALUES

    def value(self, schema: Any, depth: int) -> Any:
        self._left -= 1
        if not isinstance(schema, dict) or depth > _DEEPEST or self._left < 0:
            return None
        fixed = _fixed(schema, self._chooser)
        if fixed is not _UNSET:
            return fixed
        reference = schema.get("$ref", schema.get("ref"))
        if isinstance(reference, str):
            return self.value(_resolve(reference, self._root), depth + 1)
        for key in ("anyOf", "oneOf", "allOf"):
            if isinstance(schema.get(key), list) and schema[key]:
                return self.value(schema[key][0], depth + 1)
        kind = _kind(schema)
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            # One item, unless the schema wants more or none.
            count = int(max(_bound(schema, "minItems", 0), min(_bound(schema, "maxItems", 1), 1), 0))
            items = schema.get("items", {"type": "string"})
            return [self.value(items, depth + 1) for _ in range(min(count, max(self._left, 0)))]
        if kind in ("integer", "number"):
            value = max(_bound(schema, "minimum", 0), min(_bound(schema, "maximum", 0), 0))
            return math.ceil(value) if kind == "integer" else value
        return {"boolean": True, "null": None}[kind] if kind in ("boolean", "null") else self._chooser.speak()

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        properties, ordering = schema.get("properties"), schema.get("propertyOrdering")
        properties = properties if isinstance(properties, dict) else {}
        ordering = [key for key in ordering if isinstance(key, str)] if isinstance(ordering, list) else []
        names = [key for key in dict.fromkeys([*ordering, *properties]) if key in properties]
        return {name: self.value(properties[name], depth + 1) for name in names}


def _fixed(schema: dict[str, Any], chooser: Chooser) -> Any:
    # A value that the schema names itself: one of an enum, or a const.
    if "const" in schema:
        return schema["const"]
    values = schema.get("enum")
    if not isinstance(values, list) or not values:
        return _UNSET
    names = tuple(value for value in values if isinstance(value, str))
    return chooser.pick(names) if names else values[0]


def _kind(schema: dict[str, Any]) -> str:
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if isinstance(kind, list):
        kind = next((name for name in kind if name != "null"), "null")
    return str(kind).lower()


def _bound(schema: dict[str, Any], key: str, default: float) -> float:
    value = schema.get(key, default)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else default


def _resolve(reference: str, root: dict[str, Any]) -> Any:
    # "#/$defs/Name"; the SDK also writes "#/defs/Name".
    found: Any = root
    for key in reference.removeprefix("#/").split("/"):
        found = found.get(key) if isinstance(found, dict) else None
    return found
