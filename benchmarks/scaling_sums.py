"""The arithmetic of `scaling.py`: what was measured on some posts in, what N posts take out. Pure.

All of it is linear in the number of posts, but for the intervals and the rounds of the Batch API.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from newsgauge.cli.commands.record import REQUESTS_A_JOB
from newsgauge.scoring.prices import NoPrice, Price
from newsgauge.scoring.tokens import Mean, mean_with_interval

#: By variant one count a post, posts in the same order.
Tokens = Mapping[str, Sequence[int]]

BATCH_TURNAROUND_H = 24.0


@dataclass(frozen=True)
class Quota:
    """Limits of an account on one model, ``enqueued`` tokens of batches; None: there is none, or it is not known."""

    rpm: float | None = None
    tpm: float | None = None
    rpd: float | None = None
    usd_per_10_min: float | None = None
    enqueued: float | None = None


def total(mean: Mean, n_posts: int) -> dict[str, float | None]:
    """The sum over ``n_posts`` further posts of the same kind, with its 95% prediction interval.

    The mean's interval says how well the mean is known. That of a new sum is wider by sqrt(1 + n/N), as the new posts
    vary too (Hahn and Meeker, Statistical Intervals, 1991, section 4.4).
    """
    half = (mean.high - mean.value) * math.sqrt(1 + mean.n / n_posts)
    values = {"value": mean.value, "low": mean.value - half, "high": mean.value + half}
    return {key: None if math.isnan(value) else n_posts * value for key, value in values.items()}


def of_all(tokens: Tokens) -> list[int]:
    """One count a post: that of all variants."""
    return [sum(counts) for counts in zip(*tokens.values(), strict=True)]


def totals(tokens: Tokens, n_posts: int) -> dict[str, dict[str, float | None]]:
    """`total` by variant, and of ``all``. The latter's interval is no sum: a long post is long for every variant."""
    return {name: total(mean_with_interval(of), n_posts) for name, of in {**tokens, "all": of_all(tokens)}.items()}


def shared_tokens(inputs: Tokens) -> dict[str, int]:
    """By variant, the input tokens that each of its requests shares with the others: all but the post.

    The most frugal variant is assumed to send the post alone; if none does, the figure is an underestimate.
    """
    least = [min(counts) for counts in zip(*inputs.values(), strict=True)]
    return {name: min(count - floor for count, floor in zip(of, least, strict=True)) for name, of in inputs.items()}


def cached_cost(price: Price, input_tokens: float, cached_tokens: float, output_tokens: float) -> float | None:
    """Dollars where ``cached_tokens`` of the input are read from a cache; storing them there is not in it."""
    if price.cached is None:
        return None
    return price.cost(input_tokens - cached_tokens, output_tokens) + cached_tokens * price.cached / 1_000_000


def money(
    prices: Mapping[str, Price | NoPrice], inputs: Tokens, outputs: Tokens, n_posts: int
) -> dict[str, dict[str, Any]]:
    """Dollars of all variants, by model that has a price: interactive, with the shared part cached, batch."""
    each_in, each_out = of_all(inputs), of_all(outputs)
    mean_in, mean_out = mean_with_interval(each_in).value, mean_with_interval(each_out).value
    shared = sum(shared_tokens(inputs).values())
    found = {}
    for model, price in prices.items():
        if isinstance(price, NoPrice):
            continue
        dollars = mean_with_interval([price.cost(*pair) for pair in zip(each_in, each_out, strict=True)])
        cached = cached_cost(price, mean_in, shared, mean_out)
        batch = price.batch_cost(mean_in, mean_out)
        found[model] = {
            "interactive": total(dollars, n_posts),
            "cached": None if cached is None else n_posts * cached,
            "batch": None if batch is None else n_posts * batch,
        }
    return found


def hours_by_limit(calls: float, input_tokens: float, usd: float | None, quota: Quota) -> dict[str, float]:
    """How long each limit alone makes it last; the largest is the time. ``usd`` None: the price is not known."""
    hours = {}
    if quota.rpm is not None:
        hours["requests a minute"] = calls / quota.rpm / 60
    if quota.tpm is not None:
        hours["tokens a minute"] = input_tokens / quota.tpm / 60
    if quota.rpd is not None:
        hours["requests a day"] = calls / quota.rpd * 24
    if quota.usd_per_10_min is not None and usd is not None:
        hours["dollars in 10 minutes"] = usd / quota.usd_per_10_min / 6
    return hours


