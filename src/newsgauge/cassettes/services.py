"""What a cassette knows of a service: which requests are its own, and what of them is kept and compared. Pure.

A line that names no service is about Gemini. Others are tables of TOML: `profiles`.
"""

from __future__ import annotations

import re
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Protocol

from ..errors import CassetteError
from ..records import bare_model
from .digest import stable_path
from .profiles import read_profiles

_VERSION = re.compile(r"^/v\d+(?:(?:alpha|beta)\d*)?(?=/)")
_GEMINI_PATH = re.compile(r"/v\d+(?:(?:alpha|beta)\d*)?/(?:models|tunedModels|projects|publishers)/")
#: Where Google's libraries fetch a token: their requests pass, and are never kept.
_LOGIN_HOSTS = frozenset({"accounts.google.com", "metadata.google.internal", "metadata", "169.254.169.254"})
_LOGIN_NAMES = ("oauth2", "sts", "iamcredentials", "reauth", "www")


class Service(Protocol):
    """A profile. Paths that enter have no query."""

    @property
    def name(self) -> str:
        """As lines name it."""

    @property
    def spoken(self) -> frozenset[str]:
        """The parts of a request that are said to the model. Everything else is settings."""

    @property
    def version_at(self) -> str:
        """Where an answer names the version that answered."""

    def owns(self, host: str, path: str) -> bool:
        """Whether a request is a call of this service."""

    def kept_path(self, path: str) -> str:
        """The path without what differs between accounts and gateways."""

    def same_path(self, one: str, other: str) -> bool:
        """Whether two kept paths ask the same."""

    def is_answered_by_a_model(self, path: str) -> bool:
        """Whether a model answers: the calls that a technique may make, whose answers name the model's version."""

    def is_stream(self, path: str, body: bytes) -> bool:
        """Whether the answer comes in pieces, which no cassette keeps."""

    def compared_body(self, body: Any) -> Any:
        """What of a request's JSON is kept and compared."""

    def kept_answer(self, answer: dict[str, Any]) -> dict[str, Any]:
        """What of an answer's JSON is kept."""

    def model_version(self, answer: dict[str, Any]) -> str:
        """The version that answered; '' if the answer names none."""

    def provenance(self, path: str, body: Any) -> dict[str, str]:
        """What a kept request says of who was asked: ``surface`` and ``model``."""

    def usage(self, answer: dict[str, Any]) -> Any:
        """The tokens of an answer, as Gemini's ``usageMetadata`` names them."""


class _Gemini:
    """The Gemini API, on the Developer API's surface and on Vertex."""

    name = "gemini"
    spoken = frozenset({"contents", "systemInstruction"})
    version_at = "modelVersion"

    def owns(self, host: str, path: str) -> bool:
        return _GEMINI_PATH.search(path) is not None  # a gateway or the embedded backend has any host

    def kept_path(self, path: str) -> str:
        return stable_path(path)

    def same_path(self, one: str, other: str) -> bool:
        # The SDK's default version of the API changes; what is asked does not.
        return one == other or _VERSION.sub("", one) == _VERSION.sub("", other)

    def is_answered_by_a_model(self, path: str) -> bool:
        return path.endswith(":generateContent")

    def is_stream(self, path: str, body: bytes) -> bool:
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

    def usage(self, answer: dict[str, Any]) -> Any:
        return answer.get("usageMetadata")

    def provenance(self, path: str, body: Any) -> dict[str, str]:
        on_vertex = "/projects/" in path or "/publishers/" in path
        model = path.rpartition("/")[2].partition(":")[0]
        return {"surface": "vertex" if on_vertex else "developer", "model": model}


GEMINI: Service = _Gemini()
with as_file(files("newsgauge.cassettes").joinpath("services.toml")) as _path:
    _SHIPPED = read_profiles(_path, {})
#: By name, in the order in which they are asked whether a request is theirs: those of the project come first.
SERVICES: dict[str, Service] = {GEMINI.name: GEMINI, **_SHIPPED}


def add_services(path: Path) -> None:
    """Know the services of a project's ``services.toml`` too, if it has one. Raises `UsageError`."""
    own: dict[str, Service] = dict(read_profiles(path, _SHIPPED)) if path.exists() else {}
    known = {GEMINI.name: GEMINI, **_SHIPPED}
    SERVICES.clear()
    SERVICES.update({**own, **{name: one for name, one in known.items() if name not in own}})


def service_of(host: str, path: str) -> Service | None:
    """Whose call a request is; None if it is of no service that is recorded."""
    return next((service for service in SERVICES.values() if service.owns(host, path)), None)


def named_service(name: str) -> Service:
    """The service that a line names. Raises `CassetteError`."""
    if name not in SERVICES:
        raise CassetteError(
            f"a recording is of service {name!r}, which is unknown here: its profile is to be in services.toml of the "
            f"evals folder; known: {', '.join(SERVICES)}"
        )
    return SERVICES[name]


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
