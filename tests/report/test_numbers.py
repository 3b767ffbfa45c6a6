"""One number, one way to write it."""

from __future__ import annotations

import math

import pytest

from newsgauge._util.numbers import Unit, dollars, in_unit, number, p_value, percent, points, points_span, span
from newsgauge._util.wording import count_of


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.6625, "66.3%"),
        (0.1375, "13.8%"),
        (0.0, "0.0%"),
        (1.0, "100.0%"),
        (2 / 3, "66.7%"),
        (None, "–"),
        (math.nan, "–"),
    ],
)
def test_a_rate_is_percent_with_one_decimal_and_halves_go_up(value: float | None, text: str) -> None:
    assert percent(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.015, "+1.5"), (-0.0125, "−1.3"), (0.0, "0.0"), (-0.0001, "0.0"), (0.0004, "0.0"), (1.0, "+100.0"), (None, "–")],
)
def test_a_difference_is_points_with_its_sign(value: float | None, text: str) -> None:
    assert points(value) == text


def test_thousands_have_separators_and_minus_is_minus() -> None:
    assert number(1234567.25) == "1,234,567.3"
    assert number(-1234.0, 0) == "−1,234"
    assert (count_of(1, "post"), count_of(1200, "post"), count_of(2, "case has", "cases have")) == (
        "1 post",
        "1,200 posts",
        "2 cases have",
    )


def test_an_interval_without_an_end_is_a_dash() -> None:
    assert (span((0.554, 0.757)), span((None, 0.5)), span(None)) == ("[55.4%, 75.7%]", "–", "–")
    assert points_span((-0.012, 0.043)) == "[−1.2, +4.3]"


@pytest.mark.parametrize(
    ("p", "text"), [(1.0, "1"), (0.0321, "0.032"), (6e-15, "6e-15"), (1e-301, "< 1e-300"), (0.0, "< 1e-300")]
)
def test_a_probability_is_never_shown_as_0(p: float, text: str) -> None:
    assert p_value(p) == text


def test_money_has_four_decimals_below_a_dollar() -> None:
    assert [dollars(x) for x in (0.01234, 12.5, 1234.5, None)] == ["$0.0123", "$12.50", "$1,234.50", "–"]


@pytest.mark.parametrize(
    ("value", "unit", "text", "exact"),
    [
        (0.8, "rate", "80.0%", "80.0%"),
        (0.9995, "rate", "100.0%", "99.95%"),
        (-0.0125, "points", "−1.3 points", "−1.25 points"),
        (0.0004, "points", "0.0 points", "+0.04 points"),
        (0.875, "score", "0.88", "0.875"),
        (1200, "tokens", "1,200.0", "1,200.0"),
        (90, "days", "90 days", "90 days"),
    ],
)
def test_a_limit_keeps_the_decimals_that_somebody_wrote(value: float, unit: Unit, text: str, exact: str) -> None:
    assert (in_unit(value, unit), in_unit(value, unit, exact=True)) == (text, exact)
