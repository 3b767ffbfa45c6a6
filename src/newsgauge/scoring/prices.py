"""prices.toml in, `Price` records out; a price and tokens in, dollars out. Pure but for reading the file.

A price says where it stands and on which day. What is not known is None, never 0.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from ..errors import UsageError

PRICES = Path(__file__).with_name("prices.toml")
_MILLION = 1_000_000
_NEEDED = ("input", "output", "source", "checked")
_OPTIONAL = ("cached", "batch_input", "batch_output", "note")


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens of one model; ``source`` said so on the day ``checked``."""

    model: str
    input: float
    output: float
    source: str
    checked: date
    cached: float | None = None
    batch_input: float | None = None
    batch_output: float | None = None
    note: str = ""

    def cost(self, input_tokens: float, output_tokens: float, *, cached_tokens: float = 0) -> float:
        """Dollars at the standard price. ``cached_tokens`` of the input cost less, if that price is known."""
        cached = self.input if self.cached is None else self.cached
        fresh = (input_tokens - cached_tokens) * self.input + cached_tokens * cached
        return (fresh + output_tokens * self.output) / _MILLION

    def batch_cost(self, input_tokens: float, output_tokens: float) -> float | None:
        """Dollars in batch mode; None where its price is not known."""
        if self.batch_input is None or self.batch_output is None:
            return None
        return (input_tokens * self.batch_input + output_tokens * self.batch_output) / _MILLION


@dataclass(frozen=True, slots=True)
class NoPrice:
    """A model that has no price, and why."""

    model: str
    why: str


def load_prices(path: Path = PRICES) -> dict[str, Price | NoPrice]:
    """All prices of the file, by model. Raises `UsageError`."""
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: not readable as TOML: {error}") from None
    return {model: _price(f"{path.name}: [{model}]", model, table) for model, table in tables.items()}


def find_price(prices: Mapping[str, Price | NoPrice], model_version: str) -> Price | NoPrice:
    """The price of a model version: its own, or that of the model it is a numbered version of (``-001``)."""
    found = prices.get(model_version) or prices.get(re.sub(r"-\d{3}$", "", model_version))
    return found or NoPrice(model_version, "prices.toml holds no price for it")


def _price(where: str, model: str, table: Any) -> Price | NoPrice:
    if isinstance(table, dict) and set(table) == {"none"} and isinstance(table["none"], str):
        return NoPrice(model, table["none"])
    if not isinstance(table, dict) or not set(_NEEDED) <= set(table) <= {*_NEEDED, *_OPTIONAL}:
        raise UsageError(
            f"{where}: expected {', '.join(_NEEDED)} and maybe {', '.join(_OPTIONAL)}, or 'none' with the reason; "
            f"got {sorted(table) if isinstance(table, dict) else table!r}"
        )
    for key in ("input", "output", "cached", "batch_input", "batch_output"):
        value = table.get(key, 0.0)
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 10_000:
            raise UsageError(f"{where}: expected {key!r} to be dollars per million tokens, got {value!r}")
    if not isinstance(table["checked"], date) or not str(table["source"]).strip():
        raise UsageError(f"{where}: expected a 'source' and the day it was 'checked', such as 2026-10-07")
    return Price(model, **table)
