"""What the verdict of a run rests on beside its posts: the commit, the version, and digests of files by their names.

Two runs that are to be one (shards, workers on other hosts, a run and the checkout it is checked in) have the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from .. import __version__
from .._util.files import commit_of

COMMIT = "commit"
_VERSION = "newsgauge"
_ABSENT = "(no file)"


def read_inputs(root: Path, names: Iterable[str]) -> dict[str, str]:
    """``evals/gates.toml`` -> digest, for files named from ``root``; the commit of the checkout; the version."""
    return {
        COMMIT: commit_of(root) or "(none)",
        _VERSION: __version__,
        **{name: digest_file(root / name) for name in names},
    }


def read_again(root: Path, inputs: Mapping[str, str]) -> dict[str, str]:
    """The same inputs as they are now."""
    return read_inputs(root, (name for name in inputs if name not in (COMMIT, _VERSION)))


def differences(one: Mapping[str, str], other: Mapping[str, str], *, but: Iterable[str] = ()) -> list[str]:
    """``evals/gates.toml (3f2a..., not 77b0...)`` for each input of ``one`` that is another in ``other``."""
    return [
        f"{name} ({one.get(name, _ABSENT)[:12]}, not {other.get(name, _ABSENT)[:12]})"
        for name in dict.fromkeys((*one, *other))
        if name not in but and one.get(name, _ABSENT) != other.get(name, _ABSENT)
    ]


def digest_file(path: Path) -> str:
    """First 12 hex digits of its SHA-256, the same with the line endings of any system."""
    try:
        return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()[:12]
    except FileNotFoundError:
        return _ABSENT
