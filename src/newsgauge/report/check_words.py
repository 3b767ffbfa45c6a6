"""What a limit measured and what it asks, in a few words: a check of gates.json in, text out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._util.numbers import in_unit


def measured_words(check: Mapping[str, Any]) -> str:
    """``accuracy 66.3% of 80``, ``78 of 80 answers are the baseline's``; what was not measured, or ''."""
    value, unit = check.get("value"), check.get("unit")
    if value is None or unit is None:
        return "" if check.get("limit") is None or unit == "cases" else f"{check['name']} was not measured"
    if unit == "cases":
        return f"{value:,.0f} of {check['n']:,} {check['name']}"
    n = {"rate": f" of {check['n']:,}", "days": ""}.get(unit, f", n = {check['n']:,}")
    return f"{check['name']} {in_unit(value, unit)}{n}"


def limit_words(check: Mapping[str, Any]) -> str:
    """``at least 80.0%``; empty if all of what was counted is asked for."""
    limit = check.get("limit")
    if limit is None or (check["unit"] == "cases" and limit == check["n"]):
        return ""
    return f"{check['sign']} {in_unit(limit, check['unit'], exact=True)}"
