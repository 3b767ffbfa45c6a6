"""Sets connections of this process aside that were opened before a block, and gives them back at its end.

No event tells of bytes that are sent on a socket that is connected. So its file descriptor is pointed at a socket that
is shut down: whoever writes gets a broken pipe, whoever reads finds the end; the connection itself waits at another
descriptor. It needs a folder of open descriptors (Linux, macOS); elsewhere nothing is set aside.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Collection
from dataclasses import dataclass

_FOLDERS = ("/proc/self/fd", "/dev/fd")


@dataclass(frozen=True)
class _Aside:
    fd: int
    kept_at: int
    #: Of the socket in its place: somebody else's file may have the descriptor by the time it is given back.
    inode: int


class EarlierSockets:
    """The connections of a process that were set aside."""

    def __init__(self) -> None:
        self._aside: list[_Aside] = []

    def set_aside(self, allowed: Collection[str], *, but: Collection[int] = ()) -> None:
        """Set all connections aside but those to ``allowed`` hosts and those with an inode of ``but``."""
        kept = {aside.kept_at for aside in self._aside}
        for fd, inode, host in _connections():
            if fd in kept or inode in but or host in allowed or fd in _of_the_run():
                continue
            if "pydevd" in sys.modules and host in ("127.0.0.1", "::1"):
                continue  # a debugger that watches this process
            self._aside.append(_replace(fd))

    def give_back(self) -> None:
        """Undo `set_aside`; what was closed meanwhile is closed."""
        for aside in self._aside:
            if _inode(aside.fd) == aside.inode:
                os.dup2(aside.kept_at, aside.fd, inheritable=False)
            os.close(aside.kept_at)
        self._aside.clear()

    def connected(self) -> set[int]:
        """The inodes of the connections that are open now, without those that were set aside."""
        kept = {aside.kept_at for aside in self._aside}
        return {inode for fd, inode, _ in _connections() if fd not in kept}


def _connections() -> list[tuple[int, int, str]]:
    """Descriptor, inode and the other side's address of each connected socket of a network."""
    found = []
    for fd in _descriptors():
        try:
            if not _is_socket(fd):
                continue
            with socket.socket(fileno=os.dup(fd)) as copy:
                if copy.family in (socket.AF_INET, socket.AF_INET6):
                    found.append((fd, os.fstat(fd).st_ino, str(copy.getpeername()[0]).removeprefix("::ffff:")))
        except OSError:
            continue  # closed meanwhile, or not connected
    return found


def _descriptors() -> list[int]:
    for folder in _FOLDERS:
        try:
            return sorted(int(name) for name in os.listdir(folder) if name.isdecimal())
        except OSError:
            continue
    return []


def _is_socket(fd: int) -> bool:
    from stat import S_ISSOCK

    return S_ISSOCK(os.fstat(fd).st_mode)


def _inode(fd: int) -> int | None:
    try:
        return os.fstat(fd).st_ino
    except OSError:
        return None


def _replace(fd: int) -> _Aside:
    kept_at = os.dup(fd)
    one, other = socket.socketpair()
    with one, other:
        one.shutdown(socket.SHUT_RDWR)
        inheritable = os.get_inheritable(fd)
        os.dup2(one.fileno(), fd, inheritable=inheritable)
    return _Aside(fd, kept_at, os.fstat(fd).st_ino)


def _of_the_run() -> set[int]:
    """The connection of a pytest-xdist worker to its controller on another host."""
    found: set[int] = set()
    frame = sys._getframe()
    while frame is not None:
        if "_io" in getattr(gateway := frame.f_locals.get("self"), "__dict__", {}):
            own = getattr(getattr(gateway, "_io", None), "sock", None)
            if isinstance(own, socket.socket):
                found.add(own.fileno())
        frame = frame.f_back  # type: ignore[assignment]
    return found
