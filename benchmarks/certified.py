"""How often a certified cut-point keeps its target: random splits of the recorded answers of a run.

``python benchmarks/certified.py RESULTS VARIANT``: each split certifies on ``--posts`` answers and counts the accuracy
above the cut-point on all others. Prints, per target, the share of splits in which a cut-point was found, in which it
was kept (no cut-point breaks nothing), and the mean share answered.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

from newsgauge.planning.plan_file import load_plan
from newsgauge.results.run_folder import load_run
from newsgauge.running.results_log import merge
from newsgauge.scoring.confidences import confident_answers
from newsgauge.scoring.stats.calibration import certified_cut_point


def main() -> int:
    """The exit status: 1 if a target is kept in fewer than 95% of the splits."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path)
    parser.add_argument("variant")
    parser.add_argument("--posts", type=int, default=800, help="certified on (default: %(default)s)")
    parser.add_argument("--splits", type=int, default=1000)
    parser.add_argument("--targets", type=float, nargs="+", default=[0.9, 0.95, 0.97])
    options = parser.parse_args()
    plan = load_plan(options.results).plan
    rows = [(c, ok) for _, c, ok in confident_answers(merge(load_run(options.results).results), plan, options.variant)]
    print(f"{options.variant}: {len(rows):,} answers, {sum(ok for _, ok in rows) / len(rows):.1%} right")
    rng, worst = random.Random(0), 1.0
    for target in options.targets:
        n_found = n_kept = 0
        answered = 0.0
        for _ in range(options.splits):
            rng.shuffle(rows)
            tried, others = rows[: options.posts], rows[options.posts :]
            found = certified_cut_point([c for c, _ in tried], [ok for _, ok in tried], target)
            above = [ok for c, ok in others if found is not None and c > found.above]
            n_found += found is not None
            answered += len(above) / len(others)
            n_kept += not above or sum(above) / len(above) >= target
        worst = min(worst, n_kept / options.splits)
        print(
            f"target {target:.0%}: found in {n_found / options.splits:.1%}, kept in {n_kept / options.splits:.1%} of "
            f"{options.splits:,} splits, answers {answered / options.splits:.1%}"
        )
    return int(worst < 0.95)


if __name__ == "__main__":
    raise SystemExit(main())
