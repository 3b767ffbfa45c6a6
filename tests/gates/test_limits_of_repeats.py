"""``min_stability`` and ``min_pass_all``: limits on posts that were asked several times, counted by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from scipy.stats import binomtest

from newsgauge.gates.baseline_file import Baseline, make_baseline
from newsgauge.gates.baseline_gate import BaselineGate
from newsgauge.gates.findings import Limit
from newsgauge.gates.gate import Evidence, decide
from newsgauge.gates.limits_gate import LimitsGate
from newsgauge.planning.sampling import repeat_key
from newsgauge.records import Outcome, Prediction, Result
from newsgauge.scoring.scoreboard import score
from tests.gates.made_results import plan


def asked(rows: Sequence[str], *, live: bool = False, k: int = 3) -> Evidence:
    """One row of answers per post; ``a`` and ``b`` are the labels in turn, so ``R`` stands for the right one."""
    the_plan = replace(plan(len(rows)), repeats={"v": k} if k > 1 else {})
    results = {}
    for post, row in zip(the_plan.posts, rows, strict=True):
        for number, letter in enumerate(row, 1):
            said = post.label if letter == "R" else f"wrong-{letter}"
            key = repeat_key(post.id, number)
            results[key, "v"] = Result(key, "v", post.label, Prediction(said, Outcome.OFF_LIST, "", 1, 1, "m"))
    return Evidence(plan=the_plan, scores=score(results, the_plan, ["v"]), results=results, live=live)


def baseline_of(run: Evidence) -> Baseline:
    prompts = {"v": "0" * 12}
    return make_baseline(
        backend="embedded", plan=run.plan, prompts=prompts, scores=run.scores, results=run.results, old=None
    )


def gate(metric: str, limit: float) -> LimitsGate:
    return LimitsGate("v", "v", (Limit(metric, limit, "r"),))


@pytest.mark.parametrize(
    ("metric", "limit", "finding"),
    [
        ("min_stability", 0.75, "PASS"),  # RRR, xxx and RRR agree, RRx does not
        ("min_stability", 0.76, "FAIL"),
        ("min_pass_all", 0.5, "PASS"),  # RRR and RRR are all right
        ("min_pass_all", 0.51, "FAIL"),
    ],
)
def test_in_a_replay_the_share_of_posts_is_held(metric: str, limit: float, finding: str) -> None:
    verdict = decide(gate(metric, limit), asked(["RRR", "xxx", "RRR", "RRx"]))
    assert verdict.finding == finding
    assert "(n = 4; r)" in verdict.reasons[0]
    assert verdict.checks[0].n == 4


@pytest.mark.parametrize(("n_stable", "finding"), [(71, "PASS"), (70, "INCONCLUSIVE"), (50, "FAIL")])
def test_live_a_post_counts_once_however_often_it_was_asked(n_stable: int, finding: str) -> None:
    # 71 of 80 is the published least number for a one-sided 95% exact bound of 80%; as 240 cases 200 would do.
    bounds = binomtest(n_stable, 80).proportion_ci(0.9, method="exact")
    assert {"PASS": bounds.low >= 0.8, "FAIL": bounds.high < 0.8, "INCONCLUSIVE": True}[finding]
    rows = ["RRR"] * n_stable + ["RxR"] * (80 - n_stable)
    assert decide(gate("min_stability", 0.8), asked(rows, live=True)).finding == finding


@pytest.mark.parametrize("metric", ["min_stability", "min_pass_all"])
def test_a_variant_that_asks_once_is_not_held_and_says_what_to_set(metric: str) -> None:
    verdict = decide(gate(metric, 0.5), asked(["R", "R"], k=1))
    assert verdict.finding == "INCONCLUSIVE"
    assert "v asks each post once; set repeats = 3 in variants.toml, or run with --repeats 3" in verdict.reasons[0]


def test_a_missing_repeat_fails_whatever_the_others_say() -> None:
    evidence = asked(["RRR", "RR"])
    assert decide(gate("min_stability", 0.5), evidence).finding == "FAIL"


@pytest.mark.parametrize(("n_moved", "finding"), [(6, "PASS"), (60, "FAIL")])
def test_a_drop_is_held_on_all_answers_of_both_sides(n_moved: int, finding: str) -> None:
    """One answer of three is wrong now, never the first: the mean share right falls by n_moved / 240."""
    baseline = baseline_of(asked(["RRR"] * 80))
    now = replace(asked(["RRx"] * n_moved + ["RRR"] * (80 - n_moved), live=True), baseline=baseline)
    verdict = decide(BaselineGate("v-baseline", "v", 0.1, "r"), now)
    assert verdict.finding == finding
    assert f"v - baseline = \N{MINUS SIGN}{100 * n_moved / 240:.1f} points on the same 80 posts" in verdict.reasons[0]
    assert verdict.flips[0] == "lost p-0: a (2), wrong-x (1), was a (3)"


def test_a_baseline_of_first_answers_is_compared_with_the_share_right_now() -> None:
    baseline = baseline_of(asked(["R"] * 80, k=1))
    now = replace(asked(["RRx"] * 60 + ["RRR"] * 20, live=True), baseline=baseline)
    assert (
        "v - baseline = \N{MINUS SIGN}25.0 points" in decide(BaselineGate("v-baseline", "v", 0.1, "r"), now).reasons[0]
    )
