"""Open connections by their two ends, so that a fault can reset one in the middle of an answer.

ASGI cannot do that: an app can only stop sending, which closes a connection in an orderly way.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

from starlette.types import Scope
from uvicorn.protocols.http.h11_impl import H11Protocol

_open: dict[tuple[Any, Any], asyncio.Transport] = {}


class ResettableProtocol(H11Protocol):
    """uvicorn's protocol, which also remembers its transport."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Remember the connection."""
        super().connection_made(transport)
        self._ends = (_port(transport, "sockname"), _port(transport, "peername"))
        _open[self._ends] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        _open.pop(self._ends, None)
        super().connection_lost(exc)


async def reset(scope: Scope) -> None:
    """Reset (TCP RST) the connection of a call."""
    server, client = scope.get("server") or (None, None), scope.get("client") or (None, None)
    transport = _open.get((server[1], client[1]))
    if transport is None:
        return
    await asyncio.sleep(0.02)  # what was sent should have arrived
    sock = transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    await asyncio.sleep(0.02)  # the server hears of it before the app returns


def _port(transport: asyncio.Transport, end: str) -> Any:
    address = transport.get_extra_info(end)
    return address[1] if isinstance(address, tuple) else None
