"""Whether a call carries the key that the server was started with; messages without keys."""

from __future__ import annotations

import hmac
import os
import re
from collections.abc import Mapping

from .api_errors import ServiceError, wrong_key, wrong_token

_SHAPES = re.compile(r"\b(?:AIza|AQ\.|ya29\.|sk-)[\w.-]{8,}")
_NAMES = re.compile(r"KEY|TOKEN|SECRET|PASSWORD", re.IGNORECASE)


def without_keys(text: str, environ: Mapping[str, str] = os.environ) -> str:
    """The text with ``[secret]`` for what looks like a key, and for the keys of the environment."""
    keys = {value.strip() for name, value in environ.items() if _NAMES.search(name) and len(value.strip()) >= 8}
    for key in sorted(keys, key=len, reverse=True):
        text = text.replace(key, "[secret]")
    return _SHAPES.sub("[secret]", text)


def check_key(key: str | None, *, headers: Mapping[str, str], query: Mapping[str, str]) -> None:
    """Raise 400, 401 or 403 unless the call's API key or bearer token is ``key``; None lets everybody in."""
    if key is None:
        return
    sent = headers.get("x-goog-api-key") or query.get("key")
    bearer = headers.get("authorization", "")
    if sent:
        if not _same(sent, key):
            raise wrong_key()
    elif bearer:
        if not _same(bearer.removeprefix("Bearer ").strip(), key):
            raise wrong_token()
    else:
        raise ServiceError(
            403,
            "PERMISSION_DENIED",
            "Method doesn't allow unregistered callers. Please use API Key or other form of API consumer identity.",
        )


def _same(sent: str, key: str) -> bool:
    return hmac.compare_digest(sent.encode("utf-8", "replace"), key.encode("utf-8"))
