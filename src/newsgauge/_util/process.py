"""Whether this runs in continuous integration: where nobody watches, nothing is asked by mistake and all is decided."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping
from contextlib import suppress

#: What CI systems set that may not set ``CI``: Jenkins and TeamCity (and whoever numbers builds, as pytest takes it),
#: Azure, AWS, Bitbucket, Buildkite.
_OTHERS = (
    *("BUILD_NUMBER", "JENKINS_URL", "TEAMCITY_VERSION", "TF_BUILD", "CODEBUILD_BUILD_ID"),
    *("BITBUCKET_BUILD_NUMBER", "BUILDKITE", "GITHUB_ACTIONS", "GITLAB_CI"),
)


def is_ci(environ: Mapping[str, str] = os.environ) -> bool:
    """What ``CI`` says, where it says anything: ``CI=false`` is a wish. Else whether a CI system's own name is set."""
    if environ.get("CI", "").strip():
        return _is_on(environ["CI"])
    return any(_is_on(environ.get(name, "")) for name in _OTHERS)


def _is_on(value: str) -> bool:
    return value.strip().lower() not in ("", "0", "false")


def give_back() -> None:
    """Ask the C library to return what is free; takes milliseconds, and does nothing where there is no such call."""
    with suppress(OSError, AttributeError, TypeError):  # another C library; Windows knows no library without a name
        ctypes.CDLL(None).malloc_trim(0)
