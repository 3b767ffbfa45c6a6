"""A list and the page a client asks for in; that page and the token of the next one out."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from .api_errors import invalid

_LARGEST = 1000


def page(items: list[dict[str, Any]], query: Mapping[str, str], *, key: str, default_size: int = 50) -> dict[str, Any]:
    """``{key: [...], "nextPageToken": ...}``; the last page has no token, every page has the list."""
    size = _whole(query.get("pageSize") or query.get("maxResults") or "0", "pageSize")
    start = _offset(query.get("pageToken", ""))
    if not 0 <= start <= len(items):
        raise invalid("page_token is not one that this list gave out", field="page_token")
    end = start + min(size or default_size, _LARGEST)
    result: dict[str, Any] = {key: items[start:end]}
    if end < len(items):
        result["nextPageToken"] = base64.urlsafe_b64encode(b"from:%d" % end).decode("ascii")
    return result


def _whole(value: str, what: str) -> int:
    if not value.isascii() or not value.isdigit() or len(value) > 9:
        raise invalid(f"{what} must be a whole number from 0, got {value[:40]!r}", field=what)
    return int(value)


def _offset(token: str) -> int:
    if not token:
        return 0
    try:
        prefix, _, number = base64.urlsafe_b64decode(token.encode("ascii")).decode("ascii").partition(":")
        if prefix == "from" and number.isdigit() and len(number) <= 9:
            return int(number)
    except ValueError:
        pass
    return -1
