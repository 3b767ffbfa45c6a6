"""The expected and the actual cost of a recording: prices and tokens in, dollars and sentences out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime

from .._util.wording import count_of
from ..client.answers import Usage
from ..recording.paying import tokens_spent
from ..records import Case
from ..running.run_config import RunConfig
from .prices import NoPrice, Price, find_price, load_prices, retirement_notes


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

    def spent(
        self, answered: Mapping[str, Usage], *, n_answers: int, expected: float | None, n_uncounted: int = 0
    ) -> str:
        """One line: the tokens of the answers, by the model versions that gave them, and what these cost.

        ``n_uncounted``: answers whose tokens the service did not count.
        """
        total = {
            name: sum(getattr(one, f"{name}_tokens") for one in answered.values())
            for name in ("input", "output", "thinking", "cached")
        }
        parts = f", {total['cached']:,} of them cached" if total["cached"] else ""
        thinking = f", {total['thinking']:,} of them thinking" if total["thinking"] else ""
        tokens = f"{n_answers:,} answers took {total['input']:,} tokens in{parts} and {total['output']:,} out{thinking}"
        costs = {version: self.cost_of(version, one) for version, one in answered.items()}
        unknown = [version for version, cost in costs.items() if cost is None]
        if unknown:
            return f"{tokens}; cost: no price is known for {', '.join(unknown)}"
        cost = f"cost: {dollars(sum(cost or 0.0 for cost in costs.values()))}"
        if n_uncounted:
            known = cost.replace("cost: ", "cost: at least ") if total["input"] else "cost: not known"
            cost = f"{known}, as the service counted no tokens of {count_of(n_uncounted, 'answer')}"
        return f"{tokens}; {cost}" + ("" if expected is None else f", the forecast was about {dollars(expected)}")

    def cost_of(self, version: str, one: Usage) -> float | None:
        """Dollars of these tokens; None if the model has no price."""
        price = find_price(self._prices, version)
        if isinstance(price, NoPrice):
            return None
        if self._batch:
            return price.batch_cost(one.input_tokens, one.output_tokens)
        return price.cost(one.input_tokens, one.output_tokens, cached_tokens=one.cached_tokens)


def todays_prices(setup: RunConfig, *, batch: bool = False) -> PriceList:
    """The prices of today, for a recording of this setup."""
    return PriceList(load_prices(day=today()), batch=batch)


def spent_line(
    setup: RunConfig, cases: Iterable[Case], prices: PriceList, *, expected: float | None, since: datetime
) -> str:
    """What the answers to these cases cost that were recorded from ``since`` on, beside what was expected."""
    answered, n_answers, n_uncounted = tokens_spent(setup, cases, since=since)
    return prices.spent(answered, n_answers=n_answers, expected=expected, n_uncounted=n_uncounted)


def retiring(models: Mapping[str, str]) -> list[str]:
    """A line for each model that is retired today or will be within 30 days; ``models`` by variant."""
    return retirement_notes(load_prices(), models, day=today())


def today() -> date:
    """The day by which prices and retirements are read; one place, so that tests can set it."""
    return datetime.now(UTC).date()


def dollars(value: float) -> str:
    """``12.50 USD``; four digits below a dollar, so that cents do not hide a small sum."""
    return f"{value:,.2f} USD" if value >= 1 else f"{value:.4f} USD"
