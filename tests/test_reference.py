"""docs/reference.md is what the code says."""

from __future__ import annotations

import ast
import runpy
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "docs" / "reference.py"


def test_the_page_is_the_one_that_the_command_makes() -> None:
    done = subprocess.run([sys.executable, SCRIPT, "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_it_lists_every_variable_that_is_read_from_the_environment() -> None:
    read = {
        argument.value
        for path in (ROOT / "src").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("environ.get", "getenv"))
        for argument in node.args[:1]
        if isinstance(argument, ast.Constant)
    }
    assert {"CI", "GOOGLE_CLOUD_PROJECT"} <= read
    assert read <= set(runpy.run_path(str(SCRIPT))["ENVIRONMENT"])
