"""variants.toml: what is a variant, and what is wrong with what is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from newsgauge.errors import VariantsError
from newsgauge.variants.variants_file import FewShot, ReadyVariant, Training, Variant, load_variants

PROMPT = 'about = "x"\nmodel = "m"\ncontents = "{post}"\n'
SHOT = 'about = "x"\nmodel = "m"\ncontents = "{examples}\\n{post}"\nexamples_per_class = 2\n'
JSON = PROMPT + 'answer = "json"\n'


def load(tmp_path: Path, table: str) -> Variant:
    path = tmp_path / "variants.toml"
    path.write_text(f"[own]\n{table}")
    return load_variants(path)["own"]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (
            'about="x"\nmodel="m"\ncontents="{post}"\npredict="a:b"',
            "expected one of 'contents' (a prompt), 'predict' and "
            "'estimator' (a callable), got 'contents' and 'predict'",
        ),
        ('about="x"\nestimator="a:b"\npredict="a:b"', "got 'predict' and 'estimator'"),
        (
            'about="x"\nestimator="a:b"\ntuning={}',
            "unknown key 'tuning' of a variant with 'estimator'; known: about, repeats, confidence, under, estimator",
        ),
        ('about="x"\nestimator="a:b"\nmodel="m"', "unknown key 'model' of a variant with 'estimator'"),
        (
            'about="x"\nestimator="a:b"\ntraining={epochs=1}',
            "training: unknown key 'epochs'; known: posts_per_class, seed, share_threads",
        ),
        ('about="x"\nestimator="a:b"\ntraining={share_threads=1}', "expected 'share_threads' to be bool, got int"),
        (
            'about="x"\nestimator="a:b"\ntraining={posts_per_class=0}',
            "expected training.posts_per_class above 0, got 0",
        ),
        ('about="x"\nestimator="a.b"', "expected 'estimator' to name a callable as \"module:name\", got 'a.b'"),
        ('about="x"\nestimator=3', "expected 'estimator' to be str, got int"),
        ('estimator="a:b"', "expected a non-empty 'about'"),
        (
            'about="x"\nmodel="m"\npredict="a b:c"',
            "expected 'predict' to name a callable as \"module:name\", got 'a b:c'",
        ),
        ('about="x"\npredict="a:b"', "expected a non-empty 'model'"),
        (
            PROMPT + 'location = "US West/1"',
            "expected 'location' to be \"global\" or one such as \"us-central1\", got 'US West/1'",
        ),
        (
            'about="x"\nmodel="m"\npredict="a:b"\nanswer="enum"',
            "unknown key 'answer' of a variant with 'predict'; known: "
            "about, repeats, confidence, under, predict, model, tuning, expected_model_version, location",
        ),
        ('about="x"\nmodel="tuned"\npredict="a:b"', "'tuning' and model = \"tuned\" go together"),
        (
            PROMPT + "examples_per_class = 2",
            "expected {examples} exactly once in 'contents' or 'system_instruction', got it 0 times",
        ),
        (SHOT + 'system_instruction = "{examples}"', "got it 2 times"),
        (SHOT.replace("examples_per_class = 2", ""), "{examples} in 'contents' needs 'examples_per_class'"),
        (PROMPT + "example_chars = 3", "'example_chars' is about examples, and 'examples_per_class' is not there"),
        (SHOT.replace("= 2", "= 0"), "expected 'examples_per_class' from 1, got 0"),
        (SHOT + "example_chars = -1", "expected 'example_chars' from 1, got -1"),
        (SHOT + 'example = "{post}"', "expected 'example' to hold {label} exactly once"),
        (SHOT + 'example = "{label}{label}{post}"', "expected 'example' to hold {label} exactly once"),
        (
            SHOT + 'example = "{post}{label}{labels}"',
            "unknown placeholder {labels} in 'example'; known: {label}, {post}",
        ),
        (SHOT.replace("= 2", "= true"), "expected 'examples_per_class' to be int, got bool"),
        (PROMPT + 'json_fields = { reason = "string" }', "'json_fields' is there, and 'answer' is not \"json\""),
        (JSON + 'json_fields = { label = "string" }', "and not 'label', which is always there; got 'label'"),
        (JSON + 'json_fields = { "a b" = "string" }', "a field's name of letters, digits and underscores"),
        (
            JSON + 'json_fields = { reason = "text" }',
            "json_fields.reason is 'text'; known: string, integer, number, boolean",
        ),
        (JSON + "json_fields = { reason = [1] }", "json_fields.reason is [1]; known"),
        (JSON + 'json_fields = "reason"', "expected 'json_fields' to be dict, got str"),
        (PROMPT + 'answer = "yaml"', "'answer' is 'yaml'; known: text, enum, json"),
        (PROMPT + "max_output_tokens = 0", "expected 'max_output_tokens' from 1, got 0"),
    ],
)
def test_a_mistake_is_told_in_one_line(tmp_path: Path, table: str, words: str) -> None:
    with pytest.raises(VariantsError) as caught:
        load(tmp_path, table)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("variants.toml: [own]")


def test_what_is_not_said_has_a_default(tmp_path: Path) -> None:
    assert load(tmp_path, SHOT).few_shot == FewShot(2, "{post}\n-> {label}", 500, 0)
    assert load(tmp_path, 'about="x"\nestimator="a:b"').training == Training(50, 0)
    one = load(tmp_path, 'about="x"\nmodel="m"\npredict="a.b:c"')
    assert (one.predict, one.contents, one.has_cassette) == ("a.b:c", "", True)


def test_examples_are_filled_in_once_and_a_post_is_left_as_it_is(tmp_path: Path) -> None:
    ready = ReadyVariant(load(tmp_path, SHOT), "m", ("a",), "{post}")
    request = ready.template.about("{examples}")
    assert request.contents == "{post}\n{examples}"


def test_the_label_comes_last_in_a_json_answer(tmp_path: Path) -> None:
    from newsgauge.client.calls import _config

    variant = load(tmp_path, JSON + 'json_fields = { reason = "string", sure = "number" }')
    request = ReadyVariant(variant, "m", ("a", "b")).template.about("text")
    schema = _config(None, None, request.enum, request.json_fields).response_schema
    assert schema.property_ordering == schema.required == ["reason", "sure", "label"]
    assert (schema.properties["label"].enum, schema.properties["sure"].type) == (["a", "b"], "NUMBER")
