"""How a training went: losses in, a CSV file or lines of characters for a terminal out."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from .jobs import Loss


def csv_text(losses: Sequence[Loss]) -> str:
    """``step,epoch,mean_loss``, one row a step."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(("step", "epoch", "mean_loss"))
    writer.writerows((loss.step, loss.epoch, loss.mean_loss) for loss in losses)
    return buffer.getvalue()


def curve_lines(losses: Sequence[Loss], *, width: int, height: int) -> list[str]:
    """A chart of characters, ``height`` rows: each column is the mean of its steps, drawn in eighths of a row."""
    if not losses:
        return []
    n = min(width, len(losses))
    columns = []
    for column in range(n):
        part = losses[len(losses) * column // n : len(losses) * (column + 1) // n]
        columns.append(sum(loss.mean_loss for loss in part) / len(part))
    highest = max(columns) or 1.0
    eighths = [round(8 * height * value / highest) for value in columns]
    rows = []
    for row in reversed(range(height)):
        cells = "".join(" ▁▂▃▄▅▆▇█"[max(0, min(8, value - 8 * row))] for value in eighths)
        label = f"{highest:6.2f}" if row == height - 1 else f"{0:6.2f}" if row == 0 else " " * 6
        rows.append(f"{label} |{cells}")
    return rows
