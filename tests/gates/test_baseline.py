"""A baseline file holds reviewed answers; a run is held to it, letter for letter or with a margin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from newsgauge.errors import BaselineError
from newsgauge.gates.baseline_diff import diff_baselines
from newsgauge.gates.baseline_file import (
    Baseline,
    answer_text,
    check_baseline,
    decode,
    encode,
    load_baseline,
    make_baseline,
)
from newsgauge.gates.baseline_gate import BaselineGate
from newsgauge.gates.comparison_gate import ComparisonGate
from newsgauge.gates.findings import Limit
from newsgauge.gates.gate import Evidence, Gate, decide
from newsgauge.gates.gates_file import plan_gates
from newsgauge.gates.limits_gate import LimitsGate
from newsgauge.gates.watched import WatchedDrop
from newsgauge.planning.sampling import asking_order, repeat_key
from newsgauge.records import Outcome, Prediction, Result
from newsgauge.report.summary_sections import baseline_lines
from newsgauge.scoring.scoreboard import score
from newsgauge.variants.variants_file import Training, Variant, load_variants, prompt_digest

Make = Callable[..., Evidence]
GATE = BaselineGate("v-baseline", "v", 0.05, "r")


def baseline_of(evidence: Evidence, old: Baseline | None = None) -> Baseline:
    return make_baseline(
        backend="embedded",
        plan=evidence.plan,
        prompts=dict.fromkeys(evidence.scores, "0123456789ab"),
        scores=evidence.scores,
        results=evidence.results,
        old=old,
    )


def test_a_baseline_of_the_runs_own_plan_answers_each_of_its_posts_and_no_other(made: Make) -> None:
    evidence = made(4, {"v": range(3)})
    whole = baseline_of(evidence)
    check_baseline(whole, evidence.plan, backend="embedded", shown="b.json")
    answers = dict(whole.variants["v"].answers)
    lost = {key: answer for key, answer in answers.items() if key != "p-2"}
    for changed, words in (
        (lost, r"b\.json: v: it has no answer to 1 text \(p-2\), of 4 that the plan"),
        (lost | {"q-9": "a"}, r"it holds answers to 1 text \(q-9\), which the plan .* does not ask about"),
        ({}, "it holds no answer"),
    ):
        damaged = replace(whole, variants={"v": replace(whole.variants["v"], answers=changed)})
        with pytest.raises(BaselineError, match=words):
            check_baseline(damaged, evidence.plan, backend="embedded", shown="b.json")


def test_a_baseline_of_a_stopped_recording_answers_the_posts_that_were_asked_first(made: Make) -> None:
    evidence = made(4, {"v": range(3)})
    whole = baseline_of(evidence)
    early = replace(whole, drawn_by={**whole.drawn_by, "stopped": {"v": 2}})
    order = [post.id for post in asking_order(evidence.plan.posts, evidence.plan.seed)]

    def check(asked: list[str]) -> None:
        answers = {key: whole.variants["v"].answers[key] for key in asked}
        kept = replace(early, variants={"v": replace(whole.variants["v"], answers=answers)})
        check_baseline(kept, evidence.plan, backend="embedded", shown="b.json")

    check(order[:2])
    with pytest.raises(BaselineError, match="it has no answer to 1 text"):
        check([order[0], order[3]])


def test_a_baseline_of_another_plan_has_as_many_answers_as_it_says(made: Make) -> None:
    other = made(6, {"v": range(3)}).plan
    whole = baseline_of(made(4, {"v": range(3)}))
    check_baseline(whole, other, backend="embedded", shown="b.json")
    answers = {key: answer for key, answer in whole.variants["v"].answers.items() if key != "p-2"}
    damaged = replace(whole, variants={"v": replace(whole.variants["v"], answers=answers)})
    with pytest.raises(BaselineError, match="it holds answers to 3 texts, and says that 4 were drawn"):
        check_baseline(damaged, other, backend="embedded", shown="b.json")


def test_a_baseline_survives_its_file_and_holds_an_answer_a_line(made: Make, tmp_path: Path) -> None:
    baseline = baseline_of(made(16, {"v": range(6), "w": range(3)}))
    path = tmp_path / "made.json"
    path.write_text(encode(baseline))
    assert load_baseline(path, shown="made.json") == baseline
    assert '  ["v", "p-3", "b"],\n' in path.read_text()
    assert baseline.variants["v"].scores["accuracy"] == 0.375
    thirds = baseline_of(made(3, {"v": range(2)})).variants["v"].scores
    assert (thirds["accuracy"], thirds["closed_set_accuracy"], thirds["macro_f1"]) == (0.666667, 0.666667, 0.666667)


def test_a_baseline_of_one_answer_per_post_is_whole_for_a_run_that_asks_more_often(made: Make) -> None:
    evidence = made(4, {"v": range(3)})
    baseline, often = baseline_of(evidence), replace(evidence.plan, repeats={"v": 3})
    check_baseline(baseline, often, backend="embedded", shown="made.json")
    lost = replace(baseline.variants["v"], answers=dict(list(baseline.variants["v"].answers.items())[1:]))
    with pytest.raises(BaselineError, match=r"it has no answer to 1 text \(p-0\), of 4 that the plan"):
        check_baseline(replace(baseline, variants={"v": lost}), often, backend="embedded", shown="made.json")


def test_a_replay_that_answers_the_same_passes(made: Make) -> None:
    evidence = made(16, {"v": range(6)})
    verdict = decide(GATE, replace(evidence, baseline=baseline_of(evidence)))
    assert (verdict.finding, verdict.reasons) == ("PASS", ("all 16 answers are the baseline's",))


def test_a_replay_that_answers_one_post_better_is_red_too_and_names_it(made: Make) -> None:
    baseline = baseline_of(made(16, {"v": range(6)}))
    verdict = decide(GATE, made(16, {"v": range(7)}, baseline=baseline))
    assert verdict.finding == "FAIL"
    assert verdict.flips == ("p-6: was b, now a",)


def test_the_same_draw_that_gives_other_posts_is_red(made: Make) -> None:
    baseline = baseline_of(made(16, {"v": range(6)}))
    verdict = decide(GATE, made(8, {"v": range(6)}, baseline=baseline))
    assert verdict.finding == "FAIL"
    assert verdict.reasons[0].startswith("the corpus changed: the draw that gave the baseline's 16 posts")


def test_posts_in_common_are_compared_and_counted(made: Make) -> None:
    baseline = baseline_of(made(16, {"v": range(6)}))
    baseline = replace(baseline, drawn_by={**baseline.drawn_by, "posts_per_class": 8})
    verdict = decide(GATE, made(8, {"v": range(6)}, baseline=baseline))
    assert verdict.finding == "PASS"
    assert f"the baseline's is {baseline.plan}: 8 of 8 in common" in verdict.reasons[0]
    verdict = decide(GATE, made(24, {"v": range(6)}, baseline=baseline))
    assert (verdict.finding, "16 of 24 in common" in verdict.reasons[0]) == ("PASS", True)


@pytest.mark.parametrize("live", [False, True])
def test_nothing_to_compare_with_is_inconclusive_where_a_drop_is_gated(made: Make, live: bool) -> None:
    verdict = decide(GATE, made(16, {"v": range(6)}, live=live))
    assert verdict.finding == "INCONCLUSIVE"
    assert "no baseline file, so max_drop cannot be held" in verdict.reasons[0]


def test_live_no_flip_on_59_posts_excludes_a_drop_of_five_points_and_on_58_does_not(made: Make) -> None:
    for n, finding in ((58, "INCONCLUSIVE"), (59, "PASS")):
        evidence = made(n, {"v": range(30)}, live=True)
        assert decide(GATE, replace(evidence, baseline=baseline_of(evidence))).finding == finding


def test_live_an_undecided_drop_says_how_many_posts_an_unchanged_model_takes_and_how_to_ask_them(made: Make) -> None:
    """Not the drop now seen: two losses of 58 would ask for thousands of posts, two flips ask for 130."""
    before, now = made(58, {"v": range(30)}, live=True), made(58, {"v": range(28)}, live=True)
    verdict = decide(GATE, replace(now, baseline=baseline_of(before)))
    assert verdict.finding == "INCONCLUSIVE"
    assert verdict.n_to_decide is not None
    assert 100 <= verdict.n_to_decide <= 160
    assert "if nothing changed and posts flip as often as here, 2 of 58" in verdict.reasons[0]
    assert "newsgauge compare OLD NEW --gate --max-drop 0.05" in verdict.reasons[0]


def test_a_drop_is_watched_over_the_planned_posts_that_the_baseline_answered_once(made: Make) -> None:
    evidence = made(4, {"v": range(3)})
    baseline = baseline_of(made(6, {"v": range(3)}))

    def early(held: Baseline | None) -> WatchedDrop:
        (drop,), why_not = GATE.early(evidence.plan, (), held)
        assert isinstance(drop, WatchedDrop)
        assert (drop.metric, drop.limit, drop.variant, why_not) == ("max_drop", 0.05, "v", ())
        return drop

    def answering(key: str, label: str) -> Baseline:
        answers = {**baseline.variants["v"].answers, key: label}
        return replace(baseline, variants={"v": replace(baseline.variants["v"], answers=answers)})

    assert early(baseline).then == {"p-0": True, "p-1": True, "p-2": True, "p-3": False}
    assert early(None).then == {}
    # What a recording was stopped against shows whether the baseline was replaced since.
    assert early(answering("p-5", "b")).against == early(baseline).against != early(answering("p-3", "b")).against
    # Repeated answers of other posts do not matter.
    assert early(answering(repeat_key("p-5", 2), "a")) == early(baseline)
    repeats = GATE.early(evidence.plan, (), answering(repeat_key("p-3", 2), "a"))
    assert repeats == ((), ["v-baseline (max_drop, against repeats)"])
    assert BaselineGate("v-baseline", "v").early(evidence.plan, (), baseline) == ((), ())


def test_live_five_losses_without_a_gain_are_a_drop_and_four_are_not_yet(made: Make) -> None:
    # The fewest one-way flips that are significant one-sided at 5%: 5. Both drops are larger than the margin.
    for n_lost, finding in ((4, "INCONCLUSIVE"), (5, "FAIL")):
        baseline = baseline_of(made(20, {"v": range(15)}))
        verdict = decide(
            BaselineGate("v-baseline", "v", 0.001, "r"),
            made(20, {"v": range(15 - n_lost)}, live=True, baseline=baseline),
        )
        assert verdict.finding == finding
        assert len(verdict.flips) == n_lost


def test_the_text_of_a_long_answer_is_not_kept() -> None:
    said = Prediction("word " * 12, Outcome.OFF_LIST, "", 1, 1, "m")
    text = answer_text(Result("p", "v", "a", said))
    assert text.startswith("(sha256 ")
    assert "word" not in text
    assert answer_text(Result("p", "v", "a", replace(said, label="a.misc"))) == "a.misc"
    assert answer_text(Result("p", "v", "a", replace(said, label="(error)", outcome=Outcome.CUT))) == "(cut)"


def test_variants_that_were_not_asked_are_kept(made: Make) -> None:
    old = baseline_of(made(16, {"v": range(6), "w": range(3)}))
    new = baseline_of(made(16, {"v": range(7)}), old)
    assert new.variants["w"] == old.variants["w"]
    changed, same = diff_baselines(old, new)[1], diff_baselines(old, new)[0]
    assert (same.variant, same.is_same) == ("w", True)
    assert changed.answers == (("p-6", "b", "a"),)
    assert "    p-6: b -> a" in baseline_lines([changed], shown="made.json")
    assert "    n_correct 6 -> 7" in baseline_lines([changed], shown="made.json")


def test_variants_about_other_posts_are_not_mixed_into_one_file(made: Make) -> None:
    old = baseline_of(made(16, {"v": range(6), "w": range(3)}))
    with pytest.raises(BaselineError, match=r"nothing written: w of the file are about plan"):
        baseline_of(made(8, {"v": range(6)}), old)
    assert len(baseline_of(made(8, {"v": range(6), "w": ()}), old).variants["v"].answers) == 8


def test_an_incomplete_run_writes_no_baseline(made: Make) -> None:
    evidence = made(16, {"v": range(6)})
    found = {key: value for key, value in evidence.results.items() if key[0] != "p-3"}
    with pytest.raises(BaselineError, match=r"nothing written, cases have no answer: v \(1 of 16\)"):
        baseline_of(replace(evidence, results=found, scores=score(found, evidence.plan, ["v"])))


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"format": 3}', '{"format": 2}', '{"format": 1, "variants": {"v": 3}}']
)
def test_a_damaged_file_is_an_error_and_an_absent_one_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "made.json"
    assert load_baseline(path, shown="made.json") is None
    path.write_text(text)
    with pytest.raises(BaselineError, match=r"^made\.json: "):
        load_baseline(path, shown="made.json")


def test_a_prompt_digest_is_about_what_is_asked_not_what_it_is_called() -> None:
    one = Variant("v", "about", "m", "{post}")
    assert prompt_digest(one, "m") == prompt_digest(replace(one, name="w", about="else"), "m")
    for other in (replace(one, contents="x {post}"), replace(one, system_instruction="s"), replace(one, answer="enum")):
        assert prompt_digest(other, "m") != prompt_digest(one, "m")
    assert prompt_digest(one, "n") != prompt_digest(one, "m")


def test_examples_fields_and_callables_are_part_of_a_prompt_digest() -> None:
    one = Variant("v", "about", "m", "{post}")
    others = [
        prompt_digest(one, "m", examples="0123456789ab"),
        prompt_digest(replace(one, json_fields=(("reason", "string"),)), "m"),
        prompt_digest(replace(one, predict="a:b"), "m"),
        prompt_digest(replace(one, estimator="a:b", training=Training(50)), "m"),
        prompt_digest(replace(one, estimator="a:b", training=Training(51)), "m"),
    ]
    assert len({prompt_digest(one, "m"), *others}) == 6


def test_a_plain_prompt_has_the_digest_that_committed_baselines_hold() -> None:
    root = Path(__file__).resolve().parents[2]
    held = load_baseline(root / "evals" / "baselines" / "embedded" / "bundled.json", shown="")
    assert held is not None
    for name, variant in load_variants(root / "evals" / "variants.toml").items():
        if variant.tuning is None and variant.few_shot is None:
            assert prompt_digest(variant, variant.model) == held.variants[name].prompt


def names(gates: tuple[Gate, ...]) -> list[str]:
    return [gate.name for gate in gates]


def test_a_run_plans_the_gates_that_its_variants_allow(made: Make) -> None:
    evidence = made(16, {"v": range(6), "w": ()})
    baseline = baseline_of(evidence)
    gates = (
        LimitsGate("v", "v", (Limit("min_accuracy", 0.1, "r"),)),
        ComparisonGate("v-beats-w", "v", "w", 0.0, "r"),
        GATE,
    )

    def plan(
        variants: tuple[str, ...], *, held: Baseline | None = baseline, live: bool = False, updating: bool = False
    ) -> list[str]:
        return names(
            plan_gates(gates, variants=variants, plan=evidence.plan, baseline=held, live=live, updating=updating)[0]
        )

    assert plan(("v", "w")) == ["v", "v-beats-w", "v-baseline", "w-baseline"]
    assert plan(("v",)) == ["v", "v-baseline"]
    assert plan(("w",)) == ["w-baseline"]
    assert plan(("v", "w"), live=True) == ["v", "v-beats-w", "v-baseline"]
    assert plan(("v", "w"), held=None) == ["v", "v-beats-w", "v-baseline"]
    assert plan(("v", "w"), updating=True) == ["v", "v-beats-w"]


def test_committed_baselines_hold_ids_labels_and_digests_only() -> None:
    folder = Path(__file__).resolve().parents[2] / "evals" / "baselines"
    files = sorted(folder.glob("*/*.json"))
    assert files
    for path in files:
        held = decode(path.read_text("ascii"), shown="")
        assert held.backend == path.parent.name
        assert encode(held) == path.read_text("ascii")
        for one in held.variants.values():
            assert len(one.answers) == held.drawn_by["n_posts"]
            assert all(len(answer) <= 40 and len(answer.splitlines()) == 1 for answer in one.answers.values())


def test_a_gate_with_nothing_to_compare_with_is_not_proved_and_counts_no_post(made: Make) -> None:
    (none,) = decide(BaselineGate("v-baseline", "v"), made(4, {"v": range(4)}, live=True)).checks
    assert (none.state, none.limit, none.n, none.value) == ("not proved", 0.0, 0, None)
    (drop,) = decide(GATE, made(4, {"v": range(4)}, live=True)).checks
    assert (drop.state, drop.limit, drop.n) == ("not proved", -0.05, 0)
    other = baseline_of(made(4, {"w": range(4)}))
    (strange,) = decide(GATE, made(4, {"v": range(4)}, baseline=other)).reasons
    assert strange.startswith(
        "the baseline holds none of these posts for v, so max_drop cannot be held; write one with"
    )
