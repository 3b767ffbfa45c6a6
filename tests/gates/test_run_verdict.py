"""When a run may call itself complete."""

from __future__ import annotations

from pathlib import Path

import pytest

from newsgauge.gates.run_verdict import BaselinePlace, Guard
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
