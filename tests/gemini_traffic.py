"""Recorded answers of the real Gemini, where the folder is: data to test against, never part of the project."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

_FOLDER = Path(
    os.environ.get("NEWSGAUGE_GEMINI_TRAFFIC") or Path(__file__).resolve().parents[2] / "shared" / "gemini_traffic"
)
_FILE = _FOLDER / "responses.jsonl"

needs_traffic = pytest.mark.skipif(
    not _FILE.exists(), reason="no recorded answers of Gemini here; NEWSGAUGE_GEMINI_TRAFFIC names their folder"
)


def recorded_answers() -> list[dict[str, Any]]:
    """One entry per answer: ``surface``, ``status``, and ``body`` (JSON) or ``text``; empty if the folder is absent."""
    if not _FILE.exists():
        return []
    return [json.loads(line) for line in _FILE.read_text("utf-8").splitlines()]
