"""Looking at a gate while answers come in: boundaries that keep its error rates, exact. Pure.

A gate that is decided early saves the calls that are left. Looking with ordinary bounds makes false verdicts likely
(24% false PASS with a look every ten posts); these boundaries spend the 5% over planned looks. After n answers of which
s are right, a look says PASS if s >= ``pass_at``, FAIL if s <= ``fail_at``, and goes on otherwise.

The design is group-sequential with the spending function of Lan and DeMets (Biometrika 70, 1983) that is like O'Brien
and Fleming's: little early, nearly all at the end. PASS and FAIL each have an error rate of at most alpha, by dynamic
programming over the binomial distribution at the limit, where a false verdict is likeliest; neither boundary relies on
the other's being kept (Jennison and Turnbull, "Group Sequential Methods", 2000, chapters 7 and 12). The last look has
the bounds of a full run: its exact test leaves a part of alpha unused, and that is what earlier looks spend.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

from .intervals import Interval, normal_cdf, normal_quantile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: By look the number from which on something is proved; None: no number does.
Counts: TypeAlias = tuple[int | None, ...]
Reach: TypeAlias = Callable[[float, Sequence[int]], Counts]
#: Rounding of sums of probabilities; far below any error rate.
_TINY = 1e-12
#: Looks of a plan if no number of them can be chosen.
N_LOOKS = 20
#: True rates for which looks are chosen, as distances from the limit.
_DISTANCES = (-0.10, -0.06, -0.03, 0.03, 0.06, 0.10)
#: Of the range in which an end of an interval is looked for, and in which an error rate is.
_HALVINGS, _HALVINGS_OF_ALPHA = 24, 12
#: A last look is stricter than a full run if that one would take more calls, as a share of the cap, at a rate this far
#: from the limit, and if less than this power is lost there.
_MOST_CALLS, _FAR, _LOST = 0.7, 0.06, 0.01


@dataclass(frozen=True, slots=True)
class Look:
    """After ``n`` answers: PASS from ``pass_at`` right ones on, FAIL up to ``fail_at``; None: not at this look."""

    n: int
    pass_at: int | None
    fail_at: int | None


@dataclass(frozen=True, slots=True)
class Operating:
    """What boundaries do at one true rate: the chance of each end, and how many answers it takes on average."""

    passed: float
    failed: float
    undecided: float
    expected_n: float


def spent(fraction: float, alpha: float) -> float:
    """The error rate that may be spent once this fraction of the answers is there: 2 - 2 Phi(z / sqrt(fraction)).

    z is the normal quantile of 1 - alpha / 2: Lan and DeMets (1983), the function like O'Brien and Fleming's.
    """
    if fraction <= 0 or alpha == 0:
        return 0.0
    return 2 - 2 * normal_cdf(normal_quantile(1 - alpha / 2) / math.sqrt(min(fraction, 1.0)))


def planned_looks(cap: int, n_looks: int, *, step: int = 1) -> tuple[int, ...]:
    """When to look: evenly spaced numbers of answers, multiples of ``step`` (a round over the labels), then the cap."""
    wanted = (math.ceil(cap * number / n_looks / step) * step for number in range(1, n_looks))
    return (*sorted({n for n in wanted if n < cap}), cap)


def chosen_looks(cap: int, floors: Collection[float], *, step: int = 1, alpha: float = 0.05) -> tuple[int, ...]:
    """When to look so that these floors take few answers, at rates from 3 to 10 points to each side of them.

    Of designs with 5 to 40 looks, spaced evenly, closer early or closer late, that with the fewest looks which takes at
    most 1% of the cap more than the best. Without floors `N_LOOKS`, spaced evenly.
    """
    if not floors:
        return planned_looks(cap, N_LOOKS, step=step)
    designs = {
        tuple(sorted({min(cap, math.ceil(cap * (k / n_looks) ** bend / step) * step) for k in range(1, n_looks + 1)}))
        for n_looks in (5, 10, 20, 40)
        for bend in (0.75, 1.0, 1.5)
    }
    points = [(floor, floor + away) for floor in floors for away in _DISTANCES if 0 < floor + away < 1]
    costs = {}
    for looks in sorted(designs, key=lambda looks: (len(looks), looks)):
        own = {floor: _both_sides(floor, looks, partial(_spend, alpha=alpha)) for floor in floors}
        costs[looks] = sum(operating(own[floor], rate).expected_n for floor, rate in points) / len(points)
    return next(looks for looks, n in costs.items() if n <= min(costs.values()) + 0.01 * cap)


def floor_boundaries(floor: float, looks: Sequence[int], *, alpha: float = 0.05) -> tuple[Look, ...]:
    """The boundaries for "the true rate is at least ``floor``" at these numbers of answers.

    The chance of a PASS if the rate is below the floor, and of a FAIL if it is not, is at most alpha each. The last
    look asks what a full run asks, or one answer more if that saves calls at little loss; see `_like_a_full_run`.
    ValueError for looks that do not increase, a floor outside of (0, 1), or an alpha outside of (0, 0.5).
    """
    if not looks or looks[0] < 1 or any(later <= earlier for earlier, later in pairwise(looks)):
        raise ValueError(f"expected increasing numbers of answers from 1, got {list(looks)}")
    if not 0 < floor < 1:
        raise ValueError(f"expected a limit between 0 and 1, got {floor}")
    if not 0 < alpha < 0.5:
        raise ValueError(f"expected alpha between 0 and 0.5, got {alpha}")
    return _both_sides(floor, looks, partial(_like_a_full_run, alpha=alpha))


def _both_sides(floor: float, looks: Sequence[int], reach: Reach) -> tuple[Look, ...]:
    """FAIL: too many wrong answers, whose rate at the limit is 1 - floor."""
    sides = zip(looks, reach(floor, looks), reach(1 - floor, looks), strict=True)
    return tuple(Look(n, up, None if bad is None else n - bad) for n, up, bad in sides)


def _spend(rate: float, looks: Sequence[int], alpha: float) -> Counts:
    """The fewest events at each look that prove a higher rate, at a chance of alpha in all."""
    return _reach(rate, looks, [spent(n / looks[-1], alpha) for n in looks])


def _like_a_full_run(rate: float, looks: Sequence[int], alpha: float) -> Counts:
    """The same with the count of a full run at the last look: earlier ones spend as much as that leaves of alpha.

    If it leaves so little that the calls exceed `_MOST_CALLS` six points away, then with one event more at the last
    look, if that changes it at hardly less power.
    """

    def ends(counts: Counts, at: float) -> Operating:
        return operating([Look(n, up, None) for n, up in zip(looks, counts, strict=True)], at)

    def with_last(count: int) -> Counts:
        def spending(level: float) -> Counts:
            return (*_spend(rate, looks, level)[:-1], count)

        return spending(_largest(lambda level: ends(spending(level), rate).passed <= alpha, alpha, _HALVINGS_OF_ALPHA))

    never: Counts = (None,) * (len(looks) - 1)
    (whole,), plain = _reach(rate, looks[-1:], [alpha]), _spend(rate, looks, alpha)
    if whole is None or plain[-1] == whole:
        return plain
    found, far, most = with_last(whole), rate + _FAR, _MOST_CALLS * looks[-1]
    if far < 1 and ends(found, far).expected_n > most:
        strict = with_last(whole + 1)
        if (end := ends(strict, far)).expected_n <= most and end.passed >= ends((*never, whole), far).passed - _LOST:
            return strict
    return found


def first_decision(boundaries: Sequence[Look], n_right: Sequence[int]) -> tuple[int, bool] | None:
    """The number of the first look, from 1, that decides, and whether it says PASS; None while none does.

    ``n_right``: how many answers were right at each look so far.
    """
    for number, (look, right) in enumerate(zip(boundaries, n_right, strict=False), 1):
        if look.pass_at is not None and right >= look.pass_at:
            return number, True
        if look.fail_at is not None and right <= look.fail_at:
            return number, False
    return None


@lru_cache(maxsize=256)
def repeated_interval(n_right: int, looks: tuple[int, ...], number: int, *, alpha: float = 0.05) -> Interval:
    """The interval of a rate at look ``number``, from 1: right in 1 - alpha of recordings, whatever rule stopped them.

    A repeated confidence interval (Jennison and Turnbull, Journal of the Royal Statistical Society B 51, 1989): the
    rates that neither side rejects at this look, if each spends alpha / 2 over all looks.
    """
    seen = looks[:number]
    may_spend = [spent(n / looks[-1], alpha / 2) for n in seen]

    def lowest(count: int) -> float:
        def is_refuted(rate: float) -> bool:
            reach = _reach(rate, seen, may_spend)[-1]
            return reach is not None and count >= reach

        return _largest(is_refuted, 1.0, _HALVINGS)

    return lowest(n_right), 1 - lowest(seen[-1] - n_right)


def _largest(holds: Callable[[float], bool], most: float, n_halvings: int) -> float:
    """The largest value from 0 for which it holds, where it holds up to some value below ``most``."""
    low = 0.0
    for _ in range(n_halvings):
        middle = (low + most) / 2
        low, most = (middle, most) if holds(middle) else (low, middle)
    return low


def gain_boundary(n_flipped: Sequence[int], fractions: Sequence[float], *, alpha: float = 0.05) -> Counts:
    """Gains from which on one variant is proved better at each look, of ``n_flipped`` posts that exactly one has right.

    Under the null each flip is a gain with probability 1/2, whatever the number of flips: so the exact McNemar test is
    made sequential by conditioning on the numbers of flips seen so far. ``fractions`` are those of the planned posts.
    """
    return _reach(0.5, n_flipped, [spent(fraction, alpha) for fraction in fractions])


def operating(boundaries: Sequence[Look], rate: float, asked: Sequence[int] = ()) -> Operating:
    """The exact chances of PASS, FAIL and neither at a true rate, and the expected number of answers.

    ``asked``: the answers at each look, if those that are counted are fewer.
    """
    import numpy as np

    state, before = np.ones(1), 0
    passed = failed = expected = 0.0
    asked = asked or [look.n for look in boundaries]
    for look, n in zip(boundaries, asked, strict=True):
        state = np.convolve(state, _binomial(look.n - before, rate))
        before = look.n
        up = look.n + 1 if look.pass_at is None else look.pass_at
        down = -1 if look.fail_at is None else look.fail_at
        ends_up, ends_down = float(state[up:].sum()), float(state[: down + 1].sum())
        passed, failed = passed + ends_up, failed + ends_down
        expected += n * (ends_up + ends_down)
        state[up:] = 0.0
        state[: down + 1] = 0.0
    left = float(state.sum())
    return Operating(passed, failed, left, expected + asked[-1] * left)


def _reach(rate: float, counts: Sequence[int], may_spend: Sequence[float]) -> Counts:
    """The smallest count of events at each look whose being reached costs no more than may be spent by then."""
    import numpy as np

    state, before, used = np.ones(1), 0, 0.0
    found: list[int | None] = []
    for n, budget in zip(counts, may_spend, strict=True):
        if n > before:
            state = np.convolve(state, _binomial(n - before, rate))
            before = n
        tails = np.cumsum(state[::-1])[::-1]  # the chance of this many or more, not stopped before
        affordable = np.nonzero(used + tails <= budget + _TINY)[0]
        # A count whose chance is 0 within rounding is affordable always; it has to be one that can happen.
        reach = int(affordable[0]) if affordable.size else None
        if reach is not None and reach <= n:
            used += float(tails[reach])
            state[reach:] = 0.0
        found.append(reach if reach is not None and reach <= n else None)
    return tuple(found)


def _binomial(n: int, rate: float) -> NDArray[np.float64]:
    from scipy.stats import binom

    return binom.pmf(range(n + 1), n, rate)  # type: ignore[no-any-return]
