"""The format of one recorded case: one line of JSON with sorted keys. See docs/cassettes.md."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from .digest import canonical

FORMAT = 1
# "format" and "key" sort before every other name, so a line tells whose it is without being parsed.
_HEAD = re.compile(rb'\{"format":1,"key":"([A-Za-z0-9._~%+-]+)",')


@dataclass(frozen=True, slots=True)
class Line:
    """One case as it is kept. ``body`` is the digested request body, ``answer`` the JSON that was answered."""

    key: str
    method: str
    path: str
    body: Any
    status: int
    headers: dict[str, str]
    answer: Any
    provenance: dict[str, str]

    def encode(self) -> bytes:
        """The line with its newline."""
        return (
            canonical(
                {
                    "format": FORMAT,
                    "key": self.key,
                    "provenance": self.provenance,
                    "request": {"body": self.body, "method": self.method, "path": self.path},
                    "response": {"body": self.answer, "headers": self.headers, "status": self.status},
                }
            )
            + b"\n"
        )


def peek_key(raw: bytes) -> str | None:
    """The key of an encoded line, or None where it is no whole line of this format."""
    match = _HEAD.match(raw)
    return match[1].decode("ascii") if match and raw.rstrip(b"\r\n").endswith(b"}") else None


def decode(raw: bytes) -> Line:
    """The `Line` of an encoded line. Raises ValueError that says what is wrong with it."""
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
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"no field {error}") from None
