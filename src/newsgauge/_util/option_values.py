"""Values of options: a word of the command line in, a number or a known word out. Also an answer to a question."""

from __future__ import annotations

import math
import sys
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterable
from typing import Any, TextIO

from ..errors import UsageError
from .wording import did_you_mean

_NEAREST = 1e-6


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
    if high <= 1 and 0 < min(number - low, abs(number), high - number) < _NEAREST:
        raise UsageError(f"{option}: expected a number no closer to a bound or 0 than {_NEAREST:f}, got {text!r}")
    return number


def is_whole(text: str, most: float = math.inf) -> bool:
    """Whether it is a whole number from 1 to ``most``."""
    return text.isascii() and text.isdecimal() and len(text) < 20 and 1 <= int(text) <= most


def positive(text: str) -> int:
    """A whole number from 1; for the ``type`` of an option."""
    if not is_whole(text):
        raise ArgumentTypeError(f"expected a whole number from 1, got {text!r}")
    return int(text)


def whole(most: int) -> Callable[[str], int]:
    """The ``type`` of an option that takes a whole number from 1 to ``most``."""

    def read(text: str) -> int:
        if not is_whole(text, most):
            raise ArgumentTypeError(f"expected a number from 1 to {most}, got {text!r}")
        return int(text)

    return read


def above_0(what: str) -> Callable[[str], float]:
    """The ``type`` of an option that takes a number above 0; ``what`` it counts."""

    def read(text: str) -> float:
        if not 0 < (value := as_number(text)) < math.inf:
            raise ArgumentTypeError(f"expected {what} above 0, got {text!r}")
        return value

    return read


def from_0(what: str) -> Callable[[str], float]:
    """The ``type`` of an option that takes 0 or more; ``what`` it counts."""

    def read(text: str) -> float:
        if not 0 <= (value := as_number(text)) < math.inf:
            raise ArgumentTypeError(f"expected {what} from 0, got {text!r}")
        return value

    return read


def one_of(known: Iterable[str]) -> dict[str, Any]:
    """``type`` and ``choices`` of an option that takes one of a few words, and asks which one was meant."""
    words = tuple(known)

    def read(text: str) -> str:
        if text not in words:
            raise ArgumentTypeError(f"expected one of {', '.join(words)}, got {text!r}{did_you_mean(text, words)}")
        return text

    return {"type": read, "choices": words}


def says_yes(question: str, *, seen: TextIO | None = None) -> bool:
    """Ask on the terminal, or on the stream that is ``seen``; anything but ``y`` or ``yes`` is no."""
    print(question, "[y/N] ", end="", file=seen, flush=True)
    return sys.stdin.readline().strip().casefold() in ("y", "yes")
