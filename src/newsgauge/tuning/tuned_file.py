"""``.newsgauge/tuned.json``: the tuned model of each training set, one entry per backend, corpus and hash.

Written beside and moved over, under a lock; a file that is damaged is reported and never overwritten.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from .._util.files import locked, replace_file, why_unwritable
from ..errors import UsageError

FILE = Path(".newsgauge") / "tuned.json"
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class TunedModel:
    """What a successful job left; or ``model`` stands in for the job ``fallback_for``, which did not end in time."""

    backend: str
    corpus: str
    digest: str
    model: str
    job: str
    base_model: str
    labels: tuple[str, ...]
    n_examples: int
    created: str
    fallback_for: str = ""

    @property
    def key(self) -> str:
        """``backend/corpus/digest``."""
        return f"{self.backend}/{self.corpus}/{self.digest}"


def read_tuned(path: Path) -> dict[str, TunedModel]:
    """All entries by key, in the order in which they were written; none if there is no file. Raises `UsageError`."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise _damaged(path, str(error)) from None
    try:
        value = json.loads(text)
        if value["format"] != _FORMAT:
            raise ValueError(f"format {value['format']!r}, this version reads {_FORMAT}")
        entries = [_entry(raw) for raw in value["models"].values()]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(path, f"{type(error).__name__}: {error}") from None
    return {entry.key: entry for entry in entries}


def write_tuned(path: Path, entry: TunedModel) -> None:
    """Add the entry, in place of an older one of its key. Raises `UsageError`."""
    _change(path, lambda entries: {**{key: old for key, old in entries.items() if key != entry.key}, entry.key: entry})


def forget_job(path: Path, job: str) -> None:
    """Drop the entries whose model came from this job. Raises `UsageError`."""
    _change(path, lambda entries: {key: old for key, old in entries.items() if old.job != job})


def _change(path: Path, change: Callable[[dict[str, TunedModel]], dict[str, TunedModel]]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path.with_suffix(".lock")):
            entries = read_tuned(path)
            models = {key: asdict(entry) for key, entry in change(entries).items()}
            if not models and not path.exists():
                return
            text = json.dumps({"format": _FORMAT, "models": models}, indent=2) + "\n"
            replace_file(path, text, durable=True)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {why_unwritable(error)}") from None


def _entry(raw: dict[str, object]) -> TunedModel:
    values = {field.name: raw[field.name] for field in fields(TunedModel)}
    wrong = [name for name, value in values.items() if not isinstance(value, (str, int, list))]
    if wrong or not isinstance(values["labels"], list):
        raise ValueError(f"unexpected value of {', '.join(wrong) or 'labels'}")
    return TunedModel(**{**values, "labels": tuple(values["labels"])})  # type: ignore[arg-type]  # checked above


def _damaged(path: Path, what: str) -> UsageError:
    return UsageError(
        f"{path}: expected the tuned models that 'newsgauge tune' wrote there, and cannot read it ({what}). Nothing "
        f"was changed. Repair it, or move it away and run 'newsgauge tune' again: a job that succeeded is reused"
    )
