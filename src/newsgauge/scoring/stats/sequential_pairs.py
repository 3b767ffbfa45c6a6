"""Looking at a paired difference while answers come in: boundaries that keep its error rates, exact. Pure.

Two variants, or a variant and its baseline, on the same posts: after n posts ``gained`` were right only in the first,
``lost`` only in the second. Whether the first leads at all is the exact McNemar test made sequential: given the flips,
each is a gain with probability 1/2. A lead of a size, and a drop that is allowed, are tested by dynamic programming
over the trinomial of gained, lost and neither, in the order of Tango's score statistic. With one look it is the exact
test of a full run (`exact_difference`; H.-m. Hsueh, J.-p. Liu, J. Chen, Biometrics 57, 2001).

Spending is that of `sequential`: at most alpha over all looks. Imports NumPy and SciPy when called.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from functools import lru_cache
from typing import Any

from .exact_difference import score_statistics
from .paired import mcnemar_exact, score_statistic
from .sequential import Look, Operating, gain_boundary, operating, spent

#: Shares of flipped posts for which the boundary is held; between them its error rate hardly moves.
_GRID = 33
#: Numbers of flips that stand for all that may happen.
_N_TOTALS = 9
#: Outcomes less likely than this, at the edges, are left out of a distribution.
_EDGE, _TINY = 1e-14, 1e-12
#: Statistics that are no farther apart are equal.
_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Flips:
    """After ``n`` posts."""

    n: int
    gained: int
    lost: int


def first_difference(
    seen: Sequence[Flips], planned: Sequence[int], at_least: float, *, alpha: float = 0.05
) -> tuple[int, bool] | None:
    """The first look, from 1, that decides "the first leads by at least so much", and whether it says PASS.

    ``seen``: the flips at the looks so far, of those at ``planned`` numbers of posts. None while none decides. As in a
    full run, a finding that one side is truly better also takes McNemar's test. ValueError unless -1 < at_least < 1.
    """
    if not -1 < at_least < 1:
        raise ValueError(f"expected a difference between -1 and 1, such as -0.05; got {at_least}")
    passed = first_above(seen, tuple(planned), at_least, alpha)
    failed = first_below(seen, tuple(planned), at_least, alpha)
    found = [(look, is_pass) for look, is_pass in ((failed, False), (passed, True)) if look is not None]
    return min(found) if found else None


def first_above(seen: Sequence[Flips], planned: tuple[int, ...], difference: float, alpha: float) -> int | None:
    """The first look that refutes that the true difference is at most this."""
    if difference == 0:
        fractions = [one.n / planned[-1] for one in seen]
        needed = gain_boundary([one.gained + one.lost for one in seen], fractions, alpha=alpha)
        reached = (least is not None and one.gained >= least for one, least in zip(seen, needed, strict=True))
    else:
        boundary = difference_boundary(difference, planned, alpha=alpha)
        reached = (_refutes(*one, difference, alpha) for one in zip(seen, boundary, strict=False))
    return next((number for number, is_reached in enumerate(reached, 1) if is_reached), None)


def _refutes(one: Flips, least: float, difference: float, alpha: float) -> bool:
    return (
        bool(one.n)
        and score_statistic(one.gained, one.lost, one.n, difference) >= least
        and (difference < 0 or mcnemar_exact(one.gained, one.lost) <= alpha)
    )


def _fewest(n: int, n_flips: int, least: float, difference: float, alpha: float) -> int | None:
    """Gains of so many flips from which on the look refutes it."""
    found = bisect_left(
        range(n_flips + 1), True, key=lambda g: _refutes(Flips(n, g, n_flips - g), least, difference, alpha)
    )
    return found if found <= n_flips else None


@lru_cache(maxsize=256)
def flip_boundaries(
    planned: tuple[int, ...], n_flips: int, at_least: float, alpha: float, alpha_fail: float
) -> tuple[Look, ...]:
    """The boundaries for "the first leads by at least so much" if so many posts flip in all, evenly over the plan.

    A look's ``n`` are the flips by then; it says PASS from ``pass_at`` gains on and FAIL up to ``fail_at``.
    """
    flips = [round(n_flips * n / planned[-1]) for n in planned]

    def needed(difference: float, level: float) -> Sequence[int | None]:
        if difference == 0:
            return gain_boundary(flips, [n / planned[-1] for n in planned], alpha=level)
        boundary = difference_boundary(difference, planned, alpha=level)
        return [_fewest(*one, difference, level) for one in zip(planned, flips, boundary, strict=True)]

    sides = zip(flips, needed(at_least, alpha), needed(-at_least, alpha_fail), strict=True)
    return tuple(Look(m, up, None if bad is None else m - bad) for m, up, bad in sides)


def lead_operating(
    planned: tuple[int, ...], share: float, truth: float, at_least: float, alpha: float, alpha_fail: float
) -> Operating:
    """What the boundaries do at a true difference, and the expected posts; averaged over likely numbers of flips."""
    from scipy.stats import binom

    totals = binom.ppf([(k + 0.5) / _N_TOTALS for k in range(_N_TOTALS)], planned[-1], share)
    each = [
        operating(
            flip_boundaries(planned, int(n_flips), at_least, alpha, alpha_fail), (share + truth) / (2 * share), planned
        )
        for n_flips in totals
    ]
    return Operating(*(sum(values) / _N_TOTALS for values in zip(*map(astuple, each), strict=True)))


def first_below(seen: Sequence[Flips], planned: tuple[int, ...], difference: float, alpha: float) -> int | None:
    """The first look that refutes that the true difference is at least this."""
    swapped = [Flips(one.n, one.lost, one.gained) for one in seen]
    return first_above(swapped, planned, -difference, alpha)


@lru_cache(maxsize=64)
def difference_boundary(difference: float, planned: tuple[int, ...], *, alpha: float = 0.05) -> tuple[float, ...]:
    """The score statistics from which on each look refutes that the true difference is at most ``difference``.

    Whatever share of posts flips, the chance of that at any look is at most alpha. Infinite where no new posts came.
    """
    import numpy as np

    least = abs(difference)
    shares = least + (1 - least) * (1 - np.cos(np.linspace(0, np.pi, _GRID))) / 2  # closest at both ends
    walks = [_Walk(float(share), difference) for share in shares]
    found, before = [], 0
    for n in planned:
        if n == before:
            found.append(float("inf"))
            continue
        for walk in walks:
            walk.go_on(n - before)
        budget = spent(n / planned[-1], alpha)
        found.append(max(walk.affordable(budget) for walk in walks))
        for walk in walks:
            walk.stop_from(found[-1])
        before = n
    return tuple(found)


class _Walk:
    """The distribution of flips and gains that no look stopped so far, for one share of flipped posts."""

    def __init__(self, share: float, difference: float) -> None:
        import numpy as np

        self._share, self._difference = share, difference
        self._gain = min(1.0, max(0.0, (share + difference) / (2 * share)))
        #: The chance by number of flips and of gains, from ``_first`` of each on.
        self._state: Any = np.ones((1, 1))
        self._first = (0, 0)
        self._n, self._used = 0, 0.0
        self._statistics: Any = None

    def go_on(self, n: int) -> None:
        """Ask n more posts."""
        import numpy as np
        from scipy.signal import fftconvolve
        from scipy.stats import binom

        flips = np.arange(n + 1)
        step = binom.pmf(flips, n, self._share)[:, None] * binom.pmf(flips[None, :], flips[:, None], self._gain)
        step, first = _trimmed(step, (0, 0))
        self._state = np.maximum(fftconvolve(self._state, step), 0.0)
        self._state, self._first = _trimmed(self._state, (self._first[0] + first[0], self._first[1] + first[1]))
        self._n += n
        m, g = (np.arange(size) + start for size, start in zip(self._state.shape, self._first, strict=True))
        lost = m[:, None] - g[None, :]
        values = score_statistics(np.broadcast_to(g, lost.shape), np.maximum(lost, 0), self._n, self._difference)
        self._statistics = np.where(lost >= 0, values, -np.inf)

    def affordable(self, budget: float) -> float:
        """The smallest statistic whose being reached costs no more than may be spent by now; not all are."""
        import numpy as np

        values, chances = self._statistics.ravel(), self._state.ravel()
        order = np.argsort(-values, kind="stable")
        values, costs = values[order], np.cumsum(chances[order])
        n_affordable = int(np.searchsorted(costs, budget - self._used + _TINY, side="right"))
        # Just above the first outcome that is too dear, so that its equals are left out with it.
        return float(values[n_affordable]) + _TOLERANCE

    def stop_from(self, statistic: float) -> None:
        """Take out what a look stops."""
        stopped = self._statistics >= statistic
        self._used += float(self._state[stopped].sum())
        self._state[stopped] = 0.0


def _trimmed(chances: Any, first: tuple[int, int]) -> tuple[Any, tuple[int, int]]:
    """Without the rows and columns at the edges that hardly ever happen, and what the first of the rest counts."""
    import numpy as np

    starts = []
    for axis in (0, 1):
        kept = np.nonzero(chances.sum(axis=1 - axis) > _EDGE)[0]
        if not kept.size:
            return np.zeros((1, 1)), first
        starts.append(first[axis] + int(kept[0]))
        chances = np.take(chances, range(int(kept[0]), int(kept[-1]) + 1), axis=axis)
    return chances, (starts[0], starts[1])
