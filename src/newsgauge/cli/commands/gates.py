"""``newsgauge gates``: status 0 only if the run in a folder is of this checkout, is complete and passed its gates."""

from __future__ import annotations

import argparse
from pathlib import Path

from ...gates.session_verdict import check_stored


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of ``newsgauge gates``."""
    parser.description = (
        "Status 0 only if the folder holds the results of a run of this checkout (same commit, same "
        "variants, gates, baseline and cassettes) in which every planned case ran, every planned gate passed and no "
        "test failed. A process that ended before its verdict, by whatever means, leaves status 1 here. Run it from "
        "the project's root, as the last step of a CI job."
    )
    parser.add_argument(
        "results",
        metavar="RESULTS",
        nargs="?",
        default=".newsgauge/results",
        help="folder of results of pytest evals or of newsgauge merge (default: %(default)s)",
    )


def handle(options: argparse.Namespace) -> int:
    """Check and print; 0 or 1."""
    session, reasons = check_stored(Path(options.results), Path.cwd())
    for note in session.notes:
        print(f"newsgauge: note: {note}")
    for reason in reasons:
        print(f"newsgauge: red: {reason}")
    if not reasons:
        print(f"newsgauge: {session.headline}, of {session.n_cases} cases")
    return 1 if reasons else 0
