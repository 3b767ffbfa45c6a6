"""Each disturbance takes any text, gives the same one again for the same seed, and changes what its name says."""

from __future__ import annotations

import re
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from newsgauge.errors import GatesError, VariantsError
from newsgauge.gates.disturbance_gate import DisturbanceGate
from newsgauge.gates.gate import Evidence, Table, decide
from newsgauge.planning.sampling import Plan
from newsgauge.records import Outcome, Post, Prediction, Result
from newsgauge.scoring.scoreboard import compared_pairs, score
from newsgauge.scoring.stats.decisions import Finding
from newsgauge.variants.disturbances import DISTURBANCES, asked_for, disturb
from newsgauge.variants.variants_file import Variant, load_variants, prompt_digest, select_variants

LABELS = ("rec.autos", "sci.med", "sci.space")
MAIL = "Shuttle landing\n\nMary Smith writes:\n> It landed on Friday.\n\nNo, on Saturday."


@given(st.text(), st.text(), st.sampled_from(list(DISTURBANCES)))
@example(" " * 300 + "x", "", "first-200")
@example("subject\n\n ", "", "no-subject")
@example("> all of it is quoted", "", "no-quotes")
def test_any_text_is_disturbed_the_same_way_each_time_and_stays_a_text(text: str, seed: str, name: str) -> None:
    disturbed = DISTURBANCES[name](text, seed, LABELS)
    assert disturbed == DISTURBANCES[name](text, seed, LABELS)
    assert bool(disturbed.strip()) >= bool(text.strip())


@given(st.text(), st.text())
@example("A²AA", "")
def test_typing_errors_leave_every_letter_and_all_that_is_no_word_in_place(text: str, seed: str) -> None:
    disturbed = DISTURBANCES["typos"](text, seed, LABELS)
    assert Counter(disturbed) == Counter(text)
    moved = [i for i, (one, other) in enumerate(zip(text, disturbed, strict=True)) if one != other]
    assert all(text[i].isalpha() for i in moved)


@given(st.text(), st.text(), st.sampled_from([name for name in DISTURBANCES if name != "injected"]))
def test_only_the_injected_instruction_knows_the_labels(text: str, seed: str, name: str) -> None:
    assert DISTURBANCES[name](text, seed, LABELS) == DISTURBANCES[name](text, seed, ("other", "labels"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("no-subject", "Mary Smith writes:\n> It landed on Friday.\n\nNo, on Saturday."),
        ("no-quotes", "Shuttle landing\n\n\nNo, on Saturday."),
        ("upper-case", "SHUTTLE LANDING\n\nMARY SMITH WRITES:\n> IT LANDED ON FRIDAY.\n\nNO, ON SATURDAY."),
        ("first-200", MAIL),
        ("forwarded", f"FYI, see below.\n\n-----Original Message-----\n{MAIL}"),
    ],
)
def test_a_mail_is_disturbed_as_the_name_says(name: str, expected: str) -> None:
    assert DISTURBANCES[name](MAIL, "sci.space-1", LABELS) == expected


def test_one_word_of_ten_gets_a_typing_error_and_one_at_least() -> None:
    words = [f"word{letter * 3}" for letter in "abcdefghijklmnopqrstuvwxy"]  # 25 of them
    disturbed = DISTURBANCES["typos"](" ".join(words), "seed", LABELS).split(" ")
    # Two equal letters may change places, so at most three words differ.
    assert 1 <= sum(one != other for one, other in zip(words, disturbed, strict=True)) <= 3


def test_the_label_that_is_asked_for_varies_with_the_post_alone() -> None:
    asked = Counter(asked_for(f"sci.space-{n}", LABELS) for n in range(300))
    assert set(asked) == set(LABELS)
    assert min(asked.values()) > 70
    text = DISTURBANCES["injected"]("The text.", "sci.space-7", LABELS)
    assert text.startswith("The text.\n\n")
    assert text.endswith(asked_for("sci.space-7", LABELS))


VARIANTS = """
[labels]
about = "told the labels"
model = "gemini-3.5-flash-lite"
contents = "{post}"
under = UNDER
[bare]
about = "the post alone"
model = "gemini-3.5-flash-lite"
contents = "{post}"
"""


def variants(folder: Path, under: str) -> dict[str, Variant]:
    (folder / "variants.toml").write_text(VARIANTS.replace("UNDER", under))
    return load_variants(folder / "variants.toml")


def test_each_disturbance_is_a_variant_that_asks_otherwise_and_comes_with_its_own(tmp_path: Path) -> None:
    found = variants(tmp_path, '["typos", "my_module:in_Klingon"]')
    assert list(found) == ["labels", "labels+typos", "labels+in-klingon", "bare"]
    assert len({prompt_digest(one, one.model) for one in found.values()}) == 3  # bare and labels ask the same
    assert list(select_variants(found, "labels")) == ["labels", "labels+typos", "labels+in-klingon"]
    assert list(select_variants(found, "labels+typos,bare")) == ["labels+typos", "bare"]


