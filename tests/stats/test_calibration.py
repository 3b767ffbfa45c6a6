"""Confidence: calibration error, risk and coverage, and the certified cut-point."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mapie.risk_control import control_fwer
from mapie.risk_control.methods import compute_hoeffding_bentkus_p_value
from sklearn.calibration import calibration_curve

from newsgauge.scoring.stats.calibration import (
    LEVELS,
    accuracy_at,
    calibration_bins,
    calibration_error,
    certified_cut_point,
    risk_coverage,
)

ANSWERS = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60)


def test_the_calibration_error_is_the_weighted_distance_by_hand() -> None:
    # Bin (0.8, 0.9]: 4 answers at 0.9, 3 right: |0.75 - 0.9| = 0.15. Bin (0.5, 0.6]: 1 at 0.6, wrong: 0.6.
    bins = calibration_bins([0.9, 0.9, 0.9, 0.9, 0.6], [True, True, True, False, False])
    assert [(one.n, one.n_correct) for one in bins] == [(1, 0), (4, 3)]
    assert calibration_error(bins) == pytest.approx((4 * 0.15 + 1 * 0.6) / 5)


def test_bins_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(5)
    confidences = rng.random(500)
    correct = rng.random(500) < confidences**2
    rates, means = calibration_curve(correct, confidences, n_bins=10)
    bins = calibration_bins(confidences.tolist(), correct.tolist())
    assert [one.n_correct / one.n for one in bins] == pytest.approx(rates)
    assert [one.mean_confidence for one in bins] == pytest.approx(means)


@given(ANSWERS)
def test_every_answer_is_in_one_bin_around_its_confidence(answers: list[tuple[float, bool]]) -> None:
    bins = calibration_bins([c for c, _ in answers], [right for _, right in answers])
    assert sum(one.n for one in bins) == len(answers)
    assert all(one.low - 1e-9 <= one.mean_confidence <= one.high + 1e-9 for one in bins)
    assert 0 <= calibration_error(bins) <= 1


def test_the_surest_answers_come_first_and_equally_sure_ones_together() -> None:
    points = risk_coverage([0.9, 0.5, 0.5, 0.1], [True, False, True, False])
    assert points == [(0.25, 1.0), (0.75, pytest.approx(2 / 3)), (1.0, 0.5)]
    assert accuracy_at([0.9, 0.5, 0.5, 0.1], [True, False, True, False], 0.5) == (2, 3)


def test_59_right_answers_prove_95_percent_and_58_do_not() -> None:
    # 0.95^58 = 0.0510, 0.95^59 = 0.0485
    assert certified_cut_point([0.5] * 58, [True] * 58, 0.95) is None
    found = certified_cut_point([0.5] * 59, [True] * 59, 0.95)
    assert found is not None
    assert (found.n, found.coverage) == (59, 1.0)
    assert found.bound == pytest.approx(0.05 ** (1 / 59))


def test_the_cut_point_leaves_out_the_unsure_and_wrong() -> None:
    confidences = [1 - i / 400 for i in range(400)]
    found = certified_cut_point(confidences, [i < 300 for i in range(400)], 0.95)
    assert found is not None
    assert found.bound >= 0.95
    assert 0.7 <= found.coverage <= 0.85
    assert sum(c > found.above for c in confidences) == found.n


@pytest.mark.parametrize("target", [0.8, 0.9, 0.95])
def test_the_cut_point_is_that_of_mapie_on_the_same_sequence(target: float) -> None:
    # MAPIE's p-values of Learn then Test and its fixed-sequence testing; the risk is the share of wrong answers.
    n, delta = 400, 0.05
    fewest = math.ceil(math.log(delta) / math.log(target))
    sizes = np.unique([fewest + (n - fewest) * step // LEVELS for step in range(LEVELS + 1)])
    for seed in range(20):
        rng = np.random.default_rng(seed)
        confidences = rng.random(n)
        correct = rng.random(n) < 0.6 + 0.39 * confidences
        n_wrong = np.cumsum(~correct[np.argsort(-confidences)])[sizes - 1]
        # MAPIE rounds size * risk up, and 1.0000000000000002 wrong answers are not 2.
        risks = np.maximum(n_wrong / sizes - 1e-12, 0)
        p_values = compute_hoeffding_bentkus_p_value(risks, sizes.astype(float), 1 - target, binary=True)[:, 0]
        certified = control_fwer(p_values, delta, "fixed_sequence")
        found = certified_cut_point(confidences.tolist(), correct.tolist(), target, delta=delta)
        assert (found.n if found else 0) == (sizes[certified[-1]] if len(certified) else 0), seed


def test_answers_of_one_thread_prove_no_more_than_one() -> None:
    assert certified_cut_point([0.5] * 80, [True] * 80, 0.95, threads=["t"] * 80) is None


def test_a_false_cut_point_is_certified_in_at_most_five_percent() -> None:
    # Confidence says nothing, and the true accuracy is just below what is asked: every certificate is false.
    rng = random.Random(3)
    n_false = 0
    for _ in range(300):
        confidences = [rng.random() for _ in range(100)]
        n_false += certified_cut_point(confidences, [rng.random() < 0.899 for _ in range(100)], 0.9) is not None
    assert n_false <= 24  # 5% of 300 and 2.4 standard errors
