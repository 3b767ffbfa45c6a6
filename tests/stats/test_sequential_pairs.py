"""Sequential boundaries of paired differences against enumeration of every path, published tables and full runs."""

from __future__ import annotations

from itertools import product
from math import prod

import numpy as np
import pytest
from scipy.stats import binomtest

from newsgauge.scoring.stats.exact_difference import exact_difference_p
from newsgauge.scoring.stats.paired import score_statistic
from newsgauge.scoring.stats.sequential import first_decision, planned_looks
from newsgauge.scoring.stats.sequential_pairs import (
    Flips,
    difference_boundary,
    first_above,
    first_difference,
    flip_boundaries,
    lead_operating,
)


def chance_of_pass(at_least: float, looks: tuple[int, ...], gain: float, loss: float) -> float:
    """By going through every sequence of gains, losses and neither, with its probability."""
    chance, steps = 0.0, {1: gain, -1: loss, 0: 1 - gain - loss}
    for path in product([step for step, share in steps.items() if share > 1e-12], repeat=looks[-1]):
        weight = prod(steps[step] for step in path)
        flips = [Flips(n, path[:n].count(1), path[:n].count(-1)) for n in looks]
        chance += weight * (first_above(flips, looks, at_least, 0.05) is not None)
    return chance


@pytest.mark.parametrize(("at_least", "share"), [(-0.4, 0.4), (-0.4, 0.7), (-0.4, 1.0), (0.0, 0.5), (0.0, 1.0)])
def test_of_all_paths_at_the_limit_at_most_five_percent_pass(at_least: float, share: float) -> None:
    found = chance_of_pass(at_least, (3, 5, 8), (share + at_least) / 2, (share - at_least) / 2)
    assert found <= 0.05


@pytest.mark.parametrize("share", [0.05, 0.063, 0.11, 0.3, 0.62, 0.97, 1.0])
@pytest.mark.parametrize("difference", [-0.05, 0.05])
def test_between_the_shares_that_are_tried_the_error_stays_below_five_percent(difference: float, share: float) -> None:
    # A plain recursion over counts that are still open, one post after the other.
    looks = (20, 40, 60)
    boundary = dict(zip(looks, difference_boundary(difference, looks), strict=True))
    gain, loss = (share + difference) / 2, (share - difference) / 2
    state, stopped = {(0, 0): 1.0}, 0.0
    for n in range(1, looks[-1] + 1):
        reached: dict[tuple[int, int], float] = {}
        for (g, lost), chance in state.items():
            for key, step in (((g + 1, lost), gain), ((g, lost + 1), loss), ((g, lost), 1 - gain - loss)):
                if chance * step > 1e-15:
                    reached[key] = reached.get(key, 0.0) + chance * step
        if n in boundary:
            out = {key for key in reached if score_statistic(*key, n, difference) >= boundary[n]}
            stopped += sum(reached.pop(key) for key in out)
        state = reached
    assert stopped <= 0.0505


