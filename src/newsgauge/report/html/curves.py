"""The curves of a run's page: accuracy by commit and by size of the training set, loss by training step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..._util.numbers import number, percent
from ..._util.wording import plural
from ...results.run_folder import RunFolder
from .blocks import (
    ACCURACY,
    RATE,
    Axis,
    Block,
    Column,
    Fold,
    Plot,
    Point,
    Text,
    count,
    of,
    round_axis,
    table,
)


def curves(run: RunFolder) -> list[Block]:
    """How accuracy grew with training posts, how the loss fell, and the history of each baseline, if evals left it."""
    blocks: list[Block] = []
    if found := run.exhibits.get("learning_curve"):
        blocks += _accuracy_by_size(found["points"], plural(run.unit))
    if (found := run.exhibits.get("loss_curve")) and found["losses"]:
        blocks += loss_by_step(found["losses"], str(found.get("model", "")))
    history = run.exhibits.get("history", {}).get("entries", ())
    for name in run.variants:
        of_run = (run.run["backend"], run.run["corpus"], name)
        own = [one for one in history if (one["backend"], one["corpus"], one["variant"]) == of_run]
        if entries := [one for one in own if not one.get("removed")]:
            blocks += _accuracy_by_commit(name, entries)
    return blocks


def _accuracy_by_commit(variant: str, entries: Sequence[Mapping[str, Any]]) -> list[Block]:
    def limits(row: Mapping[str, Any]) -> str:
        return "; ".join(f"{what} {', '.join(row[what])}" for what in ("broken", "mended") if row.get(what))

    rows = [
        {**one, "at": at, "change": f"{one['commit']} {one['subject']}", "interval_95": (one["low"], one["high"])}
        for at, one in enumerate(entries, 1)
    ]
    for row in rows:
        row["words"] = f"{row['change']}: {percent(row['accuracy'])}"
    plot = _accuracy_plot(
        f"Accuracy of {variant} by commit",
        rows,
        Axis([(0, "")], len(rows) + 0.5, "change of the baseline"),
        f"Accuracy of {variant} at each commit that changed its baseline, with Wilson's 95% intervals.",
    )
    columns: list[Column] = [("change", of("at")), ("commit", of("change")), *RATE, ("limits", limits)]
    return [Text(f"History of {variant}", "h3"), plot, table(f"history of {variant}", columns, rows, left=2)]


def _accuracy_by_size(found: Sequence[Mapping[str, Any]], units: str) -> list[Block]:
    rows = [{**one, "at": one["posts_per_class"], "interval_95": one["wilson_95"]} for one in found]
    for row in rows:
        row["words"] = f"{row['at']} {units} per class: {percent(row['accuracy'])} of {row['n']:,}"
    end = max((row["at"] for row in rows), default=1) * 1.05
    title = f"Accuracy by training {units}"
    plot = _accuracy_plot(
        title,
        rows,
        Axis([(0, "0")], end, f"training {units} per class, at most"),
        f"Accuracy on the {units} of this run by what the model was tuned on; the last point is the tuned variant. "
        f"Vertical lines: Wilson's 95% intervals. All were asked about the same {units}.",
    )
    columns: list[Column] = [
        (f"training {units} per class", of("at", count)),
        ("in all", of("n_examples", count)),
        ("right", lambda one: f"{one['n_correct']:,} of {one['n']:,}"),
        *RATE,
    ]
    return [Text(title, "h3"), plot, table("learning curve", columns, rows)]


def _accuracy_plot(title: str, rows: Sequence[Mapping[str, Any]], x: Axis, caption: str) -> Plot:
    """Draw one point per row, with a tick of the x axis below each."""
    drawn = [Point(row["words"], row["accuracy"], row["interval_95"], x=row["at"]) for row in rows]
    ticks = [*x.ticks, *((point.x, f"{point.x:g}") for point in drawn)]
    return Plot(title, drawn, replace(x, ticks=ticks), ACCURACY, caption)


def loss_by_step(losses: Sequence[Mapping[str, Any]], model: str) -> list[Block]:
    """The loss of a training; each of ``losses`` has its ``step``, ``epoch``, ``mean_loss``, or ``validation_loss``."""
    starts: dict[int, float] = {}
    for one in losses:
        starts.setdefault(one["epoch"], one["step"] - 0.5)
    plots, columns = [], [("step", of("step")), ("epoch", of("epoch"))]
    for key, where in (
        ("mean_loss", "of each training step"),
        ("validation_loss", "on texts held back from it"),
    ):
        drawn = [
            Point(f"step {one['step']}: {number(one[key], 3)}", one[key], x=one["step"])
            for one in losses
            if one.get(key) is not None
        ]
        if not drawn:
            continue
        plot = Plot(
            f"Mean loss of {len(drawn)} steps",
            drawn,
            round_axis(max(one["step"] for one in losses), "step"),
            round_axis(max(one.value or 0.0 for one in drawn), "mean loss, nats per example"),
            f"Mean loss {where} of {model}, as the service reported it.",
            breaks=[(at, f"epoch {epoch}") for epoch, at in starts.items()],
            said=f"first {drawn[0].text}, last {drawn[-1].text}",
        )
        plots.append(plot)
        columns.append((f"{key.replace('_', ' ')} in nats", of(key, lambda value: number(value, 4))))
    return [Text("Loss", "h3"), *plots, Fold("loss of each step, in numbers", [table("loss curve", columns, losses)])]
