"""Scores count planned posts, whatever ran and in whatever order results came."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsgauge.planning.sampling import Plan
from newsgauge.records import Outcome, Post, Prediction, Result
from newsgauge.running.results_log import ResultLog, merge, missing_cases
from newsgauge.scoring.scoreboard import nearest_label, score
from newsgauge.scoring.scores import AnswerCounts

POSTS = tuple(Post(f"a-{n}", "a", "text") for n in range(16))
PLAN = Plan("made", "", None, 0, False, "clean", ("a", "b"), POSTS)


def said(label: str, outcome: Outcome = Outcome.LABEL) -> Prediction:
    return Prediction(label, outcome, "", 10, 2, "m-1")


def results(n_right: int, n: int = 16, variant: str = "v") -> list[Result]:
    return [Result(p.id, variant, "a", said("a" if i < n_right else "b")) for i, p in enumerate(POSTS[:n])]


def test_six_of_sixteen_is_the_codelabs_baseline_with_its_wilson_interval() -> None:
    one = score(merge(results(6)), PLAN, ["v"])["v"]
    assert (one.accuracy, one.n, one.n_correct, one.complete) == (0.375, 16, 6, True)
    assert (one.low, one.high) == (pytest.approx(0.185, abs=5e-4), pytest.approx(0.614, abs=5e-4))  # type: ignore[comparison-overlap]
    assert (one.input_tokens, one.output_tokens) == (160, 32)


def test_a_missing_case_makes_a_score_incomplete() -> None:
    found = merge(results(15, n=15))
    one = score(found, PLAN, ["v"])["v"]
    assert not one.complete
    assert (one.n, one.n_planned, one.accuracy) == (15, 16, 1.0)
    assert missing_cases(found, PLAN, ["v"]) == [("a-15", "v")]


def test_errors_and_off_list_answers_are_counted_apart() -> None:
    found = results(16)
    found[0] = replace(found[0], prediction=said("(error)", Outcome.BLOCKED))
    found[1] = replace(found[1], prediction=said("c", Outcome.OFF_LIST))
    one = score(merge(found), PLAN, ["v"])["v"]
    assert (one.n_correct, one.n_errors, one.n_off_list) == (14, 1, 1)


def test_every_planned_case_is_counted_in_exactly_one_place() -> None:
    found = results(15, n=15)
    for number, outcome in enumerate((Outcome.BLOCKED, Outcome.CUT, Outcome.EMPTY)):
        found[number] = replace(found[number], prediction=said("(error)", outcome))
    found[3] = replace(found[3], prediction=said("a.x", Outcome.OFF_LIST))
    found[4] = replace(found[4], prediction=said("b"))
    found[5] = Result("a-5", "v", "a", None, "no recording")
    one = score(merge(found), PLAN, ["v"])["v"]
    assert one.counts == AnswerCounts(
        right=9, wrong=1, off_list=1, blocked=1, cut=1, empty=1, broken=1, missing=1
    )  # 16 in all
    assert (one.n, one.n_errors, one.complete) == (14, 3, False)


def test_a_near_miss_counts_in_the_closed_set_accuracy_only() -> None:
    found = results(16)
    found[0] = replace(found[0], prediction=said("a.misc", Outcome.OFF_LIST))
    found[1] = replace(found[1], prediction=said("b.misc", Outcome.OFF_LIST))
    one = score(merge(found), PLAN, ["v"])["v"]
    assert (one.accuracy, one.closed_set_accuracy) == (14 / 16, 15 / 16)


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        ("rec.autos.misc", "rec.autos"),
        ("rec.autos", "rec.autos"),
        ("Rec.Autos.", "rec.autos"),
        ("rec.autosport", None),
        ("rec", None),
        ("sci.space.news", None),  # extends two labels
        ("It is rec.autos", None),
    ],
)
def test_a_near_miss_extends_exactly_one_label(answer: str, label: str | None) -> None:
    assert nearest_label(answer, ("rec.autos", "sci.space", "sci.space.news")) == label


def test_macro_f1_and_classes_are_those_of_scikit_learn() -> None:
    from sklearn.metrics import f1_score, precision_recall_fscore_support

    truth = [*"aaaaabbbbbcccccc"]
    answers = ["a", "a", "b", "x", "(error)", "b", "b", "b", "c", "a", "c", "c", "c", "b", "x", "c"]
    posts = tuple(Post(f"p-{n}", label, "text") for n, label in enumerate(truth))
    kinds = {"x": Outcome.OFF_LIST, "(error)": Outcome.CUT}
    found = [
        Result(p.id, "v", p.label, said(answer, kinds.get(answer, Outcome.LABEL)))
        for p, answer in zip(posts, answers, strict=True)
    ]
    one = score(merge(found), replace(PLAN, labels=("a", "b", "c"), posts=posts), ["v"])["v"]
    assert one.macro_f1 == pytest.approx(
        f1_score(truth, answers, labels=["a", "b", "c"], average="macro", zero_division=0)
    )
    expected = precision_recall_fscore_support(truth, answers, labels=["a", "b", "c"], zero_division=0)
    for row, (precision, recall, f1, support) in zip(one.classes, zip(*expected, strict=True), strict=True):
        assert (row.precision, row.recall, row.f1, row.support) == pytest.approx((precision, recall, f1, support))
    assert one.matrix.counts[0] == (2, 1, 0, 1, 1)  # a: two right, one b, one off-list, one without an answer


def test_repeated_threads_widen_the_interval_and_are_counted() -> None:
    posts = tuple(replace(post, thread=f"t{n // 4}") for n, post in enumerate(POSTS))
    one = score(merge(results(8)), replace(PLAN, posts=posts), ["v"])["v"]
    assert (one.n_threads, one.clustered is not None) == (4, True)
    assert one.low < one.wilson[0] < one.wilson[1] < one.high
    assert one.effective_n < 16
    alone = score(merge(results(8)), PLAN, ["v"])["v"]
    assert (alone.clustered, alone.effective_n, alone.low) == (None, 16.0, alone.wilson[0])


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
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    reader = ResultLog(tmp_path, "main")
    assert len(reader.read()) == 15
    path.write_bytes(whole)  # it was being written: what was read before is not read again
    assert reader.read() == merge(rows)
    one.close()
    other.discard()
    assert not tmp_path.exists()


def test_posts_with_and_without_a_thread_in_training_are_scored_apart_where_both_exist() -> None:
    found = merge(results(6))
    known = tuple(post.id for post in POSTS[4:8])
    split = score(found, PLAN, ["v"], trained_threads={"v": known})["v"].trained_threads
    assert split is not None
    assert [(one.n, one.accuracy) for one in split] == [(4, 0.5), (12, 4 / 12)]
    # Wilson's interval of 2 of 4, by the formula with z = 1.959964
    assert split[0].interval == (pytest.approx(0.15004, abs=1e-5), pytest.approx(0.84996, abs=1e-5))  # type: ignore[comparison-overlap]
    assert score(found, PLAN, ["v"])["v"].trained_threads is None
    everything = {"v": [post.id for post in POSTS]}
    assert score(found, PLAN, ["v"], trained_threads=everything)["v"].trained_threads is None
