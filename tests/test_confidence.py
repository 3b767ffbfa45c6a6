"""How sure a variant is: read from answers, scored, gated, and turned into a cut-point."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from google.genai.types import GenerateContentResponse

from newsgauge.client.answers import read_for
from newsgauge.errors import GatesError, VariantsError
from newsgauge.gates.confidence_gate import ConfidenceGate
from newsgauge.gates.findings import Limit
from newsgauge.gates.gate import Evidence, decide
from newsgauge.gates.gates_file import load_gates
from newsgauge.gates.limits_gate import LimitsGate
from newsgauge.planning.sampling import Plan, repeat_key
from newsgauge.records import Outcome, Post, Prediction, Result
from newsgauge.results.result_files import read_results, write_results
from newsgauge.scoring.confidences import confident_answers
from newsgauge.scoring.scoreboard import score
from newsgauge.scoring.stats.decisions import Finding
from newsgauge.variants.variants_file import Variant, load_variants

PLAIN = Variant("v", "x", "m", "{post}")


def answer(text: str, avg: float | None = None) -> GenerateContentResponse:
    candidate = {"content": {"parts": [{"text": text}]}, "finishReason": "STOP", "avgLogprobs": avg}
    return GenerateContentResponse.model_validate({"candidates": [candidate]})


def test_log_probabilities_are_a_mean_probability_of_the_tokens() -> None:
    said = read_for(replace(PLAIN, confidence="logprobs"), answer("a", -0.6931471805599453), ("a",))
    assert said.confidence == pytest.approx(0.5)
    assert read_for(replace(PLAIN, confidence="logprobs"), answer("a"), ("a",)).confidence is None
    assert read_for(PLAIN, answer("a", -0.1), ("a",)).confidence is None


@pytest.mark.parametrize(
    ("field", "expected"), [("0.75", 0.75), ("1", 1.0), ("75", None), ('"0.7"', None), ("true", None), ("NaN", None)]
)
def test_a_field_is_a_number_from_0_to_1_or_no_confidence(field: str, expected: float | None) -> None:
    variant = replace(PLAIN, answer="json", json_fields=(("sure", "number"),), confidence="field:sure")
    said = read_for(variant, answer(f'{{"sure": {field}, "label": "a"}}'), ("a",))
    assert (said.label, said.confidence) == ("a", expected)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ('confidence = "guess"', 'expected \'confidence\' to be "logprobs", "field:NAME" or "votes"'),
        ('confidence = "field:sure"', "expected json_fields to hold 'sure'"),
        ('confidence = "field:sure"\nanswer = "json"\njson_fields = { sure = "string" }', "as a number"),
        ('confidence = "votes"', "needs 'repeats' from 2"),
    ],
)
def test_a_confidence_that_cannot_come_is_refused(tmp_path: Path, keys: str, message: str) -> None:
    path = tmp_path / "variants.toml"
    path.write_text(f'[v]\nabout = "x"\nmodel = "m"\ncontents = "{{post}}"\n{keys}\n', "utf-8")
    with pytest.raises(VariantsError, match=message):
        load_variants(path)


def test_votes_are_the_share_of_repeats_that_agree() -> None:
    plan = Plan("made", "", None, 0, False, "clean", ("a", "b"), (Post("p", "a", "t"),), repeats={"v": 4})
    said = [Prediction(label, Outcome.LABEL, "", 1, 1, "m") for label in ("a", "b", "a", "a")]
    results = {(repeat_key("p", i), "v"): Result(repeat_key("p", i), "v", "a", one) for i, one in enumerate(said, 1)}
    assert [(c, right) for _, c, right in confident_answers(results, plan, "v")] == [(0.75, True)]


def with_confidences(evidence: Evidence, *confidences: float | None) -> Evidence:
    rows = {
        key: replace(one, prediction=replace(one.prediction, confidence=confidence)) if one.prediction else one
        for (key, one), confidence in zip(evidence.results.items(), confidences, strict=True)
    }
    return replace(evidence, results=rows, scores=score(rows, evidence.plan, ["v"]))


@pytest.fixture
def made() -> Callable[..., Evidence]:
    def make(right: int, n: int) -> Evidence:
        posts = tuple(Post(f"p-{i}", "a", "text") for i in range(n))
        plan = Plan("made", "", None, 0, False, "clean", ("a", "b"), posts)
        said = [Prediction("a" if i < right else "b", Outcome.LABEL, "", 1, 1, "m") for i in range(n)]
        found = {(post.id, "v"): Result(post.id, "v", "a", one) for post, one in zip(posts, said, strict=True)}
        return Evidence(plan=plan, scores=score(found, plan, ["v"]), results=found)

    return make


def test_an_answer_without_a_confidence_counts_as_unsure(made: Callable[..., Evidence]) -> None:
    evidence = with_confidences(made(4, 5), 0.9, 0.8, 0.7, 0.6, None)
    found = evidence.scores["v"].confidence
    assert found is not None
    assert (found.n, found.n_at, found.n_correct_at) == (5, 4, 4)
    assert found.error == pytest.approx((0.1 + 0.2 + 0.3 + 0.4 + 0.0) / 5)


def test_gates_hold_the_surest_answers_and_the_calibration_error(made: Callable[..., Evidence]) -> None:
    evidence = with_confidences(made(4, 5), 0.9, 0.8, 0.7, 0.6, None)
    assert decide(ConfidenceGate("g", "v", 0.8, 0.99, "r"), evidence).passed
    assert not decide(ConfidenceGate("g", "v", 1.0, 0.9, "r"), evidence).passed
    assert decide(ConfidenceGate("g", "v", 1.0, 0.8, "r"), evidence).passed
    calibrated = decide(ConfidenceGate("g", "v", None, 0.2, "r"), evidence)
    assert calibrated.passed
    assert calibrated.reasons[0].startswith("expected calibration error 0.20 (n = 5); limit: at most 0.2")
    assert not decide(ConfidenceGate("g", "v", None, 0.19, "r"), evidence).passed
    # 4 of 4: Clopper-Pearson's one-sided 95% lower bound is 0.05^(1/4) = 0.4729
    live = replace(evidence, live=True)
    assert decide(ConfidenceGate("g", "v", 0.8, 0.47, "r"), live).finding is Finding.PASS
    assert decide(ConfidenceGate("g", "v", 0.8, 0.48, "r"), live).finding is Finding.INCONCLUSIVE


def test_all_answers_are_held_to_a_limit_of_confident_ones_as_to_one_of_accuracy_also_in_threads(
    made: Callable[..., Evidence],
) -> None:
    evidence = made(12, 16)
    # As many are right of a large thread as of others: its posts tell as much, and what was not seen may be as large.
    threads = ["t" if number < 6 or number in (12, 13) else f"t-{number}" for number in range(16)]
    posts = tuple(replace(post, thread=name) for post, name in zip(evidence.plan.posts, threads, strict=True))
    threaded = replace(evidence, plan=replace(evidence.plan, posts=posts), live=True)
    for one in (replace(evidence, live=True), threaded):
        sure = with_confidences(one, *[0.9] * 16)
        for limit in (number / 100 for number in range(5, 100)):
            of_sure = decide(ConfidenceGate("g", "v", 1.0, limit, "r"), sure)
            of_all = decide(LimitsGate("v", "v", (Limit("min_accuracy", limit, "r"),)), sure)
            assert of_sure.finding is of_all.finding, limit


def test_a_gate_without_confidences_fails(made: Callable[..., Evidence]) -> None:
    found = decide(ConfidenceGate("g", "v", 0.8, 0.5, "r"), made(5, 5))
    assert found.finding is Finding.FAIL
    assert "does not say how sure it is" in found.reasons[0]
    assert (found.checks[0].value, found.checks[0].n) == (None, 0)


@pytest.mark.parametrize("coverage", [0.5, 1])
def test_a_limit_may_be_about_a_part_of_the_answers_or_all(tmp_path: Path, coverage: float) -> None:
    path = tmp_path / "gates.toml"
    path.write_text(
        f'[embedded.c.v]\nmin_accuracy_at = {{ coverage = {coverage}, limit = 0.9, reason = "r" }}\n', "utf-8"
    )
    found = load_gates(path, backend="embedded", corpus="c", known=["v"])
    assert found == (ConfidenceGate("v-confident", "v", coverage, 0.9, "r"),)


@pytest.mark.parametrize(
    "entry",
    [
        'min_accuracy_at = { limit = 0.9, reason = "r" }',
        'min_accuracy_at = { coverage = 0, limit = 0.9, reason = "r" }',
        'min_accuracy_at = { coverage = 1.5, limit = 0.9, reason = "r" }',
        'max_calibration_error = { limit = 0.1, reason = " " }',
        'max_calibration_error = { limit = 2, reason = "r" }',
    ],
)
def test_an_entry_that_cannot_be_meant_is_refused(tmp_path: Path, entry: str) -> None:
    path = tmp_path / "gates.toml"
    path.write_text(f"[embedded.c.v]\n{entry}\n", "utf-8")
    with pytest.raises(GatesError, match="expected"):
        load_gates(path, backend="embedded", corpus="c", known=["v"])


def test_results_csv_keeps_the_confidence(tmp_path: Path) -> None:
    said = [Prediction("a", Outcome.LABEL, "", 1, 1, "m", confidence=c) for c in (0.1 + 0.2, 0.0, None)]
    rows = [Result(f"p-{i}", "v", "a", one) for i, one in enumerate(said)]
    write_results(tmp_path, rows)
    assert list(read_results(tmp_path / "results.csv", advice="")) == rows
