"""``newsgauge same``: do two recordings of the same question differ by more than repeats explain?"""

from __future__ import annotations

import argparse
from pathlib import Path

from ..._util.option_values import read_share
from ...report.comparing import same_lines
from ...results.run_folder import load_run
from ...results.runs_compared import same_runs

#: The exit status of each finding; the worst of all variants counts.
_STATUS = {"PASS": 0, "INCONCLUSIVE": 3, "CHANGED": 1}


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of ``newsgauge same``."""
    parser.description = (
        "Compare the answers of two runs of the same prompts, with repeats: is what differs more than the "
        "repeats of a text differ among themselves? Status 0: PASS for every variant; 1: CHANGED; 3: INCONCLUSIVE."
    )
    parser.add_argument("first", metavar="RUN_A", help="folder of results; its accuracy less that of RUN_B is shown")
    parser.add_argument("second", metavar="RUN_B", help="folder of results to compare with")
    parser.add_argument(
        "--margin",
        default="0.05",
        metavar="X",
        help="a difference of accuracies that does not matter: PASS proves that it is smaller (default: %(default)s)",
    )


def handle(options: argparse.Namespace) -> int:
    """Compare and print; 0, 1 if a variant changed, 3 if undecided."""
    first, second = load_run(Path(options.first)), load_run(Path(options.second))
    margin = read_share("--margin", options.margin)
    found = same_runs(first, second, margin=margin)
    print("\n".join(same_lines(found, first=options.first, second=options.second, margin=margin)))
    findings = {one.finding for one in found}
    return next(_STATUS[finding] for finding in ("CHANGED", "INCONCLUSIVE", "PASS") if finding in findings)
