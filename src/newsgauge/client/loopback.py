"""Servers of this machine: what is sent to one never leaves it, whatever proxy the environment names."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

_HOSTS = ("127.0.0.1", "localhost", "::1")


def is_loopback(url: str) -> bool:
    """True for a server of this machine, such as ``newsgauge serve``: it gets no credentials."""
    try:
        return urlsplit(url).hostname in _HOSTS
    except ValueError:  # no URL at all
        return False


def direct() -> dict[str, Any]:
    """Arguments of an httpx client that reaches this machine without a proxy, and all else as the environment says."""
    return {"mounts": {f"all://{f'[{host}]' if ':' in host else host}": None for host in _HOSTS}}
