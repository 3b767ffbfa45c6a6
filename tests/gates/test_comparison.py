"""One variant beats another on the same posts, or it does not; several comparisons are corrected."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from scipy.stats import binomtest

from newsgauge._util.numbers import p_words
from newsgauge.gates.baseline_gate import drop_words
from newsgauge.gates.comparison_gate import ComparisonGate
from newsgauge.gates.gate import Evidence, decide
from newsgauge.scoring.scoreboard import compare_variants
from newsgauge.scoring.stats.decisions import difference_p_values
from newsgauge.scoring.stats.paired import mcnemar_exact

Make = Callable[..., Evidence]


def gate(variant: str = "new", other: str = "old", by_at_least: float = 0.0, primary: bool = False) -> ComparisonGate:
    return ComparisonGate(f"{variant}-beats-{other}", variant, other, by_at_least, "r", primary)


@pytest.mark.parametrize(("gained", "finding"), [(4, "FAIL"), (5, "PASS")])
def test_five_one_way_flips_are_the_fewest_that_beat(made: Make, gained: int, finding: str) -> None:
    evidence = made(16, {"new": range(gained), "old": ()})
    assert decide(gate(by_at_least=0.1), evidence).finding == finding


def test_a_significant_but_small_lead_does_not_beat(made: Make) -> None:
    assert decide(gate(by_at_least=0.5), made(16, {"new": range(6), "old": ()})).finding == "FAIL"
    assert decide(gate(by_at_least=0.5), made(16, {"new": range(8), "old": ()})).finding == "PASS"


def test_every_flipped_post_is_listed_losses_first(made: Make) -> None:
    verdict = decide(gate(), made(16, {"new": range(8), "old": [0, 1, 15]}))
    assert verdict.flips == (
        "lost p-15: a, was b",
        *(f"gained p-{n}: {'ba'[n % 2 == 0]}, was {'ab'[n % 2 == 0]}" for n in range(2, 8)),
    )
    assert "+31.3 points" in verdict.reasons[0]
    assert f"p = {binomtest(6, 7, 0.5, alternative='greater').pvalue:.2g}" in verdict.reasons[0]


def test_live_a_lead_has_to_be_proved(made: Make) -> None:
    right = {"new": range(40), "old": range(20)}
    assert decide(gate(by_at_least=0.1), made(80, right, live=True)).finding == "PASS"
    verdict = decide(gate(by_at_least=0.2), made(80, right, live=True))
    assert verdict.finding == "INCONCLUSIVE"
    assert verdict.n_to_decide is not None
    assert verdict.n_to_decide > 80
    chance = "with an 80% chance, if the lead now seen is the true one"
    assert f"; some {verdict.n_to_decide:,} posts would decide, {chance}" in verdict.reasons[0]
    at_the_lead = decide(gate(by_at_least=0.25), made(80, right, live=True))
    assert (at_the_lead.finding, at_the_lead.n_to_decide) == ("INCONCLUSIVE", None)
    assert chance not in at_the_lead.reasons[0]
    assert "of a lead of +12.34 points p " in decide(gate(by_at_least=0.1234), made(80, right, live=True)).reasons[0]
    assert decide(gate(), made(80, {"new": range(20), "old": range(40)}, live=True)).finding == "FAIL"


def test_the_primary_comparison_is_not_corrected_and_the_others_are(made: Make) -> None:
    # Gains without losses: 5, 5 and 5 of 16; one-sided p = 1/32 each. Holm over two: 1/16, above 5%.
    right = {"new": range(5), "one": (), "two": (), "three": ()}
    family = (gate(other="one", primary=True), gate(other="two"), gate(other="three"))
    evidence = made(16, right, family=family)
    assert [decide(one, evidence).finding for one in family] == ["PASS", "FAIL", "FAIL"]
    assert "Holm over 2, after new-beats-one" in decide(family[1], evidence).reasons[0]
    assert ", corrected p = 0.06" in decide(family[1], evidence).reasons[0]
    assert ", corrected p" not in decide(family[0], evidence).reasons[0]
    # Without a primary one both are corrected.
    equal = made(16, right, family=family[1:])
    assert [decide(one, equal).finding for one in family[1:]] == ["FAIL", "FAIL"]


def test_a_run_that_leaves_comparisons_out_names_the_correction_that_it_did_not_make(made: Make) -> None:
    alone = (replace(gate(other="one"), n_in_file=3),)
    verdict = decide(alone[0], made(16, {"new": range(10), "one": ()}, family=alone))
    assert "not corrected for 2 more of gates.toml not run" in verdict.reasons[0]
    for n_in_file, said in ((2, True), (1, False)):
        few = (replace(alone[0], n_in_file=n_in_file),)
        reason = decide(few[0], made(16, {"new": range(10), "one": ()}, family=few)).reasons[0]
        assert ("not corrected for 1 more" in reason) == said
        assert ("not corrected" in reason) == said
    primary = (replace(gate(other="one", primary=True), n_in_file=3),)
    verdict = decide(primary[0], made(16, {"new": range(10), "one": ()}, family=primary))
    assert "not corrected" not in verdict.reasons[0]


def test_flips_of_one_thread_prove_less(made: Make) -> None:
    evidence = made(80, {"new": range(6), "old": ()})
    assert decide(gate(), evidence).finding == "PASS"
    posts = tuple(replace(post, thread=f"t{number // 3}") for number, post in enumerate(evidence.plan.posts))
    in_threads = replace(evidence, plan=replace(evidence.plan, posts=posts))
    verdict = decide(gate(), in_threads)
    assert verdict.finding == "FAIL"
    assert "clustered by thread and text: effective n" in verdict.reasons[0]
    # Live all counts are those of the effective posts, also of a drop against a baseline.
    plan = in_threads.plan
    found = compare_variants(in_threads.results, plan.shared("new", "old"), "new", "old")
    share = found.effective_n / found.n
    assert share < 0.9
    p = difference_p_values(6 * share, 0, 80 * share, 0.1)[0]
    words = f"of a lead of +10.0 points {p_words(p)};"
    assert words in decide(gate(by_at_least=0.1), replace(in_threads, live=True)).reasons[0]
    _, _, paired, more = drop_words(found, 0.0512)
    assert f"{p_words(mcnemar_exact(0, 6 * share))} of a drop" in paired
    assert "limit: lower bound >= \N{MINUS SIGN}5.12 points" in more
    _, _, _, at_once = drop_words(found, 1e-6)
    assert ("80% chance" in at_once) == ("some " in at_once)


def test_no_p_value_is_0(made: Make) -> None:
    assert p_words(binomtest(2000, 2000, alternative="greater").pvalue) == "p < 1e-300"
    assert p_words(0.01234) == "p = 0.012"


def test_others_do_not_pass_where_the_primary_comparison_does_not(made: Make) -> None:
    right = {"new": range(10), "one": range(8), "two": ()}
    family = (gate(other="one", primary=True), gate(other="two"))
    assert [decide(one, made(16, right, family=family)).finding for one in family] == ["FAIL", "FAIL"]
    said = decide(family[1], made(16, right, family=family)).reasons[0]
    assert ", after new-beats-one" in said
    assert "Holm" not in said
    alone = (family[1],)  # --variants leaves the primary one out
    assert decide(alone[0], made(16, right, family=alone)).finding == "PASS"


def test_a_comparison_with_a_missing_case_counts_as_not_significant_for_the_others(made: Make) -> None:
    family = (gate(other="one", primary=True), gate(other="two"))
    evidence = made(16, {"new": range(10), "two": ()}, family=family)  # "one" was not asked at all
    assert decide(family[1], evidence).finding == "FAIL"


def test_answers_that_are_all_the_same_prove_nothing(made: Make) -> None:
    for live in (False, True):
        assert not decide(gate(), made(16, {"new": range(8), "old": range(8)}, live=live)).passed
