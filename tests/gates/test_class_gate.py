"""Limits on a class, a confusion and on costs: what is counted, what a live run has to prove, what cannot be meant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from scipy.stats import beta

from newsgauge.errors import GatesError
from newsgauge.gates.class_gate import ClassGate, ClassLimit
from newsgauge.gates.gate import Evidence, decide
from newsgauge.gates.gates_file import load_gates
from newsgauge.records import Outcome, Prediction, Result
from newsgauge.report.terminal import gate_lines
from newsgauge.running.results_log import merge
from newsgauge.scoring.scoreboard import score
from tests.gates.made_results import plan

Make = Callable[..., Evidence]
LABELS = ("a", "b", "c")


def answered(*said: str, live: bool = False) -> Evidence:
    """Answers to posts of a, b, c, a, b, c, ...; ``off`` is an answer outside of the list, ``blocked`` none."""
    the_plan = plan(len(said), LABELS)
    kinds = {"off": ("elsewhere", Outcome.OFF_LIST), "blocked": ("(error)", Outcome.BLOCKED)}
    rows = []
    for post, answer in zip(the_plan.posts, said, strict=True):
        label, outcome = kinds.get(answer, (answer, Outcome.LABEL))
        rows.append(Result(post.id, "v", post.label, Prediction(label, outcome, "", 1, 1, "m")))
    found = merge(rows)
    return Evidence(plan=the_plan, scores=score(found, the_plan, ["v"]), results=found, live=live)


def gate(*limits: ClassLimit) -> ClassGate:
    return ClassGate("v-classes", "v", limits)


def test_recall_precision_and_a_confusion_are_counted_by_hand() -> None:
    # True a: a, b, a, blocked. True b: b, b, a, off. True c: c, a, c, c.
    evidence = answered("a", "b", "c", "b", "b", "a", "a", "a", "c", "blocked", "off", "c")
    limits = [
        ClassLimit("min_recall", 0.5, "r", ("a",)),
        ClassLimit("min_recall", 0.6, "r", ("b",)),
        ClassLimit("min_precision", 0.5, "r", ("a",)),
        ClassLimit("min_precision", 0.9, "r", ("c",)),
        ClassLimit("max_confusion", 0.25, "r", ("a", "b")),
        ClassLimit("max_confusion", 0.2, "r", ("c", "a")),
    ]
    verdict = decide(gate(*limits), evidence)
    assert [(check.name, check.value, check.n, check.state) for check in verdict.checks] == [
        ("recall of a", 0.5, 4, "passed"),
        ("recall of b", 0.5, 4, "failed"),
        ("precision of a", 0.5, 4, "passed"),  # a is answered to a, a, b and c
        ("precision of c", 1.0, 3, "passed"),
        ("a taken for b", 0.25, 4, "passed"),
        ("c taken for a", 0.25, 4, "failed"),
    ]
    assert verdict.finding == "FAIL"
    cases = [(check.label, check.answer) for check in verdict.checks]
    assert cases == [("a", ""), ("b", ""), ("", "a"), ("", "c"), ("a", "b"), ("c", "a")]


def test_a_cost_is_that_of_the_pair_else_of_other_else_nothing() -> None:
    evidence = answered("a", "b", "c", "b", "a", "off", "c", "blocked", "a")
    costs = {"a": {"b": 5.0, "other": 2.0}, "other": {"off-list": 1.0, "error": 3.0}}
    verdict = decide(gate(ClassLimit("max_cost", 1.2, "r", ("a", "b"), costs=costs)), evidence)
    # a -> b 5, b -> a nothing, c off the list 1, a -> c 2, b blocked 3, c -> a nothing; of nine.
    assert verdict.checks[0].value == pytest.approx(11 / 9)
    assert (verdict.checks[0].label, verdict.checks[0].answer) == ("", "")
    assert verdict.finding == "FAIL"


def test_a_live_run_proves_a_recall_by_the_bound_of_clopper_and_pearson_corrected_for_the_limits() -> None:
    evidence = answered(*("a", "b", "c") * 40, live=True)
    one = ClassLimit("min_recall", 0.9, "r", ("a",))
    # 40 of 40: the lower bound is alpha ** (1 / 40).
    assert (
        decide(gate(one), evidence).checks[0].detail.startswith(f"one-sided 95.0% bounds {100 * 0.05 ** (1 / 40):.1f}%")
    )
    assert decide(gate(one), evidence).finding == "PASS"
    assert "over" not in decide(gate(one), evidence).checks[0].detail
    assert ", 95% over 2 limits" in decide(gate(one, one), evidence).checks[0].detail
    several = [one, *(ClassLimit("min_recall", 0.5, "r", (name,)) for name in ("b", "c")), *[one] * 2]
    found = decide(gate(*several), evidence)
    assert f"bounds {100 * beta.ppf(0.01, 40, 1):.1f}% and 100.0%, 95% over 5 limits" in found.checks[0].detail
    assert [check.state for check in found.checks] == ["not proved", "passed", "passed", "not proved", "not proved"]
    assert found.finding == "INCONCLUSIVE"
    # A limit on one of three equal classes takes three times as many posts as that class.
    assert found.n_to_decide is not None
    assert found.n_to_decide % 3 == 0
    assert f"some {found.n_to_decide // 3:,} such posts would decide" in found.checks[-1].detail
    assert decide(gate(*(replace(one, bound="value") for one in several)), evidence).finding == "PASS"


def test_live_a_class_whose_threads_are_right_or_wrong_as_a_whole_proves_less() -> None:
    evidence = answered(*("a", "b", "c") * 35, *("b", "b", "c") * 5, live=True)
    recall = gate(ClassLimit("min_recall", 0.7, "r", ("a",)))
    assert decide(recall, evidence).finding == "PASS"  # the lower bound of 35 of 40 is 75.6%
    posts = tuple(replace(post, thread=f"t{number // 15}") for number, post in enumerate(evidence.plan.posts))
    threaded = replace(evidence.plan, posts=posts)
    threads = replace(evidence, plan=threaded, scores=score(evidence.results, threaded, ["v"]))
    assert decide(recall, threads).finding == "INCONCLUSIVE"  # 7 of 8 threads


def test_live_never_is_held_by_the_answers_and_no_number_of_posts_decides_what_is_at_its_limit() -> None:
    evidence = answered(*("a", "b", "c") * 20, *("b", "b", "c") * 20, live=True)
    never = decide(gate(ClassLimit("max_confusion", 0.0, "r", ("b", "a"))), evidence)
    assert (never.finding, never.checks[0].detail) == ("PASS", "")
    half = decide(gate(ClassLimit("min_recall", 0.5, "r", ("a",))), evidence)
    assert (half.finding, half.n_to_decide) == ("INCONCLUSIVE", None)
    assert "would decide" not in half.reasons[0]


def test_a_live_run_proves_a_ceiling_and_breaks_one() -> None:
    evidence = answered(*("a", "b", "c") * 30, *("b", "b", "c") * 10, live=True)
    assert decide(gate(ClassLimit("max_confusion", 0.5, "r", ("a", "b"))), evidence).finding == "PASS"
    assert decide(gate(ClassLimit("max_confusion", 0.05, "r", ("a", "b"))), evidence).finding == "FAIL"
    costs = {"a": {"b": 4.0}}
    # 10 of 120 cost 4: a third, so a twelfth of the most; its upper bound is that of 10 of 120.
    found = decide(gate(ClassLimit("max_cost", 0.6, "r", ("a", "b"), costs=costs)), evidence)
    assert f"and {4 * beta.ppf(0.95, 11, 110):.2f}" in found.checks[0].detail
    assert found.finding == "PASS"


def test_a_class_that_is_not_there_is_red_and_one_that_is_not_asked_is_not_proved() -> None:
    evidence = answered("a", "b", "c")
    verdict = decide(gate(ClassLimit("min_recall", 0.5, "r", ("A",))), evidence)
    assert (verdict.finding, verdict.checks[0].detail) == ("FAIL", "the corpus has no class 'A'; did you mean 'a'?")
    other = replace(evidence, plan=replace(evidence.plan, corpus_labels=("a", "b", "c", "d")))
    verdict = decide(gate(ClassLimit("min_recall", 0.5, "r", ("d",))), other)
    assert (verdict.finding, verdict.checks[0].detail) == ("INCONCLUSIVE", "this run asks no post of d")


def load(tmp_path: Path, text: str) -> object:
    path = tmp_path / "gates.toml"
    path.write_text(f"[embedded.made.v]\n{text}\n")
    return load_gates(path, backend="embedded", corpus="made", known=["v"])


def test_a_class_that_is_never_answered_is_shown_with_its_limit() -> None:
    verdict = decide(gate(ClassLimit("min_precision", 0.9, "r", ("c",))), answered("a", "b", "a"))
    said = " ".join(line.strip() for line in gate_lines([verdict], []))
    assert (
        said == "NOT PROVED  v-classes: precision of c was not measured; limit: at least 90.0%; no answer to count (r)"
    )


def test_gates_toml_names_classes_confusions_and_costs(tmp_path: Path) -> None:
    text = """
