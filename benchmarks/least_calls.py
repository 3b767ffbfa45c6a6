"""The fewest calls that any rule for stopping early can take: the yardstick of `until_decided_pairs.py`.

    python benchmarks/least_calls.py

Answers are taken as independent and many, so that sums are a Brownian motion, observed at equally spaced looks up to
the cap. Of all rules that pass wrongly in at most 5% at the limit and pass with at least a given power at a drift away
from it, this finds the one with the fewest calls at that drift: dynamic programming backwards from the cap, for the
rule that minimises calls + a * (wrong PASS) + b * (no PASS), with a and b such that both rates are met (S. Eales,
C. Jennison, Biometrika 79, 1992; S. Barber, C. Jennison, Biometrika 89, 2002). Such a rule may also give up early,
without a verdict, and it knows the true drift; real rules do not.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

ALPHA, N_LOOKS, N_VALUES, EDGE = 0.05, 20, 601, 6.0
NORMAL = NormalDist()


def least_share(drift: float, power: float, *, alpha: float = ALPHA, n_looks: int = N_LOOKS) -> float:
    """Expected calls at the drift, as a share of the cap; ``drift``: of the sum at the cap, in standard deviations."""
    cheap, dear = 1e-2, 1e4
    for _ in range(30):  # the price of no PASS
        price = math.sqrt(cheap * dear)
        if _rule(drift, n_looks, price, alpha)[0] < power:
            cheap = price
        else:
            dear = price
    return _rule(drift, n_looks, dear, alpha)[1]


def _rule(drift: float, n_looks: int, price: float, alpha: float) -> tuple[float, float]:
    """Power and calls at the drift of the best rule that passes wrongly in at most alpha."""
    low, high = 1e-3, 1e5
    for _ in range(40):  # the price of a wrong PASS
        wrong = math.sqrt(low * high)
        size, power, calls = _operate(drift, n_looks, wrong, price)
        low, high = (wrong, high) if size > alpha else (low, wrong)
    size, power, calls = _operate(drift, n_looks, high, price)
    return power, calls


def _operate(drift: float, n_looks: int, wrong: float, missed: float) -> tuple[float, float, float]:
    """Chance of PASS at the limit, and at the drift with the share of calls, of the best rule at these prices."""
    step = 1 / n_looks
    values = np.linspace(-EDGE, EDGE + drift, N_VALUES)
    ahead = _steps(values, values, drift, step)
    left: NDArray[np.float64] | None = None
    passes, goes_on = [], []
    for look in range(n_looks, 0, -1):
        # Costs at the drift; what happens at the limit is weighted by the likelihood ratio.
        to_pass = wrong * np.exp(-drift * values + drift**2 * look * step / 2)
        stop = np.minimum(to_pass, missed)
        on = np.full(N_VALUES, np.inf) if left is None else step + ahead @ left
        left = np.minimum(stop, on)
        passes.append((to_pass <= missed) & (stop <= on))
        goes_on.append(on < stop)
    found = []
    for mean in (0.0, drift):
        state, passed, calls = _steps(np.zeros(1), values, mean, step)[0], 0.0, 0.0
        walk = _steps(values, values, mean, step)
        for look, (is_pass, is_open) in enumerate(zip(reversed(passes), reversed(goes_on), strict=True), 1):
            passed += float(state[is_pass].sum())
            calls += float(state[~is_open].sum()) * look * step
            state = np.where(is_open, state, 0.0) @ walk
        found.append((passed, calls))
    return found[0][0], *found[1]


def _steps(start: NDArray[np.float64], end: NDArray[np.float64], drift: float, step: float) -> NDArray[np.float64]:
    """The chances of going from each value to each other one until the next look."""
    distance = (end[None, :] - start[:, None] - drift * step) / math.sqrt(step)
    found: NDArray[np.float64] = np.exp(-(distance**2) / 2) / math.sqrt(2 * math.pi * step) * (end[1] - end[0])
    return found


def main() -> None:
    print("full run's power   calls, of the cap, at a power that is one point lower")
    for power in (0.78, 0.83, 0.9, 0.95, 0.98):
        drift = NORMAL.inv_cdf(1 - ALPHA) + NORMAL.inv_cdf(power)
        print(f"{power:16.0%}   {least_share(drift, power - 0.01):.1%}", flush=True)


if __name__ == "__main__":
    main()
