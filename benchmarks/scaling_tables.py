"""The figures of `scaling.py` in, lines of text out; computes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from newsgauge.report.terminal import table_lines
from newsgauge.scoring.prices import NoPrice, Price


def lines_of(figures: Mapping[str, Any], quotas: Mapping[str, Any], prices: Mapping[str, Price | NoPrice]) -> list[str]:
    measured = figures["measured"]
    n_variants = len(measured["variants"])
    return [
        f"measured: {measured['corpus']}, {measured['backend']} backend, {measured['posts']:,} posts x {n_variants} "
        f"variants, plan {measured['plan']}",
        f"answered by {', '.join(measured['model_versions'])}",
        f"computed: {figures['posts']:,} posts x {n_variants} variants = {figures['calls']:,} calls",
        *_tokens(figures),
        *_money(figures, prices),
        *_time(figures, quotas),
        *_cassettes(figures),
        *_github(figures, quotas),
        *_results(figures),
        "",
        _replay(figures["replay"]),
    ]


def _tokens(figures: Mapping[str, Any]) -> list[str]:
    measured = figures["measured"]
    shared = measured["shared_input_tokens"]
    rows = [
        (
            name,
            f"{shared[name]:,}" if name in shared else "",
            _interval(of, 1e6, 1),
            _interval(figures["output_tokens"][name], 1e6, 1),
        )
        for name, of in figures["input_tokens"].items()
    ]
    whose = "counted by the embedded model" if measured["backend"] == "embedded" else "counted by the service"
    head = ("variant", "shared a call", "million tokens in", "million tokens out")
    return _table(f"Tokens, {whose}, with 95% prediction intervals", [head, *rows])


def _money(figures: Mapping[str, Any], prices: Mapping[str, Price | NoPrice]) -> list[str]:
    rows = [("model", "interactive", "shared part cached", "batch", "price of")]
    sources = set()
    # A model that got its price after the figures were computed is not in them.
    own = [model for model, price in prices.items() if isinstance(price, NoPrice) and not price.retires]
    for model in [*figures["usd"], *own]:
        price = prices[model]
        if isinstance(price, NoPrice):
            rows.append((model, "no price", "no price", "no price", ""))
            continue
        of = figures["usd"][model]
        sources.add(price.source)
        checked = f"{price.checked}"
        rows.append((model, "$" + _interval(of["interactive"]), _usd(of["cached"]), _usd(of["batch"]), checked))
    return [*_table("Money, all variants asking that model", rows), f"source: {', '.join(sorted(sources))}"]


def _time(figures: Mapping[str, Any], quotas: Mapping[str, Any]) -> list[str]:
    gemini, last = quotas["gemini"], quotas["last_published"]
    rows = [("quotas", "one by one", "held up by", "posts/day", "batches", "posts/day", "faster below", "cap")]
    for name, of in figures["time"]["by_quota"].items():
        slowest, hours = max(of["hours_by_limit"].items(), key=lambda item: item[1])
        batch = ("unknown", "", "")
        if "batch_rounds" in of:
            rpm = f"{of['batch_faster_below_rpm']:,.0f} rpm"
            batch = (f"{of['batch_rounds']:,} x 24 h", f"{of['batch_posts_a_day']:,}", rpm)
        cap = _usd(gemini["tiers"][name]["cap_usd"]) if name in gemini["tiers"] else ""
        rows.append((name, _hours(hours), slowest, f"{of['posts_a_day']:,}", *batch, cap))
    return [
        *_table(f"Time, all variants asking {figures['time']['model']}", rows),
        f"dollars in 10 minutes, queued tokens, cap: {gemini['source']} as of {gemini['checked']}",
        f"requests and tokens a minute: of {last['model']} in {last['seen']} of that page; newer ones give none",
    ]


def _cassettes(figures: Mapping[str, Any]) -> list[str]:
    each, at_n = figures["measured"]["cassettes"], figures["cassette_bytes"]
    n_variants = len(each["bytes_a_line"])
    rows = [
        ("cassette", "bytes a line", f"at {figures['posts']:,} posts"),
        *((name, f"{of:,.0f}", _size(at_n[name])) for name, of in each["bytes_a_line"].items()),
        ("all", f"{sum(each['bytes_a_line'].values()) / n_variants:,.0f}", _size(at_n["all"])),
        ("packed by git", f"{each['packed']:,.0f}", _size(at_n["packed"])),
        ("packed without deltas", f"{each['packed_without_deltas']:,.0f}", _size(at_n["packed_without_deltas"])),
    ]
    if each["added_by_a_second_recording"] is not None:
        rows.append(("added when recorded anew", f"{each['added_by_a_second_recording']:,.0f}", _size(at_n["added"])))
    quarter = each["packed_without_deltas_in_a_quarter"]
    return [
        *_table("Cassettes", rows),
        f"git makes no deltas of files above 512 MiB; without them, in a quarter of the lines: {quarter:,.0f} a line",
    ]


def _github(figures: Mapping[str, Any], quotas: Mapping[str, Any]) -> list[str]:
    each = figures["measured"]["cassettes"]["bytes_a_line"]
    of = {"file": f"{max(each, key=each.__getitem__)}.jsonl", "pack": "all, packed without deltas"}
    rows = [("limit at GitHub", "bytes", "posts within", "of")]
    rows += [(one["limit"], _size(one["bytes"]), f"{one['posts']:,}", of[one["of"]]) for one in figures["github"]]
    return [*_table("Git", rows), f"GitHub's docs, {quotas['github']['seen']}: see quotas.toml"]


def _results(figures: Mapping[str, Any]) -> list[str]:
    left = figures["measured"]["results_bytes"]
    rows = [("file", "measured", f"at {figures['posts']:,} posts")]
    rows += [(name, _size(left[name]), _size(at_n)) for name, at_n in figures["results_bytes"].items()]
    return _table("Results", rows)


def _replay(replay: Mapping[str, Any] | None) -> str:
    if replay is None:
        return "Replay: not measured; run benchmarks/replay.py"
    return (
        f"Replay: {replay['ms_a_case']:.2f} ms a case, {replay['cpu_hours']:,.1f} h of CPU, gates alone "
        f"{replay['gates_alone_cpu_hours']:,.1f} h; {replay['shards']:,} shards of at most "
        f"{replay['cases_a_shard']:,} cases, {replay['memory_mb_a_shard']:,} MB each"
    )


def _table(title: str, rows: Sequence[tuple[str, ...]]) -> list[str]:
    return ["", title, *table_lines(rows, left={0})]


def _interval(of: Mapping[str, float | None], unit: float = 1.0, digits: int = 0) -> str:
    def shown(value: float | None) -> str:
        return "?" if value is None else f"{value / unit:,.{digits}f}"

    return f"{shown(of['value'])} [{shown(of['low'])}, {shown(of['high'])}]"


def _usd(value: float | None) -> str:
    return "no price" if value is None else f"${value:,.0f}"


def _hours(hours: float) -> str:
    return f"{hours:,.1f} h" if hours < 48 else f"{hours / 24:,.1f} days"


def _size(number: float) -> str:
    for unit in ("B", "kB", "MB"):
        if number < 1000:
            return f"{number:,.0f} {unit}"
        number /= 1000
    return f"{number:,.2f} GB"
