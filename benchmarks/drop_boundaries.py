"""Where a decision about a drop changes: for the figures of docs/statistics.md and the test that holds them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from newsgauge.scoring.stats.decisions import Finding

#: Posts gained and lost, all posts, the limit: what is found.
Decide = Callable[[int, int, int, float], Finding]


def drop_boundaries(decide: Decide, n: int, margin: float) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """For each number of gains the most losses that PASS a drop of ``margin`` (-1: none), and the fewest that FAIL."""
    most, fewest, lost, failing = [], [], -1, 0
    for gained in range(n + 1):
        while lost + 1 <= n - gained and decide(gained, lost + 1, n, -margin) is Finding.PASS:
            lost += 1
        while failing <= n - gained and decide(gained, failing, n, -margin) is not Finding.FAIL:
            failing += 1
        most.append(min(lost, n - gained))
        fewest.append(failing)
    return np.array(most), np.array(fewest)
