"""One variant by class, with its confusion matrix; all by slices of the posts and by confidence. Computes nothing."""

from __future__ import annotations

from collections.abc import Mapping

from .._util.numbers import number, percent, span
from ..scoring.confidences import COVERAGE
from ..scoring.scores import Score
from ..scoring.stats.classification import worst_confusions
from ..scoring.stats.intervals import wilson_interval
from .terminal import WIDTH, table_lines

#: Cells a variant in the table of the worst ones, and the letters of a label in it.
_WORST, _LABEL = 3, 34
#: So many slices fit beside one another.
_MOST = 4


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


def slice_rows(scores: Mapping[str, Score]) -> list[list[tuple[str, ...]]]:
    """One table per slicing, a row per variant; of many slices those in which most variants do worst."""
    tables = []
    for slicing in dict.fromkeys(one.slicing for score in scores.values() for one in score.slices):
        own = {name: [one for one in score.slices if one.slicing == slicing] for name, score in scores.items()}
        shown = list(dict.fromkeys(one.name for row in own.values() for one in row))
        lowest = {name: min(one.accuracy for row in own.values() for one in row if one.name == name) for name in shown}
        kept = sorted(shown, key=lambda name: lowest[name])[:_MOST]
        shown = [name for name in shown if name in kept]
        sizes = {one.name: one.n for row in own.values() for one in row}
        left = f" ({len(lowest) - len(kept)} more in scoreboard.json)" if len(lowest) > len(kept) else ""
        rows: list[tuple[str, ...]] = [(f"{slicing}{left}", *(f"{name[:16]} (n={sizes[name]})" for name in shown))]
        for variant, row in own.items():
            cells = {one.name: f"{percent(one.accuracy)} {_short(one.interval_95)}" for one in row}
            rows.append((variant, *(cells.get(name, "-") for name in shown)))
        tables.append(rows)
    return tables


def _short(pair: tuple[float, float]) -> str:
    return f"[{number(100 * pair[0], 0)}, {number(100 * pair[1], 0)}]" if pair[0] == pair[0] else ""


def confidence_rows(scores: Mapping[str, Score]) -> list[tuple[str, ...]]:
    """The head, and a row per variant that says how sure it is."""
    rows: list[tuple[str, ...]] = [
        ("confidence", "n", "mean", "accuracy", "calibration error", f"most confident {COVERAGE:.0%}", "95% interval")
    ]
    for name, score in scores.items():
        if (found := score.confidence) is not None:
            right = percent(found.n_correct_at / found.n_at)
            shares = (percent(found.mean), percent(found.accuracy), number(found.error, 3), right)
            rows.append((name, f"{found.n:,}", *shares, span(wilson_interval(found.n_correct_at, found.n_at))))
    return rows
