"""Checks a variant's ``config`` with the types of the SDK, which would pass on what it does not know."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, get_args

from ..errors import VariantsError
from ..variants.checks import OWNED_CONFIG
from .answers import accept_unknown_values

if TYPE_CHECKING:
    from google.genai.types import GenerateContentConfig
    from pydantic import BaseModel

    from ..variants.variants_file import Variant


def check_config(variant: Variant) -> None:
    """Raise `VariantsError` if the SDK would not accept the config of a prompt for Gemini. Imports it only then."""
    if variant.config and variant.is_gemini_prompt:
        from google.genai.types import GenerateContentConfig

        parse_config(variant.config, GenerateContentConfig, where=f"variants.toml: [{variant.name}]: ")


def parse_config(
    config: Mapping[str, Any], kind: type[GenerateContentConfig], *, where: str = ""
) -> GenerateContentConfig:
    """The config as the SDK's type; snake_case names only. Raises `VariantsError`."""
    from pydantic import ValidationError

    try:
        accept_unknown_values()
        parsed = kind.model_validate(dict(config), by_alias=False, by_name=True)
    except ValidationError as error:
        first = error.errors()[0]
        places = [str(place) for place in first["loc"]]
        if first["type"] == "extra_forbidden":
            owned = OWNED_CONFIG.keys() if len(places) == 1 else set()
            known = sorted(_fields_at(kind, places[:-1]) - owned)
            raise VariantsError(
                f"{where}config: unknown field {'.'.join(places)!r}; known: {', '.join(known)} "
                f"(google-genai {version('google-genai')})"
            ) from None
        got = repr(first["input"])
        raise VariantsError(f"{where}config.{'.'.join(places)}: {first['msg']}, got {got[:80]}") from None
    for place, given, value in _changed_values(config, parsed, "config"):
        expected = "true or false" if isinstance(value, bool) else f"{type(value).__name__}"
        raise VariantsError(f"{where}{place}: expected {expected}, got {given!r}")
    for place, value in _unknown_values(parsed, "config"):
        raise VariantsError(
            f"{where}{place}: unknown value {value.value!r}; known: {', '.join(type(value).__members__)} "
            f"(google-genai {version('google-genai')})"
        )
    return parsed


def _changed_values(given: Any, parsed: Any, place: str) -> Iterator[tuple[str, Any, Any]]:
    """Values that the SDK would convert, such as true or "0" to a number; a whole number may stand for any number."""
    if isinstance(given, Mapping):
        for name, value in given.items():
            found = parsed.get(name) if isinstance(parsed, Mapping) else getattr(parsed, name, None)
            yield from _changed_values(value, found, f"{place}.{name}")
    elif isinstance(given, list):
        for number, (value, found) in enumerate(zip(given, parsed if isinstance(parsed, list) else (), strict=False)):
            yield from _changed_values(value, found, f"{place}.{number}")
    elif isinstance(parsed, int | float) and not isinstance(parsed, Enum):
        is_number = isinstance(given, int | float) and isinstance(given, bool) == isinstance(parsed, bool)
        if not is_number:
            yield place, given, parsed


def _unknown_values(value: Any, place: str) -> Iterator[tuple[str, Enum]]:
    """Values that are not in the SDK's enum, which accepts and sends them all the same."""
    if isinstance(value, Enum) and value.name not in type(value).__members__:
        yield place, value
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _unknown_values(item, f"{place}.{number}")
    elif hasattr(value, "model_fields_set"):
        for name in value.model_fields_set:
            yield from _unknown_values(getattr(value, name), f"{place}.{name}")


def _fields_at(kind: type[BaseModel], places: Iterable[str]) -> set[str]:
    """The fields of the type at this path within ``kind``; empty if unknown."""
    current: Any = kind
    for place in places:
        if place.isdecimal():
            continue
        field = getattr(current, "model_fields", {}).get(place)
        current = None if field is None else _model_in(field.annotation)
    return set(getattr(current, "model_fields", ()))


def _model_in(annotation: Any) -> Any:
    if hasattr(annotation, "model_fields"):
        return annotation
    return next((found for one in get_args(annotation) if (found := _model_in(one)) is not None), None)
