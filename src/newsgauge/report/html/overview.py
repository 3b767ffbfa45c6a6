"""The first screen of a run's page: the verdict, one row per variant, what to do, the limits that did not hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..._util.wording import plural
from ...results.run_folder import RunFolder, interval_95
from ..findings import LimitLine, State, headline, limit_lines, variant_state
from ..next_steps import next_steps
from ..numbers import dollars, number, percent, points, span
from .token_sections import cost_per_1000, tokens_per_post


@dataclass(frozen=True, slots=True)
class VariantLine:
    """One variant: rates in words, and as shares of a line that is drawn."""

    name: str
    n: str
    accuracy: str
    interval: str
    at: float | None
    start: float | None
    end: float | None
    change: str
    change_words: str
    cost: str
    state: State


def overview_values(run: RunFolder) -> dict[str, Any]:
    """What the section shows."""
    limits = limit_lines(run)
    is_priced = any(cost_per_1000(run, name) is not None for name in run.scores)
    missed = [line for line in limits if line.state != "passed"]
    return {
        "headline": headline(run.gates),
        "n_recomputed": sum(result.origin == "gate" for result in run.results),
        "variants": [_variant_line(run, name, is_priced=is_priced) for name in run.scores],
        "cost_head": f"1,000 {plural(run.unit)} cost" if is_priced else f"tokens per {run.unit}",
        "has_baseline": bool(run.baseline),
        "baseline_path": run.baseline.get("path", ""),
        "steps": next_steps(run),
        "missed": missed,
        "passed": [line for line in limits if line.state == "passed"],
        "passed_gates": _n_gates(limits) - _n_gates(missed),
    }


def _variant_line(run: RunFolder, name: str, *, is_priced: bool) -> VariantLine:
    score = run.scores[name]
    low, high = interval_95(score)
    value = score["accuracy"]
    n, n_planned = score["n"], score["n_planned"]
    held = run.baseline.get("variants", {}).get(name)
    return VariantLine(
        name,
        f"{n:,}" if n == n_planned else f"{n:,} of {n_planned:,}",
        percent(value),
        span((low, high)),
        _share(value),
        _share(low),
        _share(high),
        points(held["difference"]) if held else "",
        f"{held['n_gained']:,} gained, {held['n_lost']:,} lost" if held else "",
        dollars(cost_per_1000(run, name)) if is_priced else number(tokens_per_post(run, name)),
        variant_state(run, name),
    )


def _share(value: float | None) -> float | None:
    return None if value is None else 100 * value


def _n_gates(lines: list[LimitLine]) -> int:
    return len({line.gate for line in lines})
