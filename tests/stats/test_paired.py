import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from scipy.optimize import minimize_scalar
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from newsgauge.scoring.stats.paired import (
    holm,
    mcnemar_exact,
    mcnemar_exact_two_sided,
    paired_interval,
    score_statistic,
)

# Complete response before and after consolidation therapy (Cavo et al. 2012), the example of chapter 8 of
# Fagerland, Lydersen, Laake, "Statistical Analysis of Contingency Tables" (2017): 59 both, 6 first only, 16
# second only, 80 neither.
CAVO = {"n_gained": 6, "n_lost": 16, "n": 161}


@st.composite
def flips(draw: st.DrawFn) -> tuple[int, int, int]:
    n = draw(st.integers(1, 800))
    n_gained = draw(st.integers(0, n))
    return n_gained, draw(st.integers(0, n - n_gained)), n


def test_tango_and_mcnemar_give_the_textbook_values() -> None:
    assert paired_interval(**CAVO) == pytest.approx((-0.1240, -0.0054), abs=5e-5)
    assert score_statistic(**CAVO, difference=0) == pytest.approx(-2.132, abs=5e-4)
    assert mcnemar_exact_two_sided(6, 16) == pytest.approx(0.052479, abs=5e-7)


def test_tango_gives_the_value_of_the_r_package_propcis() -> None:
    # scoreci.mp(25, 28, 618, conf.level = 0.90), whose difference is second less first
    assert paired_interval(28, 25, 618, confidence=0.9) == pytest.approx((-0.0148, 0.0247), abs=5e-5)


def test_without_a_flip_the_interval_has_the_closed_form_width() -> None:
    z2 = scipy_stats.norm.ppf(0.975) ** 2
    half = z2 / (100 + z2)
    assert paired_interval(0, 0, 100) == pytest.approx((-half, half), abs=1e-12)


@given(flips(), st.floats(-0.95, 0.95))
def test_the_score_uses_the_likeliest_shares_under_the_null(flip: tuple[int, int, int], difference: float) -> None:
    """The closed form against a numerical maximum of the trinomial likelihood."""
    n_gained, n_lost, n = flip

    def minus_log_likelihood(lost_share: float) -> float:
        gained_share = lost_share + difference
        rest = 1 - lost_share - gained_share
        terms = ((n_gained, gained_share), (n_lost, lost_share), (n - n_gained - n_lost, rest))
        return -sum(k * math.log(max(share, 1e-300)) for k, share in terms if k)

    low, high = max(0.0, -difference), (1 - difference) / 2
    best = minimize_scalar(minus_log_likelihood, bounds=(low, high), method="bounded", options={"xatol": 1e-12}).x
    variance = n * (2 * best + difference - difference**2)
    statistic = score_statistic(n_gained, n_lost, n, difference)
    if math.isfinite(statistic) and variance > 1e-3:
        assert statistic == pytest.approx(
            (n_gained - n_lost - n * difference) / math.sqrt(variance), rel=1e-2, abs=1e-3
        )


@given(flips())
def test_swapping_the_variants_mirrors_the_interval(flip: tuple[int, int, int]) -> None:
    n_gained, n_lost, n = flip
    low, high = paired_interval(n_gained, n_lost, n)
    assert paired_interval(n_lost, n_gained, n) == pytest.approx((-high, -low), abs=1e-12)
    assert -1 <= low <= (n_gained - n_lost) / n <= high <= 1


@given(flips(), st.floats(-0.9, 0.9))
def test_the_interval_is_what_the_score_test_does_not_refute(flip: tuple[int, int, int], difference: float) -> None:
    low, high = paired_interval(*flip)
    if min(abs(difference - low), abs(difference - high)) > 1e-9:
        z = scipy_stats.norm.ppf(0.975)
        assert (abs(score_statistic(*flip, difference)) <= z) == (low <= difference <= high)


@given(flips(), st.floats(-0.9, 0.9))
def test_the_two_signs_of_the_score_agree(flip: tuple[int, int, int], difference: float) -> None:
    n_gained, n_lost, n = flip
    forth, back = (
        score_statistic(n_gained, n_lost, n, difference),
        score_statistic(n_lost, n_gained, n, -difference),
    )
    assert forth == pytest.approx(-back, rel=1e-6, abs=1e-6)


def test_mcnemar_equals_statsmodels_and_scipy_on_all_small_counts() -> None:
    for n_gained in range(26):
        for n_lost in range(26):
            two_sided = mcnemar([[0, n_gained], [n_lost, 0]], exact=True).pvalue if n_gained + n_lost else 1.0
            assert mcnemar_exact_two_sided(n_gained, n_lost) == pytest.approx(two_sided, rel=1e-9)
            if n_gained + n_lost:
                one_sided = scipy_stats.binomtest(n_gained, n_gained + n_lost, alternative="greater").pvalue
                assert mcnemar_exact(n_gained, n_lost) == pytest.approx(one_sided, rel=1e-9)


def test_mcnemar_without_a_flip_proves_nothing() -> None:
    assert mcnemar_exact(0, 0) == mcnemar_exact_two_sided(0, 0) == 1.0


@pytest.mark.slow  # statsmodels takes 50 ms an example
@pytest.mark.parametrize("n", [1, 2, 3, 5, 8])
def test_holm_equals_statsmodels(n: int) -> None:
    rng = random.Random(n)
    for p_values in ([rng.random() for _ in range(n)], [rng.choice((0.0, 0.01, 0.02, 1.0)) for _ in range(n)]):
        assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1], abs=1e-12)


def test_holm_by_hand() -> None:
    # 3 x .01; 2 x .02 = .04; the largest keeps its .03 but may not undercut the one before.
    assert holm([0.03, 0.01, 0.02]) == pytest.approx((0.04, 0.03, 0.04))


def test_holm_of_nothing_is_nothing_and_refuses_what_is_no_p_value() -> None:
    assert holm([]) == ()
    with pytest.raises(ValueError, match="expected p-values"):
        holm([0.5, math.nan])


@pytest.mark.parametrize("counts", [(-1, 0, 5), (3, 3, 5)])
def test_impossible_flips_are_refused(counts: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="expected n_gained"):
        paired_interval(*counts)


def test_no_posts_have_no_difference() -> None:
    assert all(math.isnan(x) for x in paired_interval(0, 0, 0))