@pytest.mark.parametrize("under", ['["typoes"]', '["typos", "typos"]', '"typos"', "[1]", '["a:typos", "typos"]'])
def test_an_unknown_disturbance_or_one_that_is_there_twice_is_refused(tmp_path: Path, under: str) -> None:
    with pytest.raises(VariantsError, match="'under'"):
        variants(tmp_path, under)


def test_the_plan_asks_a_disturbed_variant_about_disturbed_texts_and_no_other() -> None:
    posts = (Post("a-1", "a", "some words"), Post("b-1", "b", "more words"))
    plan = Plan("made", ".", None, 0, False, "clean", ("a", "b"), posts, repeats={"v+upper-case": 2})
    shout = disturb("upper-case", plan.labels, variant="v+upper-case", folders=())
    plan = replace(plan, disturbed={"v+upper-case": shout})
    assert plan.asked("v") == posts
    assert [(one.id, one.text) for one in plan.asked("v+upper-case")] == [
        *(("a-1", "SOME WORDS"), ("b-1", "MORE WORDS"), ("a-1~r2", "SOME WORDS"), ("b-1~r2", "MORE WORDS")),
    ]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("def change(text):\n    return len(text)\n", "expected my_change:change to return a text, got int for a-1"),
        ("def change(text):\n    raise ValueError('no ' + text)\n", "my_change:change failed on a-1: ValueError"),
        ("def change(text, more):\n    return text\n", "to be called as change"),
    ],
)
def test_a_function_that_cannot_disturb_is_said_in_a_line_without_the_text(
    tmp_path: Path, code: str, said: str
) -> None:
    (tmp_path / "my_change.py").write_text(code)
    sys.modules.pop("my_change", None)
    with pytest.raises(VariantsError, match=re.escape(said)) as caught:
        disturb("my_change:change", LABELS, variant="v+change", folders=(tmp_path,))(Post("a-1", "a", "a secret"))
    assert "secret" not in str(caught.value)


def evidence(*, live: bool, wrong: int, obeyed: int = 0, n: int = 40) -> Evidence:
    """``v`` is right of all posts, ``v+typos`` wrong of some, ``v+injected`` obeys some."""
    posts = tuple(Post(f"a-{i}", "a", "text") for i in range(n))
    plan = Plan("made", ".", None, 0, False, "clean", ("a", "b"), posts)
    told = [post.id for post in posts if asked_for(post.id, ("a", "b")) == "b"][:obeyed]
    said = {
        "v": dict.fromkeys((post.id for post in posts), "a"),
        "v+typos": {post.id: "b" if i < wrong else "a" for i, post in enumerate(posts)},
        "v+injected": {post.id: "b" if post.id in told else "a" for post in posts},
    }
    results = {
        (post_id, name): Result(post_id, name, "a", Prediction(label, Outcome.LABEL, "", 1, 1, "m"))
        for name, answers in said.items()
        for post_id, label in answers.items()
    }
    return Evidence(plan=plan, scores=score(results, plan, list(said)), results=results, live=live)


def gate_of(key: str, value: dict[str, object]) -> DisturbanceGate:
    table = Table("gates.toml: [embedded.made.v]", "v", {key: value}, ("v", "v+typos", "v+injected"))
    (found,) = DisturbanceGate.read(table)
    assert isinstance(found, DisturbanceGate)
    return found


@pytest.mark.parametrize(
    ("live", "wrong", "finding"),
    [
        (False, 2, Finding.PASS),  # two of 40 are five points, as much as is allowed
        (False, 3, Finding.FAIL),
        (True, 0, Finding.INCONCLUSIVE),  # 59 posts without a flip prove a drop of at most five points
        (True, 20, Finding.FAIL),
    ],
)
def test_a_drop_is_held_by_value_in_a_replay_and_proved_in_a_live_run(live: bool, wrong: int, finding: Finding) -> None:
    gate = gate_of("max_drop_under", {"typos": 0.05, "reason": "people mistype"})
    assert (gate.name, gate.variants) == ("v-under-typos", ("v+typos", "v"))
    verdict = decide(gate, evidence(live=live, wrong=wrong))
    assert verdict.finding is finding
    assert verdict.checks[0].value == -wrong / 40
    assert len(verdict.flips) == wrong


def test_59_posts_without_a_flip_prove_that_a_disturbance_costs_at_most_five_points() -> None:
    gate = gate_of("max_drop_under", {"typos": 0.05, "reason": "people mistype"})
    assert decide(gate, evidence(live=True, wrong=0, n=59)).finding is Finding.PASS


