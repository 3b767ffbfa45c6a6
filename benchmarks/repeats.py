"""How often gates and tests on repeats are wrong, and what they find: `python benchmarks/repeats.py`.

Posts have chances of their own to be answered right, from one of three populations; a change lowers some of them.
Prints the rows of the tables in docs/repeats.md; standard errors are at most those of the number of runs given.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import lru_cache

import numpy as np

from newsgauge.planning.sampling import repeat_key
from newsgauge.records import Outcome, Post, Prediction, Result
from newsgauge.scoring.scoreboard import compare_variants
from newsgauge.scoring.stats.decisions import difference_finding
from newsgauge.scoring.stats.repeats import same_answers

#: Chances of a right answer: nearly always the same one, wavering on a third of the posts, wavering on all of them.
POPULATIONS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "steady": lambda rng, n: np.where(rng.random(n) < 0.85, 0.99, 0.05),
    "some waver": lambda rng, n: np.where(rng.random(n) < 0.65, 1.0, rng.beta(2, 2, n)),
    "all waver": lambda rng, n: rng.beta(6, 2, n),
}
finding = lru_cache(65536)(difference_finding)


def moved(rates: np.ndarray, drop: float, few: bool, rng: np.random.Generator) -> np.ndarray:
    """Rates whose mean is lower by ``drop``: a few posts lost altogether, or every post a little."""
    if not drop:
        return rates
    if not few:
        return np.asarray(rates * (1 - drop / rates.mean()))
    found, order, left = rates.copy(), rng.permutation(len(rates)), drop * len(rates)
    for post in order:
        part = min(found[post], left)
        found[post] -= part
        left -= part
    return found


def answers(rates: np.ndarray, k: int, rng: np.random.Generator) -> list[list[str]]:
    return [["x" if said else "y" for said in row] for row in rng.random((len(rates), k)) < rates[:, None]]


def since(now: list[list[str]], before: list[list[str]], margin: float) -> str:
    """The finding of ``max_drop`` on the answers of both sides."""
    posts = tuple(Post(f"p-{number}", "x", "") for number in range(len(now)))
    results = {
        (key, name): Result(key, name, "x", Prediction(said, Outcome.LABEL, "", 1, 1, "m"))
        for name, rows in (("now", now), ("before", before))
        for post, row in zip(posts, rows, strict=True)
        for number, said in enumerate(row, 1)
        for key in [repeat_key(post.id, number)]
    }
    found = compare_variants(results, posts, "now", "before")
    share = found.effective_n / found.n
    return finding(found.n_gained * share, found.n_lost * share, found.effective_n, -margin)


def drops(n: int, n_runs: int, margin: float) -> None:
    print(f"max_drop = {margin:g}, {n} posts, {n_runs:,} runs: wrong PASS and FAIL at a drop of {margin:g}, wrong FAIL")
    print("and PASS if nothing changed")
    for name, population in POPULATIONS.items():
        for k in (1, 3, 5):
            row = []
            for drop, few in ((margin, True), (margin, False), (0.0, False)):
                rng = np.random.default_rng([n, k, few])
                found = []
                for _ in range(n_runs):
                    rates = population(rng, n)
                    found.append(since(answers(moved(rates, drop, few, rng), k, rng), answers(rates, k, rng), margin))
                row += [found.count("PASS") / n_runs, found.count("FAIL") / n_runs]
            print(
                f"  {name:10}  k = {k}  few lost {row[0]:6.1%} {row[1]:6.1%}  each a little {row[2]:6.1%} {row[3]:6.1%}"
                f"  unchanged: FAIL {row[5]:6.1%} PASS {row[4]:6.1%}",
                flush=True,
            )


def alarms(n: int, k: int, n_runs: int) -> None:
    print(f"newsgauge same, {n} posts, k = {k} on each side, {n_runs:,} pairs: CHANGED after a drop of 0, 5, 10 points")
    for name, population in POPULATIONS.items():
        row = []
        for drop in (0.0, 0.05, 0.1):
            n_pairs, rng, found = n_runs, np.random.default_rng([n, k]), 0
            if not drop:  # what is promised needs a smaller error
                n_pairs, rng = 5 * n_runs, np.random.default_rng([n, k, 77])
            for run in range(n_pairs):
                rates = population(rng, n)
                one, other = answers(rates, k, rng), answers(moved(rates, drop, True, rng), k, rng)
                found += same_answers(one, other, ["x"] * n, n_permutations=999, seed=run).p <= 0.05
            row.append(found / n_pairs)
        print(f"  {name:10}  " + "  ".join(f"{share:6.1%}" for share in row), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--pairs", type=int, default=200)
    options = parser.parse_args()
    for n, margin in ((80, 0.1), (160, 0.05)):
        drops(n, options.runs, margin)
    for n, k in ((80, 1), (80, 3), (160, 3)):
        alarms(n, k, options.pairs)


if __name__ == "__main__":
    main()
