"""Whether this runs in continuous integration: where nobody watches, nothing is asked by mistake and all is decided."""

from __future__ import annotations

import os
from collections.abc import Mapping


def is_ci(environ: Mapping[str, str] = os.environ) -> bool:
    """What ``CI`` says; GitHub, GitLab and most others set it."""
    return environ.get("CI", "").strip().lower() not in ("", "0", "false")
