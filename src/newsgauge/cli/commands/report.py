"""``newsgauge report``: a folder of results in, its pages out."""

from __future__ import annotations

import argparse
from pathlib import Path

from ...report.publishing import render


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of ``newsgauge report``."""
    parser.description = "Write report.html and summary.md again from the results folder of a run."
    parser.add_argument("run", metavar="RUN", help="folder of results, such as .newsgauge/results")


def handle(options: argparse.Namespace) -> int:
    """Render again; 0. Raises `UsageError`."""
    folder = Path(options.run)
    render(folder, option="report")
    print(f"written: {folder / 'report.html'} and {folder / 'summary.md'}")
    return 0
