"""What the cases of a run found, in files that all its processes can read while it goes on.

One file a process in a folder of the run, one JSON line a result. Reading merges them in any order: a result of a
case's own item wins over one that a gate recomputed, and a line that a crash cut off counts as not there.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .records import Outcome, Prediction, Result

Key = tuple[str, str]


class ResultLog:
    """The results of one run: a folder shared by its processes, and the file this process adds to."""

    def __init__(self, folder: Path, process: str) -> None:
        self._folder = folder
        self._path = folder / f"{process}.jsonl"
        self._fd: int | None = None

    def add(self, result: Result) -> None:
        """Append one result; whole or not at all for a reader."""
        if self._fd is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.write(self._fd, json.dumps(asdict(result)).encode("ascii") + b"\n")

    def read(self) -> dict[Key, Result]:
        """All results of all processes so far, by post id and variant."""
        files = sorted(self._folder.glob("*.jsonl")) if self._folder.is_dir() else []
        return merge(result for file in files for result in _read(file))

    def close(self) -> None:
        """Let go of this process's file."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def discard(self) -> None:
        """Remove the folder of the run, once what it held is written elsewhere."""
        self.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def merge(results: Iterable[Result]) -> dict[Key, Result]:
    """One result a case, whatever the order they come in."""
    merged: dict[Key, Result] = {}
    for result in results:
        key = (result.post_id, result.variant)
        if key not in merged or _weight(result) > _weight(merged[key]):
            merged[key] = result
    return merged


def _weight(result: Result) -> tuple[bool, bool, str]:
    return (result.origin == "item", result.prediction is not None, repr(result))


def _read(path: Path) -> Iterable[Result]:
    for raw in path.read_bytes().splitlines():
        try:
            yield _decode(json.loads(raw))
        except (ValueError, KeyError, TypeError):
            continue  # cut off by a crash: the case counts as missing


def _decode(value: dict[str, Any]) -> Result:
    prediction = value.pop("prediction")
    if prediction is not None:
        prediction = Prediction(**{**prediction, "outcome": Outcome(prediction["outcome"])})
    return Result(**value, prediction=prediction)
