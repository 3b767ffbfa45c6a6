"""How a number, and a limit of a gate, is written, everywhere that a person reads one: values in, text out.

Rates are percent and differences of rates are points, both with one decimal; halves are rounded up, as by hand.
Thousands have separators. What cannot be computed (None, NaN) is an en dash.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

NONE = "–"


def number(value: float | None, digits: int = 1, *, times: int = 1) -> str:
    """``1,234.5``."""
    if value is None or math.isnan(value):
        return NONE
    # By way of its shortest decimal form: 0.6625 is the half that it looks like, whatever its binary digits are.
    exact = (Decimal(repr(float(value))) * times).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    return f"{exact + 0:,}".replace("-", "−")


def percent(value: float | None) -> str:
    """``66.3%``."""
    text = number(value, times=100)
    return text if text == NONE else f"{text}%"


def points(value: float | None) -> str:
    """A difference of two rates in percentage points, with its sign: ``+1.5``."""
    text = number(value, times=100)
    return text if text in (NONE, "0.0") or text[0] == "−" else f"+{text}"


def span(pair: Sequence[float | None] | None, words: Callable[[float | None], str] = percent) -> str:
    """``[55.4%, 75.7%]``."""
    low, high = map(words, pair or (None, None))
    return NONE if NONE in (low, high) else f"[{low}, {high}]"


def points_span(pair: Sequence[float | None]) -> str:
    """``[+1.2, +4.3]``."""
    return span(pair, points)


def p_value(value: float | None) -> str:
    """``0.032``, ``6e-15``; a probability too small for a float is not 0."""
    if value is None or math.isnan(value):
        return NONE
    return "< 1e-300" if value < 1e-300 else f"{value:.2g}"


def dollars(value: float | None) -> str:
    """``$12.50``, ``$0.0125``."""
    text = number(value, 4 if value is not None and value < 1 else 2)
    return text if text == NONE else f"${text}"


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
