"""The calls that POSIX has and other systems do not, each with what stands in for it; nothing else may make them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .files import locked

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """The file is ours alone until the end; of two that wait, the later sees what the earlier moved there. OSError.

    POSIX locks the file itself, which is made for it. Elsewhere a file beside it is the lock, and gone afterwards.
    """
    if fcntl is None:
        with locked(path.with_name(f".{path.name}.lock")):
            yield
        return
    while True:
        with path.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if _is_at(file.fileno(), path):
                yield
                return


def _is_at(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), os.stat(path))
    except FileNotFoundError:
        return False


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
