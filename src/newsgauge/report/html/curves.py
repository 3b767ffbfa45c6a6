"""Curves as inline SVG, and the section that holds them: how accuracy grew with training posts, how the loss fell.

Drawn from what evals left in the results folder; where they left nothing there is no section. Computes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from ...results.run_folder import RunFolder
from .markup import details, figure, number, percent, section, span, table
from .svg import round_ticks

_WIDTH, _HEIGHT = 860, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 24, 26, 46
_MAX_DOTS = 100
_PERCENT = [(x / 100, f"{x}%") for x in range(0, 101, 20)]
Ticks = Sequence[tuple[float, str]]


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a curve with its interval, if it has one, and its words."""

    x: float
    y: float
    text: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Axis:
    """From 0 to ``end``, with its name."""

    name: str
    end: float
    ticks: Ticks


def learning(run: RunFolder) -> str:
    """The section, or nothing where no eval left a curve."""
    parts = []
    if found := run.exhibits.get("learning_curve"):
        parts.append(_accuracy_by_size(found["points"]))
    if found := run.exhibits.get("loss_curve"):
        parts.append(_loss_by_step(found["losses"], str(found.get("model", ""))))
    return section("learning", "How the tuned model learned", *parts) if parts else ""


def line_plot(points: Sequence[Point], *, x: Axis, y: Axis, label: str, breaks: Ticks = ()) -> str:
    """Points joined by a line, each with its interval; ``breaks`` are dashed lines across, named at their right."""
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM

    def at_x(value: float) -> float:
        return _LEFT + value / x.end * (right - _LEFT)

    def at_y(value: float) -> float:
        return bottom - value / y.end * (bottom - _TOP)

    parts = [f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(label)}">']
    for value, text in y.ticks:
        at = at_y(value)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(f'<text class="tick" x="{_LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{escape(text)}</text>')
    for value, text in x.ticks:
        at = at_x(value)
        parts.append(f'<line class="grid" x1="{at:.1f}" x2="{at:.1f}" y1="{bottom}" y2="{bottom + 5}"/>')
        parts.append(f'<text class="tick" x="{at:.1f}" y="{bottom + 19}" text-anchor="middle">{escape(text)}</text>')
    for value, text in breaks:
        at = at_x(value)
        parts.append(f'<line class="break" x1="{at:.1f}" x2="{at:.1f}" y1="{_TOP}" y2="{bottom}"/>')
        parts.append(f'<text class="tick" x="{at + 6:.1f}" y="{_TOP + 10}">{escape(text)}</text>')
    parts.append(f'<text class="tick" x="{_LEFT - 8}" y="{_TOP - 12}">{escape(y.name)}</text>')
    middle = (_LEFT + right) / 2
    parts.append(f'<text class="tick" x="{middle}" y="{_HEIGHT - 6}" text-anchor="middle">{escape(x.name)}</text>')
    path = " ".join(f"{at_x(point.x):.1f},{at_y(point.y):.1f}" for point in points)
    parts.append(f'<polyline class="curve" points="{path}"/>')
    for point in points if len(points) <= _MAX_DOTS else ():
        across, up = at_x(point.x), at_y(point.y)
        line = ""
        if point.low is not None and point.high is not None:
            low, high = at_y(point.low), at_y(point.high)
            line = "".join(
                f'<line class="interval" x1="{across - left:.1f}" x2="{across + left:.1f}" y1="{a:.1f}" y2="{b:.1f}"/>'
                for left, a, b in ((0, low, high), (5, low, low), (5, high, high))
            )
        radius = 5.5 if point.low is not None else 3
        title = f"<title>{escape(point.text)}</title>"
        parts.append(f'<g>{title}{line}<circle class="dot" cx="{across:.1f}" cy="{up:.1f}" r="{radius}"/></g>')
    return "".join([*parts, "</svg>"])


def _accuracy_by_size(points: list[Mapping[str, Any]]) -> str:
    drawn = [
        Point(
            one["posts_per_class"],
            one["accuracy"],
            f"{one['posts_per_class']} posts a class: {percent(one['accuracy'])} of {one['n']:,}",
            *one["wilson_95"],
        )
        for one in points
    ]
    end = max((point.x for point in drawn), default=1) * 1.05
    picture = line_plot(
        drawn,
        x=Axis("training posts a class, at most", end, [(0, "0"), *((point.x, f"{point.x:g}") for point in drawn)]),
        y=Axis("accuracy", 1, _PERCENT),
        label="Accuracy by training posts: " + "; ".join(point.text for point in drawn),
    )
    caption = (
        "Accuracy on the posts of this run by what the model was tuned on; the last point is the tuned variant. Lines: "
        "Wilson's 95% intervals. All were asked about the same posts."
    )
    rows = [
        (
            f"{one['posts_per_class']:,}",
            f"{one['n_examples']:,}",
            f"{one['n_correct']:,} of {one['n']:,}",
            percent(one["accuracy"], 2),
            span(one["wilson_95"]),
        )
        for one in points
    ]
    head = ("training posts a class", "in all", "right", "accuracy", "95% interval")
    return (
        "<h3>Accuracy by training posts</h3>" + figure(picture, caption) + table(head, rows, caption="learning curve")
    )


def _loss_by_step(losses: list[Mapping[str, Any]], model: str) -> str:
    drawn = [
        Point(one["step"], one["mean_loss"], f"step {one['step']}: {number(one['mean_loss'], 3)}") for one in losses
    ]
    if not drawn:
        return ""
    x_end, x_ticks = round_ticks(max(point.x for point in drawn))
    y_end, y_ticks = round_ticks(max(point.y for point in drawn))
    starts: dict[int, float] = {}
    for one in losses:
        starts.setdefault(one["epoch"], one["step"] - 0.5)
    picture = line_plot(
        drawn,
        x=Axis("step", x_end, x_ticks),
        y=Axis("mean loss, nats an example", y_end, y_ticks),
        label=f"Mean loss of {len(drawn)} steps: first {drawn[0].text}, last {drawn[-1].text}",
        breaks=[(at, f"epoch {epoch}") for epoch, at in starts.items()],
    )
    caption = f"Mean loss of each step of the training of {escape(model)}, as the service told when it was recorded."
    rows = [(str(one["step"]), str(one["epoch"]), number(one["mean_loss"], 4)) for one in losses]
    listed = details("loss of each step, in numbers", table(("step", "epoch", "mean loss"), rows, caption="loss curve"))
    return "<h3>Loss</h3>" + figure(picture, caption) + listed
