"""Each message that docs/troubleshooting.md explains is one that the code can print."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from newsgauge import errors

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text("utf-8")
HEADINGS = re.findall(r"^### (.+)$", PAGE, re.MULTILINE)
#: Where a message has a value.
HOLE = "\0"


@cache
def texts() -> list[str]:
    """Every text of the sources, with a hole for each value in it."""
    found = []
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
            elif isinstance(node, ast.JoinedStr):
                parts = node.values
                found.append("".join(str(p.value) if isinstance(p, ast.Constant) else HOLE for p in parts))
    return found


def patterns() -> list[str]:
    """The message of each heading, the last of its code spans; pytest's own left out."""
    return [re.findall(r"`([^`]+)`", heading)[-1] for heading in HEADINGS if "pytest's own" not in heading]


def test_there_are_messages() -> None:
    assert len(patterns()) > 40
    assert len(set(patterns())) == len(patterns())


@pytest.mark.parametrize("pattern", patterns())
def test_the_message_is_in_the_code(pattern: str) -> None:
    pieces = [piece.strip() for piece in pattern.split("...")]
    wanted = re.compile(".*".join(map(re.escape, pieces)), re.DOTALL)
    assert any(wanted.search(text) for text in texts())


def raised_in(path: Path) -> list[str]:
    """The longest fixed part of each message that a module raises as an error of newsgauge."""
    names = {name for name, one in vars(errors).items() if isinstance(one, type) and issubclass(one, Exception)}
    found = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
            if ast.unparse(node.exc.func) not in names:
                continue
            text = node.exc.args[0]
            parts = [one.value for one in getattr(text, "values", [text]) if isinstance(one, ast.Constant)]
            found.append(max((str(part) for part in parts), key=len, default=""))
    return found


def test_every_message_that_is_raised_stands_on_the_page() -> None:
    page = " ".join(PAGE.split())
    raised = {part for path in (ROOT / "src" / "newsgauge").rglob("*.py") for part in raised_in(path)}
    assert len(raised) > 150
    words = {" ".join(part.replace("\n", " ").split()).strip(" .:;,(") for part in raised}
    assert [one for one in words if one not in page] == [], "run 'python docs/messages.py'"


def test_the_list_of_messages_is_the_one_that_the_command_makes() -> None:
    command = [sys.executable, ROOT / "docs" / "messages.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # type: ignore[arg-type]
    assert done.returncode == 0, done.stderr


def test_every_section_says_what_to_do() -> None:
    sections = re.split(r"^#{2,3} .+$", PAGE, flags=re.MULTILINE)[1:]
    headings = re.findall(r"^(#{2,3}) .+$", PAGE, re.MULTILINE)
    assert all(len(text.split()) > 8 for level, text in zip(headings, sections, strict=True) if level == "###")
