"""Results in, tokens and what they cost out. Pure: counts come from the usage metadata of every case.

Intervals are Student's t at 95%, over posts; a saving is paired by post, so that long posts do not count as a
difference between variants. Posts of one thread are taken as independent here: how long a text is does not depend on
whether its neighbour was answered rightly.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ..records import ESTIMATOR_VERSION, Result
from .prices import NoPrice, Price, find_price
from .stats.intervals import mean_interval

Kind = Literal["input", "output"]
_COUNTED = ("input", "cached", "tool_use", "output", "thinking")


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over ``n`` posts with its 95% interval; NaN if nothing can be said."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class Cost:
    """Dollars of one variant. ``batch`` and ``whole_set`` are None if price or size are not known."""

    price: Price
    per_1000_posts: float
    batch_per_1000_posts: float | None
    whole_set: float | None


@dataclass(frozen=True, slots=True)
class TokenUse:
    """What a variant asked and answered per post, and what that costs; ``NoPrice`` says why there is no cost.

    ``input`` includes ``cached`` and ``tool_use``, ``output`` includes ``thinking``.
    """

    variant: str
    input: Mean
    cached: Mean
    tool_use: Mean
    output: Mean
    thinking: Mean
    model_versions: tuple[str, ...]
    cost: Cost | NoPrice


@dataclass(frozen=True, slots=True)
class Saving:
    """Tokens a post that ``frugal`` needs less than ``other``; ``share`` of what the other needs."""

    kind: Kind
    frugal: str
    other: str
    saved: Mean
    share: float


def mean_with_interval(values: Sequence[float]) -> Mean:
    """Mean and two-sided 95% t-interval; of one value there is no interval, of none no mean."""
    return Mean(*mean_interval(values), len(values))


def token_use(
    results: Iterable[Result], variant: str, *, prices: Mapping[str, Price | NoPrice], n_whole_set: int | None = None
) -> TokenUse:
    """Means of one variant over its answered cases, and their cost; ``n_whole_set``: posts of the whole test set."""
    said = [one for result in results if result.variant == variant and (one := result.prediction) is not None]
    means = {name: mean_with_interval([getattr(one, f"{name}_tokens") for one in said]) for name in _COUNTED}
    versions = tuple(sorted({one.model_version for one in said}))
    n_uncounted = sum(one.is_uncounted for one in said)
    if n_uncounted:
        cost: Cost | NoPrice = NoPrice(
            ", ".join(versions), f"{n_uncounted:,} of {len(said):,} answers came without token counts"
        )
    else:
        cost = _cost(versions, {name: mean.value for name, mean in means.items()}, prices, n_whole_set)
    return TokenUse(variant, **means, model_versions=versions, cost=cost)


def saving(results: Iterable[Result], kind: Kind, frugal: str, other: str) -> Saving:
    """The paired saving over the posts that both variants answered; positive if ``frugal`` is."""
    counts: dict[str, dict[str, int]] = {frugal: {}, other: {}}
    for result in results:
        if result.variant in counts and result.prediction is not None:
            counts[result.variant][result.post_id] = getattr(result.prediction, f"{kind}_tokens")
    common = sorted(counts[frugal].keys() & counts[other].keys())
    saved = mean_with_interval([counts[other][post] - counts[frugal][post] for post in common])
    total = sum(counts[other][post] for post in common)
    return Saving(kind, frugal, other, saved, saved.value * len(common) / total if total else math.nan)


def savings(results: Sequence[Result], variants: Sequence[str]) -> list[Saving]:
    """Every pair of variants in which one saves input or output tokens, the largest share first."""
    found = [
        saving(results, kind, first, second)
        for kind in ("input", "output")
        for first in variants
        for second in variants
        if first != second
    ]
    return sorted((one for one in found if one.saved.value > 0), key=lambda one: (one.kind, -one.share))


def _cost(
    versions: tuple[str, ...],
    means: Mapping[str, float],
    prices: Mapping[str, Price | NoPrice],
    n_whole_set: int | None,
) -> Cost | NoPrice:
    if len(versions) != 1:
        why = "no answer yet" if not versions else "several models answered: there is no one price"
        return NoPrice(", ".join(versions), why)
    if versions[0].startswith(ESTIMATOR_VERSION):
        return NoPrice(versions[0], "no service is asked, nothing is paid")
    price = find_price(prices, versions[0])
    if isinstance(price, NoPrice):
        return price
    each = price.cost(means["input"], means["output"], cached_tokens=means["cached"])
    batch = price.batch_cost(means["input"], means["output"])
    return Cost(
        price,
        per_1000_posts=1000 * each,
        batch_per_1000_posts=None if batch is None else 1000 * batch,
        whole_set=None if n_whole_set is None else n_whole_set * each,
    )
