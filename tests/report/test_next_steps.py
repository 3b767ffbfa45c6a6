"""What a page says is to be done, and what it says once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from newsgauge.report.findings import limit_lines
from newsgauge.report.html.blocks import points_axis
from newsgauge.report.next_steps import next_steps
from newsgauge.results.run_folder import RunFolder, load_run


def run_with(finished: Path, *gates: dict[str, Any]) -> RunFolder:
    run = load_run(finished)
    return replace(run, gates={**run.gates, "gates": [{"variant": "tuned", **gate} for gate in gates]}, baseline={})


def test_what_is_not_proved_says_how_many_posts_would_decide_and_where_to_plan_them(finished: Path) -> None:
    known = {"gate": "tuned", "finding": "INCONCLUSIVE", "reasons": ["r"], "n_to_decide": 1200}
    never = {"gate": "other", "finding": "INCONCLUSIVE", "reasons": ["r"], "n_to_decide": None}
    first, second, plan = next_steps(run_with(finished, known, never))
    assert first.text == (
        "tuned is not proved: about 1,200 posts would decide; this run asked 40. Ask more with --posts-per-class."
    )
    assert second.text == "other is not proved: this run asked 40."
    assert plan.command == "newsgauge power --gates"
    assert "until green proves nothing" in plan.text
    assert next_steps(run_with(finished)) == []
    drop = {**known, "reasons": ["so compare the two runs: newsgauge compare OLD NEW --gate --max-drop 0.05"]}
    assert "Ask both sides as many, and compare the runs" in next_steps(run_with(finished, drop))[0].text


def test_what_left_several_gates_unanswered_is_told_once(finished: Path) -> None:
    check = {"state": "unanswered", "detail": "the prompt changed. Record it again: pytest evals"}
    gates = [{"gate": name, "finding": "FAIL", "checks": [check]} for name in ("tuned", "tuned-baseline")]
    other = {"gate": "plain", "finding": "FAIL", "checks": [{"state": "failed", "detail": "the prompt changed"}] * 2}
    details = [line.detail for line in limit_lines(run_with(finished, *gates, other))]
    assert details == ["the prompt changed", "the prompt changed", check["detail"], ""]


@pytest.mark.parametrize(
    ("about", "words"),
    [  # tuned is wrong about posts 0, 10, 20 and 30, which are of autos, med, space and autos, and names the next label
        ({}, "4 wrong answers of tuned."),
        ({"label": "rec.autos"}, "2 wrong answers of tuned for rec.autos."),
        ({"answer": "sci.space"}, "1 wrong answer of tuned, sci.space."),
        ({"label": "sci.space", "answer": "rec.autos"}, "1 wrong answer of tuned for sci.space, rec.autos."),
    ],
)
def test_a_limit_leads_to_the_wrong_answers_that_it_counts(finished: Path, about: dict[str, str], words: str) -> None:
    gate = {"gate": "g", "finding": "FAIL", "checks": [{"state": "failed", **about}]}
    look, change = next_steps(run_with(finished, gate))
    assert look.text == f"Look at the {words}"
    assert look.filters == {"variant": "tuned", **about, "outcome": "not right"}
    assert change.command == "pytest evals"


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ((0.03, -0.012), ["−5", "−2.5", "0", "+2.5", "+5"]),
        ((-0.21,), ["−40", "−20", "0", "+20", "+40"]),
        ((1.0,), ["−100", "−50", "0", "+50", "+100"]),
        ((), ["−2", "−1", "0", "+1", "+2"]),
    ],
)
def test_an_axis_of_differences_is_as_wide_as_they_are(values: tuple[float, ...], ticks: list[str]) -> None:
    axis = points_axis(values)
    assert [text for _, text in axis.ticks] == ticks
    assert axis.place(0) == 50
    assert all(0 <= axis.place(value) <= 100 for value in values)
