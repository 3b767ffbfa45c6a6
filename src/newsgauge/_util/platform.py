"""The machine of this process: its names, the memory it has back, and whether it is continuous integration.

There nobody watches: nothing is asked by mistake, and every gate counts.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping
from contextlib import suppress

#: The names of this machine, as URLs and sockets have them.
LOOPBACK = ("127.0.0.1", "localhost", "::1")


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
