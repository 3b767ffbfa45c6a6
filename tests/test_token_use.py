"""Tokens and cost: means and intervals against SciPy, dollars by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from scipy import stats

from newsgauge.client.answers import Usage
from newsgauge.errors import UsageError
from newsgauge.recording.paying import Spent
from newsgauge.records import Outcome, Prediction, Result
from newsgauge.scoring.prices import NoPrice, Price, PriceList, find_price, load_prices, retirement_notes
from newsgauge.scoring.tokens import Cost, mean_with_interval, saving, savings, token_use

PRICE = Price("m", input=0.5, output=2.0, source="a page", checked=date(2026, 1, 2), batch_input=0.25, batch_output=1.0)


def result(post: str, variant: str, tokens_in: int, tokens_out: int, model: str = "m") -> Result:
    return Result(post, variant, "a", Prediction("a", Outcome.LABEL, "", tokens_in, tokens_out, model))


def test_the_interval_of_a_mean_is_scipys() -> None:
    values = [136.0, 200.0, 512.0, 77.0, 90.0, 1044.0]
    mean = mean_with_interval(values)
    low, high = stats.t.interval(0.95, len(values) - 1, loc=sum(values) / 6, scale=stats.sem(values))
    assert (mean.low, mean.high) == pytest.approx((low, high))


def test_one_value_has_no_interval_and_none_has_no_mean() -> None:
    assert mean_with_interval([7]).value == 7
    assert math.isnan(mean_with_interval([7]).low)
    assert math.isnan(mean_with_interval([]).value)


def test_cost_is_tokens_times_price_and_the_whole_set_is_more_posts() -> None:
    use = token_use([result("1", "v", 100, 4), result("2", "v", 300, 6)], "v", prices={"m": PRICE}, n_whole_set=4000)
    assert isinstance(use.cost, Cost)
    # 1,000 posts: 200,000 tokens in at $0.50 and 5,000 out at $2.00 a million = $0.10 + $0.01
    assert use.cost.per_1000_posts == pytest.approx(0.11)
    assert use.cost.batch_per_1000_posts == pytest.approx(0.055)
    assert use.cost.whole_set == pytest.approx(0.44)


def test_thinking_costs_as_output_and_cached_input_costs_less() -> None:
    cached = replace(PRICE, cached=0.05)
    said = Prediction("a", Outcome.LABEL, "", 1_000, 73, "m", thinking_tokens=72, cached_tokens=400)
    use = token_use([Result("1", "v", "a", said)], "v", prices={"m": cached})
    assert isinstance(use.cost, Cost)
    # 1,000 posts: 600,000 tokens at $0.50, 400,000 at $0.05, 73,000 at $2.00 a million = $0.30 + $0.02 + $0.146
    assert use.cost.per_1000_posts == pytest.approx(0.466)
    assert (use.thinking.value, use.cached.value, use.tool_use.value) == (72, 400, 0)


def test_answers_without_token_counts_have_no_cost() -> None:
    use = token_use([result("1", "v", 100, 4), result("2", "v", 0, 0)], "v", prices={"m": PRICE})
    assert use.cost == NoPrice("m", "1 of 2 answers came without token counts")


def test_a_model_without_a_price_says_so() -> None:
    use = token_use([result("1", "v", 1, 1, "unheard-of")], "v", prices={"m": PRICE})
    assert use.cost == NoPrice("unheard-of", "prices.toml holds no price for it")
    asks_nobody = token_use([result("1", "v", 0, 0, "estimator a:b, scikit-learn 1.9")], "v", prices={"m": PRICE})
    assert asks_nobody.cost == NoPrice("estimator a:b, scikit-learn 1.9", "no service is asked, nothing is paid")
    mixed = token_use([result("1", "v", 1, 1, "m"), result("2", "v", 1, 1, "n")], "v", prices={"m": PRICE})
    assert isinstance(mixed.cost, NoPrice)


def test_a_numbered_version_has_the_price_of_its_model() -> None:
    assert find_price({"m": PRICE}, "m-001") is PRICE
    assert isinstance(find_price({"m": PRICE}, "m-lite"), NoPrice)


@pytest.mark.parametrize(
    "name",
    [
        "m",
        "m-001",
        "models/m",
        "m@001",
        "models/m-002@default",
        "publishers/google/models/m",
        "projects/p/locations/europe-west4/publishers/google/models/m@1",
    ],
)
def test_a_models_name_is_found_under_all_its_paths_and_versions(name: str) -> None:
    assert find_price({"m": PRICE}, name) is PRICE


def test_an_introductory_price_ends_with_its_last_day() -> None:
    price = replace(PRICE, cached=0.05, until=date(2026, 12, 31), then={"input": 1.0, "output": 4.0, "cached": 0.1})
    during, after = price.on(date(2026, 12, 31)), price.on(date(2027, 1, 1))
    assert (during.input, during.output, during.cached) == (0.5, 2.0, 0.05)
    assert (after.input, after.output, after.cached) == (1.0, 4.0, 0.1)
    assert during.note == "introductory until 2026-12-31, then $1.00 in, $4.00 out"
    assert after.note == "since 2027-01-01, after an introductory price"
    assert PRICE.on(date(2030, 1, 1)) is PRICE


def test_a_model_is_named_from_thirty_days_before_it_retires() -> None:
    prices = {"m": replace(PRICE, retires=date(2026, 12, 1), replaced_by="n"), "n": replace(PRICE, model="n")}
    models = {"plain": "models/m", "system": "models/m", "other": "n", "tuned": "tuned", "own": ""}
    assert retirement_notes(prices, models, day=date(2026, 10, 31)) == []
    assert retirement_notes(prices, models, day=date(2026, 11, 1)) == [
        "plain, system: m retires on 2026-12-01; Google names n as its replacement"
    ]
    assert retirement_notes(prices, models, day=date(2026, 12, 1)) == [
        "plain, system: m is retired since 2026-12-01; Google names n as its replacement"
    ]


def test_what_a_recording_cost_stands_beside_what_was_expected() -> None:
    prices = PriceList({"m": replace(PRICE, cached=0.05)})
    spent = {"models/m": Usage(input_tokens=10_000, output_tokens=730, thinking_tokens=720, cached_tokens=4_000)}
    # 6,000 x $0.50 + 4,000 x $0.05 + 730 x $2.00, a million = $0.003 + $0.0002 + $0.00146
    assert prices.spent(Spent(spent, 10), expected=1.5) == (
        "10 answers took 10,000 tokens in, 4,000 of them cached and 730 out, 720 of them thinking; "
        "cost: 0.0047 USD, the forecast was about 1.50 USD"
    )
    assert prices.spent(Spent({"x": Usage(10, 2)}, 1), expected=None) == (
        "1 answers took 10 tokens in and 2 out; cost: no price is known for x"
    )
    # In batch mode: 10,000 x $0.25 + 730 x $1.00.
    batch = PriceList({"m": PRICE}, batch=True).spent(Spent(spent, 10), expected=None)
    assert batch.endswith("cost: 0.0032 USD")


def test_savings_are_paired_by_post() -> None:
    results = [result("1", "tuned", 100, 4), result("2", "tuned", 900, 4), result("1", "system", 140, 5)]
    results += [result("2", "system", 960, 5), result("3", "system", 9_000, 5)]
    one = saving(results, "input", "tuned", "system")
    assert (one.saved.value, one.saved.n) == (50, 2)
    assert one.share == pytest.approx(100 / 1100)
    assert [(s.kind, s.frugal) for s in savings(results, ["tuned", "system"])] == [
        ("input", "tuned"),
        ("output", "tuned"),
    ]


def test_every_listed_price_has_a_source_and_a_day_and_the_embedded_model_none() -> None:
    prices = load_prices()
    assert all(
        p.source.startswith("https://") and p.checked.year >= 2026 for p in prices.values() if isinstance(p, Price)
    )
    assert isinstance(prices["newsgauge-embedded-base-2"], NoPrice)
    introductory = [p for p in prices.values() if isinstance(p, Price) and p.until]
    assert introductory
    assert all(p.then and p.then["input"] > p.input and p.checked < p.until for p in introductory if p.until)
    assert all(p.batch_input is None or p.batch_input < p.input for p in prices.values() if isinstance(p, Price))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[m]\ninput = 1\noutput = 1\nsource = 'x'\nchecked = 2026-13-01", "not readable as TOML"),
        ("[m]\ninput = 1\noutput = 1\nsource = 'x'\nchecked = 2026-01-01T10:00:00", "expected 'checked' to be a day"),
        ("[m]\nnone = 'gone'\nretires = 'soon'", "expected 'retires' to be a day"),
        ("[m]\ninput = 1\noutput = 1\nsource = 'x'\nchecked = 2026-01-01\nuntil = 2026-01-01", "go together"),
        ("[m]\nthinking = 'much'\ninput = 1\noutput = 1\nsource = 'x'\nchecked = 2026-01-01", "tokens per answer"),
        ("[m]\ninput = 1", "expected input, output, source, checked"),
        ("[m]\ninput = -1\noutput = 1\nsource = 'x'\nchecked = 2026-01-01", "expected 'input' to be dollars"),
        ("[m]\ninput = 1\noutput = 1\nsource = 'x'\nchecked = 'lately'", "expected 'checked' to be a day"),
        ("[m", "not readable as TOML"),
    ],
)
def test_a_wrong_price_file_is_a_usage_error(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "prices.toml").write_text(text)
    with pytest.raises(UsageError, match=said):
        load_prices(tmp_path / "prices.toml")
