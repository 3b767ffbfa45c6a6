"""What one number hides, as the page shows it: accuracy by slices of the posts and by confidence."""

from __future__ import annotations

from typing import Any

from ...results.run_folder import RunFolder
from ...scoring.stats.intervals import wilson_interval
from ..numbers import number, percent, span
from .charts import Axis, Plot, Point, Row, chart, line_plot
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


def confidence_values(run: RunFolder) -> list[dict[str, Any]]:
    """Reliability diagram and risk-coverage curve per variant that says how sure it is."""
    found = {name: score["confidence"] for name, score in run.scores.items() if score.get("confidence")}
    return [
        {
            "title": f"{name}: expected calibration error {number(one['error'], 3)}",
            "is_open": name == list(found)[-1],
            "plots": [
                (
                    _reliability(name, one["bins"]),
                    "Reliability: accuracy of the answers in each tenth of confidence. "
                    "Vertical lines: Wilson's 95% intervals. Calibrated answers lie on the diagonal.",
                ),
                (
                    _curve(name, one["curve"]),
                    "Risk and coverage: accuracy if only the most confident share of the posts is answered.",
                ),
            ],
        }
        for name, one in found.items()
    ]


def _reliability(variant: str, bins: list[dict[str, Any]]) -> Plot:
    points = [
        Point(
            one["mean_confidence"],
            one["n_correct"] / one["n"],
            f"confidence {percent(one['mean_confidence'])}: {one['n_correct']} of {one['n']} right",
            *wilson_interval(one["n_correct"], one["n"]),
        )
        for one in bins
    ]
    axis = Axis("mean confidence", 1, PERCENT_TICKS)
    said = "; ".join(point.text for point in points)
    return line_plot(points, x=axis, y=Axis("accuracy", 1, PERCENT_TICKS), label=f"Reliability of {variant}: {said}")


def _curve(variant: str, curve: list[list[float]]) -> Plot:
    points = [Point(share, right, f"{percent(share)} answered: {percent(right)} right") for share, right in curve]
    said = "; ".join(point.text for point in points[:: max(1, len(points) // 5)])
    x, y = Axis("share of the posts answered", 1, PERCENT_TICKS), Axis("accuracy", 1, PERCENT_TICKS)
    return line_plot(points, x=x, y=y, label=f"Risk and coverage of {variant}: {said}")
