"""The calls that POSIX has and other systems do not, each with what stands in for it; nothing else may make them.

Replays, gates and reports need none of them. What does need one says so: appending to a cassette takes a lock on the
file itself.
"""

from __future__ import annotations

import os
from typing import BinaryIO

from ..errors import UsageError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


def lock_file(file: BinaryIO) -> None:
    """Wait until the open file is this process's alone; closing it gives it back. Raises `UsageError`."""
    if fcntl is None:
        raise UsageError(
            "recordings are written under a lock that this system does not have (fcntl): record on Linux, macOS or "
            "WSL. Replays, gates and reports work here"
        )
    fcntl.flock(file, fcntl.LOCK_EX)


def open_to_read(path: str | os.PathLike[str]) -> int:
    """A file descriptor whose bytes are those of the file, and which no child process inherits."""
    return os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0))


def read_at(fd: int, length: int, offset: int) -> bytes:
    """``length`` bytes from ``offset`` on."""
    if hasattr(os, "pread"):
        return os.pread(fd, length, offset)
    os.lseek(fd, offset, os.SEEK_SET)
    return os.read(fd, length)


def write_at(fd: int, data: bytes, offset: int) -> None:
    """Write ``data`` from ``offset`` on."""
    os.lseek(fd, offset, os.SEEK_SET)
    os.write(fd, data)


def set_mode(fd: int, mode: int) -> None:
    """Give an open file the permissions ``mode``."""
    if hasattr(os, "fchmod"):
        os.fchmod(fd, mode)
