"""The results of a run for machines: results.csv, written and read; flips.csv, scoreboard.json, gates.json, written.

Each is written beside its place, then moved there: whole or not at all. No post text.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from sys import intern
from typing import Any

from .._util.files import write_json, write_whole
from ..errors import UsageError
from ..records import Outcome, Prediction, Result
from ..scoring.scores import Comparison, Score, Verdict


def write_scoreboard(
    folder: Path, run: Mapping[str, Any], scores: Mapping[str, Score], comparisons: Sequence[Comparison]
) -> None:
    """``scoreboard.json``: what was run, the scores of each variant, each pair of variants on the same posts."""
    write_json(
        folder / "scoreboard.json",
        {
            "run": dict(run),
            "variants": {name: _score(score) for name, score in scores.items()},
            "comparisons": [comparison_entry(one) for one in comparisons],
        },
    )


def write_flips(folder: Path, comparisons: Iterable[Comparison]) -> None:
    """``flips.csv``: one row per post that exactly one of two variants has right."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(("first", "second", "id", "label", "first_prediction", "second_prediction", "right"))
    for one in comparisons:
        for right, flips in (("first", one.gained), ("second", one.lost)):
            writer.writerows((one.first, one.second, f.post_id, f.label, f.first, f.second, right) for f in flips)
    write_whole(folder / "flips.csv", buffer.getvalue())


def write_gates(
    folder: Path,
    run: Mapping[str, Any],
    *,
    complete: bool,
    verdicts: Iterable[Verdict],
    undecided: Iterable[str],
    not_run: int,
    why_undecided: str = "not decided",
    session: Mapping[str, Any] | None = None,
) -> None:
    """``gates.json``: every planned gate, and ``complete``: all of them decided, from every planned case.

    ``session``: the verdict of the session, and what it rests on.
    """
    decided = [
        {
            **{name: getattr(verdict, name) for name in _OF_GATE},
            "finding": str(verdict.finding),
            "checks": [asdict(check) for check in verdict.checks],
        }
        for verdict in verdicts
    ]
    waiting = [
        {"gate": gate, "variant": None, "passed": None, "finding": None, "reasons": [why_undecided]}
        for gate in undecided
    ]
    write_json(
        folder / "gates.json",
        {
            "run": dict(run),
            **(session or {}),
            "complete": complete,
            "n_cases_not_run": not_run,
            "gates": decided + waiting,
        },
        seal=True,
    )


def digest_results(folder: Path) -> str:
    """First 16 hex digits of the SHA-256 of ``results.csv``: whoever reads it later sees that it is the run's own."""
    return hashlib.sha256((folder / "results.csv").read_bytes()).hexdigest()[:16]


def overrule_gates(folder: Path, reason: str, *, exit_status: int) -> None:
    """Make the verdict in ``gates.json`` red, because something else failed after it was written."""
    path = folder / "gates.json"
    value = json.loads(path.read_text("utf-8"))
    value.pop("digest", None)
    reasons = [*value.get("reasons", ()), reason]
    write_json(
        path,
        {
            **value,
            "verdict": "RED",
            "headline": f"RED: {reason}",
            "reasons": reasons,
            "exit_status": exit_status,
            "ended": reason,
        },
        seal=True,
    )


#: Fields and properties of a `Score` that scoreboard.json holds under their own name.
_PLAIN = (
    *("n_planned", "n", "n_correct", "n_errors", "n_off_list", "n_cleaned", "accuracy", "closed_set_accuracy"),
    *("n_threads", "effective_n", "macro_f1", "input_tokens", "cached_tokens", "tool_use_tokens", "output_tokens"),
    *("thinking_tokens", "n_uncounted", "model_versions"),
)
_OF_GATE = ("gate", "variant", "passed", "reasons", "n_to_decide", "flips")
_OF_CLASS = ("label", "support", "precision", "recall", "f1")
_OF_COMPARISON = ("first", "second", "n", "difference", "n_both")


