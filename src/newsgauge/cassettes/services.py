"""What a cassette knows about a service: which requests belong to it, and what is kept and compared. Pure.

A service is a TOML table. ``services.toml`` beside this module holds the known ones, and a project adds its own in
``evals/services.toml``. Gemini, the service of lines that name none, is a table and a little code.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from .._util.files import read_toml
from ..errors import CassetteError, UsageError
from ..records import Outcome, bare_model

_PLACES = ("answer", "model_version", "finish", "tokens_in", "tokens_out", "thinking", "cached")
_LIST, _TABLE = "a list of texts", "a table"
#: The type of each key of a table.
_KEYS = {
    **dict.fromkeys(("path", "host", "like", "model", "stream"), "a text"),
    **dict.fromkeys(("prompt", "cut", "blocked", "keep", "headers"), _LIST),
    **dict.fromkeys(_PLACES, "a place or a list of places"),
    "fill": _TABLE,
}
_NEEDED = ("path", "prompt", "model_version")
#: Headers that are never kept, whatever a table says.
_SECRET_HEADERS = re.compile(r"cookie|auth|key|token|secret")
_NAME = re.compile(r"[a-z][a-z0-9-]*")
_BEFORE_VERSION = re.compile(r"^.+(?=/v\d+(?:(?:alpha|beta)\d*)?/)")
_EXPRESS = re.compile(r"^/v[^/]+(?=/publishers/)")
_PROJECT = re.compile(r"/projects/[^/]+/locations/[^/]+/")
_VERSION = re.compile(r"^/v\d+(?:(?:alpha|beta)\d*)?(?=/)")
#: Where Google's libraries fetch a token: their requests pass, and are never kept.
_LOGIN_HOSTS = frozenset({"accounts.google.com", "metadata.google.internal", "metadata", "169.254.169.254"})
#: Parts of Gemini's answers that differ each time and say nothing about the answer.
_OF_ONE_CALL = ("responseId", "createTime")
_LOGIN_NAMES = ("oauth2", "sts", "iamcredentials", "reauth", "www")


@dataclass(frozen=True, eq=False)
class Service:
    """One service. ``choices.*.message.content`` is a place in JSON, ``*`` is each entry. Paths have no query."""

    #: As lines name it.
    name: str
    table: Mapping[str, Any]

    @cached_property
    def spoken(self) -> frozenset[str]:
        """The parts of a request that the model reads. Everything else is settings."""
        return frozenset(self.table["prompt"])

    @cached_property
    def fill(self) -> Mapping[str, Any]:
        """The keys of an answer that clients require and cassettes do not keep."""
        return dict(self.table.get("fill", {}))

    @property
    def version_at(self) -> str:
        """Where an answer names the version that answered."""
        return " or ".join(self._places("model_version"))

    def owns(self, host: str, path: str) -> bool:
        """Whether a request is a call of this service; the path of a gateway may stand before its own."""
        return bool(re.search(self.table.get("host", ""), host) and re.search(self.table["path"], path))

    def kept_path(self, path: str) -> str:
        """The path without what differs between accounts and gateways."""
        found = re.search(self.table["path"], path)
        return found[0] if found else path

    def same_path(self, one: str, other: str) -> bool:
        """Whether two kept paths ask the same."""
        return one == other

    def is_answered_by_a_model(self, path: str) -> bool:
        """Whether a model answers: the calls that a technique may make, whose answers name the model's version."""
        return True

    def is_stream(self, path: str, body: bytes) -> bool:
        """Whether the answer comes in pieces, which no cassette keeps."""
        try:
            return any(_at(json.loads(body), self.table.get("stream", "stream")))
        except ValueError:
            return False

    def compared_body(self, body: Any) -> Any:
        """The part of a request's JSON that is kept and compared."""
        return body

    def kept_answer(self, answer: dict[str, Any]) -> dict[str, Any]:
        """The parts that the table lists; if it lists none, those that its other keys use."""
        heads = {place.partition(".")[0] for key in _PLACES for place in self._places(key)}
        return {name: value for name, value in answer.items() if name in (self.table.get("keep") or heads)}

    def kept_headers(self, headers: Mapping[str, Sequence[object]]) -> dict[str, str]:
        """Those of an answer that the table lists, in lower case."""
        return {name: ", ".join(map(str, headers[name])) for name in self.table.get("headers", ()) if name in headers}

    def model_version(self, answer: dict[str, Any]) -> str:
        """The version that answered; '' if the answer names none."""
        return bare_model(next(self._texts(answer, "model_version"), ""))

    def provenance(self, path: str, body: Any) -> dict[str, str]:
        """``surface`` and ``model`` of a kept request."""
        model = next(_at(body, self.table.get("model", "model")), None)
        return {"surface": self.name, "model": model if isinstance(model, str) and model else "unnamed"}

    def usage(self, answer: dict[str, Any]) -> Any:
        """Tokens by the names of Gemini's ``usageMetadata``; output holds thinking in all of the other services."""
        counts = {
            name: sum(n for n in self._said(answer, name) if isinstance(n, int) and not isinstance(n, bool) and n > 0)
            for name in ("tokens_in", "tokens_out", "thinking", "cached")
        }
        thinking = min(counts["thinking"], counts["tokens_out"])
        return {
            "promptTokenCount": counts["tokens_in"],
            "candidatesTokenCount": counts["tokens_out"] - thinking,
            "thoughtsTokenCount": thinking,
            "cachedContentTokenCount": counts["cached"],
        }

    def outcome(self, answer: dict[str, Any]) -> Outcome | None:
        """Why an answer holds no label; None if it may hold one."""
        finish = set(self._texts(answer, "finish"))
        for key, outcome in (("blocked", Outcome.BLOCKED), ("cut", Outcome.CUT)):
            if finish & set(self.table.get(key, ())):
                return outcome
        return None if self.text(answer) or "answer" not in self.table else Outcome.EMPTY

    def text(self, answer: dict[str, Any]) -> str:
        """What was answered, stripped."""
        return "".join(self._texts(answer, "answer")).strip()

    def _texts(self, answer: Any, key: str) -> Iterator[str]:
        return (value for value in self._said(answer, key) if isinstance(value, str))

    def _said(self, answer: Any, key: str) -> Iterator[Any]:
        return (value for place in self._places(key) for value in _at(answer, place))

    def _places(self, key: str) -> list[str]:
        places = self.table.get(key, [])
        return [places] if isinstance(places, str) else places


