"""Answers for commands that choose: a setup in, the result of each of its cases out, recorded first if necessary.

Paid calls pass the usual guard; recorded answers are replayed; the embedded backend costs nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from dataclasses import asdict, replace
from typing import TypeVar

from ..._util.pytest_ini import Folders
from ...choosing.bisecting import Bisection
from ...choosing.confirming import Confirmation
from ...errors import UsageError
from ...recording.pending import find_pending
from ...recording.preflight import check_recording, forecast
from ...recording.session import finalize_files
from ...records import Key, Result
from ...running.recording_options import budget_of
from ...running.run import brief_run
from ...running.run_config import RunConfig
from ...scoring.prices import todays_prices
from ...variants.variants_file import Variant
from ..backend_options import load_project
from .record import add_asking_options
from .record_asking import ask_pending

Found = TypeVar("Found", Bisection, Confirmation)


def add_choosing_options(parser: argparse.ArgumentParser) -> None:
    """The options of a plan and of asking, without a record mode: matching recordings are replayed."""
    add_asking_options(parser)
    parser.add_argument("--json", action="store_true", help="print JSON to stdout, and everything else to stderr")
    parser.set_defaults(record_mode="new_episodes")


def told(find: Callable[[argparse.Namespace], Found], options: argparse.Namespace) -> Found:
    """What is found, after it was told in words; with ``--json`` these, and questions, are on stderr."""
    with redirect_stdout(sys.stderr if options.json else sys.stdout):
        found = find(options)
    if options.json:
        print(json.dumps(asdict(found), indent=2))
    return found


def load_choosing(options: argparse.Namespace, names: list[str]) -> tuple[Folders, dict[str, Variant], RunConfig]:
    """Folders, all variants, and the setup of the sample for these variants, asked once. Raises `UsageError`."""
    folders, variants, setup = load_project(options, names)
    options.max_cost = budget_of(options.max_cost, folders.ini("newsgauge_max_cost"))
    asked = {name: one for name, one in setup.variants.items() if name in names}  # without their disturbances
    return folders, variants, replace(setup, variants=asked, plan=replace(setup.plan, repeats={}))


def replayed(setup: RunConfig) -> Mapping[Key, Result]:
    """What the cassettes answer to every case. Raises `UsageError` that names the first case without an answer."""
    with brief_run(replace(setup, mode="none")) as run:
        results = run.results(tuple(setup.variants))
    for case in setup.cases:
        found = results.get((case.post.id, case.variant))
        if found is None or found.prediction is None:
            raise UsageError(f"{case.id}: {found.broken if found else 'no answer'}")
    return results


def answered(setup: RunConfig, options: argparse.Namespace, *, quiet: bool = False) -> Mapping[Key, Result]:
    """The same, but ask what is not recorded first, after showing what that costs.

    ``quiet``: print nothing about replayed cases.
    """
    prices = todays_prices()
    if not find_pending(setup).to_ask:
        if quiet:
            return replayed(setup)
        expected = forecast(setup, price=prices.cost, thinking=prices.thinking, cases=setup.recorded_cases)
        cost = "no price is known" if expected.cost is None else f"about {expected.cost:,.4f} USD"
        print(f"newsgauge: {expected.n_calls:,} answers are recorded and replayed; live they would cost {cost}")
        return replayed(setup)
    check_recording(setup, in_ci=options.allow_record_in_ci)
    try:
        _, report = ask_pending(setup, options, prices, since="")
    finally:
        finalize_files(setup)
    if options.max_cost is not None:  # a budget is for all steps of a command
        options.max_cost -= report.expected_cost or 0.0
    if missing := [*report.broken, *report.left]:
        case, why = missing[0]
        raise UsageError(
            f"{options.command}: {len(missing)} calls have no answer, the first {case.id}: {why}. What was answered is "
            "kept: run the same command again to continue"
        )
    return replayed(setup)
