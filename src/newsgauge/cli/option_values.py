"""Values of options: a word of the command line in, a number out."""

from __future__ import annotations

import argparse
import math

from ..errors import UsageError


def as_number(text: str) -> float:
    """The number; nan, which is in no range, if the word is not a number."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def read_share(option: str, text: str, *, low: float = 0.0, high: float = 1.0, or_low: bool = False) -> float:
    """A number strictly within its bounds, as at a bound there is nothing to plan; or the lower bound. `UsageError`."""
    number = as_number(text)
    if not low < number < high and not (or_low and number == low):
        bounds = f"from {low:g} to" if or_low else f"above {low:g} and"
        raise UsageError(f"{option}: expected a number {bounds} below {high:g}, got {text!r}")
    return number


def positive(text: str) -> int:
    """A whole number from 1; for the ``type`` of an option."""
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, got {text!r}")
    return int(text)
