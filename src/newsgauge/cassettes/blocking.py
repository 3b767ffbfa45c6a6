"""Keeps a replay off the network: while blocked, opening a connection raises `NetworkBlockedError`.

An audit hook sees every connect and name look-up of the interpreter, from any library, sync or async, also those that
hold the C-level socket type. Hooks cannot be removed, so there is one, asleep unless a block is on. Sockets between
processes of this machine that have no network address (AF_UNIX, pipes) stay open: pytest-xdist and asyncio need them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import NetworkBlockedError

_EVENTS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostbyname"})
_state = {"installed": False, "blocked": 0}


@contextmanager
def network_blocked() -> Iterator[None]:
    """Refuse every connection that this process opens, to whatever host, until the block ends."""
    if not _state["installed"]:
        sys.addaudithook(_hook)
        _state["installed"] = True
    _state["blocked"] += 1
    try:
        yield
    finally:
        _state["blocked"] -= 1


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if _state["blocked"] and event in _EVENTS:
        target = args[1] if event.startswith("socket.connect") or event.startswith("socket.send") else args[0]
        if isinstance(target, (str, bytes)) and event in (
            "socket.connect",
            "socket.sendto",
            "socket.sendmsg",
        ):
            return  # AF_UNIX
        host = target[0] if isinstance(target, tuple) else target
        if host is None and event != "socket.getaddrinfo":
            return  # a connected socket sends on
        raise NetworkBlockedError(
            f"{event.removeprefix('socket.')} to {host!r}: a replay sends nothing to any network. "
            "To ask the service, run with --record-mode new_episodes"
        )
