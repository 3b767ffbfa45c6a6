"""A finished run in a folder of its own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from report_runs import write_run  # noqa: E402 (a module beside this file, found by the line above)


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run")
