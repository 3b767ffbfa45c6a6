"""How a run differs from its baseline, for who shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from newsgauge.gates.baseline_gate import since_baseline
from newsgauge.gates.gate import Evidence
from newsgauge.planning.plan_file import RunPlan
from tests.gates.test_baseline import baseline_of

Make = Callable[..., Evidence]


def run_of(evidence: Evidence) -> RunPlan:
    prompts = dict.fromkeys(evidence.scores, "0123456789ab")
    return RunPlan(evidence.plan, evidence.plan, None, "embedded", "none", prompts, prompts, None)


def test_gained_and_lost_posts_and_the_answers_of_the_baseline(made: Make) -> None:
    held = baseline_of(made(16, {"v": range(6)}))
    now = made(16, {"v": range(1, 9)})  # post 0 lost; 6, 7 and 8 gained
    value = since_baseline(run_of(now), held, now.results, shown="base.json")
    found = value["variants"]["v"]
    assert (value["plan"], value["path"]) == (now.plan.digest, "base.json")
    assert (found["n"], found["difference"], found["n_gained"], found["n_lost"]) == (16, 2 / 16, 3, 1)
    assert found["changed"] == {"p-0": "a", "p-6": "b", "p-7": "a", "p-8": "b"}


def test_posts_without_an_answer_or_unknown_to_the_baseline_are_left_out(made: Make) -> None:
    held = baseline_of(made(8, {"v": range(6)}))
    now = made(16, {"v": range(6), "w": range(3)})
    rows = {
        key: replace(one, prediction=None, broken="x") if key[0] == "p-1" else one for key, one in now.results.items()
    }
    value = since_baseline(run_of(now), held, rows, shown="base.json")
    assert list(value["variants"]) == ["v"]
    assert value["variants"]["v"]["n"] == 7
