"""How a variant asks, in parts that a person can read; the post stays a placeholder."""

from __future__ import annotations

from newsgauge.variants.variants_file import Variant, prompt_parts

LABELS = ("a", "b")


def test_labels_are_filled_in_and_posts_are_not() -> None:
    variant = Variant("v", "", "m", "{examples}\n{post}", "One of:\n{labels}", max_output_tokens=1000)
    assert prompt_parts(variant, LABELS) == [
        ("system instruction", "One of:\na\nb"),
        ("prompt", "{examples}\n{post}"),
        ("output tokens at most", "1,000"),
    ]


def test_a_schema_says_its_fields_and_labels() -> None:
    variant = Variant("v", "", "m", "{post}", answer="json", json_fields=(("reason", "string"),))
    assert prompt_parts(variant, LABELS)[1] == (
        "answer held to a schema",
        "JSON with reason (string), label; the label is one of a, b",
    )
    assert prompt_parts(Variant("v", "", "m", "{post}", answer="enum"), LABELS)[1][1].startswith("the label alone; ")


def test_what_asks_in_python_is_named() -> None:
    assert prompt_parts(Variant("v", "", "", "", predict="mine:ask"), LABELS) == [("Python function", "mine:ask")]
    assert prompt_parts(Variant("v", "", "", "", estimator="mine:make"), LABELS) == [
        ("scikit-learn estimator", "mine:make")
    ]
