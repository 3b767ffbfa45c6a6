"""What a recording will take is said before it starts: calls exactly, tokens estimated, cost where it is known."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from newsgauge.corpora.corpus import Corpus
from newsgauge.errors import UsageError
from newsgauge.planning.sampling import Plan
from newsgauge.recording.preflight import check_folder, check_recording, forecast
from newsgauge.records import Post
from newsgauge.running.run_config import RunConfig
from newsgauge.variants.variants_file import Variant


def variant(name: str, contents: str, **more: object) -> Variant:
    return Variant(name=name, about="x", model=f"model-{name}", contents=contents, **more)  # type: ignore[arg-type]


@pytest.fixture
def setup(tmp_path: Path) -> RunConfig:
    """Two posts of 100 and 101 characters; one variant that adds nothing, one that adds 20 and 3 + 4 characters."""
    posts = (Post("a-1", "abc", "x" * 100), Post("b-1", "defg", "y" * 101))
    plan = Plan("own", ".", None, 0, False, "clean", ("abc", "defg"), posts)
    long = variant("long", "12345678901234567890{post}", answer="enum", max_output_tokens=5)
    return RunConfig(
        corpus=Corpus("own", tmp_path),
        plan=plan,
        variants={"bare": variant("bare", "{post}"), "long": long},
        backend="gemini",
        mode="all",
        cassettes=tmp_path / "cassettes",
        shown_cassettes="cassettes",
        options="",
    )


def test_four_characters_are_a_token_and_a_piece_counts_as_a_whole_one(setup: RunConfig) -> None:
    expected = forecast(setup)
    assert dict(expected.calls) == {"bare": 2, "long": 2}
    # 100/4 = 25, 101/4 -> 26; with 27 characters more 127/4 -> 32, 128/4 = 32.
    assert expected.input_tokens == 25 + 26 + 32 + 32
    told = replace(setup.variants["long"], system_instruction="Be brief.")  # 136 and 137 characters
    assert forecast(replace(setup, variants={"long": told})).input_tokens == 34 + 35
    assert (expected.output_tokens, expected.cost) == (None, None)
    assert expected.lines() == [
        "asks gemini 4 times: bare 2, long 2",
        "about 115 tokens in (4 characters a token, an estimate), out unlimited (no max_output_tokens); "
        "cost: no price is known",
        # The longest label has 4 characters: a token, and one to end the answer.
        "assumed per answer: 2 tokens without thinking (bare, long)",
    ]


def test_output_is_bounded_where_every_variant_bounds_it(setup: RunConfig) -> None:
    assert forecast(replace(setup, variants={"long": setup.variants["long"]})).output_tokens == 10


def test_cost_is_the_sum_over_models_and_unknown_where_one_price_is(setup: RunConfig) -> None:
    prices = {"model-bare": 0.01, "model-long": 0.02}
    expected = forecast(setup, price=lambda model, n_in, n_out: prices[model] * n_in + 0.1 * n_out)
    assert expected.cost == pytest.approx(51 * 0.01 + 64 * 0.02 + (2 * 2 + 2 * 2) * 0.1)
    assert "cost: about 2.59 USD" in expected.lines()[1]
    assert forecast(setup, price=lambda model, n_in, n_out: None if model == "model-long" else 1.0).cost is None
    assert forecast(setup, price=lambda model, n_in, n_out: 0.0).cost == 0


def test_thinking_is_assumed_by_model_and_held_to_the_bound_of_the_output(setup: RunConfig) -> None:
    expected = forecast(setup, price=lambda model, n_in, n_out: float(n_out), thinking=lambda model: 100)
    # Two answers of 2 + 100 tokens, and two that end at 5.
    assert expected.cost == 2 * 102 + 2 * 5
    assert expected.lines()[2] == "assumed per answer: 2 tokens and 100 of thinking (bare, long)"
    for config, thoughts in (
        ({"thinking_budget": 0}, 0),
        ({"thinking_budget": 1}, 100),
        ({"thinking_level": "MINIMAL"}, 0),
    ):
        one = replace(setup.variants["bare"], config={"thinking_config": config})
        assert forecast(replace(setup, variants={"bare": one}), thinking=lambda model: 100).assumed == {
            "bare": (2, thoughts)
        }


def test_an_answer_in_json_is_assumed_longer_by_its_fields(setup: RunConfig) -> None:
    plain = setup.variants["bare"]
    variants = {"bare": plain, "json": replace(plain, name="json", answer="json", json_fields=(("reason", "string"),))}
    expected = forecast(replace(setup, variants=variants))
    # 20 for the label's field, and 20 for the other.
    assert expected.assumed["json"][0] == expected.assumed["bare"][0] + 40


@pytest.mark.parametrize("mode", ["once", "new_episodes"])
def test_what_has_no_line_is_asked(setup: RunConfig, mode: str) -> None:
    assert forecast(replace(setup, mode=mode)).n_calls == 4  # type: ignore[arg-type]


@pytest.mark.parametrize("ci", ["true", "1", "yes"])
def test_ci_is_refused_unless_allowed_or_replaying(setup: RunConfig, monkeypatch: pytest.MonkeyPatch, ci: str) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setenv("GEMINI_API_KEY", "made-up")
    with pytest.raises(UsageError, match="--allow-record-in-ci"):
        check_recording(setup, in_ci=False)
    check_recording(setup, in_ci=True)
    check_recording(replace(setup, mode="none"), in_ci=False)


@pytest.mark.parametrize("ci", ["", "false", "0"])
def test_no_ci_is_not_refused(setup: RunConfig, monkeypatch: pytest.MonkeyPatch, ci: str) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setenv("GEMINI_API_KEY", "made-up")
    check_recording(setup, in_ci=False)


def test_the_folder_is_made_and_nothing_is_left_in_it(setup: RunConfig) -> None:
    check_folder(setup)
    assert list(setup.cassettes.iterdir()) == []


def test_the_room_that_a_recording_needs_is_its_lines_twice_and_a_megabyte(
    setup: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """4 lines of 1,500 bytes; prompts of a post twice: {post} 6 and 26 letters, system 9, labels 7 each: 4 x 55."""
    told = replace(setup.variants["long"], system_instruction="Be brief.")
    setup = replace(setup, variants={**setup.variants, "long": told})
    new = 4 * 1_500 + 2 * 2 * (6 + 7 + 26 + 9 + 7)
    setup.cassettes.mkdir()
    (setup.cassettes / "earlier.jsonl").write_bytes(b"x" * 1_000)
    needed = new + (1_000 + new) + 1_000_000
    for free in (needed, needed - 1):
        usage = shutil.disk_usage(setup.cassettes)._replace(free=free)
        monkeypatch.setattr(shutil, "disk_usage", lambda folder, usage=usage: usage)
        if free == needed:
            check_folder(setup)
            continue
        with pytest.raises(UsageError, match=f"has {free:,} bytes free, and this recording may take {needed:,}"):
            check_folder(setup)
