"""A declared leniency: only the steps that a variant lists, only where they make a label, and never unseen."""

from __future__ import annotations

import pytest
from google.genai.types import GenerateContentResponse
from hypothesis import given
from hypothesis import strategies as st

from newsgauge.client.answers import clean, read_answer
from newsgauge.records import Outcome, Prediction

LABELS = ("rec.autos", "sci.space", "a: b", "x.")
ALL = ("fence", "prefix", "markup", "quotes", "final-stop")


def read(text: str, *, as_json: bool = False, cleanup: tuple[str, ...] = ALL) -> Prediction:
    wire = {"candidates": [{"content": {"parts": [{"text": text}]}, "finishReason": "STOP"}]}
    return read_answer(GenerateContentResponse.model_validate(wire), LABELS, as_json=as_json, cleanup=cleanup)


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("```\nsci.space\n```", "fence"),
        ("```json\nsci.space\n```", "fence"),
        ("```text sci.space```", "fence"),
        ('"sci.space"', "quotes"),
        ("'sci.space'", "quotes"),
        ("\u201csci.space\u201d", "quotes"),
        ("**sci.space**", "markup"),
        ("*sci.space*", "markup"),
        ("_sci.space_", "markup"),
        ("`sci.space`", "markup"),
        ("sci.space.", "final-stop"),
        ("Label: sci.space", "prefix"),
        ("Answer:sci.space", "prefix"),
        ("The newsgroup is: sci.space", "prefix"),
    ],
)
def test_each_step_does_its_own_and_needs_to_be_declared(text: str, step: str) -> None:
    strict = read(text, cleanup=())
    assert (strict.label, strict.outcome, strict.raw) == (text.strip(), Outcome.OFF_LIST, "")
    others = tuple(one for one in ALL if one != step)
    assert read(text, cleanup=others).outcome is Outcome.OFF_LIST
    said = read(text, cleanup=(step,))
    assert (said.label, said.outcome, said.raw) == ("sci.space", Outcome.LABEL, text)
    assert said.detail == f"cleaned up: {step}"


def test_steps_work_together_from_the_outside_in() -> None:
    said = read('Label: **"sci.space".**')
    assert (said.label, said.detail) == ("sci.space", "cleaned up: prefix, markup, final-stop, quotes")


@pytest.mark.parametrize("label", LABELS)
def test_a_label_is_never_changed(label: str) -> None:
    said = read(label)
    assert (said.label, said.raw, said.detail) == (label, "", "")


@pytest.mark.parametrize("text", ["I think: sports.", '"sci"', "**no**", ".", '""', "``````", "sci.space or so."])
def test_what_no_step_makes_a_label_stays_as_it_came(text: str) -> None:
    said = read(text)
    assert (said.label, said.outcome, said.raw) == (text, Outcome.OFF_LIST, "")


def test_a_fence_around_json_goes_before_it_is_read_and_its_label_may_be_cleaned() -> None:
    fenced = '```json\n{"why": "rockets", "label": "sci.space"}\n```'
    assert read(fenced, as_json=True, cleanup=()).label.startswith("(not JSON)")
    said = read(fenced, as_json=True)
    assert (said.label, said.raw, said.detail) == ("sci.space", fenced, "cleaned up: fence")
    said = read('{"label": "sci.space."}', as_json=True)
    assert (said.label, said.detail) == ("sci.space", "cleaned up: final-stop")
    assert read('```json\n{"label": "sci.spaec"}\n```', as_json=True).label.startswith("(not JSON)")


@given(st.text(alphabet='ab."*_`: \n', max_size=12), st.sets(st.sampled_from(ALL)))
def test_it_ends_and_finds_nothing_but_labels(text: str, steps: set[str]) -> None:
    found = clean(text, ("a", "b"), steps)
    if found is not None:
        assert found[0] in ("a", "b")
        assert found[0] in text
        assert set(found[1]) <= steps
