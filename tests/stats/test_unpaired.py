"""The difference of two rates on different posts."""

from __future__ import annotations

import math

import pytest

from newsgauge.scoring.stats.paired import unpaired_interval

# Newcombe (1998), table II, method 10.
PAPER = [
    ((56, 70), (48, 80), (0.0524, 0.3339)),
    ((9, 10), (3, 10), (0.1705, 0.8090)),
    ((10, 10), (0, 20), (0.6791, 1.0)),
    ((10, 10), (0, 10), (0.6075, 1.0)),
]


@pytest.mark.parametrize(("first", "second", "expected"), PAPER)
def test_the_interval_is_that_of_the_paper(
    first: tuple[int, int], second: tuple[int, int], expected: tuple[float, float]
) -> None:
    assert unpaired_interval(first, second) == pytest.approx(expected, abs=5e-5)


def test_the_interval_of_the_opposite_difference_is_mirrored() -> None:
    low, high = unpaired_interval((9, 10), (3, 10))
    assert unpaired_interval((3, 10), (9, 10)) == pytest.approx((-high, -low))


def test_no_posts_give_no_interval() -> None:
    assert all(math.isnan(end) for end in unpaired_interval((0, 0), (3, 10)))
