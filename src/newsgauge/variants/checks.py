"""Checks a table of variants.toml: its name and values in; nothing or a `VariantsError` out. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from ..errors import VariantsError
from ..records import BACKENDS
from .disturbances import DISTURBANCES

TUNED = "tuned"
#: The most repeats per post; beyond that, more posts tell more at the same price.
MOST_REPEATS = 100
Answer = Literal["text", "enum", "json"]
Cleanup = Literal["fence", "prefix", "markup", "quotes", "final-stop"]
#: Fields of the SDK's config that newsgauge sets itself, and by what.
OWNED_CONFIG = {
    "system_instruction": "the key 'system_instruction'",
    "response_mime_type": "'answer'",
    "response_schema": "'answer' and 'json_fields'",
    "response_json_schema": "'answer' and 'json_fields'",
    "automatic_function_calling": "newsgauge, which runs no functions",
    "http_options": "--base-url and --api-version",
    "should_return_http_response": "newsgauge",
}
Api = Literal["gemini", "openai", "anthropic"]
#: Other APIs that a prompt may ask: the keys of ``config`` they take, by Gemini's names, and their own names.
OTHER_APIS: Mapping[str, Mapping[str, str]] = {
    "openai": {
        **{name: name for name in ("temperature", "top_p", "seed", "presence_penalty", "frequency_penalty")},
        **{name: name for name in ("reasoning_effort", "service_tier")},
        "max_output_tokens": "max_completion_tokens",
        "stop_sequences": "stop",
    },
    "anthropic": {
        **{name: name for name in ("temperature", "top_p", "top_k", "stop_sequences", "thinking", "service_tier")},
        "max_output_tokens": "max_tokens",
    },
}
PLACEHOLDER = re.compile(r"\{(\w+)\}")
#: The types that a field of a JSON answer may have, as the API calls them.
FIELD_TYPES = ("string", "integer", "number", "boolean")
#: The keys of variants.toml about examples, and what `FewShot` calls them.
EXAMPLE_KEYS = {
    "examples_per_class": "per_class",
    "example": "template",
    "example_chars": "chars",
    "example_seed": "seed",
}
#: How sure a model is: by its log-probabilities, by a field of its JSON answer, by how many repeats agree.
LOGPROBS, FIELD, VOTES = "logprobs", "field:", "votes"
#: Least and largest value of a field of ``config``, as the REST API documents them: the SDK's type leaves them open.
_RANGES: Mapping[str, tuple[float, float]] = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "top_k": (1, 1_000),
    "candidate_count": (1, 1),  # more candidates would be paid for but not read
    "max_output_tokens": (1, 2**31 - 1),
    "seed": (-(2**31), 2**31 - 1),
    "logprobs": (0, 20),
    "presence_penalty": (-2, 2),
    "frequency_penalty": (-2, 2),
}
_NAME = re.compile(r"[a-z][a-z0-9-]*")
_FIELD = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_LOCATION = re.compile(r"[a-z]+(-[a-z]+)*(-?[0-9]+)?")
_CALLABLE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Key:
    """The allowed values of a key: types and range, in words and as a test.

    ``known``: the values that there are, if they can be counted.
    """

    kinds: tuple[type, ...]
    expected: str = ""
    holds: Callable[[Any], bool] = lambda value: True
    known: Collection[str] = ()


_TEXT, _TABLE, _WHOLE, _FLAG = _Key((str,)), _Key((dict,)), _Key((int,)), _Key((bool,))
_FROM_ONE = _Key((int,), "from 1", lambda n: n >= 1)
_ABOVE_0 = _Key((int, float), "above 0", lambda n: n > 0)
_COUNT = replace(_ABOVE_0, kinds=(int,))
_STEPS = get_args(Cleanup)
_NAMES_CALLABLE = _Key((str,), 'to name a callable as "module:name"', lambda name: bool(_CALLABLE.fullmatch(name)))


def short_name(under: str) -> str:
    """The word after the ``+`` in a variant's name: for a function its name, with hyphens for underscores."""
    return under.rpartition(":")[2].replace("_", "-").lower()


def _is_disturbance(name: Any) -> bool:
    return isinstance(name, str) and (name in DISTURBANCES or bool(_CALLABLE.fullmatch(name)))


