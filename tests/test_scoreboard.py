"""Scores count planned posts, whatever ran and in whatever order results came."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsgauge.gates import Gate, Limit, decide
from newsgauge.records import Outcome, Post, Prediction, Result
from newsgauge.results import ResultLog, merge
from newsgauge.sampling import Plan
from newsgauge.scoreboard import missing_cases, score

POSTS = tuple(Post(f"a-{n}", "a", "text") for n in range(16))
PLAN = Plan("made", "", None, 0, False, "clean", ("a", "b"), POSTS)


def said(label: str, outcome: Outcome = Outcome.LABEL) -> Prediction:
    return Prediction(label, outcome, "", 10, 2, "m-1")


def results(n_right: int, n: int = 16, variant: str = "v") -> list[Result]:
    return [Result(p.id, variant, "a", said("a" if i < n_right else "b")) for i, p in enumerate(POSTS[:n])]


def test_six_of_sixteen_is_the_codelabs_baseline_with_its_wilson_interval() -> None:
    one = score(merge(results(6)), PLAN, ["v"])["v"]
    assert (one.accuracy, one.n, one.n_correct, one.complete) == (0.375, 16, 6, True)
    assert (one.low, one.high) == (pytest.approx(0.185, abs=5e-4), pytest.approx(0.614, abs=5e-4))
    assert (one.input_tokens, one.output_tokens) == (160, 32)


def test_a_missing_case_makes_a_score_incomplete_and_a_gate_fail() -> None:
    found = merge(results(15, n=15))
    scores = score(found, PLAN, ["v"])
    assert not scores["v"].complete
    assert missing_cases(found, PLAN, ["v"]) == [("a-15", "v")]
    verdict = decide(Gate("v", "v", (Limit("min_accuracy", 0.1, "r"),)), scores, found, PLAN)
    assert not verdict.passed
    assert verdict.reasons == ("v: 1 of 16 planned cases have no answer",)


def test_a_broken_case_is_no_answer_and_is_named() -> None:
    found = merge([*results(15, n=15), Result("a-15", "v", "a", None, "no recording")])
    verdict = decide(Gate("v", "v", (Limit("min_accuracy", 0.1, "r"),)), score(found, PLAN, ["v"]), found, PLAN)
    assert verdict.reasons == ("v: 1 of 16 planned cases have no answer; the first: no recording",)


@pytest.mark.parametrize(("bound", "passes"), [(0.375, True), (0.376, False)])
def test_a_floor_holds_at_its_bound(bound: float, passes: bool) -> None:
    found = merge(results(6))
    verdict = decide(Gate("v", "v", (Limit("min_accuracy", bound, "r"),)), score(found, PLAN, ["v"]), found, PLAN)
    assert verdict.passed is passes


def test_errors_and_off_list_answers_are_counted_apart() -> None:
    found = results(16)
    found[0] = replace(found[0], prediction=said("(error)", Outcome.BLOCKED))
    found[1] = replace(found[1], prediction=said("c", Outcome.OFF_LIST))
    one = score(merge(found), PLAN, ["v"])["v"]
    assert (one.n_correct, one.n_errors, one.n_off_list) == (14, 1, 1)


@pytest.mark.parametrize(("gained", "passes"), [(4, False), (5, True)])
def test_five_one_way_flips_are_the_fewest_that_beat_another_variant(gained: int, passes: bool) -> None:
    found = merge([*results(gained, variant="new"), *results(0, variant="old")])
    gate = Gate("new-beats-old", "new", beats="old", by_at_least=0.1, reason="r")
    assert decide(gate, score(found, PLAN, ["new", "old"]), found, PLAN).passed is passes


def test_a_significant_but_small_difference_does_not_beat() -> None:
    found = merge([*results(6, variant="new"), *results(0, variant="old")])
    gate = Gate("new-beats-old", "new", beats="old", by_at_least=0.5, reason="r")
    assert not decide(gate, score(found, PLAN, ["new", "old"]), found, PLAN).passed


@given(st.permutations([*results(6), *[replace(r, origin="gate", prediction=said("x")) for r in results(6)]]))
def test_merging_does_not_depend_on_order_and_an_item_beats_a_gate(shuffled: list[Result]) -> None:
    assert merge(shuffled) == merge(results(6))


def test_results_of_processes_are_merged_and_torn_lines_count_as_missing(tmp_path: Path) -> None:
    one, other = ResultLog(tmp_path, "gw0"), ResultLog(tmp_path, "gw1")
    rows = results(6)
    for number, row in enumerate(rows):
        (one if number % 2 else other).add(row)
    assert one.read() == other.read() == merge(rows)
    path = tmp_path / "gw1.jsonl"
    path.write_bytes(path.read_bytes()[:-5])
    assert len(one.read()) == 15
    one.close()
    other.discard()
    assert not tmp_path.exists()
