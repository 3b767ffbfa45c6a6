"""One variant by class, and its confusion matrix, as plain text. Computes nothing."""

from __future__ import annotations

from collections.abc import Mapping

from ..scoring.scores import Score
from ..scoring.stats.classification import worst_confusions
from .terminal import WIDTH, table_lines

#: Cells a variant in the table of the worst ones, and the letters of a label in it.
_WORST, _LABEL = 3, 34


def class_lines(score: Score, units: str = "texts") -> list[str]:
    """One row per class: support, precision, recall, F1; ``-`` if there is nothing to divide by."""
    rows: list[tuple[str, ...]] = [(f"{score.variant}: class", units, "precision", "recall", "F1")]
    rows += [
        (one.label, str(one.support), *(_number(value) for value in (one.precision, one.recall, one.f1)))
        for one in score.classes
    ]
    return table_lines(rows, left=(0,))


def confusion_lines(score: Score) -> list[str]:
    """Rows: true labels. Columns: answers, by letter. If that is wider than the page, the cells that are not 0."""
    matrix = score.matrix
    letters = [chr(ord("a") + i) if i < 26 else str(i) for i in range(len(matrix.labels))]
    rows = [(f"{score.variant}: true class", *letters, "off-list", "error")]
    for letter, label, counts in zip(letters, matrix.labels, matrix.counts, strict=True):
        rows.append((f"{letter} {label}", *(str(count) if count else "." for count in counts)))
    lines = table_lines(rows, left=(0,))
    if max(map(len, lines)) <= WIDTH:
        return lines
    return [f"{score.variant}: mixed up"] + [
        f"  {label} -> {column}: {count}"
        for label, counts in zip(matrix.labels, matrix.counts, strict=True)
        for column, count in zip(matrix.columns, counts, strict=True)
        if count and column != label
    ]


def worst_lines(scores: Mapping[str, Score], units: str = "texts") -> list[str]:
    """A table of the labels that each variant takes for another most often; nothing if none is."""
    rows = [("mixed up most", "label", "taken for", units)]
    for name, score in scores.items():
        cells = worst_confusions(score.matrix, _WORST)
        for first, cell in enumerate(cells):
            of = f"{cell.n} of {cell.support}"
            rows.append((name if first == 0 else "", _clipped(cell.label), _clipped(cell.answer), of))
    return table_lines(rows, left=(0, 1, 2)) if len(rows) > 1 else []


def _clipped(label: str) -> str:
    return label if len(label) <= _LABEL else f"{label[: _LABEL - 2]}.."


def _number(value: float) -> str:
    return "-" if value != value else f"{value:.3f}"