_Keys = Mapping[str, _Key]
_SHARED: _Keys = {
    "about": _TEXT,
    "repeats": _Key((int,), f"from 1 to {MOST_REPEATS}", lambda n: 1 <= n <= MOST_REPEATS),
    "confidence": _TEXT,
    "under": _Key(
        (list,),
        f'to list each of {", ".join(DISTURBANCES)}, or a function as "module:name", at most once',
        lambda names: all(_is_disturbance(name) for name in names) and len({*map(short_name, names)}) == len(names),
    ),
}
_MODEL: _Keys = {
    "model": _TEXT,
    "tuning": _TABLE,
    "expected_model_version": _Key((str, dict)),
    "location": _Key(
        (str,), 'to be "global" or one such as "us-central1"', lambda place: bool(_LOCATION.fullmatch(place))
    ),
}
#: The keys of each way to find a label, by the key that makes it one.
_WAYS: Mapping[str, _Keys] = {
    "contents": {
        **_SHARED,
        "model": _TEXT,
        "contents": _TEXT,
        "system_instruction": _TEXT,
        "answer": _Key((str,), known=get_args(Answer)),
        "max_output_tokens": _FROM_ONE,
        "config": _TABLE,
        "answer_cleanup": _Key(
            (list,),
            f"to list each of {', '.join(_STEPS)} at most once",
            lambda steps: all(step in _STEPS for step in steps) and len(set(steps)) == len(steps),
        ),
        "json_fields": _TABLE,
        "examples_per_class": _FROM_ONE,
        "example": _TEXT,
        "example_chars": _FROM_ONE,
        "example_seed": _WHOLE,
        "api": _Key((str,), known=get_args(Api)),
        **_MODEL,
    },
    "predict": {**_SHARED, "predict": _NAMES_CALLABLE, **_MODEL},
    "estimator": {**_SHARED, "estimator": _NAMES_CALLABLE, "training": _TABLE},
}
_TRAINING: _Keys = {"posts_per_class": _COUNT, "seed": _WHOLE, "share_threads": _FLAG}
#: The keys that hold a table, and the keys of that.
_PARTS: Mapping[str, _Keys] = {
    "tuning": {
        **_TRAINING,
        "epochs": _COUNT,
        "batch_size": _COUNT,
        "learning_rate": _ABOVE_0,
        "validation_posts_per_class": _COUNT,
    },
    "training": _TRAINING,
    "expected_model_version": dict.fromkeys(BACKENDS, _TEXT),
}


def check_table(where: str, name: str, table: Any) -> None:
    """Raise `VariantsError` if the table is no variant; ``where`` names file and table."""
    if not _NAME.fullmatch(name):
        raise VariantsError(f"{where}: expected a name of lower-case letters, digits and hyphens")
    if not isinstance(table, dict):
        raise VariantsError(f"{where}: expected a table, got {table!r}; did its [header] get lost?")
    ways = [key for key in _WAYS if key in table]
    if len(ways) > 1:
        raise VariantsError(
            f"{where}: expected one of 'contents' (a prompt), 'predict' and 'estimator' (a callable), got "
            f"{' and '.join(map(repr, ways))}"
        )
    way = ways[0] if ways else "contents"
    _check_keys(where, table, _WAYS[way], of="" if way == "contents" else f" of a variant with {way!r}")
    for key in ("about", "model", "contents"):
        if key in _WAYS[way] and not table.get(key, "").strip():
            raise VariantsError(f"{where}: expected a non-empty {key!r}")
    for part, known in _PARTS.items():
        if isinstance(table.get(part), dict):
            _check_keys(where, table[part], known, part=part)
    if (table.get("model") == TUNED) != ("tuning" in table):
        raise VariantsError(f"{where}: 'tuning' and model = \"{TUNED}\" go together; only one of them is there")
    if way == "contents":
        _check_prompt(where, table)
    _check_confidence(where, table, way)


def _check_confidence(where: str, table: dict[str, Any], way: str) -> None:
    how = table.get("confidence", VOTES)
    if how == VOTES:
        if "confidence" in table and table.get("repeats", 1) == 1:
            raise VariantsError(f"{where}: confidence = \"{VOTES}\" needs 'repeats' from 2: votes are those of repeats")
        return
    if way != "contents" or (how != LOGPROBS and not how.startswith(FIELD)):
        known = f'"{VOTES}"' if way != "contents" else f'"{LOGPROBS}", "{FIELD}NAME" or "{VOTES}"'
        raise VariantsError(f"{where}: expected 'confidence' to be {known}, got {how!r}")
    name = how.removeprefix(FIELD)
    if how != LOGPROBS and table.get("json_fields", {}).get(name) not in ("number", "integer"):
        raise VariantsError(
            f"{where}: confidence = {how!r}: expected json_fields to hold {name!r} as a number from 0 to 1, with "
            'answer = "json"'
        )


def _check_api(where: str, table: dict[str, Any], api: str) -> None:
    if wrong := [key for key in ("tuning", "location") if key in table]:
        raise VariantsError(f"{where}: {wrong[0]!r} is Gemini's, and api = {api!r}")
    if unknown := [key for key in table.get("config", {}) if key not in OTHER_APIS[api]]:
        known = ", ".join(sorted(OTHER_APIS[api]))
        raise VariantsError(f"{where}: config: api {api!r} takes no {unknown[0]!r}; known: {known}")


