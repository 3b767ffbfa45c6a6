"""Charts as places: rows of numbers in, shares of the chart's width and height in percent out.

The template draws them as elements of the page, not as a picture, so a chart is as wide as the window, its text keeps
its size and can be selected, and its colours are those of style.css. None where there is nothing to draw.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

Form = Literal["dots", "bars"]
Ticks = Sequence[tuple[float, str]]
#: With more points than that a line has no dots of its own.
_MAX_DOTS = 100
#: What the name of a point takes, in percent of the plot.
_NAME_WIDTH, _NAME_HEIGHT = 30.0, 7.0


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a chart: a value with its interval, and the words beside it. ``kind`` picks the colour."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    text: str
    kind: str = "a"


@dataclass(frozen=True, slots=True)
class Mark:
    """A row as it is drawn."""

    name: str
    text: str
    kind: str
    at: float | None
    start: float | None
    end: float | None


@dataclass(frozen=True, slots=True)
class Chart:
    """Rows on one axis; ``zero``: where a stronger line is, if anywhere."""

    form: Form
    label: str
    ticks: tuple[tuple[float, str], ...]
    zero: float | None
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a plot with its interval, if it has one, and its words; ``name`` stands beside it.

    ``name_y`` is where the name stands, so that names of points that lie together can all be read.
    """

    x: float
    y: float
    text: str
    low: float | None = None
    high: float | None = None
    name: str = ""
    name_y: float = 0.0


@dataclass(frozen=True, slots=True)
class Axis:
    """From 0 to ``end``, with its name."""

    name: str
    end: float
    ticks: Ticks


@dataclass(frozen=True, slots=True)
class Plot:
    """Points over two axes; ``line`` joins them where it is not empty, ``breaks`` are dashed lines across."""

    label: str
    x_name: str
    y_name: str
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    breaks: tuple[tuple[float, str], ...]
    line: str
    points: tuple[Point, ...]


def chart(
    rows: Sequence[Row], *, high: float, ticks: Ticks, label: str, low: float = 0.0, form: Form = "dots"
) -> Chart:
    """One dot, or one bar from 0, per row with its interval, on a common axis from ``low`` to ``high``."""
    marks = tuple(
        Mark(row.name, row.text, row.kind, *(_share(value, low, high) for value in (row.value, row.low, row.high)))
        for row in rows
    )
    return Chart(form, label, _scaled(ticks, low, high), _share(0, low, high) if low < 0 else None, marks)


def line_plot(points: Sequence[Point], *, x: Axis, y: Axis, label: str, breaks: Ticks = ()) -> Plot:
    """Points joined by a line."""
    placed = _placed(points, x, y)
    line = " ".join(f"{point.x:.2f},{100 - point.y:.2f}" for point in placed)
    return _plot(placed if len(placed) <= _MAX_DOTS else (), x, y, label, _scaled(breaks, 0, x.end), line)


def scatter(points: Sequence[Point], *, x: Axis, y: Axis, label: str) -> Plot:
    """Points that stand for themselves, each with its name; those on the right have it at their left."""
    named: list[Point] = []
    for point in sorted(_placed(points, x, y), key=lambda point: (point.y, point.x)):
        near = [one.name_y for one in named if abs(one.x - point.x) < _NAME_WIDTH]
        named.append(replace(point, name_y=max([point.y, *(height + _NAME_HEIGHT for height in near)])))
    return _plot(tuple(named), x, y, label, (), "")


def round_ticks(highest: float, *, prefix: str = "") -> tuple[float, list[tuple[float, str]]]:
    """The end of an axis from 0 that holds ``highest``, and four to six round ticks."""
    if not highest > 0:
        return 1.0, [(0.0, f"{prefix}0"), (1.0, f"{prefix}1")]
    step = 10.0 ** len(str(int(highest))) if highest >= 1 else 1.0
    while highest / step < 1:
        step /= 10
    for divisor in (1, 2, 5, 10):
        if highest / (step / divisor) >= 4:
            step /= divisor
            break
    else:
        step /= 10
    count = int(highest / step) + 1
    return step * count, [(step * i, f"{prefix}{step * i:,.6g}") for i in range(count + 1)]


def _plot(
    points: tuple[Point, ...], x: Axis, y: Axis, label: str, breaks: tuple[tuple[float, str], ...], line: str
) -> Plot:
    ticks = (_scaled(x.ticks, 0, x.end), _scaled(y.ticks, 0, y.end))
    return Plot(label, x.name, y.name, *ticks, breaks, line, points)


def _placed(points: Sequence[Point], x: Axis, y: Axis) -> tuple[Point, ...]:
    return tuple(
        replace(
            point,
            x=100 * point.x / x.end,
            y=100 * point.y / y.end,
            low=_share(point.low, 0, y.end),
            high=_share(point.high, 0, y.end),
        )
        for point in points
    )


def _scaled(ticks: Ticks, low: float, high: float) -> tuple[tuple[float, str], ...]:
    return tuple((100 * (value - low) / (high - low), text) for value, text in ticks)


def _share(value: float | None, low: float, high: float) -> float | None:
    return None if value is None else min(100.0, max(0.0, 100 * (value - low) / (high - low)))
