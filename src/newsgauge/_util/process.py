"""Whether this runs in continuous integration: where nobody watches, nothing is asked by mistake and all is decided."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping
from contextlib import suppress


def is_ci(environ: Mapping[str, str] = os.environ) -> bool:
    """What ``CI`` says; GitHub, GitLab and most others set it."""
    return environ.get("CI", "").strip().lower() not in ("", "0", "false")


def give_back() -> None:
    """Ask the C library to return what is free; takes milliseconds, and does nothing where there is no such call."""
    with suppress(OSError, AttributeError, TypeError):  # another C library; Windows knows no library without a name
        ctypes.CDLL(None).malloc_trim(0)
