"""Tokens as the bill counts them: thinking is output, cached and tool-use prompts are input."""

from __future__ import annotations

import copy

import pytest
from google.genai.types import GenerateContentResponse, GenerateContentResponseUsageMetadata

from newsgauge.client.answers import Usage, add_usage, read_answer, read_usage
from newsgauge.client.calls import recorded_response
from newsgauge.records import Outcome, Prediction
from tests.gemini_traffic import needs_traffic, recorded_answers

#: As gemini-2.5-pro answers with a tool and a cache: 15 + 288 + 40 + 257 = 600.
BILLED = {
    "promptTokenCount": 15,
    "toolUsePromptTokenCount": 288,
    "candidatesTokenCount": 40,
    "thoughtsTokenCount": 257,
    "cachedContentTokenCount": 10,
    "totalTokenCount": 600,
}


def test_json_and_the_sdks_object_are_counted_alike() -> None:
    expected = Usage(input_tokens=303, output_tokens=297, thinking_tokens=257, cached_tokens=10, tool_use_tokens=288)
    assert read_usage(BILLED) == expected
    assert read_usage(GenerateContentResponseUsageMetadata.model_validate(BILLED)) == expected


def test_what_only_the_total_holds_is_billed_as_thinking() -> None:
    usage = read_usage({"promptTokenCount": 10, "candidatesTokenCount": 2, "totalTokenCount": 80})
    assert (usage.input_tokens, usage.output_tokens, usage.thinking_tokens) == (10, 70, 68)


@pytest.mark.parametrize("metadata", [None, {}, "none", {"promptTokenCount": "twelve", "thoughtsTokenCount": -1}])
def test_no_counts_are_zeros(metadata: object) -> None:
    assert read_usage(metadata) == Usage()


def test_a_count_that_came_as_a_text_counts() -> None:
    assert read_usage({"promptTokenCount": "12"}) == Usage(input_tokens=12)


def test_the_calls_of_a_case_add_up() -> None:
    assert add_usage([read_usage(BILLED), read_usage(BILLED)]) == Usage(606, 594, 514, 20, 576)
    assert add_usage([]) == Usage()


@needs_traffic
@pytest.mark.filterwarnings("ignore:.* is not a valid:UserWarning")  # a value that is newer than the SDK
def test_every_recorded_answer_adds_up_to_its_total() -> None:
    held = 0
    for entry in recorded_answers():
        answer = entry.get("body")
        metadata = answer.get("usageMetadata") if isinstance(answer, dict) else None
        if not metadata or "totalTokenCount" not in metadata:
            continue
        said = read_answer(recorded_response(copy.deepcopy(answer)), ("a",))  # type: ignore[arg-type]
        usage = read_usage(metadata)
        assert usage.input_tokens + usage.output_tokens == metadata["totalTokenCount"], entry["source"]
        assert usage.thinking_tokens == metadata.get("thoughtsTokenCount", 0), entry["source"]
        assert {name: getattr(said, name) for name in Usage._fields} == usage._asdict(), entry["source"]
        held += 1
    assert held > 40


def test_an_answer_that_thought_its_budget_away_says_so() -> None:
    wire = {
        "candidates": [{"content": {"role": "model"}, "finishReason": "MAX_TOKENS"}],
        "usageMetadata": {"promptTokenCount": 12, "thoughtsTokenCount": 20, "totalTokenCount": 32},
    }
    said = read_answer(GenerateContentResponse.model_validate(wire), ("a",))
    assert said.outcome is Outcome.CUT
    assert said.detail == "finish reason MAX_TOKENS: 20 tokens of thinking used up the budget"
    assert (said.output_tokens, said.thinking_tokens) == (20, 20)


@pytest.mark.parametrize(
    ("prediction", "uncounted"),
    [
        (Prediction("a", Outcome.LABEL, "", 0, 0, "gemini-x"), True),
        (Prediction("a", Outcome.LABEL, "", 12, 0, "gemini-x"), False),
        (Prediction("(error)", Outcome.BLOCKED, "prompt blocked: SAFETY", 0, 0, "gemini-x"), False),
        (Prediction("a", Outcome.LABEL, "", 0, 0, "estimator a:b, scikit-learn 1.9"), False),
        (Prediction("a", Outcome.LABEL, "", 0, 0, "no call (a:b)"), False),
    ],
)
def test_only_a_service_that_answers_without_counts_is_uncounted(prediction: Prediction, uncounted: bool) -> None:
    assert prediction.is_uncounted is uncounted
