"""Gates about slices: one, the worst of several, and the gap between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from scipy.stats import binom

from newsgauge.errors import GatesError
from newsgauge.gates.gate import Evidence, decide
from newsgauge.gates.gates_file import load_gates
from newsgauge.gates.slice_gate import SliceGate
from newsgauge.scoring.scoreboard import score
from newsgauge.scoring.stats.decisions import Finding
from newsgauge.scoring.stats.paired import unpaired_interval

Make = Callable[..., Evidence]
#: Of 40 posts the first 20 stand in one slice, the others in another.
N = 40


def evidence(made: Make, low: int, high: int, *, live: bool = False, n_slices: int = 2) -> Evidence:
    """``low`` and ``high`` posts of the first and the second half are right."""
    found = made(N, {"v": [*range(low), *range(20, 20 + high)]}, live=live)
    of = {post.id: f"s{i * n_slices // N}" for i, post in enumerate(found.plan.posts)}
    plan = replace(found.plan, slices={"half": of})
    return replace(found, plan=plan, scores=score(found.results, plan, ["v"]))


def gate(limit: float, *, name: str = "", is_gap: bool = False) -> SliceGate:
    return SliceGate("v-half", "v", "half", name, is_gap, limit, "because")


def test_a_replay_holds_the_worst_slice_by_its_value(made: Make) -> None:
    found = decide(gate(0.5), evidence(made, 10, 18))
    assert found.passed
    assert (found.checks[0].value, found.checks[0].n) == (0.5, 20)
    assert "half:s0" in found.reasons[0]
    assert "the lowest of 2 slices" in found.reasons[0]
    assert found.checks[0].name == "accuracy of half:(worst)"
    assert decide(gate(0.5), evidence(made, 9, 20)).finding is Finding.FAIL


def test_a_gate_may_name_one_slice(made: Make) -> None:
    named = decide(gate(0.9, name="s1"), evidence(made, 2, 18))
    assert named.passed
    assert named.checks[0].name == "accuracy of half:s1"
    assert "the lowest of" not in named.reasons[0]
    assert not decide(gate(0.9, name="s0"), evidence(made, 2, 18)).passed


def test_a_slice_without_posts_never_passes(made: Make) -> None:
    found = decide(gate(0.1, name="other"), evidence(made, 20, 20))
    assert found.finding is Finding.FAIL
    assert "s0 (20), s1 (20)" in found.reasons[0]
    assert (found.checks[0].value, found.checks[0].n) == (None, 0)


def test_the_gap_is_between_the_best_and_the_worst(made: Make) -> None:
    found = decide(gate(0.4, is_gap=True), evidence(made, 10, 18))
    assert found.passed
    assert found.checks[0].value == pytest.approx(0.4)
    assert found.checks[0].n == 40
    assert not decide(gate(0.39, is_gap=True), evidence(made, 10, 18)).passed


def test_a_live_floor_is_proved_in_every_slice(made: Make) -> None:
    # 19 of 20: Clopper-Pearson's one-sided 95% lower bound is 0.7839; 16 of 20: 0.5990 and upper 0.9286
    assert decide(gate(0.75), evidence(made, 19, 19, live=True)).finding is Finding.PASS
    assert decide(gate(0.75), evidence(made, 19, 16, live=True)).finding is Finding.INCONCLUSIVE


def test_a_live_floor_is_disproved_at_five_percent_over_all_slices(made: Make) -> None:
    # The one-sided 95% upper bound of 11 of 20 is 0.7413: by itself disproved, at 2.5% (0.7694) not.
    by_itself = decide(gate(0.75, name="s0"), evidence(made, 11, 20, live=True))
    assert by_itself.finding is Finding.FAIL
    over_all = decide(gate(0.75), evidence(made, 11, 20, live=True))
    assert over_all.finding is Finding.INCONCLUSIVE
    assert "below" not in over_all.reasons[0]
    below = decide(gate(0.75), evidence(made, 10, 20, live=True))  # at 2.5% the upper bound of 10 of 20 is 0.7280
    assert below.finding is Finding.FAIL
    assert "; a slice is below at 5% over 2 slices" in below.reasons[0]
    # If 55% are right, so many posts of a slice disprove 75% at 2.5% in 80% of samples, and one less does not.
    n_of_slice, rest = divmod(over_all.n_to_decide or 0, 2)
    assert rest == 0

    def power(n: int) -> float:
        return float(binom.cdf(binom.ppf(0.025, n, 0.75) - 1, n, 0.55))

    assert power(n_of_slice) >= 0.8 > power(n_of_slice - 1)


def test_if_a_slice_is_at_the_floor_no_number_of_posts_decides_all_of_them(made: Make) -> None:
    open_ones = decide(gate(0.75), evidence(made, 17, 16, live=True))
    by_itself = [decide(gate(0.75, name=name), evidence(made, 17, 16, live=True)).n_to_decide for name in ("s0", "s1")]
    assert None not in by_itself
    assert open_ones.n_to_decide == 2 * max(n or 0 for n in by_itself)
    at_the_floor = decide(gate(0.75), evidence(made, 15, 16, live=True))
    assert (at_the_floor.finding, at_the_floor.n_to_decide) == (Finding.INCONCLUSIVE, None)


def test_a_live_gap_is_disproved_only_beyond_the_correction(made: Make) -> None:
    assert decide(gate(0.1, is_gap=True), evidence(made, 4, 18, live=True)).finding is Finding.FAIL
    assert decide(gate(0.1, is_gap=True), evidence(made, 15, 18, live=True)).finding is Finding.INCONCLUSIVE
    assert decide(gate(0.6, is_gap=True), evidence(made, 18, 18, live=True)).finding is Finding.PASS
    # Of three slices there are six ordered pairs: a bound of each at 5% in all is one-sided at 5% / 6.
    found = decide(gate(0.1, is_gap=True), evidence(made, 4, 18, live=True, n_slices=3))
    three = evidence(made, 4, 18, n_slices=3).scores["v"].slices
    low, high = (pick(three, key=lambda one: one.accuracy) for pick in (min, max))
    lower, upper = (unpaired_interval(high.worth, low.worth, confidence=1 - 2 * p) for p in (0.05 / 6, 0.05))
    words = f"bounds {100 * lower[0]:.1f} (over 6 ordered pairs) and {100 * upper[1]:.1f} points"
    assert words in found.reasons[0].replace("+", "")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ('{ of = "length", min_accuracy = 0.5 }', "non-empty reason"),
        ('{ of = "size", min_accuracy = 0.5, reason = "r" }', r"a name of \[slices\] \(length\)"),
        ('{ slice = "length", min_accuracy = 0.5, reason = "r" }', "NAME:SLICE"),
        ('{ slice = "length:short", max_gap = 0.5, reason = "r" }', "expected"),
        (
            '{ of = "length", max_gap = 0.1, reason = "r" }, { of = "length", max_gap = 0.2, reason = "r" }',
            "appears twice",
        ),
        ('{ of = "length", max_gap = 0, reason = "r" }', "above 0 and below 1"),
        ('{ of = "length", max_gap = 0.1, min_accuracy = 0.5, reason = "r" }', "expected"),
    ],
)
def test_an_entry_that_cannot_be_meant_is_refused(tmp_path: Path, entry: str, message: str) -> None:
    path = tmp_path / "gates.toml"
    path.write_text(f'[slices]\nlength = {{ by = "length" }}\n[embedded.c.v]\nslices = [{entry}]\n', "utf-8")
    with pytest.raises(GatesError, match=message):
        load_gates(path, backend="embedded", corpus="c", known=["v"])


def test_the_file_names_slices_and_their_gates(tmp_path: Path) -> None:
    path = tmp_path / "gates.toml"
    path.write_text(
        '[slices]\nlength = { by = "length" }\n[embedded.c.v]\nslices = [\n'
        '{ slice = "length:short", min_accuracy = 0.5, reason = "a" },\n'
        '{ slice = "length:not_so short", min_accuracy = 0.5, reason = "c" },\n'
        '{ of = "length", max_gap = 0.2, reason = "b" }]\n',
        "utf-8",
    )
    assert load_gates(path, backend="embedded", corpus="c", known=["v"]) == (
        SliceGate("v-length-short", "v", "length", "short", False, 0.5, "a"),
        SliceGate("v-length-not_so-short", "v", "length", "not_so short", False, 0.5, "c"),
        SliceGate("v-length-gap", "v", "length", "", True, 0.2, "b"),
    )
