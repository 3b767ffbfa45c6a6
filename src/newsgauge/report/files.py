"""The machine-readable results of a run: results.csv, scoreboard.json, gates.json. Written beside, then moved."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..records import Result, Score, Verdict

_COLUMNS = (
    *("id", "variant", "label", "prediction", "correct", "outcome", "detail"),
    *("input_tokens", "output_tokens", "model_version", "origin", "broken"),
)


def write_results(folder: Path, results: Iterable[Result]) -> None:
    """``results.csv``: one row a case, sorted by variant and id as given. No post text."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for result in results:
        said = result.prediction
        writer.writerow(
            (
                result.post_id,
                result.variant,
                result.label,
                said.label if said else "",
                int(result.correct),
                said.outcome if said else "",
                said.detail if said else "",
                said.input_tokens if said else "",
                said.output_tokens if said else "",
                said.model_version if said else "",
                result.origin,
                result.broken,
            )
        )
    write_whole(folder / "results.csv", buffer.getvalue())


def write_scoreboard(folder: Path, run: Mapping[str, Any], scores: Mapping[str, Score]) -> None:
    """``scoreboard.json``: what was run, and per variant the counts, rates and the interval."""
    variants = {
        name: {
            "n_planned": score.n_planned,
            "n": score.n,
            "n_correct": score.n_correct,
            "n_errors": score.n_errors,
            "n_off_list": score.n_off_list,
            "accuracy": _number(score.accuracy),
            "wilson_95": [_number(score.low), _number(score.high)],
            "input_tokens": score.input_tokens,
            "output_tokens": score.output_tokens,
            "model_versions": list(score.model_versions),
        }
        for name, score in scores.items()
    }
    write_json(folder / "scoreboard.json", {"run": dict(run), "variants": variants})


def write_gates(
    folder: Path,
    run: Mapping[str, Any],
    *,
    complete: bool,
    verdicts: Iterable[Verdict],
    undecided: Iterable[str],
    not_run: int,
) -> None:
    """``gates.json``: every planned gate, and ``complete``: all of them decided, from every planned case."""
    write_json(
        folder / "gates.json",
        {
            "run": dict(run),
            "complete": complete,
            "n_cases_not_run": not_run,
            "gates": [
                {"gate": v.gate, "variant": v.variant, "passed": v.passed, "reasons": list(v.reasons)} for v in verdicts
            ]
            + [{"gate": gate, "variant": None, "passed": None, "reasons": ["not decided"]} for gate in undecided],
        },
    )


def write_json(path: Path, value: Any) -> None:
    """Indented JSON, whole or not at all."""
    write_whole(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def write_whole(path: Path, text: str) -> None:
    """Write beside the file and move over it. Raises `UsageError` where the folder cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", dir=path.parent, prefix=".", delete=False, encoding="utf-8", newline=""
        ) as file:
            file.write(text)
        os.chmod(file.name, 0o644)
        os.replace(file.name, path)
    except OSError as error:
        raise UsageError(f"--results: cannot write {path}: {error.strerror}") from None


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
