"""Is a table of variants.toml a variant? Its name and values in; nothing out, or a `VariantsError`. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal, get_args

from ..errors import VariantsError
from ..records import BACKENDS

TUNED = "tuned"
#: As often a post may be asked: beyond it more posts tell more, at the same price.
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
_NAME = re.compile(r"[a-z][a-z0-9-]*")
_FIELD = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_LOCATION = re.compile(r"[a-z]+(-[a-z]+)*(-?[0-9]+)?")
_CALLABLE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)

_Kinds = Mapping[str, tuple[type, ...]]
_SHARED: _Kinds = {"about": (str,), "repeats": (int,), "confidence": (str,)}
_MODEL: _Kinds = {"model": (str,), "tuning": (dict,), "expected_model_version": (str, dict), "location": (str,)}
_PROMPT: _Kinds = {
    **_SHARED,
    "model": (str,),
    "contents": (str,),
    "system_instruction": (str,),
    "answer": (str,),
    "max_output_tokens": (int,),
    "config": (dict,),
    "answer_cleanup": (list,),
    "json_fields": (dict,),
    "examples_per_class": (int,),
    "example": (str,),
    "example_chars": (int,),
    "example_seed": (int,),
    "api": (str,),
    **_MODEL,
}
_PREDICT: _Kinds = {**_SHARED, "predict": (str,), **_MODEL}
_ESTIMATOR: _Kinds = {**_SHARED, "estimator": (str,), "training": (dict,)}
_TUNING: _Kinds = {
    "posts_per_class": (int,),
    "epochs": (int,),
    "batch_size": (int,),
    "learning_rate": (int, float),
    "seed": (int,),
    "share_threads": (bool,),
    "validation_posts_per_class": (int,),
}
_TRAINING: _Kinds = {"posts_per_class": (int,), "seed": (int,), "share_threads": (bool,)}


def check_table(where: str, name: str, table: Any) -> None:
    """Raise `VariantsError` where the table is no variant; ``where`` names file and table."""
    if not _NAME.fullmatch(name):
        raise VariantsError(f"{where}: expected a name of lower-case letters, digits and hyphens")
    if not isinstance(table, dict):
        raise VariantsError(f"{where}: expected a table, got {table!r}; did its [header] get lost?")
    ways = [key for key in ("contents", "predict", "estimator") if key in table]
    if len(ways) > 1:
        raise VariantsError(
            f"{where}: expected one of 'contents' (a prompt), 'predict' and 'estimator' (a callable), got "
            f"{' and '.join(map(repr, ways))}"
        )
    way = ways[0] if ways else "contents"
    _check_keys(where, table, {"contents": _PROMPT, "predict": _PREDICT, "estimator": _ESTIMATOR}[way], way)
    _check_not_empty(where, table, {"contents": ("model", "contents"), "predict": ("model",), "estimator": ()}[way])
    _check_model(where, table)
    if way == "contents":
        _check_prompt(where, table)
    elif not _CALLABLE.fullmatch(table[way]):
        raise VariantsError(f'{where}: expected {way!r} to name a callable as "module:name", got {table[way]!r}')
    _check_from_one(where, {key: table[key] for key in ("repeats",) if key in table})
    if table.get("repeats", 1) > MOST_REPEATS:
        raise VariantsError(f"{where}: expected 'repeats' from 1 to {MOST_REPEATS}, got {table['repeats']}")
    _check_confidence(where, table, way)
    for part, known in (("tuning", _TUNING), ("training", _TRAINING)):
        _check_keys(f"{where} {part}", table.get(part, {}), known)
        _check_from_one(
            where,
            {f"{part}.{key}": v for key, v in table.get(part, {}).items() if key not in ("seed", "share_threads")},
        )


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


def _check_model(where: str, table: dict[str, Any]) -> None:
    pin = table.get("expected_model_version")
    if isinstance(pin, dict):
        _check_keys(f"{where} expected_model_version", pin, dict.fromkeys(BACKENDS, (str,)))
    location = table.get("location")
    if location is not None and not _LOCATION.fullmatch(location):
        raise VariantsError(
            f'{where}: expected \'location\' to be "global" or one such as "us-central1", got {location!r}'
        )
    if (table.get("model") == TUNED) != ("tuning" in table):
        raise VariantsError(f"{where}: 'tuning' and model = \"{TUNED}\" go together; only one of them is there")


def _check_api(where: str, table: dict[str, Any]) -> None:
    api = table.get("api", "gemini")
    if api not in get_args(Api):
        raise VariantsError(f"{where}: 'api' is {api!r}; known: {', '.join(get_args(Api))}")
    if api == "gemini":
        return
    if wrong := [key for key in ("tuning", "location") if key in table]:
        raise VariantsError(f"{where}: {wrong[0]!r} is Gemini's, and api = {api!r}")
    if unknown := [key for key in table.get("config", {}) if key not in OTHER_APIS[api]]:
        known = ", ".join(sorted(OTHER_APIS[api]))
        raise VariantsError(f"{where}: config: api {api!r} takes no {unknown[0]!r}; known: {known}")


def _check_prompt(where: str, table: dict[str, Any]) -> None:
    _check_api(where, table)
    if table["contents"].count("{post}") != 1:
        raise VariantsError(f"{where}: expected 'contents' to hold {{post}} exactly once")
    shows = {"examples"} if "examples_per_class" in table else set()
    _check_placeholders(where, table, "contents", {"post", "labels", *shows})
    _check_placeholders(where, table, "system_instruction", {"labels", *shows})
    if table.get("answer", "text") not in get_args(Answer):
        raise VariantsError(f"{where}: 'answer' is {table['answer']!r}; known: {', '.join(get_args(Answer))}")
    _check_from_one(where, {key: table[key] for key in ("max_output_tokens",) if key in table})
    _check_config(where, table)
    _check_cleanup(where, table)
    _check_examples(where, table)
    _check_fields(where, table)


def _check_config(where: str, table: dict[str, Any]) -> None:
    """What can be said without the SDK; `client.config_check` holds the fields against the SDK's own type."""
    config = table.get("config", {})
    for key in config:
        if key in OWNED_CONFIG:
            raise VariantsError(f"{where}: config: {key!r} is set by {OWNED_CONFIG[key]}; leave it out of 'config'")
    if "max_output_tokens" in config and "max_output_tokens" in table:
        raise VariantsError(f"{where}: 'max_output_tokens' is there twice, in 'config' and beside it; say it once")
    bound = config.get("max_output_tokens", 1)
    if not isinstance(bound, int) or isinstance(bound, bool) or bound < 1:
        raise VariantsError(f"{where}: expected config.max_output_tokens from 1, got {bound!r}")
    try:
        json.dumps(config, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise VariantsError(f"{where}: config: expected values that JSON can hold: {error}") from None


def _check_cleanup(where: str, table: dict[str, Any]) -> None:
    steps, known = table.get("answer_cleanup", []), get_args(Cleanup)
    wrong = [step for step in steps if step not in known]
    if wrong or len(set(steps)) < len(steps):
        raise VariantsError(
            f"{where}: expected 'answer_cleanup' to list each of {', '.join(known)} at most once, got {steps!r}"
        )


def _check_examples(where: str, table: dict[str, Any]) -> None:
    given = [key for key in EXAMPLE_KEYS if key in table]
    if "examples_per_class" not in table:
        if given:
            raise VariantsError(f"{where}: {given[0]!r} is about examples, and 'examples_per_class' is not there")
        return
    n_shown = sum(table.get(key, "").count("{examples}") for key in ("contents", "system_instruction"))
    if n_shown != 1:
        raise VariantsError(
            f"{where}: with 'examples_per_class', expected {{examples}} exactly once in 'contents' or "
            f"'system_instruction', got it {n_shown} times"
        )
    _check_from_one(where, {key: table[key] for key in ("examples_per_class", "example_chars") if key in table})
    for placeholder in ("{post}", "{label}"):
        if table.get("example", "{post}{label}").count(placeholder) != 1:
            raise VariantsError(f"{where}: expected 'example' to hold {placeholder} exactly once")
    _check_placeholders(where, table, "example", {"post", "label"})


def _check_fields(where: str, table: dict[str, Any]) -> None:
    fields = table.get("json_fields")
    if fields is None:
        return
    if table.get("answer") != "json":
        raise VariantsError(f"{where}: 'json_fields' is there, and 'answer' is not \"json\"")
    for field, kind in fields.items():
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


def _check_not_empty(where: str, table: dict[str, Any], keys: Iterable[str]) -> None:
    for key in ("about", *keys):
        if not table.get(key, "").strip():
            raise VariantsError(f"{where}: expected a non-empty {key!r}")


def _check_from_one(where: str, values: dict[str, Any]) -> None:
    for key, value in values.items():
        if value <= 0:
            above = "above 0" if "." in key else "from 1"
            raise VariantsError(f"{where}: expected {key if '.' in key else repr(key)} {above}, got {value}")


def _check_keys(where: str, table: dict[str, Any], known: _Kinds, way: str = "contents") -> None:
    for key, value in table.items():
        if key not in known:
            about = "" if way == "contents" else f" of a variant with {way!r}"
            raise VariantsError(f"{where}: unknown key {key!r}{about}; known: {', '.join(known)}")
        if not isinstance(value, known[key]) or (isinstance(value, bool) and bool not in known[key]):
            kinds = " or ".join(kind.__name__ for kind in known[key])
            raise VariantsError(f"{where}: expected {key!r} to be {kinds}, got {type(value).__name__}")
