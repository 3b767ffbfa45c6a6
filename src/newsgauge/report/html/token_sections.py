"""Tokens, savings and cost of a run's page, from tokens.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._util.wording import plural
from ...results.run_folder import RunFolder, interval_95
from ..numbers import dollars, number, percent
from .charts import Axis, Chart, Plot, Point, Row, chart, round_ticks, scatter
from .curves import PERCENT_TICKS
from .tables import Link, Table

#: Parts of the input and the output; shown where any are there.
_PARTS = {"thinking": "thinking", "cached": "cached input", "tool_use": "tool-use input"}


def token_values(run: RunFolder) -> dict[str, Any] | None:
    """What the section shows; None where the folder holds no tokens of this run."""
    if run.tokens is None:
        return None
    variants = run.tokens["variants"]
    savings = run.tokens["savings"]
    counts = run.exhibits.get("token_counts")
    parts = [kind for kind in _PARTS if any(one.get(kind, {}).get("mean") for one in variants.values())]
    priced = {name: one for name, one in variants.items() if one["cost"]["price"]}
    return {
        "bars": [
            _bars(kind, "a" if kind == "input" else "b", variants, run.unit) for kind in ("input", "output", *parts)
        ],
        "savings": _savings(savings, run.unit) if savings else None,
        "counts": None if counts is None else _counts(counts, plural(run.unit)),
        "cost_chart": _cost_chart(priced, plural(run.unit)) if priced else None,
        "cost_table": _cost_table(priced, plural(run.unit), run.tokens.get("n_posts_of_the_whole_set"))
        if priced
        else None,
        "unpriced": _unpriced(variants),
    }


def cost_per_1000(run: RunFolder, variant: str) -> float | None:
    """US$ for 1,000 posts; None where there is no price."""
    found = {} if run.tokens is None else run.tokens["variants"].get(variant, {}).get("cost", {})
    value = found.get("usd_per_1000_posts")
    return None if value is None else float(value)


def tokens_per_post(run: RunFolder, variant: str) -> float | None:
    """Mean tokens, in and out; None where nothing was counted."""
    use = {} if run.tokens is None else run.tokens["variants"].get(variant, {})
    means: list[Any] = [use[kind]["mean"] for kind in ("input", "output")] if use else [None]
    return None if None in means else float(sum(means))


def accuracy_by_cost(run: RunFolder) -> Plot | None:
    """Each variant by what 1,000 posts cost and how many of them it gets right; None where none has a price.

    Where nothing has a price, mean tokens per post stand for it.
    """
    costs = {name: cost_per_1000(run, name) for name in run.scores}
    priced = any(value is not None for value in costs.values())
    if not priced:
        costs = {name: tokens_per_post(run, name) for name in run.scores}
    drawn = [
        Point(
            cost,
            score["accuracy"],
            f"{name}: {percent(score['accuracy'])} at {dollars(cost) if priced else f'{number(cost)} tokens'}",
            *interval_95(score),
            name,
        )
        for name, score in run.scores.items()
        if (cost := costs[name]) is not None and score["accuracy"] is not None
    ]
    if len(drawn) < 2:
        return None
    end, ticks = round_ticks(max(point.x for point in drawn), prefix="$" if priced else "")
    name = f"US$ for 1,000 {plural(run.unit)}" if priced else f"tokens per {run.unit}, in and out"
    return scatter(
        drawn,
        x=Axis(name, end, ticks),
        y=Axis("accuracy", 1, PERCENT_TICKS),
        label=f"Accuracy against {name}: " + "; ".join(point.text for point in drawn),
    )


def _bars(kind: str, colour: str, variants: Mapping[str, Any], unit: str) -> tuple[Chart, str]:
    rows = []
    for name, one in variants.items():
        mean, (low, high) = one[kind]["mean"], one[kind]["ci_95"]
        interval = "" if low is None else f" [{number(low)}, {number(high)}]"
        rows.append(Row(name, mean, low, high, f"{number(mean)}{interval}", colour))
    end, ticks = round_ticks(max((row.high or row.value or 0.0 for row in rows), default=0.0))
    name = _PARTS.get(kind, kind)
    label = f"Mean {name} tokens per {unit}: " + "; ".join(f"{row.name} {row.text}" for row in rows)
    more = (
        f", from the usage metadata of every case, with 95% t-intervals. {plural(unit).capitalize()} differ in length, "
        "which widens these; "
        "the paired savings below do not suffer from it."
        if kind == "input"
        else ", likewise; they include thinking."
        if kind == "output"
        else f", likewise; part of the {'output' if kind == 'thinking' else 'input'}."
    )
    return chart(rows, form="bars", high=end, ticks=ticks, label=label), f"Mean {name} tokens per {unit}{more}"


def _savings(savings: list[Mapping[str, Any]], unit: str) -> Table:
    rows = [
        (
            f"{one['frugal']} over {one['other']}",
            str(one["kind"]),
            number(one["saved"]["mean"]),
            f"[{number(one['saved']['ci_95'][0])}, {number(one['saved']['ci_95'][1])}]",
            percent(one["share"]),
            f"{one['saved']['n']:,}",
        )
        for one in savings
    ]
    head = ("saving of", "tokens", f"per {unit}", "95% interval", "share", "n")
    return Table("savings", head, rows, "share: of the tokens that the other needs", left=2)


def _counts(found: Mapping[str, Any], units: str) -> Table:
    rows = [
        (
            str(one["variant"]),
            f"{one['n']:,}",
            number(one["counted"]),
            number(one["used"]),
            f"{one['least_beyond']:,}"
            if one["least_beyond"] == one["most_beyond"]
            else f"{one['least_beyond']:,} to {one['most_beyond']:,}",
        )
        for one in found["variants"]
    ]
    head = ("variant", units, "countTokens", "used", "beyond the contents, each")
    caption = (
        f"countTokens of the contents alone against promptTokenCount of the whole request, means over a sample of "
        f"{units}; beyond: instruction and schema"
    )
    return Table("counted tokens", head, rows, caption)


def _unpriced(variants: Mapping[str, Any]) -> list[str]:
    """A line for each reason why variants have no price."""
    found: dict[tuple[str, str], list[str]] = {}
    for name, one in variants.items():
        if not one["cost"]["price"]:
            found.setdefault((one["cost"]["why"], one["cost"]["model"] or "nobody answered"), []).append(name)
    return [f"{', '.join(names)}: no price: {why} ({model})" for (why, model), names in found.items()]


def _cost_chart(priced: Mapping[str, Any], units: str) -> Chart:
    rows = [
        Row(name, one["cost"]["usd_per_1000_posts"], None, None, dollars(one["cost"]["usd_per_1000_posts"]))
        for name, one in priced.items()
    ]
    end, ticks = round_ticks(max(row.value or 0.0 for row in rows), prefix="$")
    label = f"Cost of 1,000 {units}: " + "; ".join(f"{row.name} {row.text}" for row in rows)
    return chart(rows, form="bars", high=end, ticks=ticks, label=label)


def _cost_table(priced: Mapping[str, Any], units: str, n_whole_set: int | None) -> Table:
    rows = []
    for name, one in priced.items():
        cost, price = one["cost"], one["cost"]["price"]
        each = price["usd_per_million"]
        rate = f"{price['model']}: {_price(each['input'])} in, {_price(each['output'])} out"
        note = f"; {price['note']}" if price["note"] else ""
        rows.append(
            (
                name,
                Link("source", price["source"], before=rate, after=f", {price['checked']}{note}"),
                dollars(cost["usd_per_1000_posts"]),
                dollars(cost["usd_per_1000_posts_batch"]),
                dollars(cost["usd_whole_set"]),
            )
        )
    whole = f"whole test set ({n_whole_set:,})" if n_whole_set else "whole test set"
    head = ("variant", "per million tokens", f"1,000 {units}", "in batch mode", whole)
    caption = "mean tokens per text times the list price; tuning itself is not in it"
    return Table("cost", head, rows, caption, left=2)


def _price(value: float) -> str:
    return f"${value:.2f}" if round(value, 2) == value else f"${value:g}"
