"""Accuracy by slices of the posts and by confidence, for the terminal. Computes nothing."""

from __future__ import annotations

from collections.abc import Mapping

from .._util.numbers import number, percent, span
from ..scoring.confidences import COVERAGE
from ..scoring.scores import Score
from ..scoring.stats.intervals import wilson_interval

#: So many slices fit beside one another.
_MOST = 4


def slice_rows(scores: Mapping[str, Score]) -> list[list[tuple[str, ...]]]:
    """One table per slicing, a row per variant; of many slices those in which most variants do worst."""
    tables = []
    for slicing in dict.fromkeys(one.slicing for score in scores.values() for one in score.slices):
        own = {name: [one for one in score.slices if one.slicing == slicing] for name, score in scores.items()}
        shown = list(dict.fromkeys(one.name for row in own.values() for one in row))
        lowest = {name: min(one.accuracy for row in own.values() for one in row if one.name == name) for name in shown}
        kept = sorted(shown, key=lambda name: lowest[name])[:_MOST]
        shown = [name for name in shown if name in kept]
        sizes = {one.name: one.n for row in own.values() for one in row}
        left = f" ({len(lowest) - len(kept)} more in scoreboard.json)" if len(lowest) > len(kept) else ""
        rows: list[tuple[str, ...]] = [(f"{slicing}{left}", *(f"{name[:16]} (n={sizes[name]})" for name in shown))]
        for variant, row in own.items():
            cells = {one.name: f"{percent(one.accuracy)} {_short(one.interval_95)}" for one in row}
            rows.append((variant, *(cells.get(name, "-") for name in shown)))
        tables.append(rows)
    return tables


def _short(pair: tuple[float, float]) -> str:
    return f"[{number(100 * pair[0], 0)}, {number(100 * pair[1], 0)}]" if pair[0] == pair[0] else ""


def confidence_rows(scores: Mapping[str, Score]) -> list[tuple[str, ...]]:
    """The head, and a row per variant that says how sure it is."""
    rows: list[tuple[str, ...]] = [
        ("confidence", "n", "mean", "accuracy", "calibration error", f"most confident {COVERAGE:.0%}", "95% interval")
    ]
    for name, score in scores.items():
        if (found := score.confidence) is not None:
            right = percent(found.n_correct_at / found.n_at)
            shares = (percent(found.mean), percent(found.accuracy), number(found.error, 3), right)
            rows.append((name, f"{found.n:,}", *shares, span(wilson_interval(found.n_correct_at, found.n_at))))
    return rows
