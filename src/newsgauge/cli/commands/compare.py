"""``newsgauge compare``: two folders of results in, a page and a table out."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from ..._util.files import write_whole
from ..._util.option_values import as_number
from ..._util.pytest_ini import Folders
from ...choosing.ledger import open_ledger, short_hash
from ...errors import UsageError
from ...gates.baseline_gate import drop_words
from ...planning.plan_file import load_plan
from ...report.comparing import comparison_lines
from ...report.html import render_comparison
from ...results.run_folder import RunFolder, load_run
from ...results.runs_compared import VariantCompared, compare_runs
from ...running.run_options import baseline_name
from ...scoring.stats.decisions import Finding
from ...scoring.stats.power import NEAREST_LIMIT


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of ``newsgauge compare``."""
    parser.description = (
        "Compare run B against run A: what changed, whether each variant is better or worse on the texts "
        "that both asked about, and which texts show it; in the terminal and as comparison.html."
    )
    parser.add_argument("first", metavar="RUN_A", help="folder of results of the run before")
    parser.add_argument("second", metavar="RUN_B", help="folder of results of the run after")
    parser.add_argument(
        "--html", metavar="FILE", help="where the page goes (default: comparison.html in the folder of RUN_A)"
    )
    parser.add_argument(
        "--gate",
        action="store_true",
        help="exit with 0 only if every variant of RUN_B is proved to be no worse than in RUN_A by --max-drop or more, "
        "by the rule of the max_drop gate; the way to hold a drop on more texts than the baseline knows",
    )
    parser.add_argument(
        "--max-drop", metavar="D", help="with --gate: the drop to exclude, such as 0.05 for five points (the default)"
    )


def handle(options: argparse.Namespace) -> int:
    """Compare; 0, or with --gate 1 unless all variants pass. Raises `UsageError`."""
    max_drop = _max_drop(options)
    first, second = (load_run(Path(name)) for name in (options.first, options.second))
    found = compare_runs(first, second)
    page = Path(options.html) if options.html else first.path / "comparison.html"
    write_whole(page, render_comparison(first, second, found, at=page), option="--html")
    print("\n".join(comparison_lines(found, first=options.first, second=options.second)))
    print(f"written: {page}")
    _note_decision(first, second)
    return 0 if max_drop is None else _gate(found.variants, max_drop)


def _note_decision(*runs: RunFolder) -> None:
    """In a project, add the comparison to the ledgers of its samples, because comparing is choosing."""
    evals = Path.cwd() / Folders(Path.cwd()).evals
    if not (evals / "variants.toml").is_file():
        return
    about = short_hash(sorted((run.path / "results.csv").read_text("utf-8") for run in runs))
    for run in runs:
        with suppress(UsageError):  # results that are kept without their plan
            made = load_plan(run.path)
            open_ledger(evals / baseline_name(made.backend, made.plan)).note("compare", about, made.plan)


def _max_drop(options: argparse.Namespace) -> float | None:
    """The drop to exclude; None without --gate."""
    if not options.gate:
        if options.max_drop is not None:
            raise UsageError("--max-drop: is for --gate, which is not there")
        return None
    text = "0.05" if options.max_drop is None else options.max_drop
    drop = as_number(text)
    if not NEAREST_LIMIT <= drop < 1:
        raise UsageError(f"--max-drop: expected a number above 0 and below 1, such as 0.05; got {text!r}")
    return drop


def _gate(variants: Iterable[VariantCompared], max_drop: float) -> int:
    """Print a verdict per variant; 0 if all pass, else 1."""
    print()
    findings = []
    for one in variants:
        found = replace(one.found, first=f"{one.name} now", second="before")
        decision, text, paired, how = drop_words(found, max_drop)
        finding = decision.finding
        if one.n_unanswered:
            how += f"; planned cases without an answer: {one.n_unanswered:,}; record them first"
            finding = Finding.INCONCLUSIVE if decision.passed else finding
        print(f"{finding:12}  {text} ({paired}){how}")
        findings.append(finding)
    return 0 if set(findings) == {Finding.PASS} else 1
