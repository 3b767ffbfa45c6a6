"""docs/reference.md is what the code says."""

from __future__ import annotations

import ast
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from newsgauge.cli.main import main, make_parser
from tests.quick_python import program

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "docs" / "reference.py"
#: In CI a run that shows something and judges nothing is red.
NO_CI = {**os.environ, "CI": "false"}


def test_the_page_is_the_one_that_the_command_makes() -> None:
    done = subprocess.run([sys.executable, SCRIPT, "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("option", "pattern"), [("--markers", r"@pytest.mark.(case|gate): (.*)"), ("--help", r"^  (--[a-z-]+)")]
)
def test_it_lists_what_pytest_itself_shows(option: str, pattern: str) -> None:
    shown = subprocess.run(
        [program("python"), "-m", "pytest", "evals", option],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env=NO_CI,
    ).stdout
    if option == "--help":
        shown = shown.split("newsgauge: evaluating model variants")[1].split("\n\n")[0]
    found = re.findall(pattern, shown, re.MULTILINE)
    page = (ROOT / "docs" / "reference.md").read_text("utf-8")
    assert len(found) >= 2
    assert [row for row in found if any(word not in page for word in ((row,) if isinstance(row, str) else row))] == []


def test_it_lists_the_ini_values_that_pytest_shows() -> None:
    command = [program("python"), "-m", "pytest", "evals", "--help"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, env=NO_CI).stdout
    found = re.findall(r"^  (newsgauge_\w+) \(", shown, re.MULTILINE)
    page = (ROOT / "docs" / "reference.md").read_text("utf-8")
    assert {"newsgauge_corpus", "newsgauge_max_cost"} <= set(found)
    assert [name for name in found if f"| `{name}` |" not in page] == []


def test_it_lists_the_commands_and_options_that_newsgauge_shows(capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs" / "reference.md").read_text("utf-8")
    shown = make_parser().format_help().partition("commands:\n")[2]
    commands = re.findall(r"^    ([a-z]+)\b", shown, re.MULTILINE)
    assert {"init", "record", "compare"} <= set(commands)
    for name in commands:
        section = page.partition(f"### newsgauge {name}\n")[2].partition("\n### ")[0]
        with pytest.raises(SystemExit):
            main([name, "--help"])
        options = set(re.findall(r"^  (--[a-z][a-z-]*)", capsys.readouterr().out, re.MULTILINE))
        assert [option for option in options if option not in section] == [], name


def test_it_lists_the_fixtures_that_pytest_shows() -> None:
    command = [program("python"), "-m", "pytest", "evals", "--fixtures", "-v"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, env=NO_CI).stdout
    found = re.findall(r"^(\w+)[^\n]*-- .*newsgauge/pytest_plugin/", shown, re.MULTILINE)
    page = (ROOT / "docs" / "reference.md").read_text("utf-8")
    assert {"scores", "verdict", "prediction"} <= set(found)
    assert [name for name in found if f"| `{name}` |" not in page] == []


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
