import math
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special
from scipy import stats as scipy_stats
from statsmodels.stats.proportion import proportion_confint

from newsgauge.scoring.stats.intervals import (
    beta_cdf,
    beta_quantile,
    binomial_cdf,
    binomial_sf,
    exact_interval,
    exact_lower_bound,
    exact_upper_bound,
    likely_counts,
    normal_quantile,
    student_quantile,
    wilson_interval,
)


@st.composite
def counts(draw: st.DrawFn) -> tuple[int, int]:
    n = draw(st.integers(1, 2000))
    return draw(st.integers(0, n)), n


@pytest.mark.parametrize(("n_correct", "n", "low", "high"), [(6, 16, 0.185, 0.614), (28, 32, 0.719, 0.950)])
def test_wilson_gives_the_published_intervals(n_correct: int, n: int, low: float, high: float) -> None:
    assert wilson_interval(n_correct, n) == pytest.approx((low, high), abs=5e-4)


@pytest.mark.parametrize(
    ("n_correct", "n", "low", "high"),
    # Fagerland, Lydersen, Laake, "Statistical Analysis of Contingency Tables" (2017), chapter 2 and its R
    # package.
    [(13, 16, 0.5435, 0.9595), (10, 10, 0.6915, 1.0), (0, 10, 0.0, 0.3085)],
)
def test_clopper_pearson_gives_the_published_intervals(n_correct: int, n: int, low: float, high: float) -> None:
    assert exact_interval(n_correct, n) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize("n", [1, 2, 16, 33, 400])
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.999])
def test_both_intervals_equal_those_of_statsmodels(n: int, confidence: float) -> None:
    for k in range(n + 1):
        ours, theirs = (
            wilson_interval(k, n, confidence=confidence),
            exact_interval(k, n, confidence=confidence),
        )
        alpha = 1 - confidence
        assert ours == pytest.approx(proportion_confint(k, n, alpha, method="wilson"), abs=1e-12)
        assert theirs == pytest.approx(proportion_confint(k, n, alpha, method="beta"), abs=1e-12)


@given(counts())
def test_one_sided_bounds_equal_those_of_scipy(count: tuple[int, int]) -> None:
    k, n = count
    above = scipy_stats.binomtest(k, n, alternative="greater")
    below = scipy_stats.binomtest(k, n, alternative="less")
    assert exact_lower_bound(k, n) == pytest.approx(above.proportion_ci(method="exact").low, abs=1e-11)
    assert exact_upper_bound(k, n) == pytest.approx(below.proportion_ci(method="exact").high, abs=1e-11)


@given(counts(), st.floats(0.5, 0.999))
def test_intervals_hold_the_estimate_stay_within_0_and_1_and_mirror(count: tuple[int, int], confidence: float) -> None:
    k, n = count
    for interval in (wilson_interval, exact_interval):
        low, high = interval(k, n, confidence=confidence)
        assert 0 <= low <= k / n <= high <= 1
        assert low < high
        mirrored = interval(n - k, n, confidence=confidence)
        assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-12)


@given(counts())
def test_more_confidence_widens_and_one_more_right_answer_raises(count: tuple[int, int]) -> None:
    k, n = count
    for interval in (wilson_interval, exact_interval):
        narrow, wide = interval(k, n, confidence=0.9), interval(k, n, confidence=0.99)
        assert wide[0] <= narrow[0]
        assert narrow[1] <= wide[1]
        if k < n:
            assert interval(k + 1, n)[0] > interval(k, n)[0]


@pytest.mark.parametrize("interval", [wilson_interval, exact_interval])
def test_an_empty_sample_has_no_interval(interval: object) -> None:
    assert all(math.isnan(bound) for bound in interval(0, 0))  # type: ignore[operator]


@pytest.mark.parametrize("count", [(-1, 4), (5, 4), (0, -1)])
def test_impossible_counts_are_refused(count: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="expected 0 <= n_correct <= n"):
        wilson_interval(*count)
    with pytest.raises(ValueError, match="expected 0 <= n_correct <= n"):
        exact_interval(*count)


def test_a_percentage_is_no_confidence() -> None:
    with pytest.raises(ValueError, match=r"such as 0\.95; got 95"):
        wilson_interval(1, 2, confidence=95)


@given(st.floats(0, 1), st.floats(0.5, 8000), st.floats(0.5, 8000))
def test_the_incomplete_beta_function_equals_that_of_scipy(x: float, a: float, b: float) -> None:
    assert beta_cdf(x, a, b) == pytest.approx(special.betainc(a, b, x), rel=1e-8, abs=1e-12)


@pytest.mark.parametrize(("a", "b"), [(0.7, 3.2), (5.0, 5.0), (41.3, 2.9), (900.0, 1100.0)])
@pytest.mark.parametrize("probability", [0.025, 0.05, 0.5, 0.95])
def test_the_quantiles_of_beta_distributions_equal_those_of_scipy(probability: float, a: float, b: float) -> None:
    assert beta_quantile(probability, a, b) == pytest.approx(special.betaincinv(a, b, probability), rel=1e-9)


@given(counts(), st.floats(0.001, 0.999))
def test_binomial_tails_equal_those_of_scipy(count: tuple[int, int], p: float) -> None:
    k, n = count
    assert binomial_cdf(k, n, p) == pytest.approx(scipy_stats.binom.cdf(k, n, p), abs=1e-10)
    assert binomial_sf(k, n, p) == pytest.approx(scipy_stats.binom.sf(k - 1, n, p), abs=1e-10)


@pytest.mark.parametrize("degrees", [1, 2, 3, 10, 100, 1294, 7531])
@pytest.mark.parametrize("probability", [0.6, 0.9, 0.95, 0.975, 0.9995])
def test_students_quantiles_equal_those_of_scipy(degrees: int, probability: float) -> None:
    expected = scipy_stats.t.ppf(probability, degrees)
    assert student_quantile(probability, degrees) == pytest.approx(expected, rel=1e-9)


def test_importing_the_package_loads_neither_numpy_nor_scipy() -> None:
    code = "import sys, newsgauge.scoring.stats; print(sorted({'numpy', 'scipy', 'statistics'} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_the_normal_quantiles_are_those_of_scipy_and_infinite_at_the_ends() -> None:
    assert normal_quantile(0.975) == pytest.approx(scipy_stats.norm.ppf(0.975), rel=1e-12)
    assert (normal_quantile(0.0), normal_quantile(0.5), normal_quantile(1.0)) == (-math.inf, 0.0, math.inf)


@pytest.mark.parametrize(("n", "rate"), [(1, 0.0), (20, 0.5), (400, 0.002), (400, 1.0), (5000, 0.3)])
def test_counts_that_are_left_out_have_no_chance_worth_mentioning(n: int, rate: float) -> None:
    some = likely_counts(n * rate, n * rate, n)
    binom = scipy_stats.binom
    assert binom.cdf(some[0] - 1, n, rate) + binom.sf(some[-1], n, rate) < 1e-15
    assert len(some) <= 30 + 20 * math.sqrt(n * rate)
    assert (some[0] >= 0, some[-1] <= n) == (True, True)


def test_likely_counts_are_those_of_all_means_between_two() -> None:
    # 9 * (sqrt(99 + 1) + 1) = 99 to each side.
    assert likely_counts(99, 99, 1000) == range(199)
    assert likely_counts(150, 399, 1000) == range(589)  # 9 * (sqrt(400) + 1) = 189
    assert likely_counts(399, 399, 500) == range(210, 501)
