"""The calls that only POSIX has, each with its replacement elsewhere; no other module may make them.

Also whether this is continuous integration, where nobody watches: then nothing is asked by mistake, and every gate
counts.
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

#: The names of this machine, as URLs and sockets have them.
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Lock the file for the block; a process that waited sees what the one before it wrote. Raises OSError.

    POSIX locks the file itself, which is created for it. Elsewhere a temporary file beside it is the lock.
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


#: What CI systems set that may not set ``CI``: Jenkins and TeamCity (and whoever numbers builds, as pytest takes it),
#: Azure, AWS, Bitbucket, Buildkite.
_OTHERS = (
    *("BUILD_NUMBER", "JENKINS_URL", "TEAMCITY_VERSION", "TF_BUILD", "CODEBUILD_BUILD_ID"),
    *("BITBUCKET_BUILD_NUMBER", "BUILDKITE", "GITHUB_ACTIONS", "GITLAB_CI"),
)


def is_ci(environ: Mapping[str, str] = os.environ) -> bool:
    """What ``CI`` says, if it is set (``CI=false`` counts). Otherwise whether a CI system's own variable is set."""
    if environ.get("CI", "").strip():
        return _is_on(environ["CI"])
    return any(_is_on(environ.get(name, "")) for name in _OTHERS)


def _is_on(value: str) -> bool:
    return value.strip().lower() not in ("", "0", "false")


def give_back() -> None:
    """Ask the C library to return free memory; takes milliseconds. Does nothing if there is no such call."""
    with suppress(OSError, AttributeError, TypeError):  # another C library; Windows knows no library without a name
        ctypes.CDLL(None).malloc_trim(0)
