"""Tokens, savings and cost of a run's page: tokens.json as read in, markup out. Computes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from ...results.run_folder import RunFolder
from ..summary import dollars
from .markup import figure, number, percent, section, table
from .svg import Row, bars, round_ticks


def tokens(run: RunFolder) -> str:
    """Bars of input and output tokens a post, paired savings, and what it costs."""
    if run.tokens is None:
        return section("tokens", "Tokens and cost", "<p>This folder holds no tokens.json of this run.</p>")
    variants = run.tokens["variants"]
    return section(
        "tokens",
        "Tokens and cost",
        _bars("input", "a", variants),
        _bars("output", "b", variants),
        _savings(run.tokens["savings"]),
        _counts(run.exhibits.get("token_counts")),
        "<h3>Cost</h3>",
        _cost(variants, run.tokens.get("n_posts_of_the_whole_set")),
    )


def _bars(kind: str, colour: str, variants: Mapping[str, Any]) -> str:
    rows = []
    for name, one in variants.items():
        mean, (low, high) = one[kind]["mean"], one[kind]["ci_95"]
        interval = "" if low is None else f" [{number(low)}, {number(high)}]"
        rows.append(Row(name, mean, low, high, f"{number(mean)}{interval}", colour))
    end, ticks = round_ticks(max((row.high or row.value or 0.0 for row in rows), default=0.0))
    label = f"Mean {kind} tokens a post: " + "; ".join(f"{row.name} {row.text}" for row in rows)
    return figure(
        bars(rows, high=end, ticks=ticks, label=label),
        f"Mean {kind} tokens a post, from the usage metadata of every case, with 95% t-intervals. Posts "
        "differ in length, which widens these; the paired savings below are not blurred by that."
        if kind == "input"
        else f"Mean {kind} tokens a post, likewise.",
    )


def _savings(savings: list[Mapping[str, Any]]) -> str:
    if not savings:
        return "<p>No variant saves tokens over another.</p>"
    rows = [
        (
            f"{escape(one['frugal'])} over {escape(one['other'])}",
            escape(one["kind"]),
            number(one["saved"]["mean"]),
            f"[{number(one['saved']['ci_95'][0])}, {number(one['saved']['ci_95'][1])}]",
            percent(one["share"]),
            f"{one['saved']['n']:,}",
        )
        for one in savings
    ]
    head = ("saving of", "tokens", "a post", "95% interval", "share", "n")
    return "<h3>Savings, paired by post</h3>" + table(
        head, rows, left=2, caption="share: of the tokens that the other needs"
    )


def _counts(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return ""
    rows = [
        (
            escape(one["variant"]),
            f"{one['n']:,}",
            number(one["counted"]),
            number(one["used"]),
            f"{one['least_beyond']:,}"
            if one["least_beyond"] == one["most_beyond"]
            else f"{one['least_beyond']:,} to {one['most_beyond']:,}",
        )
        for one in found["variants"]
    ]
    head = ("variant", "posts", "countTokens", "used", "beyond the contents, each")
    caption = (
        "countTokens of the contents alone against promptTokenCount of the whole request, means over a sample of "
        "posts; beyond: instruction and schema"
    )
    return "<h3>Counted before asking</h3>" + table(head, rows, caption=caption)


def _cost(variants: Mapping[str, Any], n_whole_set: int | None) -> str:
    priced = {name: one for name, one in variants.items() if one["cost"]["price"]}
    unpriced: dict[tuple[str, str], list[str]] = {}
    for name, one in variants.items():
        if not one["cost"]["price"]:
            unpriced.setdefault((one["cost"]["why"], one["cost"]["model"] or "nobody answered"), []).append(name)
    notes = [
        f"<li>{escape(', '.join(names))}: no price: {escape(why)} ({escape(model)})</li>"
        for (why, model), names in unpriced.items()
    ]
    without = f'<ul class="plain">{"".join(notes)}</ul>' if notes else ""
    if not priced:
        return without
    rows = [
        Row(name, one["cost"]["usd_per_1000_posts"], None, None, dollars(one["cost"]["usd_per_1000_posts"]))
        for name, one in priced.items()
    ]
    end, ticks = round_ticks(max(row.value or 0.0 for row in rows), prefix="$")
    label = "Cost of 1,000 posts: " + "; ".join(f"{row.name} {row.text}" for row in rows)
    lines = []
    for name, one in priced.items():
        cost, price = one["cost"], one["cost"]["price"]
        each = price["usd_per_million"]
        note = f"; {escape(price['note'])}" if price["note"] else ""
        source = f'<a href="{escape(price["source"])}">source</a>, {price["checked"]}{note}'
        lines.append(
            (
                escape(name),
                f"{escape(price['model'])}: {_price(each['input'])} in, {_price(each['output'])} out<br>{source}",
                dollars(cost["usd_per_1000_posts"]),
                dollars(cost["usd_per_1000_posts_batch"]),
                dollars(cost["usd_whole_set"]),
            )
        )
    whole = f"whole test set ({n_whole_set:,})" if n_whole_set else "whole test set"
    head = ("variant", "per million tokens", "1,000 posts", "in batch mode", whole)
    return (
        figure(bars(rows, high=end, ticks=ticks, label=label), "US$ for 1,000 posts at list prices, nothing cached.")
        + table(head, lines, left=2, caption="mean tokens a post times the list price; tuning itself is not in it")
        + without
    )


def _price(value: float) -> str:
    return f"${value:.2f}" if round(value, 2) == value else f"${value:g}"
