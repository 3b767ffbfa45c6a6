"""How often gates pass by chance: by simulation, against enumeration and against the gates' own decisions."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import betabinom, binom

from newsgauge.cli.main import main
from newsgauge.gates.age_gate import AgeGate
from newsgauge.gates.baseline_file import Baseline, load_baseline, make_baseline
from newsgauge.gates.baseline_gate import BaselineGate
from newsgauge.gates.class_gate import ClassGate, ClassLimit
from newsgauge.gates.comparison_gate import ComparisonGate
from newsgauge.gates.confidence_gate import ConfidenceGate
from newsgauge.gates.findings import Limit
from newsgauge.gates.gate import Evidence, Gate, decide
from newsgauge.gates.gates_file import load_gates, plan_gates
from newsgauge.gates.limits_gate import LimitsGate
from newsgauge.gates.operating import FlipRate, Operating, usual_flip_rate
from newsgauge.gates.simulated_answers import answered
from newsgauge.gates.slice_gate import SliceGate
from newsgauge.planning.sampling import Plan
from newsgauge.pytest_plugin.gate_hooks import odds_lines
from newsgauge.records import Outcome, Post, Prediction
from newsgauge.scoring.scoreboard import score
from newsgauge.scoring.stats.decisions import decide_difference, decide_floor
from newsgauge.scoring.stats.power import margin_power

ROOT = Path(__file__).resolve().parents[2]
Make = Callable[..., Evidence]
OF_REPEATS = ("min_stability", "min_pass_all")


def baseline_of(evidence: Evidence) -> Baseline:
    return make_baseline(
        backend="embedded",
        plan=evidence.plan,
        prompts=dict.fromkeys(evidence.scores, "0" * 12),
        scores=evidence.scores,
        results=evidence.results,
        old=None,
    )


def limit(metric: str, value: float, bound: str = "confidence") -> LimitsGate:
    return LimitsGate("v", "v", (Limit(metric, value, "r", bound),))  # type: ignore[arg-type]


@pytest.mark.parametrize(("n_right", "flip_rate"), [(40, 0.02), (72, 0.05), (72, 0.1)])
def test_the_odds_of_a_drop_are_those_of_all_outcomes(made: Make, n_right: int, flip_rate: float) -> None:
    """Lost of the right answers and gained of the wrong ones are binomial, as many to be expected of each."""
    evidence = made(80, {"v": range(n_right)})
    operating = Operating([BaselineGate("v-baseline", "v", 0.05, "r")], evidence.plan, baseline_of(evidence))
    found = operating.of_plan(flip_rate=flip_rate, n_runs=4000)
    n_wrong, half = 80 - n_right, 80 * flip_rate / 2
    expected = dict.fromkeys(("PASS", "INCONCLUSIVE", "FAIL"), 0.0)
    for lost in range(21):
        for gained in range(min(n_wrong, 20) + 1):
            chance = binom.pmf(lost, n_right, half / n_right) * binom.pmf(gained, n_wrong, half / n_wrong)
            if chance > 1e-6:
                expected[decide_difference(gained, lost, 80, -0.05).finding] += chance
    (gate,) = found.gates
    assert (gate.passed, gate.inconclusive, gate.failed) == pytest.approx(tuple(expected.values()), abs=0.025)
    assert found.all_pass == gate.passed
    assert (found.all_inconclusive, found.all_fail) == pytest.approx((gate.inconclusive, gate.failed))
    assert found.standard_error < 0.01


def test_the_odds_of_a_floor_after_a_drop_are_those_of_all_outcomes(made: Make) -> None:
    """Without flips a drop of 10 points keeps each of the 72 right answers with 64/72."""
    evidence = made(80, {"v": range(72)})
    operating = Operating([limit("min_accuracy", 0.75)], evidence.plan, baseline_of(evidence))
    found = operating.of_plan(flip_rate=0.0, drop=0.1, n_runs=4000)
    proved = [k for k in range(81) if decide_floor(k, 80, 0.75).passed]
    assert found.all_pass == pytest.approx(binom.pmf(proved, 72, 64 / 72).sum(), abs=0.025)


def test_a_class_is_not_lost_among_the_others_in_a_sample_with_the_mix_of_the_data(made: Make) -> None:
    """The posts of one label are all wrong, those of the other all right: half of all, and nothing of one class."""
    evidence = made(80, {"v": []})
    plan = replace(evidence.plan, population={"a": 400, "b": 400})
    right = {key for key, one in evidence.results.items() if one.label == "a"}
    results = {
        key: replace(one, prediction=replace(one.prediction, label="a"))  # type: ignore[type-var]
        for key, one in evidence.results.items()
    }
    assert len(right) == 40
    evidence = replace(evidence, plan=plan, results=results, scores=score(results, plan, ["v"]))
    gates = [limit("min_class_recall", 0.2), limit("min_accuracy", 0.2), limit("min_own_mix_accuracy", 0.2)]
    found = Operating(gates, plan, baseline_of(evidence)).of_plan(flip_rate=0.0, n_runs=3).gates
    assert [(one.passed, one.failed) for one in found] == [(0.0, 1.0), (1.0, 0.0), (1.0, 0.0)]


def test_what_has_no_answer_is_not_among_the_answered(made: Make) -> None:
    evidence = made(4, {"v": range(4)})
    first, second, *others = evidence.plan.posts
    results = {key: one for key, one in evidence.results.items() if key[0] != first.id}
    results[second.id, "v"] = replace(results[second.id, "v"], prediction=None, broken="refused")
    assert [post for post, _ in replace(evidence, results=results).answered("v")] == others


@pytest.mark.parametrize(("times", "n_threads"), [(1, 120), (3, 40)])
def test_without_a_flip_each_gate_finds_what_it_finds_of_the_baselines_answers(
    made: Make, times: int, n_threads: int
) -> None:
    evidence = made(120, {"v": range(108), "w": range(0, 100), "u": range(60), "r": range(105)}, live=True)
    slices = {"third": {post.id: str(number % 3) for number, post in enumerate(evidence.plan.posts)}}
    plan = replace(evidence.plan, population={"a": 900, "b": 100}, slices=slices, repeats={"r": times})
    posts = tuple(replace(post, thread=f"{number % n_threads}") for number, post in enumerate(plan.posts))
    plan = replace(plan, posts=posts)
    again = {
        (f"{post_id}~r{number}", "r"): replace(one, post_id=f"{post_id}~r{number}")
        for (post_id, variant), one in evidence.results.items()
        for number in range(2, times + 1)
        if variant == "r"
    }
    evidence = replace(evidence, results={**evidence.results, **again})
    sure = {key: 0.5 if key[0] == "p-119" else 0.9 for key in evidence.results if key[1] == "v"}
    results = {
        key: replace(one, prediction=replace(one.prediction, confidence=sure.get(key)))  # type: ignore[type-var]
        for key, one in evidence.results.items()
    }
    evidence = replace(evidence, plan=plan, results=results, scores=score(results, plan, ["v", "w", "u", "r"]))
    baseline = baseline_of(evidence)
    comparisons = (
        ComparisonGate("v-beats-u", "v", "u", 0.2, "r", True),
        ComparisonGate("v-beats-w", "v", "w", 0.0, "r"),
        ComparisonGate("r-beats-u", "r", "u", 0.3, "r"),
    )
    limits = [
        limit(metric, value, bound)
        for metric in ("min_accuracy", "max_accuracy", "min_macro_f1", "min_class_recall", "min_own_mix_accuracy")
        for value in (0.5, 0.8, 0.86, 0.95)
        for bound in ("confidence", "value")
    ]
    limits += [limit("max_error_rate", 0.0), limit("max_off_list_rate", 0.02), limit("max_input_tokens_mean", 100)]
    limits += [limit("max_thinking_tokens_mean", 0.0)]
    held: list[Gate] = [
        SliceGate(f"v-{x}", "v", "third", "", gap, x, "r") for x in (0.3, 0.8, 0.86) for gap in (False, True)
    ]
    held += [ClassGate(f"v-{x}", "v", (ClassLimit("min_recall", x, "r", ("a",)),)) for x in (0.5, 0.85, 0.99)]
    held += [ConfidenceGate(f"v-at-{x}", "v", 0.8, x, "r") for x in (0.5, 0.89, 0.99)]
    held += [ConfidenceGate("v-calibration", "v", None, 0.05, "r")]
    held += [replace(one, name="r", variant="r") for one in limits] + [BaselineGate("r-baseline", "r", 0.05, "r")]
    held += [replace(limit(metric, x), name="r", variant="r") for metric in OF_REPEATS for x in (0.5, 0.87, 1.0)]
    gates: list[Gate] = [*limits, *held, *comparisons, BaselineGate("v-baseline", "v", 0.02, "r")]
    operating = Operating(gates, plan, baseline, sure)
    assert operating.left_out == []
    found = operating.of_plan(flip_rate=0.0, n_runs=3).gates
    live = replace(evidence, baseline=baseline, family=comparisons)
    for gate, odds in zip(gates, found, strict=True):
        shares = {"PASS": odds.passed, "INCONCLUSIVE": odds.inconclusive, "FAIL": odds.failed}
        assert shares[decide(gate, live).finding] == 1.0, gate


def test_the_odds_of_a_kind_that_is_held_run_by_run_are_those_of_all_outcomes(made: Make) -> None:
    """A slice of 40 posts, 36 of them right; a drop of 10 points takes each right answer with 10/90."""
    evidence = made(80, {"v": range(4, 76)})
    slices = {"half": {post.id: "ab"[number >= 40] for number, post in enumerate(evidence.plan.posts)}}
    plan = replace(evidence.plan, slices=slices)
    gate = SliceGate("v-half-a", "v", "half", "a", False, 0.7, "r")
    operating = Operating([gate], plan, baseline_of(evidence))
    proved = [k for k in range(41) if decide_floor(k, 40, 0.7).passed]
    found = operating.of_plan(flip_rate=0.0, drop=0.1, n_runs=1000)
    assert found.all_pass == pytest.approx(binom.pmf(proved, 36, 80 / 90).sum(), abs=0.05)
    # Of other posts each is drawn with its slice, so the same posts are asked for each slice and the drop is none.
    assert operating.of_size(200, flip_rate=0.0).all_pass == 1.0
    # What counts decide alone is counted in all runs, the rest is held in some.
    assert operating.of_size(2, flip_rate=0.0, n_runs=300).n_runs < 300
    by_counts = Operating([limit("min_accuracy", 0.7)], plan, baseline_of(evidence))
    assert by_counts.of_size(2, flip_rate=0.0, n_runs=300).n_runs == 300
    # The baseline knows the other posts, too: without a flip they lose nothing to it.
    asked_twice = replace(plan, repeats={"v": 2})
    of_pairs = Operating([BaselineGate("v-baseline", "v", 0.1, "r")], asked_twice, baseline_of(evidence))
    assert of_pairs.of_size(100, flip_rate=0.0, n_runs=3).all_pass == 1.0


def shipped(corpus: str) -> tuple[tuple[Gate, ...], Plan, Baseline]:
    baseline = load_baseline(ROOT / "evals" / "baselines" / "embedded" / f"{corpus}.json", shown="")
    assert baseline is not None
    ids = list(next(iter(baseline.variants.values())).answers)
    posts = tuple(Post(post_id, post_id.rsplit("-", 1)[0], "") for post_id in ids)
    labels = tuple(sorted({post.label for post in posts}))
    plan = Plan(corpus, baseline.drawn_by["classes"], 10, 0, False, "clean", labels, posts)
    known = list(baseline.variants)
    gates = load_gates(ROOT / "evals" / "gates.toml", backend="embedded", corpus=corpus, known=known)
    planned, _ = plan_gates(gates, variants=known, plan=plan, baseline=baseline, live=True, updating=False)
    return tuple(gate for gate in planned if not isinstance(gate, SliceGate)), plan, baseline  # no text, no slices


@pytest.mark.parametrize("corpus", ["bundled", "20newsgroups"])
def test_the_shipped_gates_pass_in_90_percent_of_live_runs_of_an_unchanged_model(corpus: str) -> None:
    operating = Operating(*shipped(corpus))
    found = operating.of_plan(flip_rate=0.02, n_runs=1000)
    assert found.all_pass - 3 * found.standard_error >= 0.9
    assert operating.of_plan(flip_rate=0.02, drop=0.1, n_runs=300).all_pass < 0.05


def test_the_posts_needed_for_a_drop_have_its_power(made: Make) -> None:
    evidence = made(80, {"v": range(40)})
    operating = Operating([BaselineGate("v-baseline", "v", 0.05, "r")], evidence.plan, baseline_of(evidence))
    needed = operating.posts_needed(flip_rate=0.05)
    assert needed is not None
    # 400 runs at each size: 90% give or take 3 points.
    assert margin_power(needed, 0.05, 0.05) >= 0.87
    assert margin_power(int(needed * 0.8), 0.05, 0.05) < 0.9
    floor = Operating([limit("min_accuracy", 0.6)], evidence.plan, baseline_of(evidence))
    assert floor.posts_needed(flip_rate=0.0) is None  # 50% are right: no number of posts proves 60%


def test_a_post_that_the_baseline_does_not_know_is_answered_like_its_label_and_is_not_compared(made: Make) -> None:
    evidence = made(40, {"v": range(0, 40, 2)})  # all of label a right, none of b
    larger = made(80, {"v": ()}).plan
    gates = [limit("min_class_recall", 0.9, "value"), BaselineGate("v-baseline", "v", 0.05, "r")]
    found = Operating(gates, larger, baseline_of(evidence)).of_plan(flip_rate=0.0, n_runs=50)
    assert (found.n_posts, found.gates[0].failed, found.gates[1].inconclusive) == (80, 1.0, 1.0)  # 40 < 59 in common
    gates = [limit("min_accuracy", 0.5, "value"), limit("max_accuracy", 0.5, "value")]
    assert Operating(gates, larger, baseline_of(evidence)).of_plan(flip_rate=0.0, n_runs=50).all_pass == 1.0


def test_an_error_in_the_baseline_is_no_answer_off_the_list_and_the_other_way_round(made: Make) -> None:
    evidence = made(40, {"v": range(40)})
    gates = [limit("max_error_rate", 0.1, "value"), limit("max_off_list_rate", 0.1, "value")]
    for said, n_passed in ((Outcome.BLOCKED, (0.0, 1.0)), (Outcome.OFF_LIST, (1.0, 0.0))):
        other = Prediction("neither" if said is Outcome.OFF_LIST else "(error)", said, "", 1, 1, "m")
        results = {
            key: replace(one, prediction=other) if number < 10 else one
            for number, (key, one) in enumerate(evidence.results.items())
        }
        found = replace(evidence, results=results, scores=score(results, evidence.plan, ["v"]))
        odds = Operating(gates, evidence.plan, baseline_of(found)).of_plan(flip_rate=0.0, n_runs=3).gates
        assert tuple(gate.passed for gate in odds) == n_passed


def test_what_cannot_be_simulated_is_named(made: Make) -> None:
    evidence = made(40, {"v": range(40)})
    gates = [
        limit("min_stability", 0.9),
        BaselineGate("w-baseline", "w", 0.05, "r"),
        AgeGate("v-age", "v", 90),
        ConfidenceGate("v-confident", "v", 0.8, 0.9, "r"),
    ]
    operating = Operating(gates, evidence.plan, baseline_of(evidence))
    assert operating.left_out == ["w-baseline", "v-age", "v-confident"]
    (odds,) = operating.of_plan(flip_rate=0.02, n_runs=3).gates
    assert (odds.gate, odds.inconclusive) == ("v", 1.0)  # it asks once, so no run says how stable it is
    assert Operating(gates, evidence.plan, None).gates == ()


def test_the_header_of_a_live_run_says_how_often_it_passes_and_warns_under_80_percent(made: Make) -> None:
    evidence = made(80, {"v": range(72)})
    (line,) = odds_lines((BaselineGate("v-baseline", "v", 0.1, "r"),), evidence.plan, baseline_of(evidence))
    assert line.startswith(
        "newsgauge: if nothing changed but answers flip on 2.0% of the posts (assumed), a run like this passes"
    )
    (line,) = odds_lines((BaselineGate("v-baseline", "v", 0.05, "r"),), evidence.plan, baseline_of(evidence))
    assert line.startswith("newsgauge: warning: if nothing changed")
    assert "newsgauge power --gates" in line
    assert odds_lines((), evidence.plan, None) == []


def test_the_command_prints_the_odds_as_json(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    options = ["power", "--gates", "--variants", "tuned", "--flip-rate", "0.02", "--drop", "0.1", "--json"]
    assert main(options) == 0
    value = json.loads(capsys.readouterr().out)
    assert value["unchanged"]["flip_rate"] == value["dropped"]["flip_rate"] == 0.02
    assert value["dropped"]["drop"] == 0.1
    assert value["unchanged"]["all_pass"] > 0.9 > value["dropped"]["all_pass"]
    assert [one["gate"] for one in value["unchanged"]["gates"]] == ["tuned", "tuned-baseline"]
    for one in value["unchanged"]["gates"]:
        assert sum(one[key] for key in ("pass", "inconclusive", "fail")) == pytest.approx(1.0)
    assert isinstance(value["posts_needed"], int)
    assert np.isfinite(value["unchanged"]["standard_error"])


def test_all_shipped_gates_of_the_real_corpus_are_counted_and_pass_in_90_percent_of_unchanged_runs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = os.environ.get("SCIKIT_LEARN_DATA", "")
    if not (Path(home) / "20news-bydate_py3.pkz").is_file():
        pytest.skip("needs the real posts: SCIKIT_LEARN_DATA names no folder with 20news-bydate_py3.pkz")
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(Operating, "posts_needed", lambda self, **_: 0)  # takes half a minute
    assert main(["power", "--gates", "--corpus", "20newsgroups", "--classes", "^rec|^sci", "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert value["left_out"] == []
    assert {"tuned-length-worst", "tuned-confident"} <= {one["gate"] for one in value["unchanged"]["gates"]}
    assert value["unchanged"]["all_pass"] >= 0.9


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--flip-rate", "2"], "--flip-rate: expected a number from 0 to below 1, got '2'"),
        (["--drop", "x"], "--drop: expected a number from 0 to below 1"),
        (["--backend", "gemini"], "expected evals/baselines/gemini/bundled.json"),
        (["--variants", "no-such"], "unknown 'no-such'"),
    ],
)
def test_what_cannot_be_planned_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, more: list[str], words: str
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["power", "--gates", *more]) == 2
    assert words in capsys.readouterr().err


def test_the_flip_rate_is_that_of_the_repeats_in_the_baseline_where_it_has_some(made: Make) -> None:
    evidence = made(4, {"v": range(4)})
    baseline = baseline_of(evidence)
    assert usual_flip_rate(evidence.plan, baseline) == FlipRate(0.02, 0)
    answers = {**baseline.variants["v"].answers, "p-0~r2": "a", "p-0~r3": "b", "p-1~r2": "b", "p-1~r3": "b"}
    repeated = replace(baseline, variants={"v": replace(baseline.variants["v"], answers=answers)})
    # p-0, an "a": right, right, wrong, so 2 of its 3 pairs differ; p-1, a "b": none of 3.
    assert usual_flip_rate(evidence.plan, repeated) == FlipRate(pytest.approx(1 / 3), 2)  # type: ignore[arg-type]
    operating = Operating([BaselineGate("v-baseline", "v", 0.05, "r")], evidence.plan, repeated)
    assert operating.flip_rate.origin == "measured on the repeats of 2 texts"


def test_two_wrong_answers_that_differ_are_no_flip(made: Make) -> None:
    evidence = made(2, {"v": range(2)})
    baseline = baseline_of(evidence)
    one = replace(baseline.variants["v"], answers={"p-0": "x", "p-0~r2": "y", "p-1": "b"})
    assert usual_flip_rate(evidence.plan, replace(baseline, variants={"v": one})) == FlipRate(0.0, 1)


def test_answers_of_posts_asked_several_times_have_the_distribution_of_scipys_beta_binomial() -> None:
    """Right 0.8, flips 0.1: 0.05 of the variance of an answer, 0.16, is within posts, so a + b is 0.05 / 0.11."""
    rng, size = np.random.default_rng(1), 0.05 / 0.11
    truth = np.zeros(200_000, dtype=np.int16)
    rates = rng.beta(0.8 * size, 0.2 * size, len(truth))
    before = np.where(rng.random((1, len(truth), 3)) < rates[None, :, None], 0, 1).astype(np.int16)
    model: dict[str, Any] = {"n_labels": 2, "rate": 0.8, "flip_rate": 0.1}
    now = answered(rng, before, truth, times=4, drop=0.0, **model)[0] == 0
    expected = betabinom.pmf(range(5), 4, 0.8 * size, 0.2 * size)
    assert np.bincount(now.sum(axis=1)) / len(truth) == pytest.approx(expected, abs=0.004)
    assert (now[:, 0] != (before[0, :, 0] == 0)).mean() == pytest.approx(0.1, abs=0.003)
    once = answered(rng, before[:, :, :1], truth, times=1, drop=0.0, **model)
    assert (once != before[:, :, :1]).mean() == pytest.approx(0.1, abs=0.003)
    assert (once == 0).mean() == pytest.approx(0.8, abs=0.004)
    fallen = answered(rng, before, truth, times=2, drop=0.05, **model)
    assert (fallen == 0).mean() == pytest.approx(0.75, abs=0.004)


@pytest.mark.parametrize(("n_right", "expected"), [(80, 0.99), (0, 0.0)])
def test_a_model_that_was_always_right_is_expected_to_flip_and_one_never_right_is_not(
    n_right: int, expected: float
) -> None:
    """Of answers that flip on 2% of posts at most 0.98990 are right: 2 p (1 - p) = 0.02."""
    truth = np.zeros(80, dtype=np.int16)
    before = np.full((2000, 80, 1), 1, dtype=np.int16)
    before[:, :n_right] = 0
    now = answered(
        np.random.default_rng(2), before, truth, times=1, n_labels=2, rate=n_right / 80, flip_rate=0.02, drop=0.0
    )
    assert (now == 0).mean() == pytest.approx(expected, abs=0.002)
