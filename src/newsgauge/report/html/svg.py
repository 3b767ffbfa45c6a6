"""Dot plots and bars as inline SVG: rows of numbers in, markup out.

Colours are classes of style.css, so that a chart follows the theme. Text is text: it can be selected and read aloud.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

_LEFT, _RIGHT, _WIDTH = 190, 190, 860
_ROW, _TOP = 30, 26


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a chart: a value with its interval, and the words beside it. NaN or None: nothing to draw."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    text: str
    kind: str = "a"


def dot_plot(rows: Sequence[Row], *, low: float, high: float, ticks: Sequence[tuple[float, str]], label: str) -> str:
    """One dot and interval a row on a common axis from ``low`` to ``high``; a tick at 0 is drawn stronger."""

    def mark(row: Row, y: float) -> str:
        if row.value is None:
            return ""
        line = ""
        if row.low is not None and row.high is not None:
            x1, x2 = (_x(value, low, high) for value in (row.low, row.high))
            line = (
                f'<line class="interval" x1="{x1:.1f}" x2="{x2:.1f}" y1="{y}" y2="{y}"/>'
                f'<line class="interval" x1="{x1:.1f}" x2="{x1:.1f}" y1="{y - 5}" y2="{y + 5}"/>'
                f'<line class="interval" x1="{x2:.1f}" x2="{x2:.1f}" y1="{y - 5}" y2="{y + 5}"/>'
            )
        return f'{line}<circle class="dot" cx="{_x(row.value, low, high):.1f}" cy="{y}" r="5.5"/>'

    return _chart(rows, mark, low=low, high=high, ticks=ticks, label=label)


def bars(rows: Sequence[Row], *, high: float, ticks: Sequence[tuple[float, str]], label: str) -> str:
    """One bar a row from 0, with its interval as a thin line at the end; ``kind`` picks the colour."""

    def mark(row: Row, y: float) -> str:
        if row.value is None:
            return ""
        x0, x1 = _x(0, 0, high), _x(row.value, 0, high)
        whisker = ""
        if row.low is not None and row.high is not None:
            x2, x3 = (_x(max(0.0, value), 0, high) for value in (row.low, row.high))
            # On a line of the background's colour: it crosses the end of the bar, and has to be seen on both.
            place = f'x1="{x2:.1f}" x2="{x3:.1f}" y1="{y}" y2="{y}"'
            whisker = f'<line class="whisker halo" {place}/><line class="whisker" {place}/>'
        width = max(1.0, x1 - x0)
        return f'<rect class="bar {row.kind}" x="{x0}" y="{y - 8}" width="{width:.1f}" height="16" rx="2"/>{whisker}'

    return _chart(rows, mark, low=0, high=high, ticks=ticks, label=label)


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


def _x(value: float, low: float, high: float) -> float:
    return _LEFT + (value - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT)


def _chart(
    rows: Sequence[Row],
    mark: Callable[[Row, float], str],
    *,
    low: float,
    high: float,
    ticks: Sequence[tuple[float, str]],
    label: str,
) -> str:
    bottom = _TOP + _ROW * len(rows)
    parts = [
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {bottom + 6}" role="img" aria-label="{escape(label)}">',
    ]
    for value, text in ticks:
        x = _x(value, low, high)
        strong = " zero" if value == 0 and low < 0 else ""
        parts.append(f'<line class="grid{strong}" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 6}" y2="{bottom}"/>')
        parts.append(f'<text class="tick" x="{x:.1f}" y="{_TOP - 12}" text-anchor="middle">{escape(text)}</text>')
    for i, row in enumerate(rows):
        y = _TOP + _ROW * i + _ROW / 2
        name = row.name if len(row.name) <= 26 else row.name[:25] + "…"
        parts.append(
            f"<g><title>{escape(row.name)}: {escape(row.text)}</title>"
            f'<text class="name" x="{_LEFT - 12}" y="{y + 4.5}" text-anchor="end">{escape(name)}</text>'
            f"{mark(row, y)}"
            f'<text class="value" x="{_WIDTH - _RIGHT + 14}" y="{y + 4.5}">{escape(row.text)}</text></g>'
        )
    return "".join([*parts, "</svg>"])
