"""The base models by name. Any name that looks like a Gemini model is the embedded one, so old code runs."""

from __future__ import annotations

import re
from typing import Any

from .api_errors import ServiceError, invalid

BASE_VERSION = "newsgauge-embedded-base-2"
TUNED_VERSION = "newsgauge-embedded-tuned-2"
INPUT_TOKEN_LIMIT = 1_000_000
OUTPUT_TOKEN_LIMIT = 8_192
LISTED = ("gemini-3.5-flash-lite", "gemini-3.5-flash-lite-tuning")
_TUNABLE_SUFFIX = "-tuning"
_MODEL = re.compile(r"gemini-[a-z0-9]+(?:[.-][a-z0-9]+)*")
_LONGEST_NAME = 100
#: Models of 2.5 and later think unless they are told not to; the small ones, ``flash-lite``, only if told to.
_THINKS = re.compile(r"gemini-(?:2\.5|[3-9]|[1-9][0-9])(?!.*lite)")


def is_model(name: str) -> bool:
    """True for a name that looks like a Gemini model."""
    return len(name) <= _LONGEST_NAME and _MODEL.fullmatch(name) is not None


def check_model(name: str, *, version: str = "v1beta", method: str = "generateContent") -> None:
    """Raise 404 in the Developer API's words unless the name looks like a Gemini model."""
    if not is_model(name):
        raise ServiceError(
            404,
            "NOT_FOUND",
            f"models/{name[:_LONGEST_NAME]} is not found for API version {version}, or is not supported for {method}. "
            "Call ModelService.ListModels to see the list of available models and their supported methods.",
        )


def check_tunable(name: str) -> None:
    """Raise 400 unless ``models/<name>`` offers createTunedModel: those whose name ends in ``-tuning``."""
    bare = name.removeprefix("models/")
    if not bare.endswith(_TUNABLE_SUFFIX) or len(bare) > _LONGEST_NAME or not _MODEL.fullmatch(bare):
        raise invalid(f"{name[:_LONGEST_NAME]} does not support createTunedModel", field="base_model")


def describe(name: str) -> dict[str, Any]:
    """The model as ``GET models/<name>`` shows it."""
    check_model(name)
    tuning = ["createTunedModel"] if name.endswith(_TUNABLE_SUFFIX) else []
    return {
        "name": f"models/{name}",
        "version": BASE_VERSION,
        "displayName": f"{name} (newsgauge embedded)",
        "description": "The embedded base model of newsgauge under another name; not Gemini.",
        "inputTokenLimit": INPUT_TOKEN_LIMIT,
        "outputTokenLimit": OUTPUT_TOKEN_LIMIT,
        "supportedGenerationMethods": ["generateContent", "countTokens", "batchGenerateContent", *tuning],
    }


def thinks_by_itself(name: str) -> bool:
    """True for a model that thinks unless the request says otherwise."""
    return _THINKS.match(name) is not None
