"""Predictions made elsewhere: a table of them in, one record per row out. Knows no plan and no corpus.

Columns ``id`` and ``prediction``; optional ``label``, ``variant``, ``repeat``, ``model``, ``confidence`` and the counts
of tokens, by the names of results.csv.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .._util.wording import whole_text
from ..corpora.table_files import TableFormat, cell_text, kind_of, read_columns, table_name
from ..errors import UsageError
from ..records import ERROR_LABEL, NO_CALL_VERSION, Outcome, Prediction
from .result_files import TOKEN_COLUMNS

_NEEDED = ("id", "prediction")
COLUMNS = (*_NEEDED, "label", "variant", "repeat", "model", "confidence", *TOKEN_COLUMNS)


@dataclass(frozen=True, slots=True)
class Predicted:
    """One answer. ``where`` names its place in its file; ``label`` is '' if the file does not say it."""

    where: str
    id: str
    prediction: str = field(repr=False)
    variant: str
    label: str = ""
    repeat: int = 1
    tokens: Mapping[str, int] = field(default_factory=dict)
    model: str = ""
    detail: str = ""

    def judged(self, labels: Iterable[str]) -> Prediction:
        """The answer held against the labels of the plan, letter for letter."""
        said = whole_text(self.prediction).strip()
        outcome = Outcome.LABEL if said in labels else Outcome.OFF_LIST if said else Outcome.EMPTY
        version = self.model or f"{NO_CALL_VERSION}(made elsewhere)"
        plain = Prediction(said or ERROR_LABEL, outcome, self.detail, 0, 0, version)
        return replace(plain, **self.tokens)  # type: ignore[arg-type]  # its fields that are counts


def read_predictions(path: Path, *, variant: str | None, columns: Mapping[str, str]) -> list[Predicted]:
    """The rows of a csv, tsv, jsonl or parquet file; ``columns``: how the file calls ours. Raises `UsageError`."""
    if kind_of(path) is None:
        raise UsageError(f"{path}: expected a csv, tsv, jsonl or parquet file by its name")
    names = {ours: columns.get(ours, ours) for ours in COLUMNS}
    there, values = read_columns(path, names.values(), TableFormat())
    wrong = [ours for ours, theirs in names.items() if theirs not in there and (ours in _NEEDED or ours in columns)]
    if wrong:
        raise UsageError(
            f"{path}: expected a column {names[wrong[0]]!r}, found {', '.join(map(repr, there)) or 'none'}. Name "
            f"yours: --prediction-columns {wrong[0]}=COLUMN"
        )
    usual = variant or table_name(path)
    rows = zip(*(values.get(theirs, [None] * len(values[names["id"]])) for theirs in names.values()), strict=True)
    return [_predicted(f"{path}: row {n}", dict(zip(names, row, strict=True)), usual) for n, row in enumerate(rows, 1)]


def _predicted(where: str, row: Mapping[str, Any], usual: str) -> Predicted:
    try:
        cells = {name: (cell_text(value) or "").strip() for name, value in row.items()}
    except ValueError as error:
        raise UsageError(f"{where}: {error}") from None
    if not cells["id"]:
        raise UsageError(f"{where}: expected an id, it is empty")
    tokens = {name: int(_number(where, name, cells[name])) for name in TOKEN_COLUMNS if cells[name]}
    repeat = _number(where, "repeat", cells["repeat"] or "1", least=1)
    detail = ""
    if cells["confidence"]:
        confidence = _number(where, "confidence", cells["confidence"], most=1, whole=False)
        detail = f"confidence {confidence:g}"
    return Predicted(
        where=where,
        id=cells["id"],
        prediction=cells["prediction"],
        variant=cells["variant"] or usual,
        label=cells["label"],
        repeat=int(repeat),
        tokens=tokens,
        model=cells["model"],
        detail=detail,
    )


def _number(where: str, name: str, text: str, *, least: float = 0, most: float = 10**12, whole: bool = True) -> float:
    try:
        value = float(text)
    except ValueError:
        value = least - 1
    if not least <= value <= most or (whole and not value.is_integer()):
        kind = "a whole number" if whole else "a number"
        bounds = f"from {least:g}" + ("" if whole else f" to {most:g}")
        raise UsageError(f"{where}: {name}: expected {kind} {bounds}, got {text[:40]!r}")
    return value
