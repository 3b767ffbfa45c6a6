"""What counts as an answer: only text that came with finish reason STOP."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from google.genai.types import GenerateContentResponse

from newsgauge.client.answers import accept_unknown_values, read_answer
from newsgauge.client.calls import recorded_response
from newsgauge.records import Outcome, Prediction
from tests.gemini_traffic import needs_traffic, recorded_answers

LABELS = ("rec.autos", "sci.space")


def read(**wire: Any) -> Prediction:
    return read_answer(GenerateContentResponse.model_validate(wire), LABELS)


def candidate(text: str | None, reason: str | None = "STOP") -> dict[str, Any]:
    parts = [] if text is None else [{"text": text}]
    return {"candidates": [{"content": {"parts": parts, "role": "model"}, "finishReason": reason}]}


@pytest.mark.parametrize(
    ("wire", "label", "outcome"),
    [
        (candidate("sci.space"), "sci.space", Outcome.LABEL),
        (candidate("  sci.space\n"), "sci.space", Outcome.LABEL),
        (candidate("Sci.Space"), "Sci.Space", Outcome.OFF_LIST),
        (candidate("rec.autos.misc"), "rec.autos.misc", Outcome.OFF_LIST),
        (candidate("sci.space", "MAX_TOKENS"), "(error)", Outcome.CUT),
        (candidate("sci.space", "SAFETY"), "(error)", Outcome.BLOCKED),
        (candidate("sci.space", "RECITATION"), "(error)", Outcome.BLOCKED),
        (candidate("sci.space", "OTHER"), "(error)", Outcome.BLOCKED),
        (candidate("sci.space", None), "(error)", Outcome.BLOCKED),
        (candidate(""), "(error)", Outcome.EMPTY),
        (candidate(" \n"), "(error)", Outcome.EMPTY),
        (candidate(None), "(error)", Outcome.EMPTY),
        ({"candidates": [{"finishReason": "STOP"}]}, "(error)", Outcome.EMPTY),
        ({"candidates": []}, "(error)", Outcome.EMPTY),
        ({}, "(error)", Outcome.EMPTY),
        ({"promptFeedback": {"blockReason": "SAFETY"}}, "(error)", Outcome.BLOCKED),
    ],
)
def test_an_answer_is_a_label_or_says_why_not(wire: dict[str, Any], label: str, outcome: Outcome) -> None:
    prediction = read(**wire)
    assert (prediction.label, prediction.outcome) == (label, outcome)
    assert prediction.is_error == (label == "(error)")
    assert bool(prediction.detail) == prediction.is_error


def test_an_unknown_finish_reason_is_refused_by_name() -> None:
    accept_unknown_values()
    prediction = read(**candidate("sci.space", "BRAND_NEW"))  # warnings are errors here
    assert (prediction.label, prediction.detail) == ("(error)", "finish reason BRAND_NEW")


def test_thoughts_are_no_part_of_the_answer() -> None:
    parts = [{"text": "hmm, rockets", "thought": True}, {"text": "sci."}, {"text": "space"}]
    assert read(candidates=[{"content": {"parts": parts}, "finishReason": "STOP"}]).label == "sci.space"


def test_tokens_and_model_come_from_the_response() -> None:
    usage = {"promptTokenCount": 136, "candidatesTokenCount": 4, "totalTokenCount": 140}
    prediction = read(**candidate("sci.space"), usageMetadata=usage, modelVersion="m-1")
    assert (prediction.input_tokens, prediction.output_tokens, prediction.model_version) == (136, 4, "m-1")


def read_json(text: str, reason: str = "STOP") -> Prediction:
    return read_answer(GenerateContentResponse.model_validate(candidate(text, reason)), LABELS, as_json=True)


@pytest.mark.parametrize(
    ("text", "label", "outcome"),
    [
        ('{"reason": "rockets", "label": "sci.space"}', "sci.space", Outcome.LABEL),
        ('\n{"label": " sci.space "}', "sci.space", Outcome.LABEL),
        ('{"label": "sci.spaec"}', "sci.spaec", Outcome.OFF_LIST),
        ("sci.space", "(not JSON) sci.space", Outcome.OFF_LIST),
        ('{"label": "sci.space"', '(not JSON) {"label": "sci.space"', Outcome.OFF_LIST),
        ('"sci.space"', '(no label) "sci.space"', Outcome.OFF_LIST),
        ('["sci.space"]', '(no label) ["sci.space"]', Outcome.OFF_LIST),
        ('{"Label": "sci.space"}', '(no label) {"Label": "sci.space"}', Outcome.OFF_LIST),
        ('{"label": null}', '(no label) {"label": null}', Outcome.OFF_LIST),
        ('{"label": 3}', '(no label) {"label": 3}', Outcome.OFF_LIST),
        ('{"label": ""}', '(no label) {"label": ""}', Outcome.OFF_LIST),
        ("", "(error)", Outcome.EMPTY),
    ],
)
def test_of_a_json_answer_only_the_label_counts(text: str, label: str, outcome: Outcome) -> None:
    assert (read_json(text).label, read_json(text).outcome) == (label, outcome)


def test_a_json_answer_that_was_cut_is_cut_and_a_deep_one_is_no_json() -> None:
    assert read_json('{"label": "sci.space"}', "MAX_TOKENS").outcome is Outcome.CUT
    assert read_json("[" * 100_000).label.startswith("(not JSON) [[[")


LOGPROBS = {"logprobsResult": {"chosenCandidates": [{"token": "a", "logProbability": -0.1}] * 3}}
BY_FIELDS = {
    "text": candidate("sci.space"),
    "another text": candidate("rec.autos"),
    "two parts": {"candidates": [{"content": {"parts": [{"text": "a"}, {"text": "b"}]}, "finishReason": "STOP"}]},
    "a thought before": {"candidates": [{"content": {"parts": [{"text": "a", "thought": True}, {"text": "b"}]}}]},
    "log-probabilities": {"candidates": [{**candidate("a")["candidates"][0], **LOGPROBS}]},
    "a field the SDK does not know": {**candidate("a"), "novelty": {"a": 1}},
    "such a field further in": {"candidates": [{**candidate("a")["candidates"][0], "novelty": [1]}]},
    "such a field in the second part": {
        "candidates": [{"content": {"parts": [{"text": "a"}, {"new": 1, "text": "b"}]}}]
    },
    "nothing": {},
    "no candidate": {"candidates": [], "usageMetadata": {"promptTokenCount": 3}},
}


def test_a_recorded_answer_reads_as_the_sdk_reads_it_the_first_time_and_every_other() -> None:
    check_reading(BY_FIELDS)


@needs_traffic
@pytest.mark.filterwarnings("ignore:.* is not a valid:UserWarning")  # a value that is newer than the SDK
def test_so_does_every_answer_of_the_real_service() -> None:
    bodies = [entry.get("body") for entry in recorded_answers()]
    answers = {
        str(number): body for number, body in enumerate(bodies) if isinstance(body, dict) and "candidates" in body
    }
    check_reading(answers)
    assert len(answers) > 40


def check_reading(answers: dict[str, Any]) -> None:
    for _ in range(2):
        for name, answer in answers.items():
            said = GenerateContentResponse._from_response(response=copy.deepcopy(answer), kwargs={})
            assert recorded_response(copy.deepcopy(answer)) == said, name