def _check_prompt(where: str, table: dict[str, Any]) -> None:
    if table.get("api", "gemini") != "gemini":
        _check_api(where, table, table["api"])
    if table["contents"].count("{post}") != 1:
        raise VariantsError(f"{where}: expected 'contents' to hold {{post}} exactly once")
    shows = {"examples"} if "examples_per_class" in table else set()
    _check_placeholders(where, table, "contents", {"post", "labels", *shows})
    _check_placeholders(where, table, "system_instruction", {"labels", *shows})
    _check_config(where, table)
    _check_examples(where, table)
    _check_fields(where, table)


def _check_config(where: str, table: dict[str, Any]) -> None:
    """What can be said without the SDK; `client.config_checks` holds the fields against the SDK's own type."""
    config = table.get("config", {})
    for key in config:
        if key in OWNED_CONFIG:
            raise VariantsError(f"{where}: config: {key!r} is set by {OWNED_CONFIG[key]}; leave it out of 'config'")
    if "max_output_tokens" in config and "max_output_tokens" in table:
        raise VariantsError(f"{where}: 'max_output_tokens' is set twice, in 'config' and beside it; keep one")
    bound = config.get("max_output_tokens", 1)
    if not isinstance(bound, int) or isinstance(bound, bool) or bound < 1:
        raise VariantsError(f"{where}: expected config.max_output_tokens from 1, got {bound!r}")
    try:
        json.dumps(config, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise VariantsError(f"{where}: config: expected values that JSON can hold: {error}") from None
    for name, (low, high) in _RANGES.items():
        value = config.get(name, table.get(name, low))
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise VariantsError(f"{where}: config.{name}: expected {low:g} to {high:g}, got {value!r}")


def _check_examples(where: str, table: dict[str, Any]) -> None:
    if "examples_per_class" not in table:
        if given := [key for key in EXAMPLE_KEYS if key in table]:
            raise VariantsError(f"{where}: {given[0]!r} is about examples, and 'examples_per_class' is not there")
        return
    n_shown = sum(table.get(key, "").count("{examples}") for key in ("contents", "system_instruction"))
    if n_shown != 1:
        raise VariantsError(
            f"{where}: with 'examples_per_class', expected {{examples}} exactly once in 'contents' or "
            f"'system_instruction', got it {n_shown} times"
        )
    for placeholder in ("{post}", "{label}"):
        if table.get("example", "{post}{label}").count(placeholder) != 1:
            raise VariantsError(f"{where}: expected 'example' to hold {placeholder} exactly once")
    _check_placeholders(where, table, "example", {"post", "label"})


def _check_fields(where: str, table: dict[str, Any]) -> None:
    if "json_fields" in table and table.get("answer") != "json":
        raise VariantsError(f"{where}: 'json_fields' is there, and 'answer' is not \"json\"")
    for field, kind in table.get("json_fields", {}).items():
        if not _FIELD.fullmatch(field) or field == "label":
            raise VariantsError(
                f"{where}: expected a field's name of letters, digits and underscores, and not 'label', which is "
                f"always there; got {field!r}"
            )
        if kind not in FIELD_TYPES:
            raise VariantsError(f"{where}: json_fields.{field} is {kind!r}; known: {', '.join(FIELD_TYPES)}")


def _check_placeholders(where: str, table: dict[str, Any], key: str, allowed: Iterable[str]) -> None:
    unknown = set(PLACEHOLDER.findall(table.get(key, ""))) - set(allowed)
    if unknown == {"examples"}:
        raise VariantsError(f"{where}: {{examples}} in {key!r} needs 'examples_per_class'")
    if unknown:
        raise VariantsError(
            f"{where}: unknown placeholder {{{sorted(unknown)[0]}}} in {key!r}; "
            f"known: {', '.join(f'{{{known}}}' for known in sorted(allowed))}"
        )


def _check_keys(where: str, table: dict[str, Any], known: _Keys, *, of: str = "", part: str = "") -> None:
    place = f"{where} {part}".rstrip()
    for key, value in table.items():
        if key not in known:
            raise VariantsError(f"{place}: unknown key {key!r}{of}; known: {', '.join(known)}")
        asked, shown = known[key], f"{part}.{key}" if part else repr(key)
        if not isinstance(value, asked.kinds) or (isinstance(value, bool) and bool not in asked.kinds):
            kinds = " or ".join(kind.__name__ for kind in asked.kinds)
            raise VariantsError(f"{place}: expected {key!r} to be {kinds}, got {type(value).__name__}")
        if asked.known and value not in asked.known:
            raise VariantsError(f"{where}: {shown} is {value!r}; known: {', '.join(asked.known)}")
        if not asked.holds(value):
            raise VariantsError(f"{where}: expected {shown} {asked.expected}, got {value!r}")