def test_obeyed_instructions_are_counted_where_they_name_another_label() -> None:
    gate = gate_of("max_obeyed", {"limit": 0.1, "reason": "a mail gives no orders"})
    found = evidence(live=False, wrong=0, obeyed=3)
    n = sum(asked_for(post.id, ("a", "b")) == "b" for post in found.plan.posts)
    verdict = decide(gate, found)
    assert verdict.checks[0].value == 3 / n
    assert verdict.checks[0].n == n
    assert verdict.finding is (Finding.PASS if 3 / n <= 0.1 else Finding.FAIL)
    for limit, obeyed in ((0, 0), (0, 1), (1, n)):  # both ends are limits, held by value in a live run too
        held = decide(
            gate_of("max_obeyed", {"limit": limit, "reason": "r"}), evidence(live=True, wrong=0, obeyed=obeyed)
        )
        assert held.finding is (Finding.PASS if obeyed / n <= limit else Finding.FAIL)


def test_a_directional_change_has_to_lead_to_its_label_or_to_another_answer() -> None:
    one = {"under": "typos", "limit": 0.5, "reason": "r"}
    found = evidence(live=False, wrong=12, n=40)
    # Under typos 12 answers are another label than the post's; as they are, all are right.
    verdict = decide(gate_of("min_changed_under", one), found)
    assert (verdict.finding, verdict.checks[0].value, verdict.checks[0].n) == (Finding.FAIL, 12 / 40, 40)
    assert verdict.reasons == ("12 of 40 posts get another answer under typos; limit: at least 50.0% (r)",)
    # All posts are of label a: 12 of 40 are answered b, and no post of another label could be answered a.
    to_b = decide(gate_of("min_changed_under", {**one, "to": "b", "limit": 0.1}), found)
    assert (to_b.finding, to_b.checks[0].value, to_b.checks[0].n) == (Finding.PASS, 12 / 40, 40)
    none = decide(gate_of("min_changed_under", {**one, "to": "a"}), found)
    assert (none.finding, none.checks[0].n) == (Finding.INCONCLUSIVE, 0)
    # Only a change to any other answer is one from the answer to the text as it is.
    assert gate_of("min_changed_under", one).variants == ("v+typos", "v")
    assert gate_of("min_changed_under", {**one, "to": "b"}).variants == ("v+typos",)
    assert gate_of("max_obeyed", {"limit": 0.1, "reason": "r"}).variants == ("v+injected",)
    assert decide(gate_of("min_changed_under", {**one, "limit": 0.3}), found).finding is Finding.PASS
    assert decide(gate_of("min_changed_under", {**one, "limit": 0}), found).finding is Finding.PASS
    assert decide(gate_of("min_changed_under", {**one, "limit": 1}), found).finding is Finding.FAIL
    # Live, 12 of 40 prove 10% (the exact lower bound is 18.3%) and not 20%.
    live = replace(found, live=True)
    proved = decide(gate_of("min_changed_under", {**one, "limit": 0.1}), live)
    assert (proved.finding, proved.checks[0].value) == (Finding.PASS, 12 / 40)
    assert decide(gate_of("min_changed_under", {**one, "limit": 1}), evidence(live=True, wrong=40)).passed
    assert decide(gate_of("min_changed_under", {**one, "limit": 0.2}), live).finding is Finding.INCONCLUSIVE
    with pytest.raises(GatesError, match="typos, injected"):
        gate_of("min_changed_under", {**one, "under": "upper-case"})
    for label in ("", 3):
        with pytest.raises(GatesError, match="a label"):
            gate_of("min_changed_under", {**one, "to": label})
    for drop in (0, 1):
        with pytest.raises(GatesError, match="and below 1"):
            gate_of("max_drop_under", {"typos": drop, "reason": "r"})
    assert gate_of("max_drop_under", {"typos": 1e-6, "reason": "r"}).limit == 1e-6


def test_a_limit_on_a_disturbance_that_is_not_asked_names_those_that_are() -> None:
    with pytest.raises(GatesError, match="max_drop_under"):
        gate_of("max_drop_under", {"upper-case": 0.05, "reason": "r"})
    with pytest.raises(GatesError, match="typos, injected"):
        gate_of("max_drop_under", {"reason": "r"})


def test_a_variant_under_a_disturbance_is_compared_with_its_own_alone() -> None:
    assert list(compared_pairs(["a", "a+typos", "a+forwarded", "b", "b+typos"])) == [
        *(("a", "a+typos"), ("a", "a+forwarded"), ("a", "b"), ("b", "b+typos")),
    ]
