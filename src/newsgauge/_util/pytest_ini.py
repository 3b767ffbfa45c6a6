"""The ini values of newsgauge in a project's pytest configuration, and the folders that they name.

For commands that run without pytest.
"""

from __future__ import annotations

import configparser
import shlex
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UsageError

#: In pytest's order; the first that configures pytest is taken.
FILES = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")


def read_ini(root: Path) -> dict[str, str]:
    """``newsgauge_corpus`` and the like, as far as the folder's configuration sets them. Raises `UsageError`."""
    _, _, values = find_table(root) or ("", "", {})
    return {key: str(value) for key, value in values.items() if key.startswith("newsgauge_")}


def evals_command(root: Path) -> str:
    """The command that runs the project's evals, from its root: ``pytest evals`` unless the folder has another name."""
    return command_of(read_ini(root).get("newsgauge_evals") or "evals")


def command_of(evals: str) -> str:
    """The command that runs the evals of this folder."""
    return f"pytest {shlex.quote(evals)}"


@dataclass(frozen=True, slots=True)
class Folders:
    """The folders of a project; names relative to ``root``, as messages show them. '': as its configuration says."""

    root: Path
    evals: str = ""
    cassettes: str = ""
    bundled: str = ""

    def __post_init__(self) -> None:
        """Put names in place of ''. Raises `UsageError` if the project's configuration cannot be read."""
        usual = {"evals": "evals", "cassettes": "cassettes", "bundled": "fixtures/bundled"}
        missing = [name for name in usual if not getattr(self, name)]
        ini = read_ini(self.root) if missing else {}
        for name in missing:
            object.__setattr__(self, name, ini.get(f"newsgauge_{name}") or usual[name])

    @property
    def command(self) -> str:
        """The command that runs the project's evals, from its root."""
        return command_of(self.evals)

    def ini(self, name: str) -> str:
        """The folder that pytest's ini value of this name stands for; of other values what its configuration says."""
        own = getattr(self, name.removeprefix("newsgauge_"), None)
        return str(own) if own is not None else read_ini(self.root).get(name, "")


def find_table(root: Path) -> tuple[str, str, dict[str, Any]] | None:
    """The file that configures pytest in the folder, its table ('' if none yet) and the values. Raises `UsageError`."""
    for name in FILES:
        path = root / name
        try:
            found = _values(path) if path.is_file() else None
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, configparser.Error) as error:
            raise UsageError(f"{path}: not readable as a configuration: {' '.join(str(error).split())}") from None
        if found is not None:
            return name, *found
    return None


def _values(path: Path) -> tuple[str, dict[str, Any]] | None:
    """The table that the file sets pytest's values in, and the values; None if it is not about pytest."""
    if path.suffix == ".toml":
        tables = tomllib.loads(path.read_text("utf-8"))
        if path.name != "pyproject.toml":
            return "pytest" if "pytest" in tables else "", dict(tables.get("pytest", {}))
        found = tables.get("tool", {}).get("pytest")
        if found is None:
            return None
        older = "ini_options" in found  # pytest takes either this table or the newer one, never both
        return ("tool.pytest.ini_options", dict(found["ini_options"])) if older else ("tool.pytest", dict(found))
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.read_string(path.read_text("utf-8"))
    section = "tool:pytest" if path.name == "setup.cfg" else "pytest"
    if parser.has_section(section):
        return section, dict(parser[section])
    return ("", {}) if path.name in ("pytest.ini", ".pytest.ini") else None