@lru_cache(maxsize=256)  # a run asks few paths, each of them for every post
def stable_path(path: str) -> str:
    """The request path without what differs between accounts.

    That is the Google Cloud project and location, and what stands before the version of the API if a gateway is
    asked: its path may name an account, and who replays need not know the gateway. Vertex's express mode names no
    project, and asks the same.
    """
    path = _EXPRESS.sub(r"\g<0>/projects/-/locations/-", _BEFORE_VERSION.sub("", path))
    return _PROJECT.sub("/projects/-/locations/-/", path)


class _Gemini(Service):
    """The Gemini API, on the Developer API's surface and on Vertex; a gateway or the embedded backend has any host."""

    def kept_path(self, path: str) -> str:
        return stable_path(path)

    def same_path(self, one: str, other: str) -> bool:
        # The SDK's default version of the API changes; the request does not.
        return one == other or _VERSION.sub("", one) == _VERSION.sub("", other)

    def is_answered_by_a_model(self, path: str) -> bool:
        return path.endswith(":generateContent")

    def is_stream(self, path: str, body: bytes) -> bool:
        return path.endswith(":streamGenerateContent")

    def compared_body(self, body: Any) -> Any:
        is_asked = isinstance(body, dict) and "contents" in body
        return {**body, "contents": _unsigned(body["contents"])} if is_asked else body

    def kept_answer(self, answer: dict[str, Any]) -> dict[str, Any]:
        is_generated = not {"candidates", "promptFeedback", "usageMetadata"}.isdisjoint(answer)
        left_out = _OF_ONE_CALL if is_generated else ()  # a tuned model's createTime says which one it is
        return {name: _unsigned(value) for name, value in answer.items() if name not in left_out}

    def usage(self, answer: dict[str, Any]) -> Any:
        return answer.get("usageMetadata")

    def provenance(self, path: str, body: Any) -> dict[str, str]:
        on_vertex = "/projects/" in path or "/publishers/" in path
        model = path.rpartition("/")[2].partition(":")[0]
        return {"surface": "vertex" if on_vertex else "developer", "model": model}


def _unsigned(value: Any) -> Any:
    """Without ``thoughtSignature``: opaque, of no use to a replay, and 42% of the bytes of a recording on Vertex."""
    if isinstance(value, list):
        return [_unsigned(one) for one in value]
    if isinstance(value, dict):
        return {name: _unsigned(one) for name, one in value.items() if name != "thoughtSignature"}
    return value