min_recall = [{ class = "a", limit = 0.9, reason = "r" }, { class = "b", limit = 0.8, bound = "value", reason = "r" }]
max_confusion = { from = "a", to = "b", limit = 0, reason = "r" }
max_cost = { limit = 0.5, matrix = { a = { b = 5, other = 0 } }, reason = "r" }
"""
    assert load(tmp_path, text) == (
        gate(
            ClassLimit("min_recall", 0.9, "r", ("a",)),
            ClassLimit("min_recall", 0.8, "r", ("b",), "value"),
            ClassLimit("max_confusion", 0.0, "r", ("a", "b")),
            ClassLimit("max_cost", 0.5, "r", ("a", "b"), costs={"a": {"b": 5.0, "other": 0.0}}),
        ),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            'min_recal = { class = "a", limit = 0.9, reason = "r" }',
            "did you mean 'min_recall'",
        ),
        ('min_recall = { limit = 0.9, reason = "r" }', "expected 'class' to name a class"),
        ('min_recall = { class = "", limit = 0.9, reason = "r" }', "expected 'class' to name a class"),
        ('min_recall = { class = 3, limit = 0.9, reason = "r" }', "expected 'class' to name a class"),
        (
            'min_recall = { class = "a", limit = 0, reason = "r" }',
            "'limit' from 0 to 1 that some answers break",
        ),
        ('min_recall = { class = "a", limit = 0.9 }', "non-empty reason"),
        ('max_confusion = { from = "a", to = "a", limit = 0.1, reason = "r" }', "both 'a', which is not a confusion"),
        ('max_cost = { limit = 1, matrix = { a = 3 }, reason = "r" }', "expected 'matrix' to hold costs"),
        ('max_cost = { limit = 9, matrix = { a = { b = 3 } }, reason = "r" }', "expected 'limit' from 0 to 3"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(GatesError, match=said.replace("[", r"\[")):
        load(tmp_path, text)
