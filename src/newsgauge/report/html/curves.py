"""How accuracy grew with training posts and how the loss fell, from what evals left in the results folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..._util.wording import plural
from ...results.run_folder import RunFolder
from ..numbers import number, percent, span
from .charts import Axis, Plot, Point, line_plot, round_ticks
from .tables import Table

PERCENT_TICKS = [(x / 100, f"{x}%") for x in range(0, 101, 20)]


@dataclass(frozen=True, slots=True)
class Curve:
    """A curve with its caption and its points in a table; ``folded``: what the table is folded under, if it is."""

    title: str
    plot: Plot
    caption: str
    table: Table
    folded: str = ""


def learning_curves(run: RunFolder) -> list[Curve]:
    """The curves of the run; none where no eval left one."""
    curves = []
    if found := run.exhibits.get("learning_curve"):
        curves.append(_accuracy_by_size(found["points"], plural(run.unit)))
    if (found := run.exhibits.get("loss_curve")) and found["losses"]:
        curves.append(loss_by_step(found["losses"], str(found.get("model", ""))))
    of_run = {(run.run["backend"], run.run["corpus"], name) for name in run.variants}
    changes = [
        one
        for one in run.exhibits.get("history", {}).get("entries", ())
        if (one["backend"], one["corpus"], one["variant"]) in of_run and not one.get("removed")
    ]
    by_variant = {name: [one for one in changes if one["variant"] == name] for name in run.variants}
    return curves + [_accuracy_by_commit(name, own) for name, own in by_variant.items() if own]


def _accuracy_by_commit(variant: str, entries: list[Mapping[str, Any]]) -> Curve:
    drawn = [
        Point(
            at,
            one["accuracy"],
            f"{one['commit']} {one['subject']}: {percent(one['accuracy'])}",
            one["low"],
            one["high"],
        )
        for at, one in enumerate(entries, 1)
    ]
    plot = line_plot(
        drawn,
        x=Axis("change of the baseline", len(drawn) + 0.5, [(0, ""), *((at.x, f"{at.x:g}") for at in drawn)]),
        y=Axis("accuracy", 1, PERCENT_TICKS),
        label=f"Accuracy of {variant} by commit: " + "; ".join(point.text for point in drawn),
    )
    rows = [
        (
            str(at),
            f"{one['commit']} {one['subject']}",
            percent(one["accuracy"]),
            span((one["low"], one["high"])),
            "; ".join(f"{what} {', '.join(one[what])}" for what in ("broken", "mended") if one.get(what)),
        )
        for at, one in enumerate(entries, 1)
    ]
    caption = f"Accuracy of {variant} at each commit that changed its baseline, with Wilson's 95% intervals."
    head = ("change", "commit", "accuracy", "95% interval", "limits")
    return Curve(f"History of {variant}", plot, caption, Table(f"history of {variant}", head, rows))


def _accuracy_by_size(points: list[Mapping[str, Any]], units: str) -> Curve:
    drawn = [
        Point(
            one["posts_per_class"],
            one["accuracy"],
            f"{one['posts_per_class']} {units} per class: {percent(one['accuracy'])} of {one['n']:,}",
            *one["wilson_95"],
        )
        for one in points
    ]
    end = max((point.x for point in drawn), default=1) * 1.05
    plot = line_plot(
        drawn,
        x=Axis(
            f"training {units} per class, at most", end, [(0, "0"), *((point.x, f"{point.x:g}") for point in drawn)]
        ),
        y=Axis("accuracy", 1, PERCENT_TICKS),
        label=f"Accuracy by training {units}: " + "; ".join(point.text for point in drawn),
    )
    rows = [
        (
            f"{one['posts_per_class']:,}",
            f"{one['n_examples']:,}",
            f"{one['n_correct']:,} of {one['n']:,}",
            percent(one["accuracy"]),
            span(one["wilson_95"]),
        )
        for one in points
    ]
    head = (f"training {units} per class", "in all", "right", "accuracy", "95% interval")
    caption = (
        f"Accuracy on the {units} of this run by what the model was tuned on; the last point is the tuned variant. "
        f"Vertical lines: Wilson's 95% intervals. All were asked about the same {units}."
    )
    return Curve(f"Accuracy by training {units}", plot, caption, Table("learning curve", head, rows))


def loss_by_step(losses: Sequence[Mapping[str, Any]], model: str) -> Curve:
    """The loss of a training; each of ``losses`` has its ``step``, ``epoch`` and ``mean_loss``."""
    drawn = [
        Point(one["step"], one["mean_loss"], f"step {one['step']}: {number(one['mean_loss'], 3)}") for one in losses
    ]
    x_end, x_ticks = round_ticks(max(point.x for point in drawn))
    y_end, y_ticks = round_ticks(max(point.y for point in drawn))
    starts: dict[int, float] = {}
    for one in losses:
        starts.setdefault(one["epoch"], one["step"] - 0.5)
    plot = line_plot(
        drawn,
        x=Axis("step", x_end, x_ticks),
        y=Axis("mean loss, nats per example", y_end, y_ticks),
        label=f"Mean loss of {len(drawn)} steps: first {drawn[0].text}, last {drawn[-1].text}",
        breaks=[(at, f"epoch {epoch}") for epoch, at in starts.items()],
    )
    caption = f"Mean loss of each training step of {model}, as the service reported it."
    rows = [(str(one["step"]), str(one["epoch"]), number(one["mean_loss"], 4)) for one in losses]
    table = Table("loss curve", ("step", "epoch", "mean loss in nats"), rows)
    return Curve("Loss", plot, caption, table, folded="loss of each step, in numbers")