def read_services(path: Path, known: Mapping[str, Service]) -> dict[str, Service]:
    """The services of a file; ``known`` are others that ``like`` may name. Raises `UsageError`."""
    tables = read_toml(path, expected="the services to record")
    made: dict[str, Service] = {}
    for name, table in tables.items():
        where = f"{path.name}: [{name}]"
        if not _NAME.fullmatch(name) or not isinstance(table, dict):
            raise UsageError(f"{where}: expected a table, named in lower-case letters, digits and hyphens")
        others = {**{name: one.table for name, one in known.items()}, **tables}
        like = table.get("like", name)
        if not isinstance(others.get(str(like)), Mapping):
            raise UsageError(f"{where}: expected 'like' to name a service, got {like!r}; known: {', '.join(others)}")
        made[name] = Service(name, _checked(where, {**others[like], **table}))
    return made


def _checked(where: str, table: dict[str, Any]) -> dict[str, Any]:
    for key, value in table.items():
        if key not in _KEYS:
            raise UsageError(f"{where}: unknown key {key!r}; known: {', '.join(_KEYS)}")
        kind = _KEYS[key]
        is_list = isinstance(value, list) and bool(value) and all(isinstance(one, str) for one in value)
        is_text = isinstance(value, str) and bool(value)
        is_right = (is_text and kind != _LIST) or (is_list and kind != "a text")
        if not (isinstance(value, dict) if kind == _TABLE else is_right):
            raise UsageError(f"{where}: expected {key!r} to be {kind}, got {value!r}")
    if absent := [key for key in _NEEDED if key not in table]:
        raise UsageError(f"{where}: expected {', '.join(map(repr, absent))}, not there")
    for name in table.get("headers", ()):
        if not re.fullmatch(r"[a-z0-9-]+", name) or _SECRET_HEADERS.search(name):
            raise UsageError(f"{where}: expected 'headers' in lower case that hold no key, got {name!r}")
    for key in ("path", "host"):
        try:
            re.compile(table.get(key, ""))
        except re.error as error:
            raise UsageError(f"{where}: {key!r} is not a regular expression: {error}") from None
    return table


def service_to_write(host: str, path: str, body: bytes) -> str:
    """A line for services.toml about an unknown service; its user knows what its answers look like."""
    asked = json_object(body) or {"prompt": ""}
    longest = max(asked, key=lambda key: len(json.dumps(asked[key])))
    name = re.sub(r"[^a-z0-9]+", "-", host.lower()).strip("-") or "own"
    name = name if name[0].isalpha() else f"host-{name}"
    return (
        f"{name} = {{ host = '^{re.escape(host)}$', path = '{re.escape(path)}$', prompt = [{json.dumps(longest)}], "
        'model_version = "model", answer = "PLACE.OF.THE.TEXT", tokens_in = "PLACE", tokens_out = "PLACE" }'
    )


def json_object(raw: bytes) -> dict[str, Any] | None:
    """The object that a body is; None if it is none."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _at(value: Any, place: str) -> Iterator[Any]:
    """The values at a place of a JSON value; none if there are none."""
    head, _, rest = place.partition(".")
    if isinstance(value, list):
        found = value if head == "*" else value[int(head) : int(head) + 1] if head.isdecimal() else []
    else:
        found = [value[head]] if isinstance(value, dict) and head in value else []
    for one in found:
        yield from _at(one, rest) if rest else (one,)


GEMINI: Service = _Gemini(
    "gemini",
    {
        "path": r"/v\d+(?:(?:alpha|beta)\d*)?/(?:models|tunedModels|projects|publishers)/",
        "prompt": ["contents", "systemInstruction"],
        "model_version": "modelVersion",
    },
)
with as_file(files("newsgauge.cassettes").joinpath("services.toml")) as _path:
    _SHIPPED = read_services(_path, {})
#: By name, in the order in which they are matched with a request: those of the project first.
SERVICES: dict[str, Service] = {GEMINI.name: GEMINI, **_SHIPPED}


def add_services(path: Path) -> None:
    """Add the services of a project's ``services.toml``, if it has one. Raises `UsageError`."""
    own = read_services(path, _SHIPPED) if path.exists() else {}
    known = {**own, GEMINI.name: GEMINI, **_SHIPPED, **own}
    SERVICES.clear()
    SERVICES.update(known)
    endpoint_of.cache_clear()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a request goes: the service, and the path without what differs between accounts and gateways."""

    service: Service
    path: str


@lru_cache(maxsize=256)  # a run asks few paths, each of them for every post
def endpoint_of(host: str, path: str) -> Endpoint | None:
    """Where a request goes; None if it is not recorded."""
    found = next((service for service in SERVICES.values() if service.owns(host, path)), None)
    return None if found is None else Endpoint(found, found.kept_path(path))


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
