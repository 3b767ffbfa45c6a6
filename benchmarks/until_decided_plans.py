"""Whether printed plans of stopping early keep their promises: simulated from nothing but their JSON. Prints a table.

    python benchmarks/until_decided_plans.py

For limits from 50% to 95% and plans of 100 to 1,000 posts, `newsgauge power --until-decided --json` prints boundaries;
40,000 runs (one seed) of independent answers are stopped by them: at the limit, and 6 points above and below. A full
run is the exact binomial test of all posts. Status 1 if a false rate is above 5% by more than three standard errors,
if more than 1.5 points of a full run's power are lost, or if more than 70% of the calls are made where a full run
decides in nine of ten runs: with less no rule can make so few (`least_calls.py`).
"""

from __future__ import annotations

import io
import json
import math
import sys
from contextlib import redirect_stdout
from typing import Any

import numpy as np
from scipy.stats import binom

from newsgauge.cli.main import main as newsgauge

LIMITS, POSTS = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95), (100, 200, 400, 800, 1000)
N_RUNS, ALPHA, FAR, MOST_CALLS, MOST_LOST, POSSIBLE = 40_000, 0.05, 0.06, 0.7, 0.015, 0.9


def main() -> int:
    random, n_missed = np.random.default_rng(7), 0
    print("                          false  |      6 points above: a     |      6 points below: a")
    print("limit  posts  looks    PASS    FAIL | full run     here  calls | full run     here  calls")
    for limit in LIMITS:
        for n in POSTS:
            looks = planned(limit, n)
            wrong = ends(looks, limit, random)[:2]
            missed = max(wrong) > ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / N_RUNS)
            row = f"{limit:5.2f}  {n:5}  {len(looks):5}  {wrong[0]:6.2%}  {wrong[1]:6.2%}"
            counts = np.arange(n + 1)
            passes, fails = binom.sf(counts - 1, n, limit) <= ALPHA, binom.cdf(counts, n, limit) <= ALPHA
            for kept, rate, side in ((passes, limit + FAR, 0), (fails, limit - FAR, 1)):
                if rate >= 1:
                    row += " |" + " " * 26
                    continue
                full = float(binom.pmf(counts, n, rate)[kept].sum())
                *power, calls = ends(looks, rate, random)
                row += f" | {full:8.2%}  {power[side]:7.2%} {calls:6.1%}"
                missed |= power[side] < full - MOST_LOST or (full >= POSSIBLE and calls > MOST_CALLS)
            n_missed += missed
            print(f"{row}{' MISSED' if missed else ''}", flush=True)
    print(f"{n_missed} of {len(LIMITS) * len(POSTS)} plans miss a promise")
    return 1 if n_missed else 0


def planned(limit: float, n: int) -> list[dict[str, Any]]:
    """The looks of the one gate of a plan."""
    out = io.StringIO()
    with redirect_stdout(out):
        newsgauge(["power", "--until-decided", "--min-accuracy", str(limit), "--posts", str(n), "--json"])
    (gate,) = json.loads(out.getvalue())["gates"]
    return list(gate["looks"])


def ends(looks: list[dict[str, Any]], rate: float, random: np.random.Generator) -> tuple[float, float, float]:
    """The shares of PASS and FAIL, and of the calls, at a true rate."""
    n = np.array([look["n"] for look in looks])
    right = random.binomial(np.diff(n, prepend=0), rate, (N_RUNS, len(n))).cumsum(axis=1)
    up = right >= np.array([math.inf if look["pass_at"] is None else look["pass_at"] for look in looks])
    down = right <= np.array([-1 if look["fail_at"] is None else look["fail_at"] for look in looks])
    first = [np.where(one.any(axis=1), one.argmax(axis=1), len(n)) for one in (up, down)]
    stopped = np.minimum(np.minimum(*first), len(n) - 1)
    return float((first[0] < first[1]).mean()), float((first[1] < first[0]).mean()), float(n[stopped].mean() / n[-1])


if __name__ == "__main__":
    sys.exit(main())
