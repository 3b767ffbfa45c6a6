"""prices.toml in, `Price` records out; a price and tokens in, dollars out. Pure but for reading the file.

A price has its source and date. An unknown value is None, never 0.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from .._util.files import read_toml
from ..errors import UsageError

PRICES = Path(__file__).with_name("prices.toml")
_MILLION = 1_000_000
_RATES = ("input", "output", "cached", "batch_input", "batch_output")
_DATES = ("checked", "until", "retires")
_TEXTS = ("source", "replaced_by", "via", "note")
#: Tokens of thinking to expect per answer of a model of which nobody knows better.
UNKNOWN_THINKING = 100
#: How long before a model retires runs begin to warn.
_NOTICE = timedelta(days=30)
#: ``gemini-x-001``, ``claude-x-20251001``, ``gpt-x-2026-04-23``.
_VERSION = re.compile(r"-(?:\d{3}|\d{8}|\d{4}-\d{2}-\d{2})$")
#: ``models/x``, ``publishers/google/models/x``, ``projects/p/locations/l/publishers/google/models/x``.
_PREFIX = re.compile(r"^(?:projects/[^/]+/locations/[^/]+/)?(?:publishers/[^/]+/)?models/")


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens of one model; ``source`` said so on the day ``checked``.

    ``until``: the last day of an introductory price, ``then`` what follows it. ``retires``: the day from which the
    model no longer answers. ``thinking``: tokens of thinking to expect per short answer.
    """

    model: str
    input: float
    output: float
    source: str
    checked: date
    cached: float | None = None
    batch_input: float | None = None
    batch_output: float | None = None
    until: date | None = None
    then: Mapping[str, float] | None = None
    thinking: int = UNKNOWN_THINKING
    retires: date | None = None
    replaced_by: str = ""
    via: str = ""
    note: str = ""

    def cost(self, input_tokens: float, output_tokens: float, *, cached_tokens: float = 0) -> float:
        """Dollars at the standard price. ``cached_tokens`` of the input cost less, if that price is known."""
        cached = self.input if self.cached is None else self.cached
        fresh = (input_tokens - cached_tokens) * self.input + cached_tokens * cached
        return (fresh + output_tokens * self.output) / _MILLION

    def batch_cost(self, input_tokens: float, output_tokens: float) -> float | None:
        """Dollars in batch mode; None if its price is not known."""
        if self.batch_input is None or self.batch_output is None:
            return None
        return (input_tokens * self.batch_input + output_tokens * self.batch_output) / _MILLION

    def on(self, day: date) -> Price:
        """The price of that day: the introductory one, or what follows it."""
        if self.until is None or self.then is None:
            return self
        if day > self.until:
            note = f"since {self.until + timedelta(days=1)}, after an introductory price"
            return replace(self, **dict(self.then), until=None, then=None, note=self.note or note)  # type: ignore[arg-type]
        then = f"then ${self.then['input']:.2f} in, ${self.then['output']:.2f} out"
        return replace(self, note=self.note or f"introductory until {self.until}, {then}")


@dataclass(frozen=True, slots=True)
class NoPrice:
    """A model that has no price, and why; ``retires`` and ``replaced_by`` as for a `Price`."""

    model: str
    why: str
    retires: date | None = None
    replaced_by: str = ""
    thinking: int = UNKNOWN_THINKING


def load_prices(path: Path = PRICES, *, day: date | None = None) -> dict[str, Price | NoPrice]:
    """All prices of the file, by model, as they are on a day; None: as the file holds them. Raises `UsageError`."""
    tables = read_toml(path, expected="prices")
    prices = {model: _price(f"{path.name}: [{model}]", model, table) for model, table in tables.items()}
    if day is None:
        return prices
    return {model: one.on(day) if isinstance(one, Price) else one for model, one in prices.items()}


def plain_name(model: str) -> str:
    """A model's name without the resource path before it and the ``@version`` behind it."""
    return _PREFIX.sub("", model.strip()).partition("@")[0]


def find_price(prices: Mapping[str, Price | NoPrice], model_version: str) -> Price | NoPrice:
    """The price of a model version: its own, or that of the model it is a numbered or dated version of (``-001``)."""
    name = plain_name(model_version)
    found = prices.get(name) or prices.get(_VERSION.sub("", name))
    return found or NoPrice(model_version, "prices.toml holds no price for it")


def retirement_notes(prices: Mapping[str, Price | NoPrice], models: Mapping[str, str], *, day: date) -> list[str]:
    """A line for each model that is retired on that day or will be within 30 days; ``models`` by variant."""
    notes = []
    for model in dict.fromkeys(models.values()):
        found = find_price(prices, model)
        if found.retires is None or found.retires > day + _NOTICE:
            continue
        variants = ", ".join(variant for variant, its in models.items() if its == model)
        verb = "is retired since" if found.retires <= day else "retires on"
        instead = f"; Google names {found.replaced_by} as its replacement" if found.replaced_by else ""
        notes.append(f"{variants}: {plain_name(model)} {verb} {found.retires}{instead}")
    return notes


def _price(where: str, model: str, table: Any) -> Price | NoPrice:
    if isinstance(table, dict) and "none" in table:
        _check(where, table, needed=("none",), others=("retires", "replaced_by"))
        return NoPrice(model, why=table["none"], **{key: value for key, value in table.items() if key != "none"})
    needed = ("input", "output", "source", "checked")
    _check(where, table, needed=needed, others=[name for name in Price.__slots__ if name not in (*needed, "model")])
    if ("until" in table) != ("then" in table):
        raise UsageError(f"{where}: 'until' and 'then' go together: an introductory price and what follows it")
    if "then" in table:
        _check(f"{where} then", table["then"], needed=("input", "output"), others=_RATES[2:])
    return Price(model, **table)


def _check(where: str, table: Any, *, needed: Sequence[str], others: Sequence[str]) -> None:
    """Raise `UsageError` unless the table has these keys, each with a value of its kind."""
    if not isinstance(table, dict) or not set(needed) <= set(table) <= {*needed, *others}:
        got = sorted(table) if isinstance(table, dict) else repr(table)
        known = f"{', '.join(needed)} and maybe {', '.join(others)}"
        raise UsageError(f"{where}: expected {known}, or 'none' with the reason; got {got}")
    for key, value in table.items():
        if key in _DATES:  # a datetime is a date too, and is not comparable to one
            what, fits = "a day, such as 2026-10-07", type(value) is date
        elif key in _RATES or key == "thinking":
            what = "tokens per answer" if key == "thinking" else "dollars per million tokens"
            fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 10_000
        else:
            what, fits = "a text", key == "then" or (isinstance(value, str) and bool(value.strip()))
        if not fits:
            raise UsageError(f"{where}: expected {key!r} to be {what}, got {value!r}")
