"""A TOML file of faults in, a `FaultPlan` out."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from ..errors import OptionError
from .faults import Fault, FaultPlan

_KEYS: dict[str, tuple[type, ...]] = {
    "kind": (str,),
    "every": (int,),
    "probability": (int, float),
    "path": (str,),
    "delay_s": (int, float),
}


def load_faults(path: Path) -> FaultPlan:
    """Read ``seed`` and the ``[[fault]]`` tables. Raises `OptionError` that names the table and the key."""
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise OptionError(f"--faults {path}: expected a TOML file, there is no such file") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise OptionError(f"--faults {path}: not readable as TOML: {error}") from None
    seed, faults = tables.pop("seed", 0), tables.pop("fault", [])
    if tables:
        raise OptionError(f"{path.name}: unknown key {next(iter(tables))!r}; known: seed, [[fault]]")
    if not isinstance(seed, int) or isinstance(seed, bool):
        raise OptionError(f"{path.name}: expected 'seed' to be int, got {seed!r}")
    if not isinstance(faults, list) or not faults:
        raise OptionError(f"{path.name}: expected at least one [[fault]] table")
    return FaultPlan(tuple(_fault(f"{path.name}: [[fault]] {n}", table) for n, table in enumerate(faults, 1)), seed)


def _fault(where: str, table: Any) -> Fault:
    if not isinstance(table, dict) or "kind" not in table:
        raise OptionError(f"{where}: expected a table with 'kind'")
    for key, value in table.items():
        if key not in _KEYS:
            raise OptionError(f"{where}: unknown key {key!r}; known: {', '.join(_KEYS)}")
        if not isinstance(value, _KEYS[key]) or isinstance(value, bool):
            kinds = " or ".join(kind.__name__ for kind in _KEYS[key])
            raise OptionError(f"{where}: expected {key!r} to be {kinds}, got {value!r}")
    fault = Fault(**table)
    if problem := fault.problem():
        raise OptionError(f"{where}: {problem}")
    return fault