def _score(score: Score) -> dict[str, Any]:
    mix = score.own_mix
    return {
        **{name: getattr(score, name) for name in _PLAIN},
        "answers": asdict(score.counts),
        "wilson_95": score.wilson,
        "thread_clustered_95": score.clustered,
        "after_stopping_95": score.after_stopping,
        "own_mix": None if mix is None else {"accuracy": mix[0], "interval_95": mix[1]},
        "trained_threads": None
        if score.trained_threads is None
        else {
            name: {"n": one.n, "accuracy": one.accuracy, "interval_95": one.interval}
            for name, one in zip(("with", "without"), score.trained_threads, strict=True)
        },
        "classes": [{name: getattr(one, name) for name in _OF_CLASS} for one in score.classes],
        "confusion": {"columns": score.matrix.columns, "rows": score.matrix.counts},
        "slices": [
            {"slicing": one.slicing, "slice": one.name, "n": one.n, "n_correct": one.n_correct}
            | {"accuracy": one.accuracy, "interval_95": one.interval_95}
            for one in score.slices
        ],
        "confidence": None if score.confidence is None else asdict(score.confidence),
        "latency": None if score.latency is None else asdict(score.latency),
        "repeats": None if score.repeats is None else {**asdict(score.repeats), "stability": score.repeats.stability},
    }


def comparison_entry(one: Comparison) -> dict[str, Any]:
    """A comparison as scoreboard.json and the pages hold it."""
    return {
        **{name: getattr(one, name) for name in _OF_COMPARISON},
        "tango_95": [None if math.isnan(value) else value for value in (one.low, one.high)],
        "n_gained": len(one.gained),
        "n_lost": len(one.lost),
        "mcnemar_one_sided_p": one.p,
        "mcnemar_two_sided_p": one.p_two_sided,
    }


#: Fields of a `Prediction` that are counts: empty if a case has no answer. Cached and tool-use tokens are part of
#: the input, thinking is part of the output.
TOKEN_COLUMNS = ("input_tokens", "output_tokens", "thinking_tokens", "cached_tokens", "tool_use_tokens")
#: New columns come last, for readers that go by position.
COLUMNS = (
    *("id", "variant", "label", "prediction", "correct", "outcome", "detail"),
    *("input_tokens", "output_tokens", "model_version", "origin", "broken"),
    *("thinking_tokens", "cached_tokens", "tool_use_tokens", "raw", "confidence", "latency_ms"),
)


def write_results(folder: Path, results: Iterable[Result]) -> None:
    """``results.csv``: one row per case, in the order given."""
    buffer = _Rows()
    writer = csv.DictWriter(buffer, COLUMNS, restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(map(_row, results))
    write_whole(folder / "results.csv", buffer.getvalue())


def read_results(path: Path, *, advice: str) -> tuple[Result, ...]:
    """The rows as results. Raises `UsageError`, which ends in ``advice``."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return tuple(_result(row) for row in csv.DictReader(file))
    except FileNotFoundError:
        raise UsageError(f"{path.parent}: expected results.csv, it is not there; {advice}") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path}: not readable: {error}; {advice}") from None
    except (KeyError, ValueError, TypeError) as error:
        raise UsageError(
            f"{path}: expected columns {', '.join(COLUMNS)} with their values ({error}); {advice}"
        ) from None


class _Rows(io.StringIO):
    """Takes rows that end in CR LF and ends them in LF: only so does csv quote an answer that holds a CR."""

    def write(self, row: str) -> int:
        """One row."""
        return super().write(row.removesuffix("\r\n") + "\n")


def _row(result: Result) -> dict[str, object]:
    row: dict[str, object] = {
        "id": result.post_id,
        "variant": result.variant,
        "label": result.label,
        "correct": int(result.correct),
        "origin": result.origin,
        "broken": result.broken,
    }
    said = result.prediction
    if said is None:
        return row
    named = {
        name: getattr(said, name)
        for name in ("outcome", "detail", *TOKEN_COLUMNS, "model_version", "raw", "confidence", "latency_ms")
    }
    return {**row, "prediction": said.label, **named}


def _result(row: dict[str, str]) -> Result:
    prediction = None
    if row["outcome"]:
        prediction = Prediction(
            intern(row["prediction"]),
            Outcome(row["outcome"]),
            intern(row["detail"]),
            model_version=intern(row["model_version"]),
            **{name: int(row[name]) for name in TOKEN_COLUMNS},
            raw=row["raw"],
            confidence=float(row["confidence"]) if row["confidence"] else None,
            latency_ms=float(row["latency_ms"]) if row["latency_ms"] else None,
        )
    origin = "gate" if row["origin"] == "gate" else "item"
    # The same few words in 30,000 rows are kept once.
    named = (intern(row["id"]), intern(row["variant"]), intern(row["label"]))
    return Result(*named, prediction, row["broken"], origin)  # type: ignore[arg-type]
