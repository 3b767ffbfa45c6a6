"""prices.toml in, `Price` records out; prices and tokens in, dollars and sentences out.

A price has its source and date. An unknown value is None, never 0.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._util.files import read_toml
from .._util.wording import count_of
from ..client.answers import Usage, add_usage
from ..errors import UsageError

if TYPE_CHECKING:
    from ..recording.paying import Spent

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


class PriceList:
    """The prices of one day, in batch mode or not, as a forecast asks for them."""

    def __init__(self, prices: Mapping[str, Price | NoPrice], *, batch: bool = False) -> None:
        self._prices = prices
        self._batch = batch

    def cost(self, model: str, input_tokens: int, output_tokens: int) -> float | None:
        """Dollars; None if the model has no price, or none in batch mode."""
        return self.cost_of(model, Usage(input_tokens, output_tokens))

    def thinking(self, model: str) -> int:
        """Tokens of thinking to expect per short answer."""
        return find_price(self._prices, model).thinking

    def spent(self, on: Spent, *, expected: float | None) -> str:
        """One line: the tokens of the answers, and what these cost, beside what was expected."""
        total = add_usage(on.by_version.values())
        parts = f", {total.cached_tokens:,} of them cached" if total.cached_tokens else ""
        thinking = f", {total.thinking_tokens:,} of them thinking" if total.thinking_tokens else ""
        taken = f"{total.input_tokens:,} tokens in{parts} and {total.output_tokens:,} out{thinking}"
        tokens = f"{on.n_answers:,} answers took {taken}"
        costs = {version: self.cost_of(version, one) for version, one in on.by_version.items()}
        unknown = [version for version, cost in costs.items() if cost is None]
        if unknown:
            return f"{tokens}; cost: no price is known for {', '.join(unknown)}"
        cost = f"cost: {dollars(sum(cost or 0.0 for cost in costs.values()))}"
        if on.n_uncounted:
            known = cost.replace("cost: ", "cost: at least ") if total.input_tokens else "cost: not known"
            cost = f"{known}, as the service counted no tokens of {count_of(on.n_uncounted, 'answer')}"
        return f"{tokens}; {cost}" + ("" if expected is None else f", the forecast was about {dollars(expected)}")

    def cost_of(self, version: str, one: Usage) -> float | None:
        """Dollars of these tokens; None if the model has no price."""
        price = find_price(self._prices, version)
        if isinstance(price, NoPrice):
            return None
        if self._batch:
            return price.batch_cost(one.input_tokens, one.output_tokens)
        return price.cost(one.input_tokens, one.output_tokens, cached_tokens=one.cached_tokens)


def todays_prices(*, batch: bool = False) -> PriceList:
    """The prices of today."""
    return PriceList(load_prices(day=today()), batch=batch)


def retiring(models: Mapping[str, str]) -> list[str]:
    """A line for each model that is retired today or will be within 30 days; ``models`` by variant."""
    return retirement_notes(load_prices(), models, day=today())


def today() -> date:
    """The day by which prices and retirements are read; one place, so that tests can set it."""
    return datetime.now(UTC).date()


def dollars(value: float) -> str:
    """``12.50 USD``; four digits below a dollar, so that cents do not hide a small sum."""
    return f"{value:,.2f} USD" if value >= 1 else f"{value:.4f} USD"


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