def batch_rounds(calls: int, input_tokens: float, *, enqueued: float, jobs_at_once: int) -> int:
    """How often the queue of the Batch API has to be filled: by its tokens or by its jobs, whichever is more."""
    return max(math.ceil(input_tokens / enqueued), math.ceil(calls / (jobs_at_once * REQUESTS_A_JOB)))


def times(
    quotas: Mapping[str, Any], model: str, own: Quota, n_posts: int, calls: int, input_tokens: float, usd: float | None
) -> dict[str, dict[str, Any]]:
    """By tier, and for quotas of one's ``own``: hours by limit, rounds of batches, posts a day on either road.

    All calls ask the one model. ``batch_posts_a_day`` is what is promised: the queue emptied once a day. Calls that
    come through one by one at fewer than ``batch_faster_below_rpm`` a minute take longer than that.
    """
    gemini, last = quotas["gemini"], quotas["last_published"]
    asked = {} if own == Quota() else {"yours": own}
    for name, tier in gemini["tiers"].items():
        asked[name] = Quota(
            **last["tiers"][name], usd_per_10_min=tier["usd_per_10_min"], enqueued=tier["enqueued"].get(model)
        )
    found: dict[str, dict[str, Any]] = {}
    for name, quota in asked.items():
        hours = hours_by_limit(calls, input_tokens, usd, quota)
        found[name] = {"hours_by_limit": hours, "posts_a_day": math.floor(n_posts * 24 / max(hours.values()))}
        if quota.enqueued is not None:
            at_once = gemini["batch_jobs_at_once"]
            rounds = batch_rounds(calls, input_tokens, enqueued=quota.enqueued, jobs_at_once=at_once)
            by_tokens, by_jobs = n_posts * quota.enqueued / input_tokens, n_posts * at_once * REQUESTS_A_JOB / calls
            batch_posts = math.floor(min(by_tokens, by_jobs))
            found[name] |= {
                "batch_rounds": rounds,
                "batch_hours_at_most": rounds * BATCH_TURNAROUND_H,
                "batch_posts_a_day": batch_posts,
                "batch_faster_below_rpm": batch_posts * calls / n_posts / (24 * 60),
            }
    return found


def cassette_bytes(cassettes: Mapping[str, Any], n_posts: int) -> dict[str, float | None]:
    """By variant and together; packed by git with and without deltas; what is ``added`` when all is recorded anew."""
    each = cassettes["bytes_a_line"]
    lines, added = n_posts * len(each), cassettes["added_by_a_second_recording"]
    return {
        **{variant: n_posts * of for variant, of in each.items()},
        "all": n_posts * sum(each.values()),
        "packed": lines * cassettes["packed"],
        "packed_without_deltas": lines * cassettes["packed_without_deltas"],
        "added": None if added is None else lines * added,
    }


def github(limits: Sequence[Mapping[str, Any]], cassettes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The most posts within each limit: of the file with the longest lines, or of all, packed without deltas.

    git makes no deltas of files above 512 MiB, which is where repositories of this kind meet a limit.
    """
    each = cassettes["bytes_a_line"]
    a_post = {"file": max(each.values()), "pack": len(each) * cassettes["packed_without_deltas"]}
    return [{**limit, "posts": math.floor(limit["bytes"] / a_post[limit["of"]])} for limit in limits]


def replay(measured: Mapping[str, Any], calls: int) -> dict[str, Any]:
    """CPU hours of a replay and of its gates alone, and in how many shards none is larger than what was measured."""
    cpu_h = calls * measured["replay_ms_a_case"] / 3_600_000
    return {
        "ms_a_case": measured["replay_ms_a_case"],
        "cpu_hours": cpu_h,
        "gates_alone_cpu_hours": cpu_h * measured["gates_alone_over_replay"],
        "cases_a_shard": measured["cases"],
        "shards": math.ceil(calls / measured["cases"]),
        "memory_mb_a_shard": measured["peak_memory_mb"]["serial"],
    }
