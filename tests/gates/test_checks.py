"""Each limit of a gate in numbers: what was measured, what is asked, and which of four words it comes to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from newsgauge.gates.baseline_gate import BaselineGate
from newsgauge.gates.comparison_gate import ComparisonGate
from newsgauge.gates.findings import Limit
from newsgauge.gates.gate import Evidence, decide
from newsgauge.gates.limits_gate import LimitsGate
from newsgauge.records import Outcome, Prediction, Result
from newsgauge.running.results_log import merge
from newsgauge.scoring.scoreboard import score
from newsgauge.scoring.scores import Check
from tests.gates.test_baseline import GATE, baseline_of

Make = Callable[..., Evidence]


def limits(*found: Limit) -> LimitsGate:
    return LimitsGate("v", "v", found)


def test_each_limit_has_its_own_finding_and_numbers(made: Make) -> None:
    gate = limits(Limit("min_accuracy", 0.5, "half"), Limit("max_output_tokens_mean", 10, "short"))
    verdict = decide(gate, made(16, {"v": range(6)}))
    # 6 of 16 right; each made answer has 4 output tokens
    assert verdict.checks == (
        Check("failed", "accuracy", "rate", 0.375, 16, "at least", 0.5, "half"),
        Check("passed", "output tokens per post", "tokens", 4.0, 16, "at most", 10, "short"),
    )


def test_of_the_classes_the_lowest_is_measured(made: Make) -> None:
    # Posts alternate between a and b: of the first 6, 3 each are right, of 8.
    check = decide(limits(Limit("min_class_recall", 0.25, "r")), made(16, {"v": [0, 1, 2, 4]})).checks[0]
    assert (check.name, check.value, check.n, check.state) == ("recall of b, the lowest class", 1 / 8, 8, "failed")
    assert check.label == "b"


def test_what_the_data_do_not_decide_is_not_proved_and_says_how_it_was_held(made: Make) -> None:
    check = decide(
        limits(Limit("min_accuracy", 0.375, "why it is there")), made(16, {"v": range(6)}, live=True)
    ).checks[0]
    assert check.state == "not proved"
    assert "95% bounds" in check.detail
    assert "why it is there" not in check.detail


def test_a_lead_is_in_points_between_accuracies(made: Make) -> None:
    gate = ComparisonGate("v-beats-w", "v", "w", 0.2, "worth it")
    check = decide(gate, made(16, {"v": range(10), "w": range(4)})).checks[0]
    assert (check.state, check.name, check.unit) == ("passed", "lead of v over w", "points")
    assert (check.value, check.limit, check.why) == (10 / 16 - 4 / 16, 0.2, "worth it")
    assert "worth it" not in check.detail


@pytest.mark.parametrize("gate", [limits(Limit("min_accuracy", 0.5, "r")), BaselineGate("v-baseline", "v")])
def test_a_variant_without_all_its_answers_is_unanswered_and_has_no_statistics(made: Make, gate: LimitsGate) -> None:
    full = made(4, {"v": range(4)})
    rows = [replace(one, prediction=None, broken="cassette.jsonl:1: changed") for one in full.results.values()][:3]
    found = merge([*rows, list(full.results.values())[3]])
    checks = decide(gate, replace(full, results=found, scores=score(found, full.plan, ["v"]))).checks
    assert checks == (
        Check("unanswered", "cases of v have an answer", "cases", 1, 4, "at least", 4, "", "cassette.jsonl:1: changed"),
    )


def test_a_comparison_is_unanswered_by_whichever_variant_lacks_answers(made: Make) -> None:
    full = made(4, {"v": range(4), "w": range(2)})
    found = merge([one for one in full.results.values() if one.variant == "v"])
    evidence = replace(full, results=found, scores=score(found, full.plan, ["v", "w"]))
    checks = decide(ComparisonGate("v-beats-w", "v", "w", 0.2, "r"), evidence).checks
    assert [(one.state, one.name, one.value) for one in checks] == [("unanswered", "cases of w have an answer", 0)]


def test_a_replay_counts_the_answers_that_are_the_baselines(made: Make) -> None:
    baseline = baseline_of(made(16, {"v": range(6)}))
    check = decide(GATE, made(16, {"v": range(8)}, baseline=baseline)).checks[0]
    assert (check.state, check.unit, check.value, check.limit) == ("failed", "cases", 14, 16)


def test_live_a_change_since_the_baseline_is_in_points(made: Make) -> None:
    baseline = baseline_of(made(16, {"v": range(8)}))
    check = decide(GATE, made(16, {"v": range(6)}, live=True, baseline=baseline)).checks[0]
    assert (check.name, check.value, check.limit) == ("change since the baseline", -2 / 16, -0.05)


@pytest.mark.parametrize("live", [True, False])
def test_without_a_baseline_nothing_is_measured(made: Make, live: bool) -> None:
    check = decide(GATE, made(16, {"v": range(6)}, live=live)).checks[0]
    assert (check.state, check.value) == ("not proved", None)
    assert "--update-baseline" in check.detail


def test_an_answer_of_no_kind_counts_as_an_answer(made: Make) -> None:
    full = made(2, {"v": range(2)})
    blocked = Prediction("(error)", Outcome.BLOCKED, "SAFETY", 1, 0, "m-1")
    found = merge([Result(one.post_id, "v", one.label, blocked) for one in full.results.values()])
    evidence = replace(full, results=found, scores=score(found, full.plan, ["v"]))
    check = decide(limits(Limit("max_error_rate", 0.1, "r")), evidence).checks[0]
    assert (check.state, check.name, check.value) == ("failed", "error rate", 1.0)
