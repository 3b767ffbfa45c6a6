"""Secrets and addresses in text: found by their shape, or by being the key that the environment holds."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

#: Where the SDK reads a key; its value is looked for literally, whatever its shape.
KEY_VARIABLES = ("GOOGLE_API_KEY", "GEMINI_API_KEY", "GOOGLE_GENAI_API_KEY")
#: A shorter value would be found in ordinary text.
MIN_KEY_CHARS = 8

_KINDS = {
    "Google API key": r"\bAIza[0-9A-Za-z_-]{30,}",
    "AI Studio key": r"\bAQ\.[0-9A-Za-z_-]{20,}",
    "OAuth access token": r"\bya29\.[0-9A-Za-z_.-]{8,}",
    "bearer token": r"\b[Bb]earer [0-9A-Za-z_.~+/-]{8,}=*",
    "key in a URL": r"[?&]key=[0-9A-Za-z_.%-]{4,}",
    "key header": r"(?i:\bx-goog-api-key\b)",
    "private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    "service account": r"\"private_key_id\"|\"type\"\s*:\s*\"service_account\"|[\w-]+\.iam\.gserviceaccount\.com",
}
#: Each kind holds one of these, in lower case. Looking for them first takes a hundredth of the time.
_HINTS = (
    *("aiza", "aq.", "ya29.", "bearer ", "key=", "x-goog-api-key", "private key-----"),
    *("private_key_id", "service_account", "gserviceaccount.com"),
)
_PATTERN = re.compile("|".join(f"(?P<k{number}>{pattern})" for number, pattern in enumerate(_KINDS.values())))
_ADDRESS = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+")
_HIDDEN = "[secret]"


def find_secrets(text: str, *, environ: Mapping[str, str] = os.environ) -> list[str]:
    """The kinds of secret in the text, by name, never by value."""
    names = list(_KINDS)
    matches = _PATTERN.finditer(text) if _may_hold(text) else ()
    kinds = [names[int((match.lastgroup or "k0")[1:])] for match in matches]
    kinds += [f"value of {name}" for name, value in _keys(environ) if value in text]
    return list(dict.fromkeys(kinds))


def find_addresses(text: str) -> list[str]:
    """The e-mail addresses in the text."""
    return list(dict.fromkeys(match[0] for match in _ADDRESS.finditer(text)))


def hide_secrets(text: str, *, environ: Mapping[str, str] = os.environ) -> str:
    """The text with every secret replaced by ``[secret]``; the same object where there is none."""
    for _, value in _keys(environ):
        if value in text:
            text = text.replace(value, _HIDDEN)
    if not _may_hold(text):
        return text
    # The name of the header is no secret: what stands beside it is, and was replaced if it is the key of this machine.
    return _PATTERN.sub(lambda match: match[0] if match.lastgroup == _HEADER_GROUP else _HIDDEN, text)


_HEADER_GROUP = f"k{list(_KINDS).index('key header')}"


def _may_hold(text: str) -> bool:
    lowered = text.lower()
    return any(hint in lowered for hint in _HINTS)


def _keys(environ: Mapping[str, str]) -> list[tuple[str, str]]:
    keys = [(name, environ.get(name, "")) for name in KEY_VARIABLES]
    return [(name, value) for name, value in keys if len(value) >= MIN_KEY_CHARS]
