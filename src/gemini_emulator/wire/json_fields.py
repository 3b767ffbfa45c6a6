"""JSON values in, checked values out: the rules by which the service reads a request (proto3 as JSON).

A `Kind` takes a value and the path it stands at, and returns the value in its own type or raises a 400 that
names the path. Keys may be camelCase or snake_case and leave as camelCase; null means "not set"; whole
numbers may come as strings. A key that a message does not have is refused by name.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from .api_errors import invalid

Kind = Callable[[Any, str], Any]
_UNDERSCORE = re.compile(r"_([a-z0-9])")
_INT64 = 2**63


def parse_json(raw: bytes) -> dict[str, Any]:
    """The object that a body holds. Refuses, as proto JSON does, NaN, lone surrogates and other values."""
    try:
        body = json.loads(raw, parse_constant=_no_constant, parse_float=_finite)
        if "\\u" in raw.decode("utf-8") and not _is_text(body):
            raise ValueError("a string is not valid Unicode")
    except RecursionError:
        raise invalid("Invalid JSON payload received. Nested too deeply.") from None
    except ValueError as error:
        raise invalid(f"Invalid JSON payload received. {error}") from None
    if not isinstance(body, dict):
        raise invalid(f"Invalid JSON payload received. Expected an object, got {_name(body)}.")
    return body


def text(value: Any, where: str) -> str:
    """A string."""
    if not isinstance(value, str):
        raise _wrong(value, where, "TYPE_STRING")
    return value


def name_or_number(value: Any, where: str) -> str | int:
    """A value of an enum that is not looked into, by its name or its number."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return text(value, where)


def flag(value: Any, where: str) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        raise _wrong(value, where, "TYPE_BOOL")
    return value


def whole(value: Any, where: str) -> int:
    """A 64-bit integer: 5, 5.0 or "5"."""
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,19}", value):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not -_INT64 <= value < _INT64:
        raise _wrong(value, where, "TYPE_INT64")
    return value


def number(value: Any, where: str) -> float:
    """A finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(value, where, "TYPE_DOUBLE")
    try:
        as_float = float(value)
    except OverflowError:
        raise _wrong("a number too large", where, "TYPE_DOUBLE") from None
    if not math.isfinite(as_float):
        raise _wrong("a number too large", where, "TYPE_DOUBLE")
    return as_float


def anything(value: Any, where: str) -> Any:
    """Any JSON value: read, kept, not looked into."""
    return value


def struct(value: Any, where: str) -> dict[str, Any]:
    """A JSON object with keys of the client's own."""
    if not isinstance(value, dict):
        raise _wrong(value, where, "an object")
    return value


def one_of(*names: str) -> Kind:
    """One of the names of an enum, in the order of their numbers: protobuf clients may send those."""

    def read(value: Any, where: str) -> str:
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(names):
            return names[value]
        if not isinstance(value, str) or value.upper() not in names:
            raise _wrong(value, where, f"one of {', '.join(names)}")
        return value.upper()

    return read


def repeated(kind: Kind) -> Kind:
    """A list."""

    def read(value: Any, where: str) -> list[Any]:
        if not isinstance(value, list):
            raise _wrong(value, where, "a list")
        return [kind(item, f"{where}[{index}]") for index, item in enumerate(value)]

    return read


def mapping(kind: Kind) -> Kind:
    """An object whose keys are the client's own and whose values are all of one kind."""

    def read(value: Any, where: str) -> dict[str, Any]:
        return {key: kind(item, f"{where}.{key}") for key, item in struct(value, where).items()}

    return read


def message(fields: Mapping[str, Kind], *, required: tuple[str, ...] = ()) -> Kind:
    """An object with these camelCase fields and no others."""

    def read(value: Any, where: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _wrong(value, where, "an object")
        result = {}
        for key, item in value.items():
            name = _UNDERSCORE.sub(lambda match: match[1].upper(), key)
            if name not in fields:
                at = f" at '{where}'" if where else ""
                raise invalid(
                    f'Invalid JSON payload received. Unknown name "{key[:100]}"{at}: Cannot find field.',
                    field=where,
                )
            if item is not None:
                result[name] = fields[name](item, f"{where}.{name}" if where else name)
        for name in required:
            if name not in result:
                path = f"{where}.{name}" if where else name
                raise invalid(f"{path}: is required and not set.", field=path)
        return result

    return read


def unsupported(why: str) -> Kind:
    """A field that the service has and the embedded model cannot honour: refused rather than ignored."""

    def read(value: Any, where: str) -> Any:
        raise invalid(f"{where} is not supported by the embedded model: {why}.", field=where)

    return read


def _wrong(value: Any, where: str, expected: str) -> Exception:
    shown = json.dumps(value)[:60] if not isinstance(value, dict | list) else _name(value)
    return invalid(f"Invalid value at '{where}' ({expected}), got {shown}", field=where)


def _name(value: Any) -> str:
    if isinstance(value, dict):
        return "an object"
    return "a list" if isinstance(value, list) else json.dumps(value)[:60]


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"{digits[:40]} is too large a number")
    return value


def _is_text(value: Any) -> bool:
    # An escaped lone surrogate is JSON for Python, but no UTF-8 and no proto string.
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def now() -> str:
    """The time in RFC 3339, with microseconds and Z."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
