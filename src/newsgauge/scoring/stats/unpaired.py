"""The difference of two rates on different posts, as of two slices of a sample. Pure."""

from __future__ import annotations

import math

from .intervals import Interval, wilson_interval


def unpaired_interval(first: tuple[float, float], second: tuple[float, float], *, confidence: float = 0.95) -> Interval:
    """Two-sided interval of the first rate less the second; each enters as (correct, n), n above 0.

    R. G. Newcombe, "Interval estimation for the difference between independent proportions: comparison of eleven
    methods", Statistics in Medicine 17 (1998), method 10: it joins the two Wilson intervals, stays within -1 and 1, and
    has a width also if every answer is right. (nan, nan) if either has no posts.
    """
    (low_1, high_1), (low_2, high_2) = (wilson_interval(k, n, confidence=confidence) for k, n in (first, second))
    if math.isnan(low_1) or math.isnan(low_2):
        return math.nan, math.nan
    rate_1, rate_2 = first[0] / first[1], second[0] / second[1]
    difference = rate_1 - rate_2
    return (
        difference - math.hypot(rate_1 - low_1, high_2 - rate_2),
        difference + math.hypot(high_1 - rate_1, rate_2 - low_2),
    )
