"""Sequential boundaries against enumeration of every path, published tables, and simulation by another generator."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from newsgauge.gates.watched import WatchedRate
from newsgauge.scoring.stats.decisions import Finding, decide_floor
from newsgauge.scoring.stats.sequential import (
    Look,
    chosen_looks,
    first_decision,
    floor_boundaries,
    gain_boundary,
    operating,
    planned_looks,
    repeated_interval,
    spent,
)


def walk(boundaries: tuple[Look, ...], path: tuple[int, ...]) -> tuple[str, int]:
    """What the boundaries say of one order of answers, and after how many."""
    for look in boundaries:
        right = sum(path[: look.n])
        if look.pass_at is not None and right >= look.pass_at:
            return "PASS", look.n
        if look.fail_at is not None and right <= look.fail_at:
            return "FAIL", look.n
    return "", boundaries[-1].n


@pytest.mark.parametrize(
    ("floor", "looks", "rate"), [(0.5, (4, 8, 14), 0.5), (0.7, (5, 10, 12), 0.9), (0.3, (6, 13), 0.2)]
)
def test_the_operating_characteristic_is_that_of_all_paths(floor: float, looks: tuple[int, ...], rate: float) -> None:
    boundaries = floor_boundaries(floor, looks, alpha=0.2)
    chances = {"PASS": 0.0, "FAIL": 0.0, "": 0.0}
    expected = 0.0
    for path in product((0, 1), repeat=looks[-1]):
        weight = math.prod(rate if step else 1 - rate for step in path)
        finding, n = walk(boundaries, path)
        chances[finding] += weight
        expected += n * weight
    found = operating(boundaries, rate)
    assert (found.passed, found.failed, found.undecided) == pytest.approx(
        (chances["PASS"], chances["FAIL"], chances[""])
    )
    assert found.expected_n == pytest.approx(expected)


def test_the_spending_function_is_that_of_lan_and_demets() -> None:
    # Cumulative error of five even looks at one-sided 0.025, as the tables of group-sequential designs print it.
    table = (0.0000, 0.0004, 0.0038, 0.0122, 0.0250)
    assert [spent(k / 5, 0.025) for k in range(1, 6)] == pytest.approx(table, abs=5e-5)


def test_with_many_answers_the_boundaries_are_the_published_normal_ones() -> None:
    # Reboussin, DeMets, Kim and Lan, Controlled Clinical Trials 21 (2000): 4.8769, 3.3569, 2.6803, 2.2898, 2.0310.
    cap = 20_000
    looks = planned_looks(cap, 5)
    needed = gain_boundary(looks, [n / cap for n in looks], alpha=0.025)
    z = [((gains or 0) - 0.5 - n / 2) / math.sqrt(n / 4) for n, gains in zip(looks, needed, strict=True)]
    assert z == pytest.approx([4.8769, 3.3569, 2.6803, 2.2898, 2.0310], abs=0.03)


@pytest.mark.parametrize("floor", [0.5, 0.75, 0.8, 0.95])
@pytest.mark.parametrize("cap", [40, 80, 400])
def test_false_verdicts_are_at_most_five_percent_at_the_limit(floor: float, cap: int) -> None:
    found = operating(floor_boundaries(floor, planned_looks(cap, 20)), floor)
    assert found.passed <= 0.05
    assert found.failed <= 0.05


def test_one_look_is_the_exact_test_of_a_full_run() -> None:
    n, floor = 80, 0.75
    (look,) = floor_boundaries(floor, [n])
    assert look.pass_at is not None
    assert look.fail_at is not None
    for right, alternative in ((look.pass_at, "greater"), (look.fail_at, "less")):
        assert binomtest(right, n, floor, alternative=alternative).pvalue <= 0.05
    assert binomtest(look.pass_at - 1, n, floor, alternative="greater").pvalue > 0.05
    assert binomtest(look.fail_at + 1, n, floor, alternative="less").pvalue > 0.05


def test_six_points_above_the_limit_the_power_stays_and_calls_are_saved() -> None:
    cap, floor, truth = 400, 0.80, 0.86
    found = operating(floor_boundaries(floor, planned_looks(cap, 20)), truth)
    full = floor_boundaries(floor, [cap])[0]
    assert full.pass_at is not None
    power_of_a_full_run = float(binom.sf(full.pass_at - 1, cap, truth))
    assert found.passed >= power_of_a_full_run - 0.015
    assert found.expected_n <= 0.7 * cap


def test_simulated_runs_end_as_often_as_computed() -> None:
    boundaries, rate, n_runs = floor_boundaries(0.75, planned_looks(120, 10)), 0.85, 4_000
    rng = np.random.default_rng(5)
    ends = [walk(boundaries, tuple(rng.random(120) < rate)) for _ in range(n_runs)]
    found = operating(boundaries, rate)
    share = sum(end == "PASS" for end, _ in ends) / n_runs
    assert share == pytest.approx(found.passed, abs=4 * math.sqrt(0.25 / n_runs))
    assert np.mean([n for _, n in ends]) == pytest.approx(found.expected_n, rel=0.03)


def test_a_ceiling_is_a_floor_of_what_does_not_happen() -> None:
    looks, ceiling = planned_looks(100, 5), WatchedRate("max_error_rate", 0.1, "v")
    assert floor_boundaries(ceiling.floor, looks) == floor_boundaries(0.9, looks)


def test_flips_that_are_looked_at_once_are_the_exact_mcnemar_test() -> None:
    (needed,) = gain_boundary([20], [1.0])
    assert needed is not None
    assert (
        binomtest(needed, 20, alternative="greater").pvalue
        <= 0.05
        < binomtest(needed - 1, 20, alternative="greater").pvalue
    )


def test_of_all_orders_of_flips_at_most_five_percent_pass() -> None:
    counts, fractions = (4, 9, 14), (0.3, 0.6, 1.0)
    boundary = gain_boundary(counts, fractions)
    wrong = sum(
        any(needed is not None and sum(path[:n]) >= needed for n, needed in zip(counts, boundary, strict=True))
        for path in product((0, 1), repeat=14)
    )
    assert 0 < wrong / 2**14 <= 0.05


def test_looks_come_in_whole_rounds_over_the_labels_and_end_at_the_cap() -> None:
    assert planned_looks(80, 4, step=8) == (24, 40, 64, 80)
    assert planned_looks(10, 20) == (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)


@pytest.mark.parametrize(
    ("cap", "chosen", "fewer"),
    [
        (40, (8, 16, 24, 32, 40), (4, 11, 19, 29, 40)),
        (60, (11, 18, 25, 31, 36, 41, 46, 51, 56, 60), (18, 31, 41, 51, 60)),
    ],
)
def test_of_the_designs_that_take_one_percent_more_than_the_best_that_with_the_fewest_looks_is_chosen(
    cap: int, chosen: tuple[int, ...], fewer: tuple[int, ...]
) -> None:
    def cost(looks: tuple[int, ...]) -> float:
        """At a limit of 50%, where PASS and FAIL mirror each other: the answers it takes 3, 6 and 10 points away."""
        gains = gain_boundary(looks, [n / cap for n in looks])
        sides = [Look(n, up, None if up is None else n - up) for n, up in zip(looks, gains, strict=True)]
        return sum(operating(sides, 0.5 + away).expected_n for away in (0.03, 0.06, 0.1)) / 3

    assert chosen_looks(cap, [0.5]) == chosen
    enough = cost(tuple(math.ceil(cap * number / 40) for number in range(1, 41))) + 0.01 * cap
    assert cost(chosen) <= enough < cost(fewer)


def test_looks_for_a_rate_near_an_end_are_those_for_its_mirror_image() -> None:
    # 6 and 10 points above 95% there is no rate, nor below 5%.
    assert chosen_looks(40, [0.95]) == chosen_looks(40, [0.05])
    assert chosen_looks(40, [0.95])[-1] == 40


@pytest.mark.parametrize(("looks", "floor"), [([], 0.5), ([3, 3], 0.5), ([0, 3], 0.5), ([3], 0.0), ([3], 1.0)])
def test_what_is_no_plan_is_refused(looks: list[int], floor: float) -> None:
    with pytest.raises(ValueError, match="expected"):
        floor_boundaries(floor, looks)
    for alpha in (0.0, 0.5):
        with pytest.raises(ValueError, match=r"expected alpha between 0 and 0\.5"):
            floor_boundaries(0.5, [1, 3], alpha=alpha)


def test_the_first_look_that_decides_has_the_say() -> None:
    boundaries = (Look(4, None, 0), Look(8, 8, 3), Look(12, 9, 8))
    assert first_decision(boundaries, [4]) is None
    assert first_decision(boundaries, [4, 8, 8]) == (2, True)
    assert first_decision(boundaries, [0, 8]) == (1, False)
    assert first_decision(boundaries, [2, 5, 8]) == (3, False)


def test_the_bounds_after_stopping_agree_with_boundaries_that_spend_alike() -> None:
    looks = (20, 40, 60)
    boundary = gain_boundary(looks, [n / 60 for n in looks])
    for number, (n, needed) in enumerate(zip(looks, boundary, strict=True), 1):
        for right in range(n + 1):
            low, high = repeated_interval(right, looks, number, alpha=0.10)  # 5% at each end
            assert (low > 0.5 - 1e-6) == (needed is not None and right >= needed)
            assert (high < 0.5 + 1e-6) == (needed is not None and n - right >= needed)


def test_of_all_stopped_recordings_95_percent_have_the_truth_in_their_interval() -> None:
    looks, truth = (5, 10, 14), 0.7
    boundaries, covered = floor_boundaries(0.4, looks, alpha=0.2), 0.0
    for path in product((0, 1), repeat=looks[-1]):
        _, n = walk(boundaries, path)
        low, high = repeated_interval(sum(path[:n]), looks, looks.index(n) + 1)
        if low <= truth <= high:
            covered += truth ** sum(path) * (1 - truth) ** (len(path) - sum(path))
    assert covered >= 0.95


def test_with_one_look_the_interval_is_that_of_clopper_and_pearson() -> None:
    exact = binomtest(33, 40).proportion_ci(0.95, method="exact")
    assert repeated_interval(33, (40,), 1) == pytest.approx((exact.low, exact.high), abs=1e-6)


@pytest.mark.parametrize(("cap", "floor"), [(60, 0.5), (100, 0.7), (120, 0.8), (150, 0.85), (200, 0.9)])
def test_after_the_whole_plan_the_verdict_is_that_of_a_full_run_and_no_power_is_lost(cap: int, floor: float) -> None:
    boundaries = floor_boundaries(floor, chosen_looks(cap, [floor]))
    last, (whole,) = boundaries[-1], floor_boundaries(floor, [cap])
    for right in range(cap + 1):
        found = decide_floor(right, cap, floor).finding
        assert (found is Finding.PASS) == (last.pass_at is not None and right >= last.pass_at)
        assert (found is Finding.FAIL) == (last.fail_at is not None and right <= last.fail_at)
    at_limit, above, below = (operating(boundaries, floor + away) for away in (0, 0.06, -0.06))
    assert max(at_limit.passed, at_limit.failed) <= 0.05
    assert above.passed >= operating([whole], floor + 0.06).passed
    assert below.failed >= operating([whole], floor - 0.06).failed


def test_if_the_last_look_of_a_full_run_costs_too_many_calls_it_asks_one_answer_more() -> None:
    floor, looks = 0.75, planned_looks(400, 20)
    boundaries, (whole,) = floor_boundaries(floor, looks), floor_boundaries(floor, [400])
    assert boundaries[-1].pass_at == (whole.pass_at or 0) + 1
    assert operating(boundaries, floor).passed <= 0.05
    found = operating(boundaries, floor + 0.06)
    assert found.passed >= operating([whole], floor + 0.06).passed - 0.01
    assert found.expected_n <= 0.7 * 400
