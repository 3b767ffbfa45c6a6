"""A limit holds at its bound in a replay; in a live run it takes proof, and INCONCLUSIVE is not a pass."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from scipy.stats import binomtest

from newsgauge.gates.findings import Limit, macro_f1_decision
from newsgauge.gates.gate import Evidence, decide
from newsgauge.gates.gates_file import load_gates
from newsgauge.gates.limits_gate import LimitsGate
from newsgauge.records import Outcome, Result
from newsgauge.running.results_log import merge
from newsgauge.scoring.scoreboard import score
from newsgauge.scoring.stats.classification import ConfusionMatrix

Make = Callable[..., Evidence]


def gate(metric: str, limit: float, **other: str) -> LimitsGate:
    return LimitsGate("v", "v", (Limit(metric, limit, "r", **other),))  # type: ignore[arg-type]


@pytest.mark.parametrize(("bound", "finding"), [(0.375, "PASS"), (0.376, "FAIL")])
def test_in_a_replay_a_floor_holds_at_its_bound(made: Make, bound: float, finding: str) -> None:
    assert decide(gate("min_accuracy", bound), made(16, {"v": range(6)})).finding == finding


@pytest.mark.parametrize(("bound", "finding"), [(0.375, "PASS"), (0.374, "FAIL")])
def test_in_a_replay_a_ceiling_holds_at_its_bound(made: Make, bound: float, finding: str) -> None:
    assert decide(gate("max_accuracy", bound), made(16, {"v": range(6)})).finding == finding


def test_a_limit_is_shown_as_it_was_set_and_a_rate_says_nothing_of_tokens(made: Make) -> None:
    replayed = decide(gate("min_accuracy", 0.3704), made(16, {"v": range(6)}))
    assert replayed.reasons == ("accuracy 37.5% >= 37.04% (n = 16; r)",)
    for metric in ("min_accuracy", "min_class_recall"):
        live = decide(gate(metric, 0.6004), made(80, {"v": range(80)}, live=True))
        assert "bound of every class >= 60.04%" in live.reasons[0] or "lower bound >= 60.04% (n = 80" in live.reasons[0]


# Correct answers needed so that the one-sided 95% exact bound reaches 80%: a published table.
@pytest.mark.parametrize(("n", "needed"), [(16, 16), (32, 30), (80, 71), (160, 137)])
def test_live_a_floor_of_80_percent_takes_what_the_table_says(made: Make, n: int, needed: int) -> None:
    assert decide(gate("min_accuracy", 0.8), made(n, {"v": range(needed)}, live=True)).finding == "PASS"
    assert decide(gate("min_accuracy", 0.8), made(n, {"v": range(needed - 1)}, live=True)).finding == "INCONCLUSIVE"


def test_live_a_floor_fails_where_even_the_upper_bound_is_below(made: Make) -> None:
    verdict = decide(gate("min_accuracy", 0.8), made(80, {"v": range(50)}, live=True))
    upper = binomtest(50, 80).proportion_ci(0.9, method="exact").high
    assert upper < 0.8
    assert verdict.finding == "FAIL"
    assert f"{100 * upper:.1f}%" in verdict.reasons[0]


def test_an_inconclusive_verdict_says_how_many_posts_would_decide(made: Make) -> None:
    verdict = decide(gate("min_accuracy", 0.8), made(32, {"v": range(28)}, live=True))
    assert verdict.finding == "INCONCLUSIVE"
    assert not verdict.passed
    assert verdict.n_to_decide is not None
    assert verdict.n_to_decide > 32
    assert f"some {verdict.n_to_decide:,} posts would decide" in verdict.reasons[0]
    assert "80.0% lies between the bounds" in verdict.reasons[0]


def test_no_number_of_posts_decides_a_limit_that_is_the_rate(made: Make) -> None:
    verdict = decide(gate("min_accuracy", 0.75), made(32, {"v": range(24)}, live=True))
    assert (verdict.finding, verdict.n_to_decide) == ("INCONCLUSIVE", None)
    assert "no number of posts would decide" in verdict.reasons[0]


def test_live_a_ceiling_is_proved_by_its_upper_bound(made: Make) -> None:
    assert decide(gate("max_accuracy", 0.05), made(80, {"v": ()}, live=True)).finding == "PASS"  # 1 - .05^(1/80) = .037
    assert decide(gate("max_accuracy", 0.05), made(50, {"v": ()}, live=True)).finding == "INCONCLUSIVE"  # .058


def test_the_bound_value_holds_the_value_also_in_a_live_run(made: Make) -> None:
    assert decide(gate("min_accuracy", 0.8, bound="value"), made(16, {"v": range(13)}, live=True)).finding == "PASS"
    # As "always" does, which no sample proves.
    assert decide(gate("min_accuracy", 1.0), made(16, {"v": range(16)}, live=True)).finding == "PASS"


def test_macro_f1_of_classes_with_few_posts_takes_more_posts_than_there_are() -> None:
    few = ConfusionMatrix(("a", "b"), ((20, 0, 0, 0), (0, 3, 0, 0)))
    found = macro_f1_decision(Limit("min_macro_f1", 0.3, "r"), few)
    assert (found.finding, found.n_for_power) == ("INCONCLUSIVE", 24)


def test_limits_at_the_end_of_what_can_be_meant_are_read(tmp_path: Path) -> None:
    path = tmp_path / "gates.toml"
    wanted = {
        "min_accuracy": 0.5, "max_accuracy": 0.5, "max_error_rate": 1e-6, "max_input_tokens_mean": 0.5,
        "max_thinking_tokens_mean": 0.0,
    }  # fmt: skip
    path.write_text("[embedded.c.v]\n" + "".join(f'{k} = {{ limit = {n}, reason = "r" }}\n' for k, n in wanted.items()))
    (read,) = load_gates(path, backend="embedded", corpus="c", known=["v"])
    assert isinstance(read, LimitsGate)
    assert {one.metric: one.limit for one in read.limits} == wanted


@pytest.mark.parametrize(("n_blocked", "finding"), [(0, "PASS"), (1, "FAIL")])
def test_a_limit_of_none_at_all_is_about_the_answers_themselves(made: Make, n_blocked: int, finding: str) -> None:
    evidence = made(16, {"v": range(16)}, live=True)
    assert decide(gate("max_error_rate", 0.0), with_errors(evidence, n_blocked)).finding == finding


def with_errors(evidence: Evidence, n: int) -> Evidence:
    found = dict(evidence.results)
    for post in evidence.plan.posts[:n]:
        old = found[post.id, "v"]
        assert old.prediction is not None
        said = replace(old.prediction, label="(error)", outcome=Outcome.BLOCKED)
        found[post.id, "v"] = replace(old, prediction=said)
    return replace(evidence, results=found, scores=score(found, evidence.plan, ["v"]))


def test_live_an_error_rate_is_proved_by_its_upper_bound(made: Make) -> None:
    evidence = made(80, {"v": range(80)}, live=True)
    low, upper = binomtest(2, 80).proportion_ci(0.9, method="exact")
    passed = decide(gate("max_error_rate", upper + 1e-6), with_errors(evidence, 2))
    assert passed.finding == "PASS"
    words = f"error rate 2.5%, one-sided 95% bounds {100 * low:.1f}% and {100 * upper:.1f}%: upper bound <= "
    assert passed.reasons[0].startswith(words)
    assert decide(gate("max_error_rate", upper - 1e-6), with_errors(evidence, 2)).finding == "INCONCLUSIVE"


def test_tokens_are_counted_not_estimated(made: Make) -> None:
    for live in (False, True):
        evidence = made(16, {"v": range(6)}, live=live)
        assert decide(gate("max_input_tokens_mean", 100), evidence).finding == "PASS"
        assert decide(gate("max_output_tokens_mean", 3.9), evidence).finding == "FAIL"
        assert decide(gate("max_thinking_tokens_mean", 0), evidence).finding == "PASS"


def test_thinking_is_held_by_itself_and_as_part_of_the_output(made: Make) -> None:
    evidence = made(4, {"v": range(4)})
    found = {
        key: replace(one, prediction=replace(one.prediction, output_tokens=73, thinking_tokens=72))
        for key, one in evidence.results.items()
        if one.prediction is not None
    }
    thoughtful = replace(evidence, results=found, scores=score(found, evidence.plan, ["v"]))
    assert decide(gate("max_output_tokens_mean", 10), thoughtful).finding == "FAIL"
    assert decide(gate("max_thinking_tokens_mean", 71.9), thoughtful).finding == "FAIL"
    assert decide(gate("max_thinking_tokens_mean", 72), thoughtful).finding == "PASS"


def test_tokens_that_nobody_counted_hold_no_limit(made: Make) -> None:
    evidence = made(4, {"v": range(4)})
    found = dict(evidence.results)
    key = next(iter(found))
    said = found[key].prediction
    assert said is not None
    found[key] = replace(found[key], prediction=replace(said, input_tokens=0, output_tokens=0))
    uncounted = replace(evidence, results=found, scores=score(found, evidence.plan, ["v"]))
    for metric in ("max_input_tokens_mean", "max_output_tokens_mean", "max_thinking_tokens_mean"):
        verdict = decide(gate(metric, 10_000), uncounted)
        assert verdict.finding == "FAIL"
        assert "1 of them answered without token counts" in verdict.reasons[0]


def test_the_lowest_recall_is_held_and_named(made: Make) -> None:
    # Even numbers are class a: 8 of 8 right; odd ones b: 2 of 8.
    evidence = made(16, {"v": [0, 2, 4, 6, 8, 10, 12, 14, 1, 3]})
    assert decide(gate("min_class_recall", 0.25), evidence).finding == "PASS"
    verdict = decide(gate("min_class_recall", 0.26), evidence)
    assert verdict.finding == "FAIL"
    assert verdict.reasons[0].startswith("recall of b 25.0% < 26.0%")


def test_live_every_class_has_to_be_proved(made: Make) -> None:
    assert (
        decide(gate("min_class_recall", 0.6), made(16, {"v": range(16)}, live=True)).finding == "PASS"
    )  # .05^(1/8)=.69
    verdict = decide(gate("min_class_recall", 0.6), made(16, {"v": range(15)}, live=True))
    assert verdict.finding == "INCONCLUSIVE"
    assert "1 of 2 proved" in verdict.reasons[0]
    found = re.search(r"some (\d+) posts per class would decide", verdict.reasons[0])
    assert found is not None
    assert verdict.n_to_decide == 2 * int(found[1])
    # 6 of 8 right of one class are 75%, and no number of posts tells that from a floor of 75%.
    verdict = decide(gate("min_class_recall", 0.75), made(16, {"v": range(2, 15)}, live=True))
    assert (verdict.finding, verdict.n_to_decide) == ("INCONCLUSIVE", None)
    assert "no number of posts per class would decide" in verdict.reasons[0]
    assert decide(gate("min_class_recall", 0.6), made(16, {"v": range(0, 16, 2)}, live=True)).finding == "FAIL"


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("metric", ["min_class_recall", "min_macro_f1"])
def test_a_class_without_posts_never_passes(made: Make, metric: str, live: bool) -> None:
    evidence = made(16, {"v": range(16)}, live=live)
    plan = replace(evidence.plan, labels=("a", "b", "c"))
    evidence = replace(evidence, plan=plan, scores=score(evidence.results, plan, ["v"]))
    assert not decide(gate(metric, 0.01), evidence).passed


@pytest.mark.parametrize("live", [False, True])
def test_macro_f1_of_all_right_is_one(made: Make, live: bool) -> None:
    evidence = made(40, {"v": range(40)}, live=live)
    assert decide(gate("min_macro_f1", 0.85), evidence).passed
    assert decide(gate("min_macro_f1", 0.99), evidence).passed is not live  # as 40 right answers prove 93% at most


def test_live_macro_f1_is_neither_proved_nor_disproved_by_fewer_than_five_posts_a_class(made: Make) -> None:
    assert decide(gate("min_macro_f1", 0.95), made(8, {"v": range(1)}, live=True)).finding == "INCONCLUSIVE"
    assert decide(gate("min_macro_f1", 0.95), made(10, {"v": range(1)}, live=True)).finding == "FAIL"
    verdict = decide(gate("min_macro_f1", 0.01), made(8, {"v": range(8)}, live=True))
    assert (verdict.finding, verdict.n_to_decide) == ("INCONCLUSIVE", 10)
    assert "too few posts of a class for a proof, some 10 posts would decide" in verdict.reasons[0]
    assert decide(gate("min_macro_f1", 0.01), made(10, {"v": range(10)}, live=True)).passed


def test_live_sixteen_right_answers_do_not_prove_a_macro_f1_of_99_percent(made: Make) -> None:
    verdict = decide(gate("min_macro_f1", 0.99), made(16, {"v": range(16)}, live=True))
    assert verdict.finding == "INCONCLUSIVE"
    assert verdict.n_to_decide is not None


def threaded(evidence: Evidence, size: int, **other: object) -> Evidence:
    """``size`` neighbouring posts of a label share a thread."""
    posts = tuple(
        replace(post, thread=f"{post.label}{number // (2 * size)}") for number, post in enumerate(evidence.plan.posts)
    )
    plan = replace(evidence.plan, posts=posts)
    return replace(evidence, plan=plan, scores=score(evidence.results, plan, evidence.scores), **other)  # type: ignore[arg-type]


def test_live_posts_of_one_thread_prove_less_of_recall_and_macro_f1(made: Make) -> None:
    evidence = made(80, {"v": range(80)}, live=True)
    for metric, limit in (("min_class_recall", 0.9), ("min_macro_f1", 0.92)):
        assert decide(gate(metric, limit), evidence).passed
        assert decide(gate(metric, limit), threaded(evidence, 5)).finding == "INCONCLUSIVE"


def test_live_macro_f1_between_the_bounds_is_inconclusive(made: Make) -> None:
    verdict = decide(gate("min_macro_f1", 0.7), made(40, {"v": range(30)}, live=True))
    assert verdict.finding == "INCONCLUSIVE"
    assert verdict.n_to_decide is not None
    assert verdict.n_to_decide > 40


def test_the_accuracy_in_the_datas_own_mix_can_be_gated(made: Make) -> None:
    """40 of 40 right of a, 16 of 40 of b: 70% as a mean over labels, 94% where a is nine tenths of the data."""
    right = [*range(0, 80, 2), *range(1, 32, 2)]
    for live, limit, finding in (
        (False, 0.94, "PASS"),
        (False, 0.95, "FAIL"),
        (True, 0.85, "PASS"),
        (True, 0.94, "INCONCLUSIVE"),
    ):
        evidence = made(80, {"v": right}, live=live)
        plan = replace(evidence.plan, population={"a": 900, "b": 100})
        weighted = replace(evidence, plan=plan, scores=score(evidence.results, plan, ["v"]))
        assert decide(gate("min_own_mix_accuracy", limit), weighted).finding == finding
        assert decide(gate("min_accuracy", 0.72), weighted).finding != "PASS"
        assert not decide(gate("min_own_mix_accuracy", 0.72), evidence).passed  # nobody counted the data


def test_live_posts_of_one_thread_prove_less(made: Make) -> None:
    evidence = made(80, {"v": range(72)}, live=True)
    assert decide(gate("min_accuracy", 0.8), evidence).passed
    posts = tuple(replace(post, thread=f"t{number // 8}") for number, post in enumerate(evidence.plan.posts))
    plan = replace(evidence.plan, posts=posts)
    threaded = replace(evidence, plan=plan, scores=score(evidence.results, plan, ["v"]))
    assert decide(gate("min_accuracy", 0.8), threaded).finding == "INCONCLUSIVE"


def test_a_missing_case_fails_whatever_the_rate(made: Make) -> None:
    evidence = made(16, {"v": range(16)})
    found = dict(evidence.results)
    del found["p-15", "v"]
    verdict = decide(
        gate("min_accuracy", 0.1), replace(evidence, results=found, scores=score(found, evidence.plan, ["v"]))
    )
    assert verdict.finding == "FAIL"
    assert verdict.reasons == ("v: 1 of 16 planned cases have no answer",)


def test_a_broken_case_is_no_answer_and_is_named(made: Make) -> None:
    evidence = made(16, {"v": range(16)})
    found = {**evidence.results, **merge([Result("p-15", "v", "b", None, "no recording")])}
    verdict = decide(
        gate("min_accuracy", 0.1), replace(evidence, results=found, scores=score(found, evidence.plan, ["v"]))
    )
    assert verdict.reasons == ("v: 1 of 16 planned cases have no answer; the first: no recording",)


def test_one_inconclusive_limit_makes_a_gate_inconclusive_and_a_failed_one_fail(made: Make) -> None:
    evidence = made(32, {"v": range(28)}, live=True)
    limits = {"proved": ("min_accuracy", 0.5), "open": ("min_accuracy", 0.8), "broken": ("min_accuracy", 0.99)}

    def finding(*names: str) -> str:
        return decide(LimitsGate("v", "v", tuple(Limit(*limits[name], "r") for name in names)), evidence).finding

    assert finding("proved") == "PASS"
    assert finding("proved", "open") == "INCONCLUSIVE"
    assert finding("proved", "open", "broken") == "FAIL"
