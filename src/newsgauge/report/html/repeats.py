"""How answers to the same post spread, by variant: how many of them are right, and which posts are least stable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..._util.numbers import number, percent
from ..._util.wording import plural
from ...records import shown_id
from ...results.run_folder import RunFolder
from ...scoring.scoreboard import in_one, in_rows
from ..findings import in_focus
from .blocks import Axis, Block, Chart, Column, Fold, Link, Point, Section, Text, of, round_axis, table
from .environment import cases_link


def repeats_section(run: RunFolder) -> Section:
    """The section about repeats; empty if no variant asks more than once."""
    found = {name: score["repeats"] for name, score in run.scores.items() if score.get("repeats")}
    folds = {name: _spread(run, name, one) for name, one in found.items()}
    return Section("repeats", "Repeats", f"Answers to the same {run.unit}", open_one(run, folds))


def open_one(run: RunFolder, folds: Mapping[str, Fold]) -> list[Fold]:
    """The folds of variants, of which the one in focus is open."""
    shown = in_focus(run, folds)
    return [replace(fold, is_open=name == shown) for name, fold in folds.items()]


def _spread(run: RunFolder, variant: str, found: Mapping[str, Any]) -> Fold:
    units, n = plural(run.unit), found["n_posts"]
    counts = found.get("right_counts") or ()
    axis: Axis = round_axis(max(counts, default=1), units)
    bars = [Point(f"{count:,} of {n:,}", float(count), name=f"{right} right") for right, count in enumerate(counts)]
    blocks: list[Block] = [
        Chart(
            f"Right answers per {run.unit}, {variant}",
            bars,
            axis,
            f"How many {units} have so many of their {found['k']} answers right.",
            form="bars",
        ),
        Text(
            f"{percent(found['stability'])} of {n:,} {units} are answered alike each time; two answers differ on "
            f"{percent(found['flip_rate'])}. Variance of one answer's being right: {number(found['between'], 3)} "
            f"between {units}, {number(found['within'], 3)} within one."
        ),
    ]
    answers = {one.post_id: one.prediction.label for one in run.results if one.variant == variant and one.prediction}
    labels, rows = {one.post_id: one.label for one in run.results}, in_rows(answers)
    least = [{"id": key, "label": labels[key], "said": in_one(rows[key])} for key in found["unstable"] if key in rows]

    def case(row: Mapping[str, Any]) -> Link:
        return Link(shown_id(row["id"]), cases_link({"variant": variant, "find": shown_id(row["id"])}))

    columns: list[Column] = [(run.unit, case), ("label", of("label")), ("answers", of("said"))]
    if least:
        blocks.append(table(f"least stable of {variant}", columns, least, "those whose answers differ most, first"))
    return Fold(f"{variant}: {found['k']} answers per {run.unit}", blocks)
