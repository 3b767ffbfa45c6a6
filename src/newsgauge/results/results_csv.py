"""results.csv: one row per case, written and read. Its columns are named here and nowhere else. No post text."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from sys import intern

from .._util.files import write_whole
from ..errors import UsageError
from ..records import Outcome, Prediction, Result

#: Fields of a `Prediction` that are counts: empty where a case has no answer. Cached and tool-use tokens are part of
#: the input, thinking is part of the output.
TOKEN_COLUMNS = ("input_tokens", "output_tokens", "thinking_tokens", "cached_tokens", "tool_use_tokens")
#: New columns come last: who reads by position goes on reading.
COLUMNS = (
    *("id", "variant", "label", "prediction", "correct", "outcome", "detail"),
    *("input_tokens", "output_tokens", "model_version", "origin", "broken"),
    *("thinking_tokens", "cached_tokens", "tool_use_tokens", "raw", "confidence"),
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
        for name in ("outcome", "detail", *TOKEN_COLUMNS, "model_version", "raw", "confidence")
    }
    return {**row, "prediction": said.label, **named}


def _result(row: dict[str, str]) -> Result:
    prediction = None
    if row["outcome"]:
        # Runs of older versions have no columns for the parts of input and output.
        counts = {name: int(row.get(name) or 0) for name in TOKEN_COLUMNS[2:]}
        prediction = Prediction(
            intern(row["prediction"]),
            Outcome(row["outcome"]),
            intern(row["detail"]),
            int(row["input_tokens"]),
            int(row["output_tokens"]),
            intern(row["model_version"]),
            **counts,
            raw=row.get("raw") or "",
            confidence=float(row["confidence"]) if row.get("confidence") else None,
        )
    origin = "gate" if row["origin"] == "gate" else "item"
    # The same few words in 30,000 rows are kept once.
    named = (intern(row["id"]), intern(row["variant"]), intern(row["label"]))
    return Result(*named, prediction, row["broken"], origin)  # type: ignore[arg-type]
