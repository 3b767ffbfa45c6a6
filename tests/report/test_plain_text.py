"""What is printed fits 100 columns, says what it does not know, and is what the JSON holds."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from newsgauge.planning.sampling import Plan
from newsgauge.records import Key, Outcome, Post, Prediction, Result
from newsgauge.report.breakdowns import class_lines, confusion_lines, worst_lines
from newsgauge.report.summary_sections import flips_since_baseline
from newsgauge.report.terminal import answer_lines, gate_lines, scoreboard_lines
from newsgauge.results.result_files import write_flips, write_gates, write_scoreboard
from newsgauge.running.results_log import merge
from newsgauge.scoring.scoreboard import compare_variants, score
from newsgauge.scoring.scores import Check, CheckState, Score, Verdict
from newsgauge.scoring.stats.decisions import Finding

LABELS = tuple(f"talk.politics.label-number-{n:02}" for n in range(20))


def made(
    labels: tuple[str, ...], right: dict[str, int], n: int = 40
) -> tuple[Plan, dict[Key, Result], dict[str, Score]]:
    posts = tuple(Post(f"p-{i}", labels[i % len(labels)], "text") for i in range(n))
    plan = Plan("made", "", None, 0, False, "clean", labels, posts)
    rows = [
        Result(
            post.id,
            variant,
            post.label,
            Prediction(post.label if i < k else labels[0], Outcome.LABEL, "", 9**7, 9**6, "m"),
        )
        for variant, k in right.items()
        for i, post in enumerate(posts)
    ]
    found = merge(rows)
    return plan, found, score(found, plan, right)


def test_tables_fit_100_columns_whatever_the_names_and_numbers() -> None:
    long = "a-variant-with-a-name-that-goes-on-and-on-without-telling-much"
    plan, found, scores = made(LABELS, {long: 33, "b": 2})
    scores[long] = replace(scores[long], n_planned=30_128)
    verdicts = {
        long: Verdict(
            long, long, Finding.INCONCLUSIVE, ("reason " * 40,), tuple(f"p-{i}: x, was {'y' * 150}" for i in range(9))
        )
    }
    lines = [
        *scoreboard_lines(scores, verdicts, undecided=[], title="title " * 30),
        *gate_lines(verdicts.values(), ["gate-" * 30], ["note " * 40]),
        *answer_lines(scores),
        *class_lines(scores["b"]),
        *confusion_lines(scores["b"]),
        *worst_lines(scores),
        *flips_since_baseline([compare_variants(found, plan.posts, long, "b")], shown="evals/" + "x" * 90),
    ]
    assert max(map(len, lines)) <= 100
    assert any(line.startswith("a-v") and line.endswith("NOT PROVED") for line in lines)
    assert plan.labels == LABELS


def test_a_narrow_terminal_has_fewer_columns_and_never_loses_the_verdict() -> None:
    _, _, scores = made(("a", "b"), {"a-variant-of-some-length": 3})
    verdict = Verdict("g", "a-variant-of-some-length", Finding.PASS, ("r",))
    for width in (60, 79, 120):
        lines = scoreboard_lines(scores, {"g": verdict}, undecided=[], title="t", width=width)
        assert max(map(len, lines)) <= width
        assert lines[1].split()[:3] == ["variant", "n", "accuracy"]
        assert lines[3].endswith("PASS")
        assert ("errors" in lines[1]) == (width == 120)


def test_a_variant_without_a_gate_says_so_and_one_undecided_too() -> None:
    _, _, scores = made(("a", "b"), {"free": 1, "gated": 1, "open": 1, "bad": 1})
    verdicts = {
        "gated": Verdict("gated", "gated", Finding.PASS, ("r",)),
        "bad": Verdict("bad", "bad", Finding.PASS, ("r",)),
        "bad-beats": Verdict("bad-beats", "bad", Finding.FAIL, ("r",)),
    }
    lines = scoreboard_lines(scores, verdicts, undecided=["open"], title="t")
    words = {line.split()[0]: line.rsplit("  ", 1)[1] for line in lines[3:7]}
    assert words == {"free": "no gate", "gated": "PASS", "open": "not decided", "bad": "FAIL"}


def test_what_cannot_be_computed_is_a_dash_and_null(tmp_path: Path) -> None:
    _, _, scores = made(("a", "b"), {"v": 3})
    empty = score({}, made(("a", "b"), {"v": 3})[0], ["v"])
    assert scoreboard_lines(empty, {}, undecided=[], title="t")[3].split() == [
        "v",
        "0/40",
        "-",
        "-",
        "-",
        "0",
        "0",
        "0",
        "no",
        "gate",
    ]
    write_scoreboard(tmp_path, {}, empty, [])
    written = json.loads((tmp_path / "scoreboard.json").read_text())["variants"]["v"]
    assert (written["accuracy"], written["wilson_95"], written["answers"]["missing"]) == (None, [None, None], 40)
    assert "-" in class_lines(scores["v"])[1]


def test_a_failed_gate_lists_twenty_posts_and_names_the_file_with_the_rest() -> None:
    flips = tuple(f"p-{i}: was a, now b" for i in range(23))
    lines = gate_lines([Verdict("g", "v", Finding.FAIL, ("r",), flips)], [])
    assert lines[0] == "FAIL  g: r"
    assert lines[-1] == "      and 3 more, in gates.json"
    assert len(lines) == 22
    assert gate_lines([Verdict("g", "v", Finding.PASS, ("r",), flips)], []) == ["PASS  g: r"]


def test_a_confusion_matrix_has_a_row_a_class_or_lists_what_was_mixed_up() -> None:
    _, _, scores = made(("aa", "bb"), {"v": 10})
    rows = [line.split() for line in confusion_lines(scores["v"])]
    assert rows[0] == ["v:", "true", "class", "a", "b", "off-list", "error"]
    assert rows[2:] == [["a", "aa", "20", ".", ".", "."], ["b", "bb", "15", "5", ".", "."]]
    _, _, wide = made(tuple(f"label-{n:03}" for n in range(40)), {"v": 0})
    assert confusion_lines(wide["v"])[1] == "  label-001 -> label-000: 1"


def test_the_worst_confusions_are_named_most_first_and_right_answers_are_none() -> None:
    # Posts alternate between aa and bb; the first 10 are right, of the rest those of bb are taken for aa.
    _, _, scores = made(("aa", "bb"), {"v": 10, "w": 40})
    assert [line.split() for line in worst_lines(scores)[2:]] == [["v", "bb", "aa", "15", "of", "20"]]
    assert worst_lines({"w": scores["w"]}) == []


def test_flips_against_the_baseline_name_lost_posts_first() -> None:
    plan, found, _ = made(("a", "b"), {"now": 4, "then": 0})
    lines = flips_since_baseline([compare_variants(found, plan.posts, "now", "then")], shown="base.json")
    assert lines == [
        "now against base.json: 2 gained, 0 lost, of 40 texts",
        "  gained p-1: was a, now b",
        "  gained p-3: was a, now b",
    ]
    assert (
        flips_since_baseline([compare_variants(found, plan.posts, "then", "now")], shown="x")[1]
        == "  lost   p-1: was b, now a"
    )


def test_flips_are_written_for_every_pair_with_both_answers(tmp_path: Path) -> None:
    plan, found, _ = made(("a", "b"), {"new": 4, "old": 0})
    one = compare_variants(found, plan.posts, "new", "old")
    write_flips(tmp_path, [one])
    rows = list(csv.DictReader((tmp_path / "flips.csv").read_text().splitlines()))
    assert [
        (row["id"], row["label"], row["first_prediction"], row["second_prediction"], row["right"]) for row in rows
    ] == [
        ("p-1", "b", "b", "a", "first"),
        ("p-3", "b", "b", "a", "first"),
    ]


@pytest.mark.parametrize("finding", list(Finding))
def test_the_artifact_holds_the_finding_and_what_would_decide(tmp_path: Path, finding: Finding) -> None:
    verdict = Verdict("g", "v", finding, ("r",), ("f",), 120)
    write_gates(tmp_path, {}, complete=True, verdicts=[verdict], undecided=["h"], not_run=0)
    one, other = json.loads((tmp_path / "gates.json").read_text())["gates"]
    assert (one["finding"], one["passed"], one["n_to_decide"], one["flips"]) == (finding, finding == "PASS", 120, ["f"])
    assert (other["gate"], other["passed"], other["finding"]) == ("h", None, None)


def check(state: CheckState, **other: Any) -> Check:
    values = {
        "name": "accuracy",
        "unit": "rate",
        "value": 0.6625,
        "n": 80,
        "sign": "at least",
        "limit": 0.5,
        "why": "half",
    }
    return Check(state=state, **{**values, **other})


def test_a_limit_is_a_line_and_what_failed_is_nearest_to_the_prompt() -> None:
    verdicts = [
        Verdict("bad", "v", Finding.FAIL, ("r",), checks=(check("failed", limit=0.8), check("passed"))),
        Verdict("good", "w", Finding.PASS, ("r",), checks=(check("passed"),)),
    ]
    assert gate_lines(verdicts, []) == [
        "PASS  good: accuracy 66.3% of 80; limit: at least 50.0% (half)",
        "PASS  bad: accuracy 66.3% of 80; limit: at least 50.0% (half)",
        "FAIL  bad: accuracy 66.3% of 80; limit: at least 80.0% (half)",
    ]
    assert gate_lines(verdicts[1:], [], brief=True) == []


def test_what_leaves_several_gates_unanswered_is_told_once() -> None:
    lost = check(
        "unanswered", name="cases of v have an answer", unit="cases", value=0, limit=80, why="", detail="stale"
    )
    verdicts = [Verdict(name, "v", Finding.FAIL, ("r",), checks=(lost,)) for name in ("v", "v-baseline")]
    assert gate_lines(verdicts, []) == [
        "UNANSWERED  v: 0 of 80 cases of v have an answer; stale",
        "UNANSWERED  v-baseline: 0 of 80 cases of v have an answer",
    ]


def test_gates_wrap_to_the_width_that_there_is() -> None:
    verdict = Verdict("g", "v", Finding.PASS, ("r",), checks=(check("passed", why="word " * 60),))
    assert max(map(len, gate_lines([verdict], [], width=60))) <= 60
