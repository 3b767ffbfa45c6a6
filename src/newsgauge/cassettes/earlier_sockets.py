"""Replaces connections that were open before a block, and restores them at its end.

No event reports bytes sent on a connected socket. So the file descriptor of the connection is pointed at a socket that
is shut down: writing gives a broken pipe, reading gives end of file. The connection itself waits at another descriptor.
This needs a folder of open descriptors (Linux, macOS); elsewhere connections stay as they are.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Collection, Iterator
from contextlib import suppress
from stat import S_ISSOCK
from types import FrameType


class EarlierSockets:
    """The connections of a process that were replaced."""

    def __init__(self) -> None:
        #: The descriptor, where the connection is kept, and the inode of the socket in its place: somebody else's file
        #: may have the descriptor by the time it is given back.
        self._aside: list[tuple[int, int, int]] = []

    def set_aside(self, allowed: Collection[str], *, but: Collection[int] = ()) -> None:
        """Replace all connections except those to ``allowed`` hosts and those with an inode of ``but``."""
        if "pydevd" in sys.modules:  # a debugger that watches this process
            allowed = {*allowed, "127.0.0.1", "::1"}
        for fd, inode, host in self._connections():
            if inode in but or host in allowed or fd in _of_the_run():
                continue
            kept_at = os.dup(fd)
            one, other = socket.socketpair()
            with one, other:
                one.shutdown(socket.SHUT_RDWR)
                os.dup2(one.fileno(), fd, inheritable=os.get_inheritable(fd))
            self._aside.append((fd, kept_at, os.fstat(fd).st_ino))

    def give_back(self) -> None:
        """Undo `set_aside`; what was closed meanwhile is closed."""
        for fd, kept_at, inode in self._aside:
            with suppress(OSError):
                if os.fstat(fd).st_ino == inode:
                    os.dup2(kept_at, fd, inheritable=False)
            os.close(kept_at)
        self._aside.clear()

    def connected(self) -> set[int]:
        """The inodes of the connections that are open now, without those that were replaced."""
        return {inode for _, inode, _ in self._connections()}

    def _connections(self) -> list[tuple[int, int, str]]:
        """Descriptor, inode and the other side's address of each connected socket of a network."""
        found, kept = [], {kept_at for _, kept_at, _ in self._aside}
        for fd in _descriptors() - kept:
            with suppress(OSError):  # closed meanwhile, or not connected
                status = os.fstat(fd)
                if not S_ISSOCK(status.st_mode):
                    continue
                with socket.socket(fileno=os.dup(fd)) as copy:
                    if copy.family in (socket.AF_INET, socket.AF_INET6):
                        found.append((fd, status.st_ino, str(copy.getpeername()[0]).removeprefix("::ffff:")))
        return found


def frames() -> Iterator[FrameType]:
    """The frames of the callers, the nearest first."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        yield frame
        frame = frame.f_back


def _descriptors() -> set[int]:
    for folder in ("/proc/self/fd", "/dev/fd"):
        with suppress(OSError):
            return {int(name) for name in os.listdir(folder) if name.isdecimal()}
    return set()


def _of_the_run() -> set[int]:
    """The connection of a pytest-xdist worker to its controller on another host."""
    callers = [frame.f_locals.get("self") for frame in frames()]
    gateways = [caller for caller in callers if "_io" in getattr(caller, "__dict__", {})]
    found = [getattr(getattr(gateway, "_io", None), "sock", None) for gateway in gateways]
    return {own.fileno() for own in found if isinstance(own, socket.socket)}
