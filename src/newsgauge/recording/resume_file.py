"""Recordings of everything anew (modes ``all`` and ``rewrite``) that are not over: what they are of, since when.

Such a recording cannot tell from a line alone whether it is the old one or already its own; with this it can, so that
the same command goes on after an interruption and asks nothing twice. One small JSON file; a name in, a time out.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from .._util.files import write_whole

_FORMAT = "%Y-%m-%dT%H:%M:%SZ"  # that of a line's provenance


class ResumeFile:
    """The file; a damaged one is as good as none: everything is asked anew."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def begin(
        self,
        name: str,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
    ) -> str:
        """Since when this recording is under way; lines of that time and later are its own."""
        known = self._read()
        if name not in known:
            # Lines tell seconds: what was recorded before in this one must not look like ours.
            sleep(1.0)
            known[name] = now().strftime(_FORMAT)
            self._write(known)
        return known[name]

    def end(self, name: str) -> None:
        """It is complete."""
        known = self._read()
        if known.pop(name, None) is not None:
            self._write(known)

    def _write(self, known: dict[str, str]) -> None:
        write_whole(self._path, json.dumps(known, indent=1) + "\n", option="record")

    def _read(self) -> dict[str, str]:
        try:
            value = json.loads(self._path.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return {str(k): str(v) for k, v in value.items()} if isinstance(value, dict) else {}
