"""docs/codelab.ipynb runs offline through the public API, and shows what it is committed with."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CELLS = json.loads((ROOT / "docs" / "codelab.ipynb").read_text("utf-8"))["cells"]
CODE = "\n".join("".join(cell["source"]) for cell in CELLS if cell["cell_type"] == "code")


@pytest.mark.slow
def test_it_runs_and_shows_what_is_committed() -> None:
    command = [sys.executable, ROOT / "docs" / "notebook.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # type: ignore[arg-type]
    assert done.returncode == 0, done.stderr


def test_it_uses_the_public_api_alone() -> None:
    assert set(re.findall(r"newsgauge\.(\w+)", CODE)) == {"load_run"}
    assert re.findall(r"from newsgauge(\S*) import (\w+)", CODE) == [("", "preprocessing")]


def test_it_names_who_answered_beside_each_scoreboard() -> None:
    shown = [output for cell in CELLS for output in cell.get("outputs", ())]
    boards = [output for output in shown if "macro_f1" in "".join(output.get("data", {}).get("text/html", ()))]
    assert len(boards) == 1
    assert "answered by newsgauge-embedded-base-2" in "".join(boards[0]["data"]["text/html"])
