"""Uploads on their way in: a multipart body taken apart, resumable uploads until their last byte."""

from __future__ import annotations

import re
import secrets
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ..wire.api_errors import invalid, not_found, too_large
from ..wire.json_fields import parse_json

_BOUNDARY = re.compile(r'multipart/related\s*;.*?boundary="?([^";]{1,200})"?', re.IGNORECASE)
_CONTENT_RANGE = re.compile(r"bytes (?:(\d{1,12})-(\d{1,12})|\*)/(\d{1,12}|\*)")
_MOST_OPEN = 50
_LARGEST_OBJECT_BYTES = 100_000_000


def read_multipart(body: bytes, content_type: str) -> tuple[dict[str, Any], str, bytes]:
    """The object's resource, the content type of its data, and the data. Raises 400."""
    match = _BOUNDARY.match(content_type)
    if match is None:
        raise invalid("expected Content-Type multipart/related with a boundary", field="content-type")
    mark = b"--" + match[1].encode("latin-1", "replace")
    parts = body.split(mark, 2)
    end = body.rfind(b"\r\n" + mark + b"--")
    if len(parts) < 3 or end < 0:
        raise invalid("expected two parts, the resource and the data")
    _, first = _split_headers(parts[1])
    start = len(body) - len(parts[2])
    headers, data = _split_headers(body[start : max(end, start)])
    type_ = re.search(rb"(?im)^content-type:[ \t]*([^\r\n]+)", headers)
    return parse_json(first), type_[1].decode("latin-1").strip() if type_ else "", data


@dataclass
class Received:
    """An upload with its next bytes; ``data`` is None until it is whole."""

    name: str
    about: dict[str, Any]
    data: bytes | None = None
    chunks: list[bytes] = field(default_factory=list)

    @property
    def size(self) -> int:
        """The bytes that are here."""
        return sum(map(len, self.chunks))


class Uploads:
    """The resumable uploads of one server. They live in memory: a restart ends them."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, Received] = OrderedDict()

    def open(self, name: str, about: dict[str, Any]) -> str:
        """A new session; the oldest one makes room if there are too many."""
        session = secrets.token_urlsafe(16)
        self._open[session] = Received(name, about)
        while len(self._open) > _MOST_OPEN:
            self._open.popitem(last=False)
        return session

    @contextmanager
    def adding(self, session: str, chunk: bytes, content_range: str) -> Iterator[Received]:
        """Take the next bytes, unless the block fails: whoever sends them again must find the session as it was.

        Raises 404 for an unknown session, 400 if the range does not follow on.
        """
        upload = self._open.get(session)
        if upload is None:
            raise not_found("this upload session")
        match = _CONTENT_RANGE.fullmatch(content_range) if content_range else None
        if content_range and match is None:
            raise invalid(f"Content-Range: got {content_range[:60]!r}", field="content-range")
        total = match[3] if match else str(upload.size + len(chunk))
        if match and match[1] is not None:
            if int(match[1]) != upload.size or int(match[2]) != upload.size + len(chunk) - 1:
                raise invalid(f"Content-Range: {upload.size} bytes are here", field="content-range")
        elif match and chunk:
            raise invalid("Content-Range: a status request has no body", field="content-range")
        if upload.size + len(chunk) > _LARGEST_OBJECT_BYTES:
            raise too_large(_LARGEST_OBJECT_BYTES)
        chunks = [*upload.chunks, chunk]
        is_whole = total != "*" and int(total) == upload.size + len(chunk)
        yield Received(upload.name, upload.about, b"".join(chunks) if is_whole else None, chunks)
        upload.chunks.append(chunk)
        if is_whole:
            self._open.pop(session, None)


def _split_headers(part: bytes) -> tuple[bytes, bytes]:
    headers, blank, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
    if not blank:
        raise invalid("a part of the multipart body has no headers")
    return headers, content
