"""What users import: the names that newsgauge itself exports, which it loads lazily, and nothing deeper."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import newsgauge

ROOT = Path(__file__).resolve().parents[1]
NEWSGAUGE = ROOT / "src" / "newsgauge"


def imported_of_newsgauge(source: str) -> set[str]:
    """What a text of Python imports out of newsgauge: ``newsgauge``, or the inner modules."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return {name for name in found if name.split(".")[0] == "newsgauge"}


def users_files() -> list[Path]:
    templates = NEWSGAUGE / "cli" / "templates"
    return [*ROOT.glob("evals/*.py"), ROOT / "conftest.py", *templates.glob("*.py.txt")]


@pytest.mark.parametrize("path", users_files(), ids=lambda path: path.name)
def test_evals_and_templates_import_only_public_names(path: Path) -> None:
    assert imported_of_newsgauge(path.read_text("utf-8")) <= {"newsgauge"}


def test_docs_import_only_public_names() -> None:
    wrong = [
        f"{path.name}: {line.strip()}"
        for path in sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md")])
        for line in path.read_text("utf-8").splitlines()
        if re.match(r"\s*(from newsgauge\.|import newsgauge\.)", line)
    ]
    assert wrong == []


def test_every_public_name_is_there_and_its_home_is_written_once() -> None:
    assert [name for name in newsgauge.__all__ if getattr(newsgauge, name, None) is None] == []
    tree = ast.parse((NEWSGAUGE / "__init__.py").read_text("utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    typed = {alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert typed | {"__version__"} == set(newsgauge.__all__)


def test_importing_newsgauge_imports_nothing_else_of_it() -> None:
    code = "import sys, newsgauge; print(*sorted(name for name in sys.modules if name.startswith('newsgauge')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["newsgauge"]


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(AttributeError, match=r"no public name 'Cases'; there are: .*Case, "):
        _ = newsgauge.Cases
