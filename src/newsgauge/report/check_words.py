"""A limit of a gate in words, the same in terminal, summary and report: a check as gates.json holds it in, text out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .numbers import number, percent, points

_UNITS: Mapping[str, Callable[[float], str]] = {
    "rate": percent,
    "days": lambda value: f"{value:,.0f} days",
    "points": lambda value: f"{points(value)} points",
    "score": lambda value: number(value, 2),
    "tokens": number,
    "cases": lambda value: f"{value:,.0f}",
}


def measured_words(check: Mapping[str, Any]) -> str:
    """``accuracy 66.3% of 80``, ``78 of 80 answers are the baseline's``; empty if nothing was measured."""
    value, unit = check.get("value"), check.get("unit")
    if value is None or unit is None:
        return ""
    if unit == "cases":
        return f"{value:,.0f} of {check['n']:,} {check['name']}"
    n = {"rate": f" of {check['n']:,}", "days": ""}.get(unit, f", n = {check['n']:,}")
    return f"{check['name']} {_UNITS[unit](value)}{n}"


def limit_words(check: Mapping[str, Any]) -> str:
    """``at least 80.0%``; empty if all of what was counted is asked for."""
    limit = check.get("limit")
    if limit is None or (check["unit"] == "cases" and limit == check["n"]):
        return ""
    return f"{check['sign']} {_UNITS[check['unit']](limit)}"
