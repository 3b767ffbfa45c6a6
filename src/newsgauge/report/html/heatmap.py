"""Heatmaps as HTML tables: every cell holds its number, so that colour is never the only sign."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from ...scoring.stats import ERROR_COLUMN, OFF_LIST_COLUMN
from .markup import number, percent


def confusion(variant: str, confusion: Mapping[str, Any], labels: Sequence[str]) -> str:
    """True labels down, answers across; a cell that is not 0 is a button that shows its cases in the table below."""
    columns, rows = confusion["columns"], confusion["rows"]
    head = "".join(f'<th scope="col"><span>{escape(column)}</span></th>' for column in columns)
    body = []
    for label, counts in zip(labels, rows, strict=True):
        total = sum(counts)
        cells = "".join(
            _cell(variant, label, column, count, total) for column, count in zip(columns, counts, strict=True)
        )
        body.append(f'<tr><th scope="row">{escape(label)}</th>{cells}</tr>')
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="confusion matrix of {escape(variant)}">'
        f'<table class="heat"><caption>rows: the label a post has; columns: what {escape(variant)} answered; '
        'shade: share of the row</caption><thead><tr><th class="low" scope="col">label</th>'
        f"{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
    )


def class_scores(scores: Mapping[str, Mapping[str, Any]]) -> str:
    """F1 of each class and variant, shaded by its value; precision and recall in the tooltip."""
    variants = list(scores)
    head = "".join(f'<th class="low" scope="col">{escape(name)}</th>' for name in variants)
    by_label: dict[str, dict[str, Mapping[str, Any]]] = {}
    for name, score in scores.items():
        for one in score["classes"]:
            by_label.setdefault(one["label"], {})[name] = one
    body = []
    for label, entries in by_label.items():
        support = max(int(one["support"]) for one in entries.values())
        cells = "".join(_score_cell(entries.get(name)) for name in variants)
        body.append(f'<tr><th scope="row">{escape(label)}</th><td><span>{support}</span></td>{cells}</tr>')
    last = "".join(_value_cell(score["macro_f1"]) for score in scores.values())
    body.append(f'<tr><th scope="row">macro-F1</th><td></td>{last}</tr>')
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="F1 by class"><table class="heat">'
        "<caption>F1 of each class; a dash: it cannot be computed, as nothing was answered so</caption>"
        f'<thead><tr><th class="low" scope="col">label</th><th class="low" scope="col">posts</th>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def _cell(variant: str, label: str, column: str, count: int, total: int) -> str:
    share = count / total if total else 0.0
    kind = "" if column == label else " off"
    if not count:
        return '<td class="cell"  style="--v:0"><span aria-label="0">·</span></td>'
    if column == OFF_LIST_COLUMN:
        where = 'data-outcome="off-list"'
    elif column == ERROR_COLUMN:
        where = ""  # blocked, cut and empty answers: no one filter holds them
    else:
        where = f'data-answer="{escape(column)}"'
    words = f"{count} of {total} posts of {label}: {column}"
    inner = (
        f'<button type="button" data-variant="{escape(variant)}" data-label="{escape(label)}" {where} '
        f'title="{escape(words)}" aria-label="{escape(words)}; show them">{count}</button>'
        if where
        else f'<span title="{escape(words)}">{count}</span>'
    )
    return f'<td class="cell{kind}" style="--v:{share:.3f}">{inner}</td>'


def _score_cell(one: Mapping[str, Any] | None) -> str:
    if one is None:
        return "<td><span>–</span></td>"
    words = f"precision {percent(one['precision'])}, recall {percent(one['recall'])}"
    return _value_cell(one["f1"], words)


def _value_cell(value: float | None, words: str = "") -> str:
    shade = 0.0 if value is None else value
    title = f' title="{escape(words)}"' if words else ""
    return f'<td class="cell" style="--v:{shade:.3f}"><span{title}>{number(value, 2)}</span></td>'
