"""When the cases of a file were last asked again: a line whose answer is unchanged keeps its old date.

One small file per folder of cassettes. An entry covers exactly the cases that were asked together, identified by a hash
of their keys. A smaller or larger plan has its own entry; without one, the dates of the lines count.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from .._util.files import exclusive, replace_file

NAME = "ASKED.json"


def note_asked(folder: Path, variant: str, keys: Collection[str], recorded: str) -> None:
    """Note that all these cases were answered since ``recorded``, a time as provenance writes it. Raises OSError."""
    with exclusive(folder / NAME):
        known = _read(folder)
        known[variant] = {**known.get(variant, {}), _hash(keys): recorded}
        replace_file(folder / NAME, json.dumps(known, indent=1, sort_keys=True) + "\n")


def forget_asked(folder: Path, variant: str) -> None:
    """Remove what is noted of a variant whose cassette is gone. Raises OSError."""
    if variant in _read(folder):
        with exclusive(folder / NAME):
            known = _read(folder)
            known.pop(variant, None)
            replace_file(folder / NAME, json.dumps(known, indent=1, sort_keys=True) + "\n")


def asked_at(folder: Path, variant: str, keys: Collection[str]) -> str:
    """When all of them were last asked together; '' if nothing says so."""
    found = _read(folder).get(variant, {}).get(_hash(keys), "")
    return found if isinstance(found, str) else ""


def _read(folder: Path) -> dict[str, Any]:
    try:
        known = json.loads((folder / NAME).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return {name: one for name, one in known.items() if isinstance(one, dict)} if isinstance(known, dict) else {}


def _hash(keys: Collection[str]) -> str:
    return hashlib.sha256("\n".join(sorted(keys)).encode()).hexdigest()[:16]
