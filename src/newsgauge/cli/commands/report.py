"""``newsgauge report`` and ``newsgauge compare``: folders of results in, pages and a table out."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ...errors import UsageError


def add_report_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``report`` and ``compare`` to the commands; the handlers are in the namespace as ``handler``."""
    report = subparsers.add_parser(
        "report",
        help="write report.html and summary.md of a finished run again",
        description="Write report.html and summary.md again, from what a run left in its folder of results.",
    )
    report.add_argument("run", metavar="RUN", help="folder of results, such as .newsgauge/results")
    report.set_defaults(handler=run_report)
    compare = subparsers.add_parser(
        "compare",
        help="compare two finished runs post by post, the second against the first",
        description="Compare run B against run A: what changed, whether each variant is better or worse on the posts "
        "that both asked about, and which posts show it; in the terminal and as comparison.html.",
    )
    compare.add_argument("first", metavar="RUN_A", help="folder of results of the run before")
    compare.add_argument("second", metavar="RUN_B", help="folder of results of the run after")
    compare.add_argument(
        "--html", metavar="FILE", help="where the page goes (default: comparison.html in the folder of RUN_A)"
    )
    compare.set_defaults(handler=run_compare)


def run_report(options: argparse.Namespace) -> int:
    """Render again; 0, or 2 with one line on stderr."""
    from ...report.publishing import render

    try:
        folder = Path(options.run)
        render(folder)
    except UsageError as error:
        print(f"newsgauge report: {error}", file=sys.stderr)
        return 2
    print(f"written: {folder / 'report.html'} and {folder / 'summary.md'}")
    return 0


def run_compare(options: argparse.Namespace) -> int:
    """Compare; 0, or 2 with one line on stderr."""
    from ...report.comparing import comparison_lines
    from ...report.publishing import write_comparison
    from ...results.run_folder import load_run
    from ...results.runs_compared import compare_runs

    try:
        first, second = (load_run(Path(name)) for name in (options.first, options.second))
        found = compare_runs(first, second)
        page = Path(options.html) if options.html else first.path / "comparison.html"
        write_comparison(page, first, second, found)
    except UsageError as error:
        print(f"newsgauge compare: {error}", file=sys.stderr)
        return 2
    print("\n".join(comparison_lines(found, first=options.first, second=options.second)))
    print(f"written: {page}")
    return 0
