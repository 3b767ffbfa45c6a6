"""Accuracy in the data's own mix of labels, from a sample that was drawn label by label. Pure.

A sample of 10 posts per label says how good a variant is if each label counts alike; weights say what that is where
one label is a hundred times as frequent as another.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from .intervals import Interval, wilson_interval


def post_stratified(counts: Mapping[str, tuple[int, int]], sizes: Mapping[str, int]) -> tuple[float, Interval]:
    """Sum of each label's share of the data times its rate, ``counts`` being (correct, asked), with a 95% interval.

    The interval is Wilson's at Kish's effective sample size 1 / sum(share² / asked): a label with few posts and a large
    share makes the rest worth little. L. Kish, "Survey Sampling" (1965); E. L. Korn, B. I. Graubard, "Confidence
    intervals for proportions with small expected number of positive counts", Survey Methodology 24 (1998).
    (nan, (nan, nan)) if a label of the data was not asked about.
    """
    total = sum(sizes.values())
    if not total or any(not counts.get(label, (0, 0))[1] for label, size in sizes.items() if size):
        return math.nan, (math.nan, math.nan)
    shares = {label: size / total for label, size in sizes.items() if size}
    rate = min(1.0, sum(share * counts[label][0] / counts[label][1] for label, share in shares.items()))
    effective = 1 / sum(share**2 / counts[label][1] for label, share in shares.items())
    return rate, wilson_interval(rate * effective, effective)