@pytest.mark.parametrize(("n", "difference"), [(40, -0.1), (80, -0.05), (60, 0.1)])
def test_with_one_look_the_bounds_are_those_of_a_full_run(n: int, difference: float) -> None:
    (least,) = difference_boundary(difference, (n,))
    for gained in range(0, n // 2, 3):
        for lost in range(0, n // 2, 3):
            statistic = score_statistic(gained, lost, n, difference)
            p = exact_difference_p(gained, lost, n, difference)
            if abs(p - 0.05) > 0.004:  # the full run searches shares near those it saw only
                assert (statistic >= least) == (p <= 0.05), (gained, lost)


def test_with_many_posts_the_boundaries_are_the_published_normal_ones() -> None:
    # Reboussin, DeMets, Kim and Lan, Controlled Clinical Trials 21 (2000), five looks at one-sided 0.025.
    found = difference_boundary(-0.1, planned_looks(1000, 5), alpha=0.025)
    assert found[1:] == pytest.approx((3.3569, 2.6803, 2.2898, 2.0310), abs=0.12)


def test_a_lead_looked_at_once_is_the_exact_mcnemar_test() -> None:
    for gained in range(21):
        passed = first_difference([Flips(50, gained, 20 - gained)], (50,), 0.0)
        p = binomtest(gained, 20, alternative="greater").pvalue
        q = binomtest(gained, 20, alternative="less").pvalue
        assert passed == ((1, True) if p <= 0.05 else (1, False) if q <= 0.05 else None)


def test_no_flips_exclude_a_drop_once_enough_posts_are_asked() -> None:
    looks = (30, 60, 90, 120)
    seen = [Flips(n, 0, 0) for n in looks]
    found = first_difference(seen, looks, -0.05)
    assert found is not None
    assert found[1]
    # 0.95 ** n of no loss among n posts at a true drop of 5 points: 59 posts at one look, more at several.
    assert looks[found[0] - 1] >= 59
    losing = first_difference([Flips(n, 0, n // 3) for n in looks], looks, -0.05)
    assert losing is not None
    assert not losing[1]


def test_a_lead_of_a_size_takes_one_that_mcnemar_finds() -> None:
    # Of 4 gains and no loss the exact p-value is 1 / 16, of 5 it is 1 / 32; the score statistics are 1.95 and 2.19.
    found = {n: first_difference([Flips(100, n, 0)], (100,), 0.001) for n in (4, 5)}
    assert found == {4: None, 5: (1, True)}
    assert first_difference([Flips(100, 4, 0)], (100,), 0.001, alpha=1 / 16) == (1, True)


@pytest.mark.parametrize("limit", [-1, 1, 5])
def test_a_difference_in_percent_is_refused(limit: float) -> None:
    with pytest.raises(ValueError, match=r"between -1 and 1, such as -0\.05; got"):
        first_difference([Flips(10, 1, 0)], (10,), limit)


def test_looks_without_new_posts_decide_nothing() -> None:
    assert first_difference([Flips(0, 0, 0), Flips(0, 0, 0)], (0, 0, 40, 80), -0.05) is None
    assert difference_boundary(-0.05, (0, 40, 40))[0] == difference_boundary(-0.05, (0, 40, 40))[2] == float("inf")


@pytest.mark.parametrize("at_least", [-0.1, 0.0, 0.05])
def test_boundaries_counted_in_flips_decide_as_those_of_posts_do(at_least: float) -> None:
    looks, rng = (20, 40, 60), np.random.default_rng(3)
    boundaries = flip_boundaries(looks, 30, at_least, 0.05, 0.05)
    assert [look.n for look in boundaries] == [10, 20, 30]
    for gain in (0.1, 0.3, 0.5, 0.7, 0.9) * 20:
        gained = np.cumsum(rng.random(30) < gain)[[look.n - 1 for look in boundaries]].tolist()
        seen = [Flips(n, g, look.n - g) for n, g, look in zip(looks, gained, boundaries, strict=True)]
        assert first_decision(boundaries, gained) == first_difference(seen, looks, at_least)


@pytest.mark.parametrize(("at_least", "share", "truth"), [(-0.1, 0.1, 0.0), (0.0, 0.3, 0.12), (0.05, 0.3, 0.0)])
def test_a_planned_lead_ends_as_often_as_simulated_ones(at_least: float, share: float, truth: float) -> None:
    looks, n_runs, rng = (40, 80, 120), 500, np.random.default_rng(4)
    found = lead_operating(looks, share, truth, at_least, 0.05, 0.05)
    ends: list[tuple[int, bool] | None] = []
    for _ in range(n_runs):
        change = rng.choice((1, -1, 0), looks[-1], p=((share + truth) / 2, (share - truth) / 2, 1 - share))
        seen = [Flips(n, int((change[:n] == 1).sum()), int((change[:n] == -1).sum())) for n in looks]
        ends.append(first_difference(seen, looks, at_least))
    # Four standard errors, and what nine numbers of flips leave out.
    assert sum(end is not None and end[1] for end in ends) / n_runs == pytest.approx(found.passed, abs=0.1)
    assert sum(end is not None and not end[1] for end in ends) / n_runs == pytest.approx(found.failed, abs=0.1)
    asked = [looks[-1] if end is None else looks[end[0] - 1] for end in ends]
    assert sum(asked) / n_runs == pytest.approx(found.expected_n, rel=0.06)
