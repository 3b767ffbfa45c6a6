"""Repeats: known values from statsmodels' analysis of variance, from enumeration, and by hand."""

from __future__ import annotations

import math
import random
from itertools import combinations, product
from statistics import fmean, mode

import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, hypergeom
from statsmodels.stats.anova import anova_lm
from statsmodels.stats.inter_rater import aggregate_raters, fleiss_kappa

from newsgauge.scoring.stats.repeats import (
    flip_rate,
    majority,
    pass_all,
    pass_any,
    same_answers,
    spread,
    stability,
)

rows = st.integers(1, 5).flatmap(
    lambda k: st.lists(st.lists(st.booleans(), min_size=k, max_size=k), min_size=1, max_size=12)
)


def drawn(seed: int, *, posts: int, k: int) -> list[list[bool]]:
    rng = random.Random(seed)
    return [[rng.random() < rate for _ in range(k)] for rate in (rng.betavariate(3, 1) for _ in range(posts))]


@pytest.mark.parametrize(("seed", "k"), [(0, 2), (1, 3), (2, 5)])
def test_the_variance_components_are_those_of_statsmodels_analysis_of_variance(seed: int, k: int) -> None:
    right = drawn(seed, posts=60, k=k)
    table = pd.DataFrame(
        [(post, float(value)) for post, row in enumerate(right) for value in row], columns=["post", "y"]
    )
    anova = anova_lm(smf.ols("y ~ C(post)", data=table).fit())
    between, within = anova["mean_sq"]["C(post)"], anova["mean_sq"]["Residual"]
    assert spread(right) == pytest.approx(((between - within) / k, within))


def test_the_components_find_the_truth_they_were_drawn_from() -> None:
    # Beta(3, 1): mean 3/4, variance 3/80, and E p (1 - p) = 3/4 - (3/80 + 9/16) = 3/20.
    assert spread(drawn(7, posts=20_000, k=4)) == pytest.approx((3 / 80, 3 / 20), abs=0.003)


def test_one_repeat_tells_nothing_of_the_variance_within_a_post_and_one_post_nothing_of_that_between() -> None:
    assert math.isnan(spread([[True], [False]])[1])
    between, within = spread([[True, False]])
    assert math.isnan(between)
    assert within == 0.5  # (1/4 + 1/4) / (2 - 1)
    # Shares 1 and 0: their variance is 1/2, and nothing differs within a post.
    assert spread([[True, True], [False, False]]) == (0.5, 0.0)
    assert math.isnan(flip_rate([["a"], ["b"]]))


def test_stability_and_flip_rate_by_hand() -> None:
    answers = [["a", "a", "a"], ["a", "b", "a"], ["a", "b", "c"]]
    assert stability(answers) == pytest.approx(1 / 3)
    assert flip_rate(answers) == pytest.approx((0 + 2 / 3 + 1) / 3)


@given(rows)
def test_pass_all_and_any_are_scipys_hypergeometric_chances(right: list[list[bool]]) -> None:
    """Of n answers, c of them right, k are drawn: all of them right, or at least one."""
    n = len(right[0])
    for k in range(1, n + 1):
        drawn = [hypergeom(n, sum(row), k) for row in right]
        assert pass_all(right, k) == pytest.approx(fmean(one.pmf(k) for one in drawn))
        assert pass_any(right, k) == pytest.approx(fmean(one.sf(0) for one in drawn))


@given(st.integers(2, 5).flatmap(lambda k: st.lists(st.text("abc", min_size=k, max_size=k), min_size=2, max_size=12)))
def test_the_flip_rate_is_that_of_statsmodels_agreement_and_the_majority_that_of_statistics(answers: list[str]) -> None:
    """Fleiss' kappa is (P - chance) / (1 - chance), where P is the mean share of pairs of answers that agree."""
    counts, _ = aggregate_raters([list(row) for row in answers])
    chance = float(((counts.sum(axis=0) / counts.sum()) ** 2).sum())
    if chance < 1:
        agreeing = fleiss_kappa(counts) * (1 - chance) + chance
        assert flip_rate(answers) == pytest.approx(1 - agreeing)
    assert stability(answers) == pytest.approx((pd.DataFrame(map(list, answers)).nunique(axis=1) == 1).mean())
    assert [majority(row) for row in answers] == [mode(row) for row in answers]


