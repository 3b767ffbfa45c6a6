"""Takes a post's text out of what is kept: digests in requests, ellipses in answers. Pure.

Prompts stay in clear, so that a diff of a cassette shows what was asked; the post is a digest and a length.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

#: An answer may share a name or a phrase with its post; a run this long is a quotation.
MIN_QUOTED_CHARS = 40
_PROJECT = re.compile(r"/projects/[^/]+/locations/[^/]+/")


def digest_body(raw: bytes, text: str) -> bytes:
    """A JSON request body in canonical form, each occurrence of ``text`` replaced by its SHA-256 and length.

    A string that is the text becomes ``{"chars": n, "sha256": hex}``; a string that holds it becomes the list of its
    segments, with that object between them. A request without a body is ``null``.
    """
    if not raw:
        return canonical(None)
    mark = {
        "chars": len(text),
        "sha256": hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest(),
    }
    return canonical(_replace(json.loads(raw), text, mark))


def canonical(value: Any) -> bytes:
    """JSON with sorted keys and no spaces, ASCII only: equal values have equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")


def stable_path(path: str) -> str:
    """The request path without what differs between accounts: the Google Cloud project and location."""
    return _PROJECT.sub("/projects/-/locations/-/", path)


def unquote(answer: Any, text: str) -> Any:
    """The answer with every run of 40 or more characters of the post replaced by ``[N characters of the post]``."""
    if isinstance(answer, dict):
        return {key: unquote(value, text) for key, value in answer.items()}
    if isinstance(answer, list):
        return [unquote(value, text) for value in answer]
    return _unquote_text(answer, text) if isinstance(answer, str) else answer


def _unquote_text(answer: str, text: str) -> str:
    kept: list[str] = []
    start = 0
    while start + MIN_QUOTED_CHARS <= len(answer):
        end = start + MIN_QUOTED_CHARS
        if answer[start:end] not in text:
            kept.append(answer[start])
            start += 1
            continue
        while end < len(answer) and answer[start : end + 1] in text:
            end += 1
        kept.append(f"[{end - start} characters of the post]")
        start = end
    return "".join(kept) + answer[start:]


def _replace(value: Any, text: str, mark: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        return {key: _replace(item, text, mark) for key, item in value.items()}
    if isinstance(value, list):
        return [_replace(item, text, mark) for item in value]
    if not isinstance(value, str) or not text or text not in value:
        return value
    if value == text:
        return mark
    segments: list[Any] = []
    for number, piece in enumerate(value.split(text)):
        segments += ([mark] if number else []) + ([piece] if piece else [])
    return segments
