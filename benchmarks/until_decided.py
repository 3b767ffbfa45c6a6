"""How often a recording that stops when it is decided is wrong, and what it saves, on recorded answers. Prints a table.

    newsgauge record --corpus 20newsgroups --posts-per-class all --variants tuned --cassettes FOLDER --no-plan
    SCIKIT_LEARN_DATA=FOLDER python benchmarks/until_decided.py FOLDER

The recorded answers of the tuned variant to all 3,169 test posts of eight groups are the truth. 10,000 times (one seed)
50 posts of each label are drawn and asked in balanced rounds, each label's in a random order, and held against a floor
at 20 looks; a full run asks all 400 and takes ordinary bounds. The floors are so many points below or above the true
accuracy; on the truth itself every PASS and every FAIL counts as false. Status 1 if a false rate is above 5% by more
than three standard errors, if the power 6 points from the truth or further is more than a point below the full run's,
or if 65% or more of the calls are made there.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from newsgauge._util.pytest_ini import Folders
from newsgauge.gates.stopping import looks_of
from newsgauge.gates.watched import boundaries
from newsgauge.running.results_log import MAIN, ResultLog
from newsgauge.running.run import Run
from newsgauge.running.run_options import default_options, setup_of
from newsgauge.scoring.stats.decisions import Finding, decide_floor
from newsgauge.variants.variants_file import load_variants

ROOT = Path(__file__).resolve().parents[1]
N_DRAWS, A_LABEL, N_LOOKS, ALPHA = 10_000, 50, 20, 0.05
POINTS = (-12, -6, -3, 0, 3, 6)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cassettes")
    folder = parser.parse_args().cassettes
    option = default_options(corpus="20newsgroups", posts_per_class="all", variants="tuned", cassettes=folder)
    setup = setup_of(option, load_variants(ROOT / "evals/variants.toml"), root=ROOT, ini=Folders(ROOT).ini)
    with TemporaryDirectory() as log:
        run = Run(setup, ResultLog(Path(log), MAIN))
        results = run.results(("tuned",))
        run.close()
    by_label = defaultdict(list)
    for post in setup.plan.posts:
        by_label[post.label].append(results[post.id, "tuned"].correct)
    small = replace(setup.plan, posts=tuple(setup.plan.first(A_LABEL)))
    looks = looks_of(small, N_LOOKS)
    truth = float(np.mean([np.mean(own) for own in by_label.values()]))
    print(
        f"{sum(map(len, by_label.values())):,} answers, {truth:.2%} right if each label counts alike; cap {looks[-1]}"
    )
    print("floor            PASS   FAIL  undecided   calls | full run: PASS   FAIL")
    kept = np.cumsum(draws(list(by_label.values())), axis=1)
    missed = False
    for points in POINTS:
        floor = truth + points / 100
        passed, failed, n = stopped(kept, floor, looks)
        full = [decide_floor(int(k), looks[-1], floor).finding for k in kept[:, -1]]
        full_pass, full_fail = (full.count(one) / len(full) for one in (Finding.PASS, Finding.FAIL))
        share = n / looks[-1]
        print(
            f"{floor:.4f} ({points:+3d})  {passed:6.2%} {failed:6.2%}     {1 - passed - failed:6.2%}  {share:6.1%} |"
            f"          {full_pass:6.2%} {full_fail:6.2%}"
        )
        most = ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / N_DRAWS)
        wrong = (points >= 0 and passed > most) or (points <= 0 and failed > most)
        power, full_power = (passed, full_pass) if points < 0 else (failed, full_fail)
        missed = missed or wrong or (abs(points) >= 6 and (power < full_power - 0.01 or share >= 0.65))
    return 1 if missed else 0


def draws(by_label: list[list[bool]]) -> NDArray[np.int64]:
    """One row a draw: whether each answer is right, in the order in which they are asked."""
    random = np.random.default_rng(0)
    found = np.empty((N_DRAWS, A_LABEL, len(by_label)), dtype=np.int64)
    for place, own in enumerate(by_label):
        values = np.array(own, dtype=np.int64)
        for row in range(N_DRAWS):
            found[row, :, place] = random.choice(values, A_LABEL, replace=False)
    return found.reshape(N_DRAWS, -1)


def stopped(kept: NDArray[np.int64], floor: float, looks: tuple[int, ...]) -> tuple[float, float, float]:
    """The shares of PASS and FAIL, and the mean number of answers."""
    is_open = np.ones(len(kept), dtype=bool)
    passed = failed = calls = 0
    for look in boundaries(floor, looks):
        right = kept[:, look.n - 1]
        ups = is_open & (right >= (look.n + 1 if look.pass_at is None else look.pass_at))
        downs = is_open & (right <= (-1 if look.fail_at is None else look.fail_at))
        passed, failed = passed + int(ups.sum()), failed + int(downs.sum())
        calls += look.n * int((ups | downs).sum())
        is_open &= ~(ups | downs)
    calls += looks[-1] * int(is_open.sum())
    return passed / len(kept), failed / len(kept), calls / len(kept)


if __name__ == "__main__":
    sys.exit(main())
