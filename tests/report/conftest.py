"""A finished run in a folder of its own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

# The runs are a module beside this file: more than one test file asks for them.
sys.path.insert(0, str(Path(__file__).parent))

from tests.report.report_runs import write_run


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run")
