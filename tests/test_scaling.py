"""The arithmetic of benchmarks/scaling.py, on numbers small enough to check by hand."""

from __future__ import annotations

import importlib
import json
import math
import tomllib
from datetime import date
from pathlib import Path
from types import ModuleType

import pytest

from newsgauge.scoring.prices import NoPrice, Price, load_prices

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
PRICE = Price("m", 0.30, 2.50, "a page", date(2026, 10, 7), cached=0.03, batch_input=0.15, batch_output=1.25)
NO_BATCH = Price("n", 1.0, 0.0, "a page", date(2026, 10, 7))
QUOTAS = {
    "gemini": {
        "batch_jobs_at_once": 100,
        "tiers": {"Tier 1": {"usd_per_10_min": 10, "cap_usd": 250, "enqueued": {"m": 10_000_000}}},
    },
    "last_published": {"tiers": {"Tier 1": {"rpm": 4_000, "tpm": 4_000_000}}},
}
CASSETTES = {
    "bytes_a_line": {"system": 1_000.0, "labels": 2_000.0},
    "packed": 40.0,
    "packed_without_deltas": 50.0,
    "added_by_a_second_recording": None,
}


@pytest.fixture
def sums(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("scaling_sums")


def test_a_total_has_the_prediction_interval_of_a_new_sum(sums: ModuleType) -> None:
    # Mean 20, s = 10, t(0.975; 2) = 4.302653: 60 +- t s sqrt(N^2 (1/n + 1/N)) = 43.02653 sqrt(6) = 105.393
    found = sums.totals({"a": [10, 20, 30]}, 3)["a"]
    assert found == {
        "value": pytest.approx(60),
        "low": pytest.approx(60 - 105.393, abs=1e-3),
        "high": pytest.approx(60 + 105.393, abs=1e-3),
    }


def test_the_total_of_all_variants_adds_what_one_post_takes_in_each(sums: ModuleType) -> None:
    # By post 11, 22, 33: the interval is 1.1 times that of the first variant, not a root of squares.
    found = sums.totals({"a": [10, 20, 30], "b": [1, 2, 3]}, 3)
    assert found["all"]["value"] == pytest.approx(66)
    assert found["all"]["high"] - 66 == pytest.approx(1.1 * 105.393, abs=1e-3)


def test_of_one_post_there_is_a_total_and_no_interval(sums: ModuleType) -> None:
    assert sums.totals({"a": [7]}, 10)["a"] == {"value": 70, "low": None, "high": None}


def test_shared_tokens_are_what_a_variant_surely_sends_beyond_the_post(sums: ModuleType) -> None:
    assert sums.shared_tokens({"bare": [100, 50], "system": [148, 97]}) == {"bare": 0, "system": 47}


def test_only_the_shared_part_is_read_from_the_cache(sums: ModuleType) -> None:
    # 0.6 M at 0.30, 0.4 M at 0.03, 0.1 M out at 2.50
    assert sums.cached_cost(PRICE, 1e6, 4e5, 1e5) == pytest.approx(0.18 + 0.012 + 0.25)
    assert sums.cached_cost(NO_BATCH, 1e6, 4e5, 1e5) is None


def test_money_is_known_where_the_price_is(sums: ModuleType) -> None:
    prices = {"m": PRICE, "n": NO_BATCH, "own": NoPrice("own", "nobody sells it")}
    # A post: 100 + 300 tokens in, 20 + 20 out; 200 of them are shared. A million posts: 400 M in, 40 M out.
    found = sums.money(prices, {"a": [100, 100], "b": [300, 300]}, {"a": [20, 20], "b": [20, 20]}, 1_000_000)
    assert found.keys() == {"m", "n"}
    assert found["m"]["interactive"]["value"] == pytest.approx(120 + 100)
    assert found["m"]["cached"] == pytest.approx(60 + 6 + 100)
    assert found["m"]["batch"] == pytest.approx(60 + 50)
    assert found["n"] == {"interactive": dict.fromkeys(("value", "low", "high"), 400.0), "cached": None, "batch": None}


def test_each_limit_has_its_time(sums: ModuleType) -> None:
    found = sums.hours_by_limit(4_000_000, 1.9e9, 716.0, sums.Quota(4_000, 4_000_000, 10_000, 10))
    assert found == {
        "requests a minute": pytest.approx(1000 / 60),
        "tokens a minute": pytest.approx(475 / 60),
        "requests a day": pytest.approx(400 * 24),
        "dollars in 10 minutes": pytest.approx(716 / 60),
    }
    assert sums.hours_by_limit(60, 1.0, None, sums.Quota(rpm=1, usd_per_10_min=10)) == {"requests a minute": 1.0}


def test_batches_are_held_up_by_tokens_or_by_jobs(sums: ModuleType) -> None:
    assert sums.batch_rounds(4_000_000, 1.9e9, enqueued=1e7, jobs_at_once=100) == 190
    # 100 jobs of 10,000 requests are a million requests
    assert sums.batch_rounds(4_000_000, 1.9e9, enqueued=1e9, jobs_at_once=100) == 4
    assert sums.batch_rounds(1, 1.0, enqueued=1e9, jobs_at_once=100) == 1


def test_a_day_of_either_road_is_compared(sums: ModuleType) -> None:
    own = sums.Quota(rpd=10_000, enqueued=3_000_000)
    found = sums.times(QUOTAS, "m", own, 1_000_000, 4_000_000, 2e9, 600.0)
    assert found["yours"]["posts_a_day"] == 2_500
    assert found["yours"]["batch_posts_a_day"] == 1_500  # of 2,000 tokens
    # 4,000 a minute: 1,000 minutes; the dollars would take 600, the tokens 500
    assert max(found["Tier 1"]["hours_by_limit"].values()) == pytest.approx(1000 / 60)
    assert found["Tier 1"]["posts_a_day"] == 1_440_000
    assert (found["Tier 1"]["batch_rounds"], found["Tier 1"]["batch_hours_at_most"]) == (200, 4800)
    assert found["Tier 1"]["batch_posts_a_day"] == 5_000
    # 20,000 calls in 1,440 minutes
    assert found["Tier 1"]["batch_faster_below_rpm"] == pytest.approx(13.889, abs=1e-3)


def test_of_a_model_without_a_known_queue_nothing_is_said_about_batches(sums: ModuleType) -> None:
    found = sums.times(QUOTAS, "another", sums.Quota(), 10, 40, 2e4, None)
    assert found.keys() == {"Tier 1"}
    assert found["Tier 1"].keys() == {"hours_by_limit", "posts_a_day"}


def test_cassettes_grow_by_their_lines(sums: ModuleType) -> None:
    found = sums.cassette_bytes(CASSETTES, 1_000)
    assert found == {
        **{"system": 1e6, "labels": 2e6, "all": 3e6},
        **{"packed": 8e4, "packed_without_deltas": 1e5, "added": None},
    }


def test_limits_hold_for_the_largest_file_or_for_the_pack_of_all(sums: ModuleType) -> None:
    limits = [{"limit": "a file", "bytes": 100_001, "of": "file"}, {"limit": "all", "bytes": 100_001, "of": "pack"}]
    assert [one["posts"] for one in sums.github(limits, CASSETTES)] == [50, 1_000]


def test_a_replay_is_cut_into_shards_of_the_size_that_was_measured(sums: ModuleType) -> None:
    measured = {
        **{"replay_ms_a_case": 3.6, "gates_alone_over_replay": 0.25, "cases": 300_000},
        "peak_memory_mb": {"serial": 400},
    }
    found = sums.replay(measured, 1_000_000)
    assert (found["cpu_hours"], found["gates_alone_cpu_hours"]) == (pytest.approx(1.0), pytest.approx(0.25))
    assert (found["shards"], found["memory_mb_a_shard"]) == (4, 400)


def test_the_page_shows_the_stored_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    figures = json.loads((BENCHMARKS / "results" / "scaling.json").read_text("utf-8"))
    quotas = tomllib.loads((BENCHMARKS / "quotas.toml").read_text("utf-8"))
    shown = importlib.import_module("scaling_tables").lines_of(figures, quotas, load_prices())
    page = (BENCHMARKS.parent / "docs" / "scaling.md").read_text("utf-8")
    assert "\n".join(shown) in page
    prose = page.partition("## Where the numbers come from")[2]
    assert all(f"{limit['posts']:,}" in prose for limit in figures["github"] if limit["of"] == "file")


def test_quotas_name_their_sources_and_models_that_have_a_price() -> None:
    quotas = tomllib.loads((BENCHMARKS / "quotas.toml").read_text("utf-8"))
    prices = load_prices()
    assert isinstance(quotas["gemini"]["checked"], date)
    assert quotas["gemini"]["tiers"].keys() == quotas["last_published"]["tiers"].keys()
    for tier in quotas["gemini"]["tiers"].values():
        assert all(isinstance(prices[model], Price) for model in tier["enqueued"])
    for one in (quotas["gemini"], quotas["last_published"], *quotas["github"]["limits"]):
        assert one["source"].startswith("https://")
    assert all(
        limit["of"] in {"file", "pack"} and math.isfinite(limit["bytes"]) for limit in quotas["github"]["limits"]
    )
