"""What a cassette knows of a service: which requests are its own, and what of them is kept and compared. Pure.

One profile per service. Today only Gemini is recorded; a line that names no service is about Gemini.
"""

from __future__ import annotations

import re
from typing import Any, Protocol

from ..records import bare_model
from .digest import stable_path

_VERSION = re.compile(r"^/v\d+(?:(?:alpha|beta)\d*)?(?=/)")
_GEMINI_PATH = re.compile(r"/v\d+(?:(?:alpha|beta)\d*)?/(?:models|tunedModels|projects|publishers)/")
#: Where Google's libraries fetch a token: their requests pass, and are never kept.
_LOGIN_HOSTS = frozenset({"accounts.google.com", "metadata.google.internal", "metadata", "169.254.169.254"})
_LOGIN_NAMES = ("oauth2", "sts", "iamcredentials", "reauth", "www")


class Service(Protocol):
    """A profile. Paths that enter have no query."""

    name: str
    #: The parts of a request that are said to the model. Everything else is settings.
    spoken: frozenset[str]

    def owns(self, host: str, path: str) -> bool:
        """Whether a request is a call of this service."""

    def kept_path(self, path: str) -> str:
        """The path without what differs between accounts and gateways."""

    def same_path(self, one: str, other: str) -> bool:
        """Whether two kept paths ask the same."""

    def is_answered_by_a_model(self, path: str) -> bool:
        """Whether a model answers: the calls that a technique may make, whose answers name the model's version."""

    def is_stream(self, path: str) -> bool:
        """Whether the answer comes in pieces, which no cassette keeps."""

    def compared_body(self, body: Any) -> Any:
        """What of a request's JSON is kept and compared."""

    def kept_answer(self, answer: dict[str, Any]) -> dict[str, Any]:
        """What of an answer's JSON is kept."""

    def model_version(self, answer: dict[str, Any]) -> str:
        """The version that answered; '' if the answer names none."""

    def provenance(self, path: str) -> dict[str, str]:
        """What a kept path says of who was asked: ``surface`` and ``model``."""


class _Gemini:
    """The Gemini API, on the Developer API's surface and on Vertex."""

    name = "gemini"
    spoken = frozenset({"contents", "systemInstruction"})

    def owns(self, host: str, path: str) -> bool:
        return _GEMINI_PATH.search(path) is not None  # a gateway or the embedded backend has any host

    def kept_path(self, path: str) -> str:
        return stable_path(path)

    def same_path(self, one: str, other: str) -> bool:
        # The SDK's default version of the API changes; what is asked does not.
        return one == other or _VERSION.sub("", one) == _VERSION.sub("", other)

    def is_answered_by_a_model(self, path: str) -> bool:
        return path.endswith(":generateContent")

    def is_stream(self, path: str) -> bool:
        return path.endswith(":streamGenerateContent")

    def compared_body(self, body: Any) -> Any:
        return _without_signatures(body, "contents")

    def kept_answer(self, answer: dict[str, Any]) -> dict[str, Any]:
        # Opaque, of no use to a replay, and 42% of the bytes of a recording on Vertex.
        kept = {name: value for name, value in answer.items() if name != "responseId"}
        candidates = kept.get("candidates")
        if isinstance(candidates, list):
            kept["candidates"] = [_without_signatures(candidate, "content") for candidate in candidates]
        return kept

    def model_version(self, answer: dict[str, Any]) -> str:
        return bare_model(str(answer.get("modelVersion") or ""))

    def provenance(self, path: str) -> dict[str, str]:
        on_vertex = "/projects/" in path or "/publishers/" in path
        model = path.rpartition("/")[2].partition(":")[0]
        return {"surface": "vertex" if on_vertex else "developer", "model": model}


GEMINI: Service = _Gemini()
SERVICES: dict[str, Service] = {GEMINI.name: GEMINI}


def service_of(host: str, path: str) -> Service | None:
    """Whose call a request is; None if it is of no service that is recorded."""
    return next((service for service in SERVICES.values() if service.owns(host, path)), None)


def is_login(host: str) -> bool:
    """Whether a host hands out tokens: also by its region, or by its name for mutual TLS."""
    first = host.partition(".")[0]
    return host in _LOGIN_HOSTS or (host.endswith(".googleapis.com") and first in _LOGIN_NAMES)


def _without_signatures(value: Any, turns: str) -> Any:
    """``value`` without ``thoughtSignature`` in the parts of its turns; itself if there is none."""
    if not isinstance(value, dict) or turns not in value:
        return value
    held = value[turns]
    kept = [_bare_turn(turn) for turn in held] if isinstance(held, list) else _bare_turn(held)
    return value if kept == held else {**value, turns: kept}


def _bare_turn(turn: Any) -> Any:
    parts = turn.get("parts") if isinstance(turn, dict) else None
    if not isinstance(parts, list):
        return turn
    return {**turn, "parts": [_bare_part(part) for part in parts]}


def _bare_part(part: Any) -> Any:
    if not isinstance(part, dict) or "thoughtSignature" not in part:
        return part
    return {name: value for name, value in part.items() if name != "thoughtSignature"}
