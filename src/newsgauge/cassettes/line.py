"""The format of one recorded case: one line of JSON with sorted keys. See docs/cassettes.md.

The line begins with its own hash, so a changed byte inside a string is found too.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from .digest import canonical
from .services import GEMINI, named_service

FORMAT = 2
#: Hex digits of the SHA-256 over the line without its digest; 64 bits find damage, they do not prove authorship.
N_DIGEST = 16
# "digest", "format" and "key" sort before every other name: a line tells whose it is without being parsed.
_HEAD = re.compile(rb'\{"digest":"([0-9a-f]{16})","format":([0-9]+),"key":"([A-Za-z0-9._~%+-]+)",')
#: The key of provenance that says when a line was recorded.
_OF_THE_TIME = ("recorded", "newsgauge", "sdk")
#: An allow-list: no other header of the answer is kept, and none of the request's.
HEADERS = {"content-type": "application/json"}


@dataclass(frozen=True, slots=True)
class Line:
    """One case as it is kept. ``body`` is the digested request body, ``answer`` the JSON that was answered."""

    key: str
    method: str
    path: str
    body: Any
    status: int
    headers: dict[str, str]
    answer: Any = field(repr=False)
    provenance: dict[str, str]
    #: Whose API was asked: the name of a profile of `services`.
    service: str = GEMINI.name
    #: The line as it was read; empty if it was not.
    raw: bytes = field(default=b"", compare=False, repr=False)

    @property
    def n_calls(self) -> int:
        """How many calls its case made."""
        said = self.provenance.get("calls", "1")
        return int(said) if said.isascii() and said.isdecimal() else 1

    def holds(self, body: bytes) -> bool:
        """Whether the line, as it was read, holds this request body, which is in canonical form."""
        # Quotes in the texts of a line are escaped, so nothing else in it can match.
        return b'"request":{"body":' + body + _after_body(self.method, self.path, self.service) in self.raw

    def encode(self) -> bytes:
        """The line with its newline."""
        request = {"body": self.body, **_address(self.method, self.path, self.service)}
        rest = canonical(
            {
                "format": FORMAT,
                "key": self.key,
                "provenance": self.provenance,
                "request": request,
                "response": {"body": self.answer, "headers": self.headers, "status": self.status},
            }
        )
        return b'{"digest":"' + digest_of(rest) + b'",' + rest[1:] + b"\n"


def _address(method: str, path: str, service: str) -> dict[str, str]:
    return {"method": method, "path": path, **({} if service == GEMINI.name else {"service": service})}


@lru_cache(maxsize=256)  # a run asks few paths, each of them for every post
def _after_body(method: str, path: str, service: str) -> bytes:
    return b"," + canonical(_address(method, path, service))[1:] + b',"response":'


def says_the_same(one: Line, other: Line) -> bool:
    """Whether both have the same request and answer; time and versions of libraries do not count."""
    service = named_service(one.service)

    def said(line: Line) -> tuple[Any, ...]:
        known = {name: value for name, value in line.provenance.items() if name not in _OF_THE_TIME}
        return line.service, line.method, line.body, service.kept_answer(line.answer), known

    return said(one) == said(other) and service.same_path(one.path, other.path)


def digest_of(rest: bytes) -> bytes:
    """The digest of an encoded line that lacks only its digest."""
    return hashlib.sha256(rest).hexdigest()[:N_DIGEST].encode("ascii")


def peek_key(raw: bytes) -> str | None:
    """The key of an encoded line, or None if it is not a complete line of a known format."""
    match = _HEAD.match(raw)
    if not match or int(match[2]) != FORMAT:
        return None
    return match[3].decode("ascii") if raw.rstrip(b"\r\n").endswith(b"}") else None


def format_of(raw: bytes) -> int | None:
    """The format number in a line, even if it is unknown here."""
    match = _HEAD.match(raw)
    return int(match[2]) if match else None


def decode(raw: bytes) -> Line:
    """The `Line` of an encoded line. Raises ValueError that says what is wrong with it."""
    match = _HEAD.match(raw)
    if match:
        rest = b"{" + raw[match.end(1) + 2 :].rstrip(b"\r\n")
        if digest_of(rest) != match[1]:
            raise ValueError("its digest does not fit what it says, so a byte of it was changed")
    try:
        value = json.loads(raw)
        request, response = value["request"], value["response"]
        return Line(
            key=value["key"],
            method=request["method"],
            path=request["path"],
            body=request["body"],
            status=response["status"],
            headers=response["headers"],
            answer=response["body"],
            provenance=value["provenance"],
            service=request.get("service", GEMINI.name),
            raw=raw,
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"no field {error}") from None


_SEPARATOR = "~"
_KEY = re.compile(r"([^~]+(?:~r[0-9]+)?)(?:~([0-9]+))?")


def call_key(post_id: str, number: int) -> str:
    """The key of a case's call, counted from 1."""
    return post_id if number == 1 else f"{post_id}{_SEPARATOR}{number}"


def case_of(key: str) -> str:
    """The key of the case that a line belongs to: a post's id, followed by ``~r2`` for its second answer."""
    match = _KEY.fullmatch(key)
    return match[1] if match else key.partition(_SEPARATOR)[0]


def number_of(key: str) -> int:
    """Which call of its case a line is, from 1; 0 if that cannot be read."""
    match = _KEY.fullmatch(key)
    return int(match[2] or 1) if match else 0
