"""vcrpy's filters for one case: what is kept of its request and its response, digested and on an allow list."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import vcr

from .digest import Block, canonical, digest_body, stable_path, unquote
from .line import Line

#: The host is no part of a case: the embedded backend has a new port each time. vcrpy wants a whole URI all the same.
ANY_HOST = "https://service.invalid"
#: An allow list: of the answer's headers nothing else is kept, of the request's nothing at all.
HEADERS = {"content-type": "application/json"}


class DigestedRequest(vcr.Request):  # type: ignore[misc]  # vcrpy ships no types
    """A request as a cassette keeps it."""


class KeptResponse(dict[str, Any]):
    """A response as it is loaded from a cassette. Read only, so the copy that vcrpy makes of it is itself."""

    def __deepcopy__(self, memo: dict[int, Any]) -> KeptResponse:
        return self


class Exchange:
    """The filters of one case. ``asked``: the last digested request; ``refused``: it was answered, and not kept."""

    def __init__(self, text: str, blocks: Sequence[Block] = ()) -> None:
        self._text = text
        self._blocks = blocks
        self._seen: tuple[bytes, DigestedRequest] | None = None
        self.asked: DigestedRequest | None = None
        self.refused = False

    def on_request(self, request: Any) -> Any:
        """The digested request; vcrpy also hands in what was digested before."""
        if isinstance(request, DigestedRequest):
            return request
        raw = request.body or b""
        if self._seen is None or self._seen[0] != raw:
            path = stable_path(urlsplit(request.uri).path)
            self._seen = (raw, digested(request.method, path, digest_body(raw, self._text, self._blocks)))
        self.asked = self._seen[1]
        return self.asked

    def on_response(self, response: dict[str, Any]) -> dict[str, Any] | None:
        """What is kept of a response; None, and nothing is, where it is no answer."""
        if isinstance(response, KeptResponse):
            return response
        if response["status"]["code"] != 200:
            return None  # an error is not an answer; it is reported, and asked again by the next recording
        try:
            answer = json.loads(response["body"]["string"])
        except ValueError:
            answer = None
        self.refused = not isinstance(answer, dict)
        if self.refused:
            return None
        body = json.dumps(unquote(answer, self._text, self._blocks)).encode("ascii")
        return {**response, "headers": {name: [value] for name, value in HEADERS.items()}, "body": {"string": body}}


def digested(method: str, path: str, body: bytes) -> DigestedRequest:
    """A request for vcrpy, without headers: no key, no account, no machine."""
    return DigestedRequest(method, ANY_HOST + path, body, {})


def load(line: Line) -> tuple[DigestedRequest, KeptResponse]:
    """A recorded line as vcrpy's request and response."""
    response = KeptResponse(
        status={"code": line.status, "message": "OK"},
        headers={name: [value] for name, value in line.headers.items()},
        body={"string": json.dumps(line.answer).encode("ascii")},
    )
    return digested(line.method, line.path, canonical(line.body)), response


def same_request(one: Any, other: Any) -> bool:
    """vcrpy's matcher: method, path and the whole digested body."""
    return bool(one.method == other.method and one.uri == other.uri and one.body == other.body)
