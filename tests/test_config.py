"""`config` in a variant: the SDK's own fields, held against its own type, sent as they are and part of the digest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from newsgauge.client.calls import DryClient
from newsgauge.client.config_checks import check_config
from newsgauge.errors import VariantsError
from newsgauge.variants.variants_file import ReadyVariant, Variant, load_variants, prompt_digest

PROMPT = 'about = "x"\nmodel = "gemini-3.5-flash-lite"\ncontents = "{post}"\n'
FULL = (
    "config = { temperature = 0.0, seed = 7, max_output_tokens = 20, "
    'thinking_config = { thinking_level = "minimal" }, safety_settings = '
    '[{ category = "HARM_CATEGORY_HARASSMENT", threshold = "BLOCK_NONE" }] }\n'
)


def load(folder: Path, text: str) -> Variant:
    path = folder / "variants.toml"
    path.write_text(f"[plain]\n{PROMPT}{text}")
    (variant,) = load_variants(path).values()
    check_config(variant)
    return variant


def sent(variant: Variant, backend: str = "gemini") -> dict[str, Any]:
    request = ReadyVariant(variant, "m", ("a", "b"), "x -> a").template.about("words")
    body: dict[str, Any] = json.loads(DryClient(backend).write(request).body)  # type: ignore[arg-type]
    return body


@pytest.mark.parametrize("backend", ["gemini", "vertex"])
def test_every_field_is_sent(tmp_path: Path, backend: str) -> None:
    body = sent(load(tmp_path, FULL), backend)
    config = body["generationConfig"]
    assert (config["temperature"], config["seed"], config["maxOutputTokens"]) == (0.0, 7, 20)
    assert [value.lower() for value in config["thinkingConfig"].values()] == ["minimal"]
    assert body["safetySettings"] == [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]


@pytest.mark.parametrize(
    "more",
    [
        'answer = "json"\njson_fields = { why = "string" }\n',
        'answer = "enum"\n',
        'system_instruction = "Name it. {examples}"\nexamples_per_class = 1\n',
    ],
    ids=["json", "enum", "few-shot"],
)
def test_other_prompts_take_it_beside_their_schema(tmp_path: Path, more: str) -> None:
    plain, configured = (sent(load(tmp_path, more + config)) for config in ("", "config = { seed = 7 }\n"))
    plain.setdefault("generationConfig", {})["seed"] = 7
    assert configured == plain


def test_a_tuned_variant_takes_it(tmp_path: Path) -> None:
    path = tmp_path / "variants.toml"
    path.write_text(
        f"[tuned]\n{PROMPT}config = {{ seed = 7 }}\ntuning = {{ epochs = 1 }}\n".replace(
            "gemini-3.5-flash-lite", "tuned"
        )
    )
    variant = load_variants(path)["tuned"]
    assert sent(variant)["generationConfig"]["seed"] == 7


def test_a_bound_in_config_is_the_bound_beside_it(tmp_path: Path) -> None:
    inside, beside = load(tmp_path, "config = { max_output_tokens = 5 }\n"), load(tmp_path, "max_output_tokens = 5\n")
    assert inside == beside
    assert prompt_digest(inside, "m") == prompt_digest(beside, "m")


def test_a_config_is_part_of_the_digest_and_its_order_is_not(tmp_path: Path) -> None:
    texts = ("", "config = { seed = 7, top_k = 2 }\n", "config = { top_k = 2, seed = 7 }\n", "config = { seed = 8 }\n")
    digests = [prompt_digest(load(tmp_path, text), "m") for text in texts]
    assert digests[1] == digests[2]
    assert len(set(digests)) == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "config = { temprature = 0.0 }",
            r"\[plain\]: config: unknown field 'temprature'; known: .*temperature.*google-genai",
        ),
        ("config = { maxOutputTokens = 5 }", "unknown field 'maxOutputTokens'; known: .*max_output_tokens"),
        (
            "config = { thinking_config = { level = 'low' } }",
            "unknown field 'thinking_config.level'; known: .*thinking_level",
        ),
        ("config = { thinking_config = { thinkingBudget = 0 } }", "unknown field 'thinking_config.thinkingBudget'"),
        ("config = { temperature = 5 }", "config.temperature: expected 0 to 2, got 5"),
        ("config = { temperature = 'cold' }", "config.temperature: expected 0 to 2, got 'cold'"),
        ("config = { temperature = '0' }", "config.temperature: expected 0 to 2, got '0'"),
        ("config = { temperature = true }", "config.temperature: expected 0 to 2, got True"),
        ("config = { thinking_config = { thinking_budget = '0' } }", "thinking_budget: expected int, got '0'"),
        ("config = { thinking_config = { include_thoughts = 1 } }", "include_thoughts: expected true or false, got 1"),
        ("config = { response_logprobs = 'yes' }", "response_logprobs: expected true or false, got 'yes'"),
        ("config = { top_p = -0.1 }", "config.top_p: expected 0 to 1"),
        ("config = { candidate_count = 2 }", "config.candidate_count: expected 1 to 1, got 2"),
        ("config = { seed = 3000000000 }", "config.seed: expected"),
        ("config = { max_output_tokens = 0 }", "config.max_output_tokens from 1, got 0"),
        ("config = { max_output_tokens = '5' }", "config.max_output_tokens from 1, got '5'"),
        ("config = { max_output_tokens = 5 }\nmax_output_tokens = 5", "'max_output_tokens' is set twice"),
        (
            "config = { thinking_config = { thinking_level = 'deep' } }",
            "thinking_config.thinking_level: unknown value 'deep'; known: .*LOW",
        ),
        (
            "config = { safety_settings = [{ category = 'RUDE', threshold = 'BLOCK_NONE' }] }",
            "config.safety_settings.0.category: unknown value 'RUDE'; known: .*HARASSMENT",
        ),
        ("config = { thinking_config = 3 }", "config.thinking_config: "),
        ("config = { system_instruction = 'x' }", "'system_instruction' is set by the key 'system_instruction'"),
        ("config = { response_schema = {} }", "'response_schema' is set by 'answer' and 'json_fields'"),
        ("config = { response_mime_type = 'text/plain' }", "'response_mime_type' is set by 'answer'"),
        ("config = { http_options = {} }", "'http_options' is set by --base-url and --api-version"),
        ("config = { temperature = nan }", "expected values that JSON can hold"),
        ("config = { labels = { day = 2026-01-01 } }", "expected values that JSON can hold"),
        ("config = 'low'", "config"),
        (
            "answer_cleanup = ['polish']",
            "expected 'answer_cleanup' to list each of fence, prefix, markup, quotes, final-stop",
        ),
        ("answer_cleanup = ['fence', 'fence']", "at most once"),
        ("answer_cleanup = [1]", "at most once"),
        ("answer_cleanup = 'fence'", "answer_cleanup"),
    ],
)
def test_what_cannot_be_meant_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(VariantsError, match=said) as error:
        load(tmp_path, text + "\n")
    assert "\n" not in str(error.value)


def test_a_callable_takes_no_config(tmp_path: Path) -> None:
    path = tmp_path / "variants.toml"
    path.write_text('[own]\nabout = "x"\nmodel = "m"\npredict = "a:b"\nconfig = { seed = 1 }\n')
    with pytest.raises(VariantsError, match="unknown key 'config' of a variant with 'predict'"):
        load_variants(path)
