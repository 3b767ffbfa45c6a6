"""When a run may call itself complete."""

from __future__ import annotations

from pathlib import Path

import pytest

from newsgauge.gates.run_verdict import BaselinePlace, Guard
from newsgauge.gates.session_verdict import SessionVerdict
from newsgauge.planning.plan_file import RunPlan
from tests.gates.made_results import plan, posts, result


@pytest.mark.parametrize("required", [True, False])
def test_a_run_without_any_gate_is_not_complete_however_many_cases_it_answered(tmp_path: Path, required: bool) -> None:
    whole = plan(4)
    run = RunPlan(whole, whole, None, "embedded", "none", {"v": "1"}, {"v": "1"}, None)
    place = BaselinePlace(tmp_path / "baseline.json", "baseline.json", None, updating=False)
    guard = Guard(run, (), tmp_path, required, place)
    guard.start()
    answers = {(post.id, "v"): result(post, "v", right=True) for post in posts(4)}
    concluded = guard.conclude(answers, exit_status=0)
    assert not concluded.session.complete
    assert concluded.scores["v"].complete


@pytest.mark.parametrize(("failed", "ended"), [((), "pytest ended with status 1: no test failed"), (("a",), "")])
def test_a_status_that_no_failed_test_explains_is_told_whatever_else_is_red(
    tmp_path: Path, failed: tuple[str, ...], ended: str
) -> None:
    run = RunPlan(plan(4), plan(4), None, "embedded", "none", {"v": "1"}, {"v": "1"}, None)
    place = BaselinePlace(tmp_path / "baseline.json", "baseline.json", None, updating=False)
    session = Guard(run, (), tmp_path, True, place).conclude({}, exit_status=1, failed=failed).session
    assert "4 of 4 planned cases did not run" in " ".join(session.reasons)
    assert session.ended[:42] == ended


def test_of_two_runs_that_write_one_baseline_the_second_does_not_undo_the_first(tmp_path: Path) -> None:
    run = RunPlan(plan(4), plan(4), None, "embedded", "none", {"v": "1"}, {"v": "1"}, None)
    answers = {(post.id, "v"): result(post, "v", right=True) for post in posts(4)}
    place = BaselinePlace(tmp_path / "baseline.json", "baseline.json", None, updating=True)
    first, second = (Guard(run, (), tmp_path / "results", True, place) for _ in range(2))
    assert first.conclude(answers, exit_status=0).changes
    written = place.path.read_text()
    assert any("baseline.json changed since" in one for one in second.conclude(answers, exit_status=0).session.reasons)
    assert place.path.read_text() == written


@pytest.mark.parametrize(
    ("verdict", "headline"),
    [
        (SessionVerdict(("a",), n_gates=2, n_passed=1), "RED: 1 of 2 gates passed; a"),
        (SessionVerdict(("a", "b"), n_gates=2, n_passed=2), "RED: 2 of 2 gates passed, but a (and 1 more)"),
        (SessionVerdict(("a", "b", "c")), "RED: no gate decided; a (and 2 more)"),
        (SessionVerdict((), n_gates=2, n_passed=2, complete=True), "GREEN: 2 of 2 gates passed"),
        (
            SessionVerdict((), n_gates=2, n_passed=2, n_cases=9, n_cases_not_run=1),
            "GREEN, but not complete: 2 of 2 gates passed; 1 of 9 planned cases did not run",
        ),
    ],
)
def test_the_headline_counts_gates_and_the_reasons_that_it_does_not_name(
    verdict: SessionVerdict, headline: str
) -> None:
    assert verdict.headline == headline
