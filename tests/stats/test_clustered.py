import math
import random
from itertools import pairwise

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from newsgauge.scoring.stats.decisions import decide_floor
from newsgauge.scoring.stats.intervals import (
    Worth,
    clustered_interval,
    effective_posts,
    one_more_thread,
    threaded,
    wilson_interval,
)

posts = st.lists(st.tuples(st.booleans(), st.integers(0, 12)), min_size=1, max_size=80)


def _threads(rng: random.Random, n: int) -> tuple[list[bool], list[int]]:
    threads = [rng.randrange(max(2, n // 3)) for _ in range(n)]
    rate = {thread: rng.betavariate(2, 1) for thread in threads}
    return [rng.random() < rate[thread] for thread in threads], threads


def _design_effect_of_statsmodels(values: list[int], threads: list[int]) -> float:
    model = sm.OLS(np.array(values, dtype=float), np.ones(len(values)))
    clustered = model.fit(cov_type="cluster", cov_kwds={"groups": np.array(threads), "use_correction": False})
    return float(clustered.bse[0] ** 2 / (np.var(values) / len(values)))


@pytest.mark.parametrize("seed", range(3))
def test_with_many_threads_the_design_effect_is_that_of_statsmodels_cluster_robust_error(seed: int) -> None:
    correct, threads = _threads(random.Random(seed), 6000)
    expected = _design_effect_of_statsmodels([int(one) for one in correct], threads)
    assert len(correct) / effective_posts(correct, threads) == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("seed", range(3))
def test_of_a_paired_difference_too(seed: int) -> None:
    """+1 gained, -1 lost: flips of one thread go the same way more often than not."""
    rng = random.Random(seed)
    way = {thread: rng.choice((1, -1)) for thread in range(2000)}
    threads = [rng.randrange(2000) for _ in range(6000)]
    changes = [way[thread] * (rng.random() < 0.3) for thread in threads]
    expected = _design_effect_of_statsmodels(changes, threads)
    assert expected > 1.4
    assert len(changes) / effective_posts(changes, threads) == pytest.approx(expected, rel=0.02)


@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_one_post_a_thread_is_wilsons_interval(correct: list[bool]) -> None:
    assert clustered_interval(correct, range(len(correct))) == wilson_interval(sum(correct), len(correct))


@given(posts)
def test_it_is_never_narrower_than_wilsons_and_holds_the_estimate(sample: list[tuple[bool, int]]) -> None:
    correct, threads = [c for c, _ in sample], [t for _, t in sample]
    low, high = clustered_interval(correct, threads)
    naive = wilson_interval(sum(correct), len(correct))
    assert 0 <= low <= naive[0] + 1e-12
    assert naive[1] - 1e-12 <= high <= 1
    assert low <= sum(correct) / len(correct) <= high
    assert 1 <= effective_posts(correct, threads) <= len(correct)


@given(posts, st.randoms(use_true_random=False))
def test_the_order_of_the_posts_does_not_matter(sample: list[tuple[bool, int]], rng: random.Random) -> None:
    shuffled = rng.sample(sample, len(sample))
    intervals = [clustered_interval([c for c, _ in s], [t for _, t in s]) for s in (sample, shuffled)]
    assert intervals[0] == pytest.approx(intervals[1], abs=1e-12)


@pytest.mark.parametrize("answer", [True, False])
def test_all_right_or_all_wrong_counts_threads_not_posts(answer: bool) -> None:
    """100 posts of 10 threads, no error: at most 10 independent posts' worth, so wide."""
    low, high = clustered_interval([answer] * 100, [i // 10 for i in range(100)])
    naive = wilson_interval(100 * answer, 100)
    ten = wilson_interval(10 * answer, 10)
    assert high - low >= ten[1] - ten[0] > 5 * (naive[1] - naive[0])


def test_one_more_error_never_jumps_from_wide_to_narrow() -> None:
    """Few errors say little about the threads, so the first ones do not halve the width."""
    threads = [i // 10 for i in range(200)]
    widths = []
    for n_wrong in range(4):
        correct = [not (i % 10 == 0 and i // 10 < n_wrong) for i in range(200)]
        low, high = clustered_interval(correct, threads)
        widths.append(high - low)
    assert all(after > 0.6 * before for before, after in pairwise(widths))


def test_a_single_thread_is_one_post() -> None:
    assert effective_posts([True] * 30, ["a"] * 30) == 1.0
    assert clustered_interval([True] * 30, ["a"] * 30) == wilson_interval(1, 1)


def test_posts_that_repeat_one_answer_a_thread_are_worth_one_each() -> None:
    rng = random.Random(3)
    answers = [rng.random() < 0.7 for _ in range(400)]
    correct = [answer for answer in answers for _ in range(5)]
    threads = [i for i in range(400) for _ in range(5)]
    assert effective_posts(correct, threads) == pytest.approx(400, rel=0.02)
    assert clustered_interval(correct, threads) == pytest.approx(wilson_interval(sum(answers), 400), abs=2e-3)


def test_an_empty_sample_has_no_interval_and_lengths_must_agree() -> None:
    assert all(math.isnan(x) for x in clustered_interval([], []))
    with pytest.raises(ValueError, match="2 answers and 1 threads"):
        clustered_interval([True, False], ["a"])


def _sizes(rng: np.random.Generator, kind: str) -> np.ndarray:
    if kind == "six threads of eight":
        return np.full(6, 8)
    if kind == "thirty small threads":
        return rng.choice([1, 1, 1, 2, 3, 8], 30)
    return rng.choice([1, 1, 1, 1, 2, 2, 3, 5, 9], 160)


FEW = ("six threads of eight", "thirty small threads")
RATES = (0.5, 0.8, 0.9, 0.95)
#: With many threads, which take most of the time, few cells; with few threads, where it is hardest, all.
CELLS = [(kind, correlation, rate) for kind in FEW for correlation in (0.0, 0.3, 0.6) for rate in RATES]
CELLS += [("160 threads", 0.0, 0.9), ("160 threads", 0.3, 0.8), ("160 threads", 0.6, 0.5), ("160 threads", 0.6, 0.95)]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "correlation", "rate"), CELLS)
def test_the_interval_covers_where_threads_err_together(kind: str, correlation: float, rate: float) -> None:
    """Beta-binomial threads. Nominal 95%; 1,500 runs have a standard error of 0.6 points, so 93% is held."""
    rng = np.random.default_rng(17)
    hits = naive_hits = 0
    runs = 1500
    for _ in range(runs):
        sizes = _sizes(rng, kind)
        scale = (1 - correlation) / correlation if correlation else math.inf
        rates = rng.beta(rate * scale, (1 - rate) * scale, len(sizes)) if correlation else rate
        n_correct = rng.binomial(sizes, rates)
        correct = [i < k for k, size in zip(n_correct, sizes, strict=True) for i in range(size)]
        threads = [thread for thread, size in enumerate(sizes) for _ in range(size)]
        low, high = clustered_interval(correct, threads)
        hits += low <= rate <= high
        low, high = wilson_interval(sum(correct), len(correct))
        naive_hits += low <= rate <= high
    assert hits / runs >= 0.93
    if correlation == 0.6:
        assert naive_hits / runs < 0.9  # what would be claimed without the threads


def test_an_exact_bound_allows_for_one_more_wrong_thread_of_the_size_that_posts_are_in() -> None:
    alone, of_four = list(range(8)), [0, 0, 0, 0, 1, 1, 1, 1]
    assert one_more_thread(alone, 8.0) == one_more_thread([], 0.0) == 1.0
    assert one_more_thread(of_four, 2.0) == 1.0  # all of a thread alike: one effective post is a thread
    assert one_more_thread(of_four, 8.0) == 4.0  # all independent: a thread is four of them
    assert one_more_thread([0, 0, 0, 1], 4.0) == pytest.approx(28 / 10)
    # 95 of 100 right in 20 threads of 5 that tell as much as 50 posts: 47.5 right of 50, and 2.5 more wrong.
    threads = [i // 5 for i in range(100)]
    found = decide_floor(95, 100, 0.8, effective_n=50, one_more=one_more_thread(threads, 50))
    assert found.low == pytest.approx(beta.ppf(0.05, 47.5, 2.5 + 2.5))
    assert found.high == pytest.approx(beta.ppf(0.95, 47.5 + 2.5, 2.5))
    assert threaded([True] * 8, alone) == Worth(effective_n=8.0, one_more=1.0)
    assert threaded([], []) == Worth(effective_n=0.0)