def test_a_k_beyond_the_repeats_is_refused() -> None:
    for k in (0, 3):
        with pytest.raises(ValueError, match=f"expected k from 1 to the number of repeats, 2, got {k}"):
            pass_all([[True, False]], k)


def test_rows_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match=r"same number of repeats, at least 1, got \[1, 2\]"):
        stability([["a"], ["a", "b"]])


def test_the_majority_is_the_most_frequent_answer_and_of_equals_the_first() -> None:
    assert majority(["b", "a", "a"]) == "a"
    assert majority(["b", "a"]) == "b"


def test_answers_that_changed_together_are_found_where_accuracy_stays_and_equal_ones_never() -> None:
    labels, before, after = ["x"] * 8, [["y", "y"]] * 8, [["z", "z"]] * 8
    # Of the six ways to split each post's four answers, two are as far apart as these: (1/3)^8 for all eight.
    changed = same_answers(before, after, labels, n_permutations=999)
    assert (changed.p_answers, changed.p_accuracy) == (0.001, 1)
    assert same_answers(before, before, labels, n_permutations=999).p_answers == 1


def test_with_one_repeat_the_accuracy_test_is_the_exact_mcnemar_test() -> None:
    labels = ["x"] * 30
    first = [["x"]] * 20 + [["y"]] * 10
    second = [["x"]] * 9 + [["y"]] * 11 + [["x"]] * 1 + [["y"]] * 9  # the first gained 11 and lost 1
    found = same_answers(first, second, labels, n_permutations=40_000)
    assert found.difference == pytest.approx(10 / 30)
    assert found.p_accuracy == pytest.approx(binomtest(11, 12).pvalue, abs=0.002)
    assert found.p_answers == 1


def test_with_two_posts_both_p_values_are_those_of_enumeration() -> None:
    first, second, labels = [["x", "x"], ["x", "z"]], [["y", "x"], ["y", "y"]], ["x", "x"]

    def statistics(deals: tuple[tuple[int, ...], ...]) -> tuple[float, float]:
        lead = apart = 0.0
        for one, other, label, dealt in zip(first, second, labels, deals, strict=True):
            pool = [*one, *other]
            a, b = [pool[i] for i in dealt], [pool[i] for i in range(4) if i not in dealt]
            lead += sum(v == label for v in a) / 2 - sum(v == label for v in b) / 2
            cross = sum(x != y for x, y in product(a, b)) / 4
            apart += 2 * cross - (a[0] != a[1]) - (b[0] != b[1])
        return lead, apart

    deals = list(product(combinations(range(4), 2), repeat=2))
    seen = statistics(((0, 1), (0, 1)))
    exact = [
        sum(abs(statistics(deal)[0]) >= abs(seen[0]) - 1e-9 for deal in deals) / len(deals),
        sum(statistics(deal)[1] >= seen[1] - 1e-9 for deal in deals) / len(deals),
    ]
    found = same_answers(first, second, labels, n_permutations=40_000)
    assert [found.p_accuracy, found.p_answers] == pytest.approx(exact, abs=0.01)


def answers(rng: random.Random, rates: list[float], k: int) -> list[list[str]]:
    return [["x" if rng.random() < rate else "y" for _ in range(k)] for rate in rates]


def test_recordings_of_the_same_model_seldom_raise_an_alarm() -> None:
    rng, alarms = random.Random(3), 0
    for pair in range(200):
        rates = [rng.choice([1.0, 1.0, 1.0, 0.9, 0.5, 0.0]) for _ in range(40)]
        found = same_answers(answers(rng, rates, 2), answers(rng, rates, 2), ["x"] * 40, n_permutations=199, seed=pair)
        alarms += found.p <= 0.05
    # 5% are allowed: 18 or more of 200 would come by chance in 1 of 100 suites.
    assert alarms <= 17


def test_a_wrong_answer_that_became_another_wrong_one_is_seen() -> None:
    first, second = [["y", "y", "y"]] * 12, [["z", "z", "z"]] * 12
    found = same_answers(first, second, ["x"] * 12, n_permutations=999)
    assert found.p_accuracy == 1
    assert found.p_answers == pytest.approx(0.001)
    assert found.p == pytest.approx(0.002)
