"""``newsgauge threshold``: above which confidence are the answers of a variant right as often as asked?"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from ..._util.numbers import percent, span
from ..._util.option_values import read_share
from ..._util.wording import did_you_mean
from ...errors import UsageError
from ...planning.plan_file import load_plan
from ...planning.sampling import rank
from ...records import Post
from ...results.run_folder import load_run
from ...running.results_log import merge
from ...scoring.confidences import confident_answers
from ...scoring.stats.calibration import CutPoint, certified_cut_point
from ...scoring.stats.intervals import wilson_interval

Row = tuple[Post, float, bool]


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of ``newsgauge threshold``."""
    parser.description = (
        "Find the confidence above which answers are right at least as often as asked, "
        "proved at 95% confidence on a part of the texts of a run, and checked on the others. Status 0: found; "
        "3: nothing can be certified."
    )
    parser.add_argument("--variant", required=True, metavar="NAME", help="whose answers")
    parser.add_argument("--accuracy", default="0.95", metavar="X", help="how often right (default: %(default)s)")
    parser.add_argument(
        "--held-out", default="0.25", metavar="X", help="share of the texts to check on; 0: none (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the split (default: %(default)s)")
    parser.add_argument(
        "--results", default=".newsgauge/results", metavar="DIR", help="folder of a run (default: %(default)s)"
    )


def handle(options: argparse.Namespace) -> int:
    """Find and print; 3 if nothing can be certified."""
    accuracy = read_share("--accuracy", options.accuracy)
    share = read_share("--held-out", options.held_out, or_low=True)
    folder = Path(options.results)
    run = load_run(folder)
    if options.variant not in run.variants:
        known = f"{', '.join(run.variants)} of {folder}"
        guess = did_you_mean(options.variant, run.variants)
        raise UsageError(f"--variant: expected one of {known}, got {options.variant!r}{guess}")
    rows = confident_answers(merge(run.results), load_plan(folder).plan, options.variant)
    if not rows:
        raise UsageError(
            f'{folder}: the answers of {options.variant} have no confidence. Set confidence = "logprobs" or '
            '"field:NAME" in variants.toml, or confidence = "votes" with repeats, and run pytest evals again; '
            "predictions made elsewhere need a column 'confidence'"
        )
    tried, held = _split(rows, share, options.seed)
    threads = [post.thread or post.id for post, _, _ in tried]
    found = certified_cut_point([c for _, c, _ in tried], [ok for _, _, ok in tried], accuracy, threads=threads)
    print("\n".join(_lines(options.variant, accuracy, found, tried, held)))
    return 0 if found else 3


def _split(rows: list[Row], share: float, seed: int) -> tuple[list[Row], list[Row]]:
    """The posts to certify on, and those held out: the first of a seeded order. A thread stays on one side."""
    units = sorted({post.thread or post.id for post, _, _ in rows}, key=lambda unit: rank(unit, seed))
    apart = set(units[: round(share * len(units))])
    return [row for row in rows if (row[0].thread or row[0].id) not in apart], [
        row for row in rows if (row[0].thread or row[0].id) in apart
    ]


def _lines(variant: str, accuracy: float, found: CutPoint | None, tried: list[Row], held: list[Row]) -> list[str]:
    if found is None:
        needed = math.ceil(math.log(0.05) / math.log(accuracy))
        return [
            f"{variant}: no threshold is certified for {percent(accuracy)} on {len(tried)} texts",
            f"At least {needed} answers, all right, would prove it; ask for less accuracy or more texts.",
        ]
    which = f"answers with a confidence above {found.above:.6g}" if found.above > -math.inf else "all answers together"
    lines = [
        f"{variant}: {which} are right at least {percent(accuracy)} of the time (95% confidence)",
        f"certified on {len(tried)} texts: {found.n_correct} of {found.n} right, lower bound {percent(found.bound)}",
        f"answers {percent(found.coverage)} of the texts",
    ]
    if held:
        kept = [right for _, confidence, right in held if confidence > found.above]
        right = f"{sum(kept)} of {len(kept)} right {span(wilson_interval(sum(kept), len(kept)))}" if kept else "none"
        lines.append(f"held out, {len(held)} texts: {right}, answers {percent(len(kept) / len(held))}")
    return lines
