"""The calls that POSIX has and other systems do not, each with what stands in for it; nothing else may make them.

Whether this runs in continuous integration: if nobody watches, nothing is asked by mistake and all is decided.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
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


#: What CI systems set that may not set ``CI``: Jenkins and TeamCity (and whoever numbers builds, as pytest takes it),
#: Azure, AWS, Bitbucket, Buildkite.
_OTHERS = (
    *("BUILD_NUMBER", "JENKINS_URL", "TEAMCITY_VERSION", "TF_BUILD", "CODEBUILD_BUILD_ID"),
    *("BITBUCKET_BUILD_NUMBER", "BUILDKITE", "GITHUB_ACTIONS", "GITLAB_CI"),
)


def is_ci(environ: Mapping[str, str] = os.environ) -> bool:
    """What ``CI`` says, if it says anything: ``CI=false`` is a wish. Else whether a CI system's own name is set."""
    if environ.get("CI", "").strip():
        return _is_on(environ["CI"])
    return any(_is_on(environ.get(name, "")) for name in _OTHERS)


def _is_on(value: str) -> bool:
    return value.strip().lower() not in ("", "0", "false")


def give_back() -> None:
    """Ask the C library to return what is free; takes milliseconds, and does nothing if there is no such call."""
    with suppress(OSError, AttributeError, TypeError):  # another C library; Windows knows no library without a name
        ctypes.CDLL(None).malloc_trim(0)
