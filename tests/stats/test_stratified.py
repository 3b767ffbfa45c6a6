"""Accuracy in the data's own mix of labels: by hand, and against what sampling the data gives."""

from __future__ import annotations

import math
import random

import pytest

from newsgauge.scoring.stats import post_stratified, wilson_interval


def test_each_label_counts_by_its_share_of_the_data() -> None:
    # 0.75 * 8/10 + 0.25 * 2/4 = 0.725; Kish: 1 / (0.75**2 / 10 + 0.25**2 / 4) = 13.913
    rate, interval = post_stratified({"a": (8, 10), "b": (2, 4)}, {"a": 300, "b": 100})
    assert rate == pytest.approx(0.725)
    assert interval == pytest.approx(wilson_interval(0.725 * 13.91304, 13.91304), abs=1e-5)


def test_a_sample_in_the_datas_mix_has_the_plain_rate_and_interval() -> None:
    rate, interval = post_stratified({"a": (15, 30), "b": (9, 10)}, {"a": 300, "b": 100})
    assert rate == pytest.approx(24 / 40)
    assert interval == pytest.approx(wilson_interval(24, 40))


def test_a_label_nobody_asked_about_leaves_it_open() -> None:
    rate, (low, high) = post_stratified({"a": (8, 10)}, {"a": 300, "b": 100})
    assert math.isnan(rate)
    assert math.isnan(low)
    assert math.isnan(high)


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    # 10 of each of three labels that hold 80, 15 and 5% of the data and are right at 0.9, 0.6 and 0.3: truth 0.825.
    sizes, rates = {"a": 800, "b": 150, "c": 50}, {"a": 0.9, "b": 0.6, "c": 0.3}
    draw = random.Random(1)
    hits = 0
    for _ in range(2000):
        counts = {label: (sum(draw.random() < rate for _ in range(10)), 10) for label, rate in rates.items()}
        _, (low, high) = post_stratified(counts, sizes)
        hits += low <= 0.825 <= high
    assert 0.93 <= hits / 2000 <= 0.995
