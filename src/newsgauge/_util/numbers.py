"""How a number is written, everywhere that a person reads one: values in, text out.

Rates are percent and differences of rates are points, both with one decimal; halves are rounded up, as by hand.
Thousands have separators. What cannot be computed (None, NaN) is an en dash.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

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


def p_words(p: float) -> str:
    """``p = 0.012``, or ``p < 1e-300``."""
    text = p_value(p)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def dollars(value: float | None) -> str:
    """``$12.50``, ``$0.0125``."""
    text = number(value, 4 if value is not None and value < 1 else 2)
    return text if text == NONE else f"${text}"


#: What may be measured.
Unit = Literal["rate", "points", "score", "tokens", "cases", "days", "ms"]
#: How many decimals it has, what it is multiplied by, and what stands around it.
_UNITS: Mapping[Unit, tuple[int, int, str]] = {
    "rate": (1, 100, "{}%"),
    "points": (1, 100, "{} points"),
    "score": (2, 1, "{}"),
    "tokens": (1, 1, "{}"),
    "cases": (0, 1, "{}"),
    "days": (0, 1, "{} days"),
    "ms": (0, 1, "{} ms"),
}
_MOST_DIGITS = 6


def in_unit(value: float | None, unit: Unit, *, exact: bool = False) -> str:
    """``66.3%``, ``+1.5 points``, ``0.67``, ``1,234 days``; ``exact``: with all decimals that somebody wrote."""
    if value is None or math.isnan(value):
        return NONE
    digits, times, form = _UNITS[unit]
    if exact:
        written = (Decimal(repr(float(value))) * times).normalize().as_tuple().exponent
        digits = min(_MOST_DIGITS, max(digits, -int(written)))
    text = number(value, digits, times=times)
    is_gain = unit == "points" and value > 0 and text.strip("0.")
    return form.format(f"+{text}" if is_gain else text)
