"""When a run may call itself complete, and what it says of everything else."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from newsgauge.errors import UsageError
from newsgauge.gates.baseline_file import Baseline, load_baseline, make_baseline
from newsgauge.gates.baseline_gate import BaselineGate
from newsgauge.gates.findings import Limit
from newsgauge.gates.gate import Gate
from newsgauge.gates.gates_file import LeftOut
from newsgauge.gates.limits_gate import LimitsGate
from newsgauge.gates.run_verdict import BaselinePlace, Conclusion, Guard
from newsgauge.gates.session_verdict import SessionVerdict
from newsgauge.planning.plan_file import RunPlan, Shard
from newsgauge.planning.sampling import Plan, stopped_at
from newsgauge.planning.stops import DecidedLimit, Stop
from newsgauge.records import Key, Result
from newsgauge.scoring.scoreboard import score
from newsgauge.scoring.stats.decisions import Finding
from tests.gates.made_results import plan, posts, result

FLOOR = LimitsGate("v", "v", (Limit("min_accuracy", 0.5, "r"),))
HELD = BaselineGate("v-baseline", "v")
Answers = dict[Key, Result]


def run_plan(*variants: str, whole: Plan | None = None, part: Plan | None = None, **other: Any) -> RunPlan:
    whole = whole or plan(4)
    digests = dict.fromkeys(variants or ("v",), "1")
    return replace(RunPlan(whole, part or whole, None, "embedded", "none", digests, digests, None), **other)


def answers_of(run: RunPlan, *, wrong: Iterable[Key] = (), without: Iterable[Key] = ()) -> Answers:
    every = {(post.id, name): result(post, name, (post.id, name) not in wrong)
             for name in run.variants for post in run.part.posts}  # fmt: skip
    return {key: replace(one, prediction=None, broken="503") if key in without else one for key, one in every.items()}


def baseline_of(run: RunPlan, answers: Answers | None = None) -> Baseline:
    answers = answers or answers_of(run)
    scores = score(answers, run.plan, run.variants)
    return make_baseline(
        backend="embedded", plan=run.plan, prompts=run.prompts, scores=scores, results=answers, old=None
    )


def conclude(
    folder: Path,
    run: RunPlan,
    *gates: Gate,
    answers: Answers | None = None,
    required: bool = True,
    held: Baseline | None = None,
    updating: bool = False,
    known: tuple[str, ...] | None = None,
    left_out: tuple[LeftOut, ...] = (),
    decided: bool = True,
    **other: Any,
) -> Conclusion:
    """A run to its end, with every gate ``decided`` from its answers."""
    place = BaselinePlace(folder / "b.json", "b.json", held, updating, known)
    guard = Guard(run, gates, folder / "results", required, place, left_out)
    guard.start()
    answers = answers_of(run) if answers is None else answers
    for verdict in guard.decide(answers) if decided else ():
        guard.add(verdict)
    return guard.conclude(answers, **other)


def test_a_run_is_complete_if_a_gate_that_somebody_set_was_decided_from_all_its_cases(tmp_path: Path) -> None:
    run = run_plan("v", "w")
    held = baseline_of(run)
    assert conclude(tmp_path, run, FLOOR).session.complete
    assert conclude(tmp_path, run, FLOOR, HELD, held=held).session.complete
    # Of a baseline file nobody says what the answers are worth.
    assert not conclude(tmp_path, run, HELD, held=held).session.complete
    assert conclude(tmp_path, run, replace(HELD, max_drop=0.5), held=held).session.complete


def test_a_case_without_an_answer_makes_incomplete_what_a_gate_is_about_and_nothing_else(tmp_path: Path) -> None:
    run = run_plan("v", "w")
    of_gate, other = (conclude(tmp_path, run, FLOOR, answers=answers_of(run, without=[("p-1", name)])) for name in "vw")
    assert not of_gate.session.complete
    assert of_gate.session.reasons[:2] == ("1 case has no answer: 1 of v", "gates unanswered: v")
    assert other.session.complete
    assert other.session.reasons == ("1 case has no answer: 1 of w",)
    both = (FLOOR, replace(FLOOR, name="w", variant="w"))
    assert not conclude(tmp_path, run, *both, answers=answers_of(run, without=[("p-1", "v")])).session.complete


def test_a_gate_that_nobody_decided_leaves_a_run_incomplete_and_red(tmp_path: Path) -> None:
    run = run_plan()
    concluded = conclude(tmp_path, run, FLOOR, decided=False)
    assert (concluded.undecided, concluded.session.complete) == (("v",), False)
    assert concluded.session.reasons == ("gates not decided: v",)
    assert json.loads((tmp_path / "results" / "gates.json").read_text())["gates"][0]["reasons"] == ["not decided"]


def test_the_gates_that_are_named_are_decided_and_no_others(tmp_path: Path) -> None:
    run, gates = run_plan(), (FLOOR, replace(FLOOR, name="high", limits=(Limit("min_accuracy", 1.0, "r"),)))
    guard = Guard(run, gates, tmp_path, True, BaselinePlace(tmp_path / "b", "b", None, updating=False))
    assert [verdict.gate for verdict in guard.decide(answers_of(run), names=["high"])] == ["high"]
    assert [verdict.gate for verdict in guard.decide(answers_of(run))] == ["v", "high"]
    one = next(guard.decide(answers_of(run, wrong=[("p-0", "v")])))
    guard.add(one)
    guard.add(replace(one, finding=Finding.FAIL))
    assert guard.conclude(answers_of(run)).verdicts["v"].finding is Finding.FAIL  # the later of two counts


@pytest.mark.parametrize("name", ["results.csv", "scoreboard.json", "plan.json", "gates.json"])
def test_what_cannot_be_written_leaves_no_verdict_that_says_green(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    run = run_plan()
    assert conclude(tmp_path, run, FLOOR).session.is_green
    guard = Guard(run, (FLOOR,), tmp_path / "results", True, BaselinePlace(tmp_path / "b", "b", None, updating=False))
    guard.start()
    for verdict in guard.decide(answers_of(run)):
        guard.add(verdict)
    rename = os.replace
    monkeypatch.setattr(
        "os.replace", lambda old, new: rename(old, new) if Path(new).name != name else rename("/none", new)
    )
    with pytest.raises(UsageError, match=name):
        guard.conclude(answers_of(run))
    assert json.loads((tmp_path / "results" / "gates.json").read_text())["verdict"] == "RED"


def test_a_run_that_is_not_over_says_so_and_leaves_no_older_plan(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text("{}")
    guard = Guard(run_plan(), (FLOOR,), tmp_path, True, BaselinePlace(tmp_path / "b", "b", None, updating=False))
    guard.start()
    said = json.loads((tmp_path / "gates.json").read_text())
    assert (said["verdict"], said["reasons"]) == ("RED", ["the run is not over"])
    assert (said["n_cases_not_run"], said["complete"]) == (4, False)
    assert [one["gate"] for one in said["gates"]] == ["v"]
    assert not (tmp_path / "plan.json").exists()


def test_a_shard_decides_no_gate_is_never_complete_and_names_no_missing_gate(tmp_path: Path) -> None:
    whole = plan(4)
    half = replace(whole, posts=whole.posts[:2], whole_digest=whole.digest)
    left_out = (LeftOut("w", "w is not asked", "--variants"),)
    run = run_plan(whole=whole, part=half, shard=Shard(1, 2), unreviewed=("--corpus",))
    concluded = conclude(tmp_path, run, FLOOR, left_out=left_out, decided=False)
    assert concluded.session.reasons == ()
    assert not concluded.session.complete
    assert concluded.session.notes == ("1 gates are decided by newsgauge merge, from the results of all shards",)
    assert (concluded.session.n_cases, concluded.session.n_cases_not_run) == (2, 0)
    assert "newsgauge merge" in json.loads((tmp_path / "results" / "gates.json").read_text())["gates"][0]["reasons"][0]
    of_both = answers_of(replace(run, part=whole))
    assert not conclude(tmp_path, run, FLOOR, answers=of_both).session.complete  # even if something decided one


def test_a_recording_that_stopped_early_is_held_to_its_gates_in_a_whole_run_and_in_no_shard(tmp_path: Path) -> None:
    whole = stopped_at(plan(4), {"v": Stop(2, 1, (2, 4), (DecidedLimit("min_accuracy", 0.5, "PASS", 1),))})
    (reason,) = conclude(tmp_path, run_plan(whole=whole), required=False).session.reasons
    assert reason.startswith("v: its recording stopped early, but ")
    shard = run_plan(whole=whole, shard=Shard(1, 1))
    assert conclude(tmp_path, shard, required=False, decided=False).session.reasons == ()


def test_only_a_run_that_requires_its_gates_is_red_for_what_was_left_out_or_did_not_run(tmp_path: Path) -> None:
    left_out = (LeftOut("w", "w is not asked", "--variants"), LeftOut("x", "x is not asked", "--variants"))
    run = run_plan(unreviewed=("--corpus",))
    some = {key: one for key, one in answers_of(run).items() if key != ("p-0", "v")}
    reasons = conclude(tmp_path, run, left_out=left_out, answers=some).session.reasons
    assert [reason.split(",")[0].partition(":")[0] for reason in reasons] == [
        "the plan is chosen by --corpus",
        "no gate is set for [embedded.made] and these variants in gates.toml",
        "gates left out",
        "1 of 4 planned cases did not run (deselected",
    ]
    assert "gates left out: w (w is not asked), x (x is not asked); to leave them out, put --variants on" in reasons[2]
    free = conclude(tmp_path, run, left_out=left_out, answers=some, required=False).session
    assert (free.reasons, free.n_cases_not_run, free.complete) == ((), 1, False)
    by_hand = replace(run, chosen_by_hand=("--variants",), unreviewed=())
    assert not any("left out" in one for one in conclude(tmp_path, by_hand, FLOOR, left_out=left_out).session.reasons)


def test_gates_left_out_are_noted_by_the_option_that_does_it(tmp_path: Path) -> None:
    left_out = tuple(LeftOut(*one) for one in (("w", "", "--variants"), ("x", "", "--sample"), ("y", "", "--variants")))
    notes = conclude(tmp_path, run_plan(), FLOOR, left_out=left_out).session.notes
    assert notes[:2] == ("left out by --variants: w, y", "left out by --sample: x")


def test_what_a_gate_came_to_is_named_by_its_word(tmp_path: Path) -> None:
    run = run_plan(whole=plan(16), mode="once")
    too_high = replace(FLOOR, name="high", limits=(Limit("min_accuracy", 0.999, "r"),))
    wrong = answers_of(run, wrong=list(answers_of(run)))
    assert conclude(tmp_path, run, FLOOR, too_high, answers=wrong, required=False).session.reasons == (
        "gates failed: v, high",
    )
    session = conclude(tmp_path, run, FLOOR, too_high, required=False).session
    assert session.reasons == ("gates not proved: high",)
    assert (session.n_gates, session.n_passed) == (2, 1)


def test_a_failed_case_without_an_answer_is_no_failed_test_besides(tmp_path: Path) -> None:
    run = run_plan()
    failed = ["evals/test_x.py::test_case[p-0-v]", "evals/test_x.py::test_other[p-1]", "evals/test_y.py::test_y"]
    concluded = conclude(tmp_path, run, answers=answers_of(run, without=[("p-0", "v")]), failed=failed, required=False)
    assert concluded.session.failed == tuple(failed[1:])
    assert concluded.session.n_failed == 2
    assert conclude(tmp_path, run, failed=failed, n_failed=7, required=False).session.n_failed == 7
    many = [f"evals/test_z.py::test_{number}" for number in range(101)]
    session = conclude(tmp_path, run, failed=many, required=False).session
    assert (session.failed, session.n_failed) == (tuple(many[:100]), 101)


def test_a_run_says_what_its_baseline_is_to_it(tmp_path: Path) -> None:
    run = run_plan("v", "w")
    held = baseline_of(run_plan("v"))
    live = replace(run, mode="once")

    def note(run: RunPlan, *gates: Gate, held: Baseline | None = held, **other: Any) -> tuple[str, ...]:
        return conclude(tmp_path, run, *gates, held=held, required=False, **other).session.notes

    none = "no baseline: there is no b.json; this run with --update-baseline writes it"
    assert note(run, held=None) == (none,)
    both = replace(HELD, name="w-baseline", variant="w")
    assert note(run, HELD, both) == ()
    assert note(run, HELD) == ("w: not in the baseline b.json yet; --update-baseline adds the answers",)
    assert note(run) == ("the baseline b.json is about other texts for v, w",)
    assert note(live) == ("not held to the baseline in a live run, as gates.toml sets no max_drop: v, w",)
    elsewhere = replace(held, plan="0", drawn_by={**held.drawn_by, "classes": "sci"})
    assert note(run, held=elsewhere) == (
        "the baseline b.json is about --classes 'sci', and this run asks '': not held to it",
    )
    old = "the baseline b.json holds what variants.toml has no more: v; --update-baseline drops it"
    assert note(run_plan("w"), both, known=("w",)) == (old,)
    dropped = "dropped from the baseline, as variants.toml has them no more: v"
    assert note(run_plan("w"), known=("w",), updating=True) == (dropped,)


def test_a_replay_that_requires_its_gates_holds_every_variant_to_the_baseline_of_its_plan(tmp_path: Path) -> None:
    run = run_plan("v", "w")
    held = baseline_of(run_plan("v"))
    red = ("not in the baseline b.json: w (new, or lost in a merge); --update-baseline adds the answers",)
    assert conclude(tmp_path, run, FLOOR, HELD, held=held).session.reasons == red
    for other, place in (
        (run, {"held": held, "updating": True}),
        (run, {"held": replace(held, plan="0")}),
        (run, {"held": None}),
        (replace(run, mode="once"), {"held": held}),
    ):
        reasons = conclude(tmp_path, other, FLOOR, **place).session.reasons
        assert not any(reason.startswith("not in the baseline") for reason in reasons)


@pytest.mark.parametrize("status", [0, 1])
def test_a_baseline_is_written_by_a_run_that_came_to_its_end_red_or_green(tmp_path: Path, status: int) -> None:
    run = run_plan()
    concluded = conclude(tmp_path, run, FLOOR, updating=True, exit_status=status)
    assert concluded.changes is not None
    assert load_baseline(tmp_path / "b.json", shown="b.json") == baseline_of(run)


@pytest.mark.parametrize("status", [2, 3, 5])
def test_a_run_that_was_cut_short_writes_no_baseline(tmp_path: Path, status: int) -> None:
    concluded = conclude(tmp_path, run_plan(), FLOOR, updating=True, exit_status=status)
    assert concluded.changes is None
    assert "--update-baseline: nothing written, the run was cut short" in concluded.session.reasons
    assert not (tmp_path / "b.json").exists()


def test_a_run_with_a_case_that_has_no_answer_writes_no_baseline_and_one_that_was_not_asked_to_writes_none(
    tmp_path: Path,
) -> None:
    run = run_plan()
    concluded = conclude(tmp_path, run, answers=answers_of(run, without=[("p-0", "v")]), updating=True)
    assert "--update-baseline: nothing written, cases have no answer: v (1 of 4)" in concluded.session.reasons
    assert conclude(tmp_path, run, FLOOR).changes is None
    assert not (tmp_path / "b.json").exists()


def test_flips_since_the_baseline_are_counted_in_a_live_run_for_variants_with_every_answer(tmp_path: Path) -> None:
    run = run_plan("v", "w", mode="once")
    answers = answers_of(run, wrong=[("p-2", "v")], without=[("p-0", "w")])
    held = baseline_of(run)
    (flip,) = conclude(tmp_path, run, FLOOR, answers=answers, held=held).flips
    assert (flip.n, flip.n_gained, flip.n_lost) == (4, 0, 1)
    assert conclude(tmp_path, replace(run, mode="none"), FLOOR, answers=answers, held=held).flips == ()
    assert conclude(tmp_path, run, FLOOR, answers=answers).flips == ()


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
        (
            SessionVerdict((), n_cases=9, n_cases_not_run=1),
            "GREEN, but not complete: no gate decided; 1 of 9 planned cases did not run",
        ),
        (SessionVerdict((), n_gates=2, n_passed=1, n_cases=9), "GREEN, but not complete: 1 of 2 gates passed"),
        (SessionVerdict((), n_cases=9), "GREEN: no gate decided"),
    ],
)
def test_the_headline_counts_gates_and_the_reasons_that_it_does_not_name(
    verdict: SessionVerdict, headline: str
) -> None:
    assert verdict.headline == headline
