"""Reading a file that a user wrote as TOML: a path in, its tables out, or one line that says what is wrong."""

from __future__ import annotations

import fcntl
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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


@contextmanager
def locked(path: Path, *, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the lock of ``path``, a file that is made for it; ``on_wait`` is called once before waiting. OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
