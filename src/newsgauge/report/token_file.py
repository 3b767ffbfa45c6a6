"""tokens.json: what each variant asked and answered a post, what it saves and what it costs. Computes nothing."""

from __future__ import annotations

import math
from collections.abc import Iterable
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
                "model_versions": list(one.model_versions),
                "cost": _cost(one.cost),
            }
            for one in uses
        },
        "savings": [
            {
                "kind": one.kind,
                "frugal": one.frugal,
                "other": one.other,
                "saved": _mean(one.saved),
                "share": _number(one.share),
            }
            for one in savings
        ],
    }
    write_json(folder / "tokens.json", value)


def _mean(mean: Mean) -> dict[str, Any]:
    return {"mean": _number(mean.value), "ci_95": [_number(mean.low), _number(mean.high)], "n": mean.n}


def _cost(cost: Cost | NoPrice) -> dict[str, Any]:
    if isinstance(cost, NoPrice):
        return {"price": None, "model": cost.model, "why": cost.why}
    price = cost.price
    return {
        "price": {
            "model": price.model,
            "usd_per_million": {
                "input": price.input,
                "output": price.output,
                "cached": price.cached,
                "batch_input": price.batch_input,
                "batch_output": price.batch_output,
            },
            "source": price.source,
            "checked": price.checked.isoformat(),
            "note": price.note,
        },
        "usd_per_1000_posts": _number(cost.per_1000_posts),
        "usd_per_1000_posts_batch": None if cost.batch_per_1000_posts is None else _number(cost.batch_per_1000_posts),
        "usd_whole_set": None if cost.whole_set is None else _number(cost.whole_set),
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 6)
