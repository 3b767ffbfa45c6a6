"""Tokens, savings and cost of a run's page, from tokens.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._util.numbers import dollars, in_unit, number, percent, span
from ..._util.wording import plural
from ...results.run_folder import RunFolder, interval_95
from .blocks import (
    ACCURACY,
    Block,
    Chart,
    Column,
    Link,
    Listed,
    Plot,
    Point,
    Section,
    Table,
    Text,
    count,
    of,
    round_axis,
    spread_names,
    table,
)

#: Parts of the input and the output; shown if any are there.
_PARTS = {"thinking": "thinking", "cached": "cached input", "tool_use": "tool-use input"}


def token_section(run: RunFolder) -> Section:
    """What each variant needs, saves and costs."""
    title = "Tokens and cost"
    if run.tokens is None:
        return Section("tokens", title, title, [Text("This folder holds no tokens.json of this run.")])
    variants, units = run.tokens["variants"], plural(run.unit)
    parts = [kind for kind in _PARTS if any(one.get(kind, {}).get("mean") for one in variants.values())]
    blocks: list[Block] = [_bars(kind, variants, run.unit) for kind in ("input", "output", *parts)]
    if savings := run.tokens["savings"]:
        blocks += [Text(f"Savings, paired by {run.unit}", "h3"), _savings(savings, run.unit)]
    else:
        blocks.append(Text("No variant saves tokens over another."))
    if counts := run.exhibits.get("token_counts"):
        blocks += [Text("Counted before asking", "h3"), _counts(counts, units)]
    timed = [{"variant": name, **score["latency"]} for name, score in run.scores.items() if score.get("latency")]
    if timed:
        columns: list[Column] = [("variant", of("variant")), ("live calls", of("n", count))]
        columns += [(part, of(f"{part}_ms", lambda ms: in_unit(ms, "ms"))) for part in ("p50", "p95")]
        caption = "how long the service took for an answer; p50, p95: half of the answers, 95% of them, took no longer"
        blocks += [Text("Latency", "h3"), table("latency", columns, timed, caption)]
    blocks.append(Text("Cost", "h3"))
    costs = [{"variant": name, **one["cost"]} for name, one in variants.items()]
    if priced := [one for one in costs if one["price"]]:
        each = [(one["variant"], one["usd_per_1000_posts"]) for one in priced]
        blocks += [
            Chart(
                f"Cost of 1,000 {units}",
                [Point(dollars(usd), usd, name=name) for name, usd in each],
                round_axis(max(usd or 0.0 for _, usd in each), prefix="$"),
                f"US$ for 1,000 {units} at list prices, thinking included.",
                "bars",
            ),
            _cost_table(priced, units, run.tokens.get("n_posts_of_the_whole_set")),
        ]
    unpriced: dict[tuple[str, str], list[str]] = {}
    for one in costs:
        if not one["price"]:
            unpriced.setdefault((one["why"], one["model"] or "nobody answered"), []).append(one["variant"])
    if unpriced:
        lines = [f"{', '.join(names)}: no price: {why} ({model})" for (why, model), names in unpriced.items()]
        blocks.append(Listed(lines))
    return Section("tokens", title, title, blocks)


def accuracy_by_cost(run: RunFolder) -> Plot | None:
    """Each variant by what 1,000 posts cost and how many of them it gets right; None if there are not two to compare.

    If nothing has a price, mean tokens per post stand for it.
    """
    costs, priced = run.costs, any(run.cost_per_1000(name) is not None for name in run.scores)
    dominated = run.dominated
    drawn = [
        Point(
            f"{name}: {percent(score['accuracy'])} at {dollars(cost) if priced else f'{number(cost)} tokens'}",
            score["accuracy"],
            interval_95(score),
            name,
            cost,
            is_hollow=name in dominated,
        )
        for name, score in run.scores.items()
        if "+" not in name and (cost := costs.get(name)) is not None and score["accuracy"] is not None
    ]
    if len(drawn) < 2:
        return None
    name = f"US$ for 1,000 {plural(run.unit)}" if priced else f"tokens per {run.unit}, in and out"
    x = round_axis(max(point.x for point in drawn), name, prefix="$" if priced else "")
    caption = (
        "Each variant by what it costs and how often it is right; vertical lines: 95% intervals. "
        "Better is up and to the left."
        f"{' Ring: dominated, as another is at least as accurate and costs no more.' if dominated else ''}"
    )
    said = "; ".join(point.text for point in drawn)
    named = spread_names(drawn, x, ACCURACY)
    return Plot(f"Accuracy against {name}", named, x, ACCURACY, caption, "scatter", said=said)


def _bars(kind: str, variants: Mapping[str, Any], unit: str) -> Chart:
    rows = []
    for name, one in variants.items():
        mean, (low, high) = one[kind]["mean"], one[kind]["ci_95"]
        interval = "" if low is None else f" {span((low, high), number)}"
        rows.append(Point(f"{number(mean)}{interval}", mean, (low, high), name))
    more = {
        "input": ", from the usage metadata of every case, with 95% t-intervals. "
        f"{plural(unit).capitalize()} differ in length, which widens these; "
        "the paired savings below do not suffer from it.",
        "output": ", likewise; they include thinking.",
        "thinking": ", likewise; part of the output.",
    }.get(kind, ", likewise; part of the input.")
    axis = round_axis(max((row.interval[1] or row.value or 0.0 for row in rows), default=0.0))
    title = f"Mean {_PARTS.get(kind, kind)} tokens per {unit}"
    return Chart(title, rows, axis, title + more, "bars", "a" if kind == "input" else "b")


def _savings(savings: list[Mapping[str, Any]], unit: str) -> Table:
    columns: list[Column] = [
        ("saving of", lambda one: f"{one['frugal']} over {one['other']}"),
        ("tokens", of("kind")),
        (f"per {unit}", lambda one: number(one["saved"]["mean"])),
        ("95% interval", lambda one: span(one["saved"]["ci_95"], number)),
        ("share", of("share", percent)),
        ("n", lambda one: count(one["saved"]["n"])),
    ]
    return table("savings", columns, savings, "share: of the tokens that the other needs", left=2)


def _counts(found: Mapping[str, Any], units: str) -> Table:
    columns: list[Column] = [
        ("variant", of("variant")),
        (units, of("n", count)),
        ("countTokens", of("counted", number)),
        ("used", of("used", number)),
        (
            "beyond the contents, each",
            lambda one: " to ".join(dict.fromkeys((count(one["least_beyond"]), count(one["most_beyond"])))),
        ),
    ]
    caption = (
        f"countTokens of the contents alone against promptTokenCount of the whole request, means over a sample of "
        f"{units}; beyond: instruction and schema"
    )
    return table("counted tokens", columns, found["variants"], caption)


def _cost_table(priced: list[dict[str, Any]], units: str, n_whole_set: int | None) -> Table:
    def rate(one: Mapping[str, Any]) -> Link:
        price = one["price"]
        into, out = (_price(price["usd_per_million"][kind]) for kind in ("input", "output"))
        note = f"; {price['note']}" if price["note"] else ""
        before = f"{price['model']}: {into} in, {out} out"
        return Link("source", price["source"], before, f", {price['checked']}{note}")

    columns: list[Column] = [
        ("variant", of("variant")),
        ("per million tokens", rate),
        (f"1,000 {units}", of("usd_per_1000_posts", dollars)),
        ("in batch mode", of("usd_per_1000_posts_batch", dollars)),
        (f"whole test set ({n_whole_set:,})" if n_whole_set else "whole test set", of("usd_whole_set", dollars)),
    ]
    return table(
        "cost", columns, priced, "mean tokens per text times the list price; tuning itself is not in it", left=2
    )


def _price(value: float) -> str:
    return f"${value:.2f}" if round(value, 2) == value else f"${value:g}"
