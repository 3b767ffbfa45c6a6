"""What one number hides, as the page shows it: the accuracy of each slice of the posts."""

from __future__ import annotations

from typing import Any

from ...results.run_folder import RunFolder
from ..numbers import percent, span
from .charts import Row, chart
from .curves import PERCENT_TICKS
from .tables import Table

_HEAD = ("slice", "posts", "right", "accuracy", "95% interval")


def slice_values(run: RunFolder) -> list[dict[str, Any]]:
    """A chart and a table per variant; the last variant is open. Empty without ``[slices]``."""
    found = {name: score["slices"] for name, score in run.scores.items() if score.get("slices")}
    return [
        {"title": name, "is_open": name == list(found)[-1], **_of_variant(name, slices)}
        for name, slices in found.items()
    ]


def _of_variant(variant: str, slices: list[dict[str, Any]]) -> dict[str, Any]:
    names = [f"{one['slicing']}:{one['slice']}" for one in slices]
    rows = [
        Row(
            name,
            one["accuracy"],
            one["interval_95"][0],
            one["interval_95"][1],
            f"{percent(one['accuracy'])} of {one['n']:,}",
        )
        for name, one in zip(names, slices, strict=True)
    ]
    cells = [
        (name, f"{one['n']:,}", f"{one['n_correct']:,}", percent(one["accuracy"]), span(one["interval_95"]))
        for name, one in zip(names, slices, strict=True)
    ]
    said = "; ".join(f"{row.name} {row.text}" for row in rows)
    return {
        "chart": chart(rows, high=1, ticks=PERCENT_TICKS, label=f"Accuracy of {variant} by slice: {said}"),
        "caption": "Accuracy of each slice of the posts. Lines: Wilson's 95% intervals, by thread if threads repeat.",
        "table": Table(f"slices of {variant}", _HEAD, cells),
    }
