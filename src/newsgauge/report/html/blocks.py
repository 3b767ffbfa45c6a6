"""What a page is made of, as plain values: tables, charts, plots, matrices and text; the templates draw them.

They are drawn as elements of the page, not as pictures, so a chart is as wide as the window, its text keeps its size
and can be selected, and its colours are those of style.css.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

from ..._util.numbers import percent, span

#: What the name of a point takes, in percent of the plot.
_NAME_WIDTH, _NAME_HEIGHT = 30.0, 7.0


@dataclass(frozen=True, slots=True)
class Link:
    """A table cell that is a link; ``before`` is shown on a line above it, ``after`` behind it."""

    text: str
    href: str
    before: str = ""
    after: str = ""


Cell = str | Link
#: The head of a column, and its cell of an item.
Column = tuple[str, Callable[[Any], Cell]]


@dataclass(frozen=True, slots=True)
class Table:
    """A table. The first cell of a row is its header; the first ``left`` columns are aligned left.

    ``name`` tells screen readers which table of the page it is.
    """

    kind: ClassVar[str] = "table"
    name: str
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    caption: str = ""
    left: int = 1


def table(name: str, columns: Iterable[Column], items: Iterable[Any], caption: str = "", *, left: int = 1) -> Table:
    """Make a table with one row per item."""
    columns = list(columns)
    rows = [[cell(item) for _, cell in columns] for item in items]
    return Table(name, [head for head, _ in columns], rows, caption, left)


def of(key: str, words: Callable[[Any], str] = str) -> Callable[[Mapping[str, Any]], str]:
    """Make the function of a column that shows one value of each item, in words."""
    return lambda item: words(item.get(key))


def count(value: int | None) -> str:
    """``1,234``."""
    return f"{value or 0:,}"


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis from ``start`` to ``end``, with its ticks and its name."""

    ticks: Sequence[tuple[float, str]]
    end: float = 1.0
    name: str = ""
    start: float = 0.0

    def place(self, value: float) -> float:
        """The position of a value, in percent of the axis."""
        return min(100.0, max(0.0, 100 * (value - self.start) / (self.end - self.start)))


PERCENT = Axis([(x / 100, f"{x}%") for x in range(0, 101, 20)])
ACCURACY = replace(PERCENT, name="accuracy")


@dataclass(frozen=True, slots=True)
class Point:
    """A value to draw, with its interval if it has one, and its text. ``name`` is shown beside it at ``name_y``.

    ``x`` is its position on the x axis, if the drawing has one; ``is_hollow``: drawn as a ring.
    """

    text: str
    value: float | None
    interval: Sequence[float | None] = (None, None)
    name: str = ""
    x: float = 0.0
    name_y: float = 0.0
    is_hollow: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """A dot, or a bar from 0, per row with its interval, on a common axis; ``colour`` is that of the bars."""

    kind: ClassVar[str] = "chart"
    title: str
    rows: Sequence[Point]
    axis: Axis
    caption: str
    form: Literal["dots", "bars"] = "dots"
    colour: str = "a"

    @property
    def label(self) -> str:
        """The drawing in words, for screen readers."""
        return f"{self.title}: " + "; ".join(f"{row.name} {row.text}" for row in self.rows)


@dataclass(frozen=True, slots=True)
class Plot:
    """Points over two axes, joined unless ``form`` is a scatter; ``breaks`` and ``diagonal`` are dashed lines across.

    ``said``: the points in words, if those of all points would be too many.
    """

    kind: ClassVar[str] = "plot"
    title: str
    points: Sequence[Point]
    x: Axis
    y: Axis
    caption: str
    form: Literal["line", "scatter"] = "line"
    breaks: Sequence[tuple[float, str]] = ()
    said: str = ""
    diagonal: bool = False

    @property
    def label(self) -> str:
        """The drawing in words, for screen readers."""
        return f"{self.title}: " + (self.said or "; ".join(point.text for point in self.points))


def spread_names(points: Iterable[Point], x: Axis, y: Axis) -> list[Point]:
    """Place the names of points that are close to each other one above the other, so that none overlap."""
    named: list[Point] = []
    for point in sorted(points, key=lambda point: (point.value or 0.0, point.x)):
        near = [one.name_y for one in named if abs(x.place(one.x) - x.place(point.x)) < _NAME_WIDTH]
        height = max([y.place(point.value or 0.0), *(name_y + _NAME_HEIGHT for name_y in near)])
        named.append(replace(point, name_y=height))
    return named


def round_axis(highest: float, name: str = "", *, prefix: str = "") -> Axis:
    """Make an axis from 0 to a round number above ``highest``, with four to six ticks."""
    if not highest > 0:
        return Axis([(0.0, f"{prefix}0"), (1.0, f"{prefix}1")], name=name)
    step = 10.0 ** len(str(int(highest))) if highest >= 1 else 1.0
    while highest / step < 1:
        step /= 10
    step /= next(divisor for divisor in (1, 2, 5, 10) if divisor == 10 or highest / (step / divisor) >= 4)
    n = int(highest / step) + 1
    return Axis([(step * i, f"{prefix}{step * i:,.6g}") for i in range(n + 1)], step * n, name)


def points_axis(values: Iterable[float]) -> Axis:
    """Make an axis of percentage points around 0 that holds all values, with two ticks on each side."""
    widest = max((100 * abs(value) for value in values), default=0.0)
    end = next(end for end in (2, 5, 10, 20, 40, 60, 100) if end >= min(widest, 100.0))
    ticks = [end * i / 2 for i in range(-2, 3)]
    return Axis([(x / 100, f"{x:+g}".replace("-", "−") if x else "0") for x in ticks], end / 100, start=-end / 100)


def rate_point(one: Mapping[str, Any], interval: Sequence[float | None], name: str) -> Point:
    """An accuracy as a point of a chart, with the number of cases behind it."""
    return Point(f"{percent(one['accuracy'])} of {one['n']:,}", one["accuracy"], interval, name)


RATE: tuple[Column, ...] = (("accuracy", of("accuracy", percent)), ("95% interval", of("interval_95", span)))


@dataclass(frozen=True, slots=True)
class Shaded:
    """A shaded cell: its text, its shade from 0 to 1, its meaning in words, and the ``filters`` of its link."""

    text: str
    shade: float = 0.0
    words: str = ""
    off: bool = False
    filters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Matrix:
    """A heatmap whose cells also show their number. ``upright``: column headers are written horizontally."""

    kind: ClassVar[str] = "matrix"
    name: str
    caption: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Shaded]]]
    upright: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph, or with ``tag`` ``h3`` the heading of what follows."""

    kind: ClassVar[str] = "text"
    text: str
    tag: Literal["p", "h3"] = "p"


@dataclass(frozen=True, slots=True)
class Listed:
    """A list. With ``terms`` each text follows its term and keeps its line breaks."""

    kind: ClassVar[str] = "list"
    texts: Sequence[str]
    terms: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Fold:
    """Blocks that are hidden until the reader opens them by their title."""

    kind: ClassVar[str] = "fold"
    title: str
    blocks: Sequence[Block]
    is_open: bool = False


Block = Table | Chart | Plot | Matrix | Text | Listed | Fold


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the page; left out if it has no blocks. ``name`` is its anchor, ``nav`` its navigation label."""

    name: str
    nav: str
    title: str
    blocks: Sequence[Block]
