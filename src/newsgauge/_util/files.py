"""Reading a file that a user wrote as TOML: a path in, its tables out, or one line that says what is wrong."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from ..errors import UsageError


def read_toml(path: Path, *, expected: str, error: type[UsageError] = UsageError, shown: str = "") -> dict[str, Any]:
    """The tables of the file. Raises ``error`` where it is absent (naming what was ``expected``) or no TOML."""
    where = shown or str(path)
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise error(f"{where}: expected {expected}, there is no such file") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise error(f"{where}: not readable as TOML: {problem}") from None
