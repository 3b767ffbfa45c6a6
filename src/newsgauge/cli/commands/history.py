"""``newsgauge history``: the accuracy of each variant at each commit that changed a baseline, from git."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..._util.files import write_json
from ..._util.pytest_ini import evals_command
from ...choosing.history import Checkout, Entry
from ...report.publishing import render
from ...results.run_folder import load_run


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of ``newsgauge history``."""
    parser.description = (
        "Read the baselines of every commit up to HEAD: accuracy with its 95% interval, tokens at today's "
        "prices, and the limits that a change broke or mended. A run's report shows it as a plot."
    )
    parser.add_argument("--variants", metavar="NAME,..", help="only these (default: all)")
    parser.add_argument("--backend", metavar="NAME", help="only this backend (default: all)")
    parser.add_argument("--corpus", metavar="NAME", help="only this corpus (default: all)")
    parser.add_argument("--root", default=".", metavar="DIR", help="the project (default: this folder)")
    parser.add_argument(
        "--results",
        default=".newsgauge/results",
        metavar="DIR",
        help="a run in the project, in whose report the plot goes, if it is there (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def handle(options: argparse.Namespace) -> int:
    """Print the history; 0."""
    checkout = Checkout(Path(options.root))
    names = options.variants.split(",") if options.variants else None
    entries = [
        one
        for one in checkout.entries()
        if names is None or one.variant in names or one.renamed_from in names
        if options.backend in (None, one.backend) and options.corpus in (None, one.corpus)
    ]
    for note in checkout.notes:
        print(f"newsgauge: note: left out: {note}", file=sys.stderr)
    values = [{**asdict(one), "accuracy": one.accuracy} for one in entries]
    if options.json:
        print(json.dumps({"entries": values}, indent=2))
    else:
        accept = f"{evals_command(Path(options.root))} --update-baseline"
        print("\n".join(_table(entries) or [f"no commit holds a baseline; accept one: {accept}"]))
    results = Path(options.root) / options.results
    if entries and (results / "scoreboard.json").is_file():
        plan = load_run(results).run["plan"]
        write_json(results / "history.json", {"format": 1, "plan": plan, "entries": values})
        render(results)
        print(f"newsgauge: written: {results / 'report.html'}, with a plot of this", file=sys.stderr)
    return 0


def _table(entries: list[Entry]) -> list[str]:
    lines: list[str] = []
    last: Any = None
    for one in entries:
        if (one.commit, one.backend, one.corpus) != last:
            last = (one.commit, one.backend, one.corpus)
            lines.append(f"{one.commit} {one.date[:10]} {one.subject} ({one.backend}, {one.corpus})")
        if one.removed:
            lines.append(f"  {one.variant:16} removed")
            continue
        cost = "no price known" if one.cost is None else f"{one.cost:.4f} USD"
        held, n = sum(one.gates.values()), len(one.gates)
        notes = [f"{'PASS' if held == n else 'FAIL'} {held}/{n}" if n else "no limit"]
        notes += [f"renamed from {one.renamed_from}"] if one.renamed_from else []
        notes += ["prompt changed"] if one.prompt_changed else []
        notes += [f"broken: {', '.join(one.broken)}"] if one.broken else []
        notes += [f"mended: {', '.join(one.mended)}"] if one.mended else []
        lines.append(
            f"  {one.variant:16} {100 * one.accuracy:5.1f}% [{100 * one.low:5.1f}, {100 * one.high:5.1f}] of "
            f"{one.n:,}  {cost}  {'; '.join(notes)}".rstrip()
        )
    return lines
