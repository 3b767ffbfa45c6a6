"""Predictions made elsewhere: a table of them in, one record per row out. Knows no plan and no corpus.

Columns ``id`` and ``prediction``; optional ``label``, ``variant``, ``repeat``, ``model``, ``confidence``, ``tokens``
and the counts of tokens by the names of results.csv.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..corpora.table_files import TableFormat, cell_text, kind_of, read_columns, table_name
from ..errors import UsageError
from ..records import ERROR_LABEL, Outcome, Prediction, whole_text
from .result_files import TOKEN_COLUMNS

_NEEDED = ("id", "prediction")
COLUMNS = (*_NEEDED, "label", "variant", "repeat", "model", "confidence", "tokens", *TOKEN_COLUMNS)


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
    confidence: float | None = None

    def judged(self, labels: Iterable[str]) -> Prediction:
        """The answer held against the labels of the plan, letter for letter."""
        said = whole_text(self.prediction).strip()
        outcome = Outcome.LABEL if said in labels else Outcome.OFF_LIST if said else Outcome.EMPTY
        plain = Prediction(said or ERROR_LABEL, outcome, self.detail, 0, 0, self.model or "(made elsewhere)")
        return replace(plain, confidence=self.confidence, **self.tokens)  # type: ignore[arg-type]  # its fields that are counts


def read_predictions(
    path: Path, *, variant: str | None, columns: Mapping[str, str]
) -> tuple[list[Predicted], list[str]]:
    """The rows of a csv, tsv, jsonl or parquet file, and lines about its columns. Raises `UsageError`.

    ``columns``: how the file calls ours.
    """
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
    read = [_predicted(f"{path}: row {n}", dict(zip(names, row, strict=True)), usual) for n, row in enumerate(rows, 1)]
    notes = []
    if unread := [name for name in there if name not in names.values()]:
        notes.append(
            f"{path}: columns that are not read: {', '.join(map(repr, unread))}; if one is ours, name it: "
            "--prediction-columns"
        )
    if names["tokens"] in there and not {names["input_tokens"], names["output_tokens"]} & {*there}:
        notes.append(
            f"{path}: {names['tokens']!r} does not tell input from output: all count as input, so a cost is a lower "
            "bound; add input_tokens or output_tokens"
        )
    return read, notes


def _predicted(where: str, row: Mapping[str, Any], usual: str) -> Predicted:
    try:
        cells = {name: (cell_text(value) or "").strip() for name, value in row.items()}
    except ValueError as error:
        raise UsageError(f"{where}: {error}") from None
    if not cells["id"]:
        raise UsageError(f"{where}: expected an id, it is empty")
    tokens = {name: int(_number(where, name, cells[name])) for name in TOKEN_COLUMNS if cells[name]}
    if cells["tokens"]:
        total = int(_number(where, "tokens", cells["tokens"]))
        tokens.setdefault("input_tokens", total - tokens.get("output_tokens", 0))
        tokens.setdefault("output_tokens", total - tokens["input_tokens"])
        if tokens["input_tokens"] + tokens["output_tokens"] != total or min(tokens.values()) < 0:
            raise UsageError(f"{where}: tokens: expected input_tokens and output_tokens together, got {total}")
    confidence = cells["confidence"]
    return Predicted(
        where=where,
        id=cells["id"],
        prediction=cells["prediction"],
        variant=cells["variant"] or usual,
        label=cells["label"],
        repeat=int(_number(where, "repeat", cells["repeat"] or "1", least=1)),
        tokens=tokens,
        model=cells["model"],
        confidence=_number(where, "confidence", confidence, most=1, whole=False) if confidence else None,
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
