"""The results of a run's cases, in files that all its processes can read meanwhile.

One file per process in a folder of the run, one JSON line per result. Reading merges them in any order: a result of a
case's own item wins over one that a gate recomputed, and a line that a crash cut off counts as not there.

Also what a run asked and where each answer is recorded, for its report: a run's configuration in, plain values out.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from sys import intern
from types import MappingProxyType
from typing import Any

from .._util.files import why_unwritable
from .._util.secrets import hide_secrets
from ..cassettes.store import CassetteFile
from ..errors import DamagedCassetteError, UsageError
from ..planning.sampling import Plan
from ..records import Key, Outcome, Prediction, Result
from ..variants.variants_file import prompt_parts
from .run_config import RunConfig

#: The process that decides: the only one, or the controller of pytest-xdist.
MAIN = "main"


class ResultLog:
    """The results of one run: a folder shared by its processes, and the file this process adds to."""

    def __init__(self, folder: Path, process: str) -> None:
        #: Of the run, shared by its processes.
        self.folder = folder
        self._path = folder / f"{process}.jsonl"
        self._fd: int | None = None
        self._merged: dict[Key, Result] = {}
        self._read_to: dict[Path, int] = {}
        #: Whether processes on other machines handed results over.
        self.has_guests = False

    def add(self, result: Result) -> None:
        """Append one result; whole or not at all for a reader. Raises `UsageError` if the disk does not take it."""
        with self._writing():
            if self._fd is None:
                self.folder.mkdir(parents=True, exist_ok=True)
                self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
            os.write(self._fd, _encode(result))

    def open(self) -> None:
        """Create this process's file, empty, so that other processes can see whether they share the folder."""
        with self._writing():
            self.folder.mkdir(parents=True, exist_ok=True)
            self._path.touch()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UsageError(f"--results: cannot write {self._path}: {why_unwritable(error, '--results')}") from None

    @property
    def name(self) -> str:
        """The name of the run's folder."""
        return self.folder.name

    @property
    def is_shared(self) -> bool:
        """Whether the process that judges sees the same folder; false for a worker on another machine."""
        return (self.folder / f"{MAIN}.jsonl").exists()

    def hand_over(self) -> str:
        """This process's results, one per line, removed from the folder."""
        self.close()
        text = self._path.read_text("ascii") if self._path.exists() else ""
        self._path.unlink(missing_ok=True)
        with suppress(OSError):  # another worker of that machine still writes
            self.folder.rmdir()
        return text

    def take_in(self, process: str, text: str) -> None:
        """Add the results of another process."""
        self.has_guests = True
        (self.folder / f"{process}.jsonl").write_text(text, "ascii")

    def read(self) -> Mapping[Key, Result]:
        """All results of all processes so far, by post id and variant. Reads what was added since the last time."""
        for file in sorted(self.folder.glob("*.jsonl")) if self.folder.is_dir() else []:
            with suppress(FileNotFoundError):  # handed over just now
                _merge_into(self._merged, self._added(file))
        return MappingProxyType(self._merged)

    def _added(self, file: Path) -> Iterator[Result]:
        with file.open("rb") as new:
            new.seek(self._read_to.get(file, 0))
            for raw in new:
                if not raw.endswith(b"\n"):
                    return  # being written, or cut off by a crash: its case counts as missing
                self._read_to[file] = self._read_to.get(file, 0) + len(raw)
                with suppress(ValueError, KeyError, TypeError):  # damaged by a crash: likewise
                    yield _decode(json.loads(raw))

    @property
    def n_bytes_read(self) -> int:
        """How much `read` has seen so far: if it has not grown, there is nothing new."""
        return sum(self._read_to.values())

    def close(self) -> None:
        """Close this process's file."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def discard(self) -> None:
        """Remove the folder of the run, once what it held is written elsewhere."""
        self.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def merge(results: Iterable[Result]) -> dict[Key, Result]:
    """One result per case, in whatever order they come."""
    merged: dict[Key, Result] = {}
    _merge_into(merged, results)
    return merged


def missing_cases(results: Mapping[Key, Result], plan: Plan, variants: Iterable[str]) -> list[Key]:
    """Planned cases without a result, in the order of the plan."""
    return [
        (post.id, variant) for variant in variants for post in plan.asked(variant) if (post.id, variant) not in results
    ]


def _merge_into(merged: dict[Key, Result], results: Iterable[Result]) -> None:
    for result in results:
        key = (result.post_id, result.variant)
        if key not in merged or _weight(result) > _weight(merged[key]):
            merged[key] = result


def _weight(result: Result) -> tuple[bool, bool, str]:
    return (result.origin == "item", result.prediction is not None, repr(result))


def _encode(result: Result) -> bytes:
    said = result.prediction
    value = {name: getattr(result, name) for name in Result.__slots__}
    if said is not None:
        value["prediction"] = {name: getattr(said, name) for name in Prediction.__slots__}
    return json.dumps(value).encode("ascii") + b"\n"


def _decode(value: dict[str, Any]) -> Result:
    prediction = value.pop("prediction")
    if prediction is not None:
        named = {name: intern(prediction[name]) for name in ("label", "detail", "model_version")}
        prediction = Prediction(**{**prediction, **named, "outcome": Outcome(prediction["outcome"])})
    named = {name: intern(value[name]) for name in ("post_id", "variant", "label")}
    return Result(**{**value, **named}, prediction=prediction)


def asked_values(setup: RunConfig) -> dict[str, Any]:
    """``prompts``: by variant name and text of each part; ``recordings``: by variant the file and each post's line;
    ``trained_on``: in words, by variant that is trained."""
    recordings = {}
    for name, variant in setup.variants.items():
        path = setup.cassettes / f"{name}.jsonl"
        if variant.has_cassette and path.exists():
            file = CassetteFile(path)
            with suppress(DamagedCassetteError):  # its cases say so
                lines = {post.id: file.line_number(post.id) for post in setup.part.posts}
                recordings[name] = {"path": f"{setup.shown_cassettes}/{name}.jsonl", "lines": lines}
    prompts = {
        name: [(part, hide_secrets(text)) for part, text in prompt_parts(variant, setup.plan.labels)]
        for name, variant in setup.variants.items()
    }
    trained = {
        name: f"{len(one.examples):,} {setup.plan.units} of {len(one.labels)} labels, hash {one.digest}: {one.model}"
        for name, one in setup.trainings.items()
    }
    return {"prompts": prompts, "recordings": recordings, "trained_on": trained}
