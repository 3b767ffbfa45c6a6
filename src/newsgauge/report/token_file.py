"""tokens.json: what each variant asked and answered a post, what it saves and what it costs. Computes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .._util.files import write_json
from ..scoring.prices import NoPrice
from ..scoring.tokens import Cost, Mean, Saving, TokenUse

FORMAT = 1


def write_tokens(
    folder: Path,
    *,
    plan: str,
    made: dict[str, str],
    n_whole_set: int | None,
    uses: Iterable[TokenUse],
    savings: Iterable[Saving],
) -> None:
    """``made``: when and with which versions, as text; ``n_whole_set``: posts of the whole test set of these labels."""
    value = {
        "format": FORMAT,
        "plan": plan,
        "made": made,
        "n_posts_of_the_whole_set": n_whole_set,
        "variants": {
            one.variant: {
                **{name: _mean(getattr(one, name)) for name in ("input", "cached", "tool_use", "output", "thinking")},
                "model_versions": one.model_versions,
                "cost": _cost(one.cost),
            }
            for one in uses
        },
        "savings": [{**asdict(one), "saved": _mean(one.saved), "share": round(one.share, 6)} for one in savings],
    }
    write_json(folder / "tokens.json", value)


def _mean(mean: Mean) -> dict[str, Any]:
    return {"mean": round(mean.value, 6), "ci_95": [round(mean.low, 6), round(mean.high, 6)], "n": mean.n}


def _cost(cost: Cost | NoPrice) -> dict[str, Any]:
    if isinstance(cost, NoPrice):
        return {"price": None, "model": cost.model, "why": cost.why}
    price = cost.price
    rates = ("input", "output", "cached", "batch_input", "batch_output")
    costs = {
        "usd_per_1000_posts": cost.per_1000_posts,
        "usd_per_1000_posts_batch": cost.batch_per_1000_posts,
        "usd_whole_set": cost.whole_set,
    }
    return {
        "price": {
            "model": price.model,
            "usd_per_million": {name: getattr(price, name) for name in rates},
            "source": price.source,
            "checked": price.checked.isoformat(),
            "note": price.note,
        },
        **{name: None if value is None else round(value, 6) for name, value in costs.items()},
    }
