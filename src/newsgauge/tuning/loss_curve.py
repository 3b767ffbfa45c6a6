"""How a training went: losses in, a CSV file, a PNG picture, or lines of characters for a terminal out.

The picture is drawn with Pillow, which is a tenth of matplotlib and is all that one line in one frame takes.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from .jobs import Loss

_SIZE, _MARGIN = (800, 450), (70, 65, 30, 50)  # left, top, right, bottom
_INK, _GRID, _LINE = (40, 40, 40), (225, 225, 225), (26, 95, 180)
_TICKS = 4


def csv_text(losses: Sequence[Loss]) -> str:
    """``step,epoch,mean_loss``, one row a step."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(("step", "epoch", "mean_loss"))
    writer.writerows((loss.step, loss.epoch, loss.mean_loss) for loss in losses)
    return buffer.getvalue()


def save_png(path: Path, losses: Sequence[Loss], *, title: str) -> None:
    """An 800 x 450 picture: mean loss by step, axes named, from zero up."""
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", _SIZE, "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(14)
    left, top = _MARGIN[0], _MARGIN[1]
    right, bottom = _SIZE[0] - _MARGIN[2], _SIZE[1] - _MARGIN[3]
    highest = max((loss.mean_loss for loss in losses), default=0.0) or 1.0
    last_step = max((loss.step for loss in losses), default=0) or 1
    draw.text((left, 15), title, fill=_INK, font=font)
    for tick in range(_TICKS + 1):
        y = bottom - (bottom - top) * tick / _TICKS
        x = left + (right - left) * tick / _TICKS
        draw.line((left, y, right, y), fill=_GRID)
        draw.text((left - 8, y), f"{highest * tick / _TICKS:.2f}", fill=_INK, font=font, anchor="rm")
        draw.text((x, bottom + 8), f"{last_step * tick / _TICKS:.0f}", fill=_INK, font=font, anchor="mt")
    draw.text(((left + right) / 2, _SIZE[1] - 12), "step", fill=_INK, font=font, anchor="ms")
    draw.text((left, top - 8), "mean loss (nats an example)", fill=_INK, font=font, anchor="ls")
    draw.line((left, top, left, bottom, right, bottom), fill=_INK)
    points = [
        (left + (right - left) * loss.step / last_step, bottom - (bottom - top) * loss.mean_loss / highest)
        for loss in losses
    ]
    if len(points) == 1:
        (x, y), r = points[0], 3
        draw.ellipse((x - r, y - r, x + r, y + r), fill=_LINE)
    else:
        draw.line(points, fill=_LINE, width=2, joint="curve")
    image.save(path, format="PNG")


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
