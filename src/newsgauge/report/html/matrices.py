"""Confusion matrices and F1 by class, cell by cell: every cell holds its number, so colour is never the only sign."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..._util.wording import plural
from ...results.run_folder import RunFolder
from ...scoring.stats.classification import ERROR_COLUMN, OFF_LIST_COLUMN
from ..numbers import number, percent


@dataclass(frozen=True, slots=True)
class Shaded:
    """A cell: its text, its shade from 0 to 1, what it means in words; ``filters`` of the cases that it leads to."""

    text: str
    shade: float
    words: str = ""
    off: bool = False
    filters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Matrix:
    """``title``: the line it is folded under. ``first``: the cells between a row's head and its shades, if any."""

    name: str
    title: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Shaded, ...]], ...]
    is_open: bool = True
    upright: bool = False


def confusion_matrices(run: RunFolder) -> list[Matrix]:
    """One per variant; the best one is open. True labels down, answers across."""
    best = max(run.scores, key=lambda name: run.scores[name]["accuracy"] or 0, default="")
    return [_confusion(name, score, run.unit, is_open=name == best) for name, score in run.scores.items()]


def class_scores(run: RunFolder) -> Matrix:
    """F1 of each class and variant, shaded by its value."""
    by_label: dict[str, dict[str, Mapping[str, Any]]] = {}
    for name, score in run.scores.items():
        for one in score["classes"]:
            by_label.setdefault(one["label"], {})[name] = one
    rows = []
    for label, entries in by_label.items():
        support = max(int(one["support"]) for one in entries.values())
        cells = (_f1(name, label, entries.get(name)) for name in run.scores)
        rows.append((label, (Shaded(f"{support:,}", 0), *cells)))
    last = (Shaded(number(score["macro_f1"], 2), score["macro_f1"] or 0.0) for score in run.scores.values())
    rows.append(("macro-F1", (Shaded("", 0), *last)))
    caption = "F1 of each class, from 0 to 1; a dash: it cannot be computed, as no answer names the class"
    return Matrix("F1 by class", "", caption, (plural(run.unit), *run.scores), tuple(rows), upright=True)


def _confusion(variant: str, score: Mapping[str, Any], unit: str, *, is_open: bool) -> Matrix:
    columns = tuple(score["confusion"]["columns"])
    rows = tuple(
        (
            one["label"],
            tuple(
                _count(variant, unit, one["label"], *cell, sum(counts)) for cell in zip(columns, counts, strict=True)
            ),
        )
        for one, counts in zip(score["classes"], score["confusion"]["rows"], strict=True)
    )
    return Matrix(
        f"confusion matrix of {variant}",
        f"{variant}: {score['n_correct']:,} of {score['n']:,} right",
        f"rows: the label a {unit} has; columns: what {variant} answered; shade: share of the row",
        columns,
        rows,
        is_open,
    )


def _count(variant: str, unit: str, label: str, column: str, count: int, total: int) -> Shaded:
    if not count:
        return Shaded("·", 0, "0")
    filters = {"variant": variant, "label": label}
    if column == OFF_LIST_COLUMN:
        filters["outcome"] = "off-list"
    elif column == ERROR_COLUMN:
        filters["outcome"] = "error"
    else:
        filters["answer"] = column
    words = f"{count} of {total} {plural(unit)} of {label}: {column}"
    return Shaded(f"{count:,}", count / total, words, column != label, filters)


def _f1(variant: str, label: str, one: Mapping[str, Any] | None) -> Shaded:
    if one is None:
        return Shaded("–", 0)
    f1, rates = number(one["f1"], 2), f"precision {percent(one['precision'])}, recall {percent(one['recall'])}"
    words = f"{f1} for {label}, {variant}: {rates}"
    return Shaded(f1, one["f1"] or 0.0, words, filters={"variant": variant, "label": label})
