"""The ini values of newsgauge in a project's pytest configuration, for commands that run without pytest."""

from __future__ import annotations

import configparser
import tomllib
from pathlib import Path
from typing import Any

from ..errors import UsageError

#: In pytest's order; the first that configures pytest is taken.
_FILES = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")


def read_ini(root: Path) -> dict[str, str]:
    """``newsgauge_corpus`` and the like, as far as the folder's configuration sets them. Raises `UsageError`."""
    for name in _FILES:
        path = root / name
        try:
            values = _values(path) if path.is_file() else None
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, configparser.Error) as error:
            raise UsageError(f"{path}: not readable as a configuration: {' '.join(str(error).split())}") from None
        if values is not None:
            return {key: str(value) for key, value in values.items() if key.startswith("newsgauge_")}
    return {}


def _values(path: Path) -> dict[str, Any] | None:
    """What the file sets for pytest; None where it is not about pytest."""
    if path.suffix == ".toml":
        tables = tomllib.loads(path.read_text("utf-8"))
        if path.name != "pyproject.toml":
            return dict(tables.get("pytest", {}))
        found = tables.get("tool", {}).get("pytest")
        return None if found is None else {**found, **found.get("ini_options", {})}
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.read_string(path.read_text("utf-8"))
    section = "tool:pytest" if path.name == "setup.cfg" else "pytest"
    if parser.has_section(section):
        return dict(parser[section])
    return {} if path.name in ("pytest.ini", ".pytest.ini") else None
