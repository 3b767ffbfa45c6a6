"""``newsgauge record``: fills the cassettes of a plan ahead of pytest, with many calls at once.

0: every planned case is recorded. 1: some are not. 2: a usage error. 130: interrupted; the same command continues.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from datetime import UTC, datetime

from ..._util.option_values import positive
from ..._util.wording import without_line
from ...errors import UsageError
from ...recording.paying import tokens_spent
from ...recording.pending import Pending, ResumeFile, find_pending
from ...recording.preflight import check_recording
from ...recording.scheduler import Report
from ...recording.session import finalize_files, note_anew
from ...records import shown_id
from ...running.plans_file import add_plan
from ...running.recording_options import (
    add_record_mode,
    add_recording_options,
    add_until_decided,
    budget_of,
    check_until_decided,
)
from ...running.run_config import RunConfig
from ...running.run_options import add_plan_options
from ...scoring.latency import Latency
from ...scoring.prices import todays_prices
from ..backend_options import add_folder_options, check_base_url, load_project, recording_lock
from .record_asking import ask_pending

#: Reasons that are shown; the others are counted.
_N_SHOWN = 5
#: Of a batch job, unless said otherwise.
REQUESTS_A_JOB = 10_000


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of ``newsgauge record``."""
    parser.description = (
        "Ask the cases of a plan that are not recorded yet, as fast as the account's quota allows, and "
        "keep each answer at once. After any interruption, the same command continues. 'pytest evals' with the "
        "same options replays what was recorded."
    )
    add_asking_options(parser)
    add_record_mode(parser.add_argument, default="once")
    add_until_decided(parser.add_argument)
    parser.add_argument(
        "--batch",
        action="store_true",
        help="use the Batch API: half the price, within a day; the same command continues open jobs",
    )
    parser.add_argument(
        "--no-wait",
        action="store_true",
        help="with --batch: submit, collect what is done, and do not wait for the rest",
    )
    parser.add_argument(
        "--requests-per-job",
        type=positive,
        default=REQUESTS_A_JOB,
        metavar="N",
        help="with --batch: requests per job (default: %(default)s)",
    )
    parser.add_argument(
        "--bucket",
        metavar="gs://BUCKET[/FOLDER]",
        help="with --batch on vertex: where requests and answers are kept until they are collected",
    )


def add_asking_options(parser: argparse.ArgumentParser) -> None:
    """The options of every command that asks the cases of a plan: which, whom, how fast, in which project."""
    add_plan_options(parser.add_argument)
    add_recording_options(parser.add_argument)
    parser.add_argument("--base-url", metavar="URL", help="a server to ask, such as a running 'newsgauge serve'")
    parser.add_argument(
        "--concurrency", type=positive, default=32, metavar="N", help="calls at once, at most (default: %(default)s)"
    )
    parser.add_argument(
        "--rpm",
        type=positive,
        metavar="N",
        help="requests per minute and model, at most (default: the service's limit)",
    )
    parser.add_argument(
        "--tpm", type=positive, metavar="N", help="input tokens per minute and model, at most (likewise)"
    )
    add_folder_options(parser)


def handle(options: argparse.Namespace) -> int:
    """Record; 0 if each case has an answer, 130 if interrupted, else 1."""
    folders, variants, setup = load_project(options)
    _check_techniques(setup, batch=options.batch)
    check_until_decided(options, batch=options.batch)
    check_base_url(setup.backend, options.base_url)
    check_recording(setup, in_ci=options.allow_record_in_ci, base_url=options.base_url)
    options.max_cost = budget_of(options.max_cost, folders.ini("newsgauge_max_cost"))
    started = datetime.now(UTC)
    prices = todays_prices(batch=options.batch)
    state = folders.root / ".newsgauge"
    with recording_lock(folders.root):
        unfinished = ResumeFile.within(state)
        again = "".join(f" again {kind}" for kind in sorted(setup.again))
        name = f"{setup.shown_cassettes} {setup.mode} {setup.plan.digest} {','.join(setup.variants)}{again}"
        anew = setup.mode in ("all", "rewrite") or bool(setup.again)
        since = unfinished.begin(name) if anew else ""
        complaints: list[str] = []
        spent = ""
        try:
            if options.batch:
                from .record_batches import ask_in_batches

                known = [one for one, variant in variants.items() if variant.is_gemini_prompt]
                todo, report = ask_in_batches(
                    setup, options, prices, since=since, path=state / "batches.json", known=known
                )
            elif options.until_decided:
                from .record_looking import ask_looking

                setup, todo, report = ask_looking(setup, options, prices, folders=folders, known=variants)
            else:
                todo, report = ask_pending(setup, options, prices, since=since)
        except UsageError:
            raise  # nothing was asked, so nothing is dropped, not even in mode rewrite
        except BaseException:
            complaints = finalize_files(setup, is_over=False if anew else None)
            raise
        else:
            if report.n_kept and setup.backend != "embedded":
                cases = setup.recorded_cases if options.batch else todo.to_ask
                spent = prices.spent(tokens_spent(setup, cases, since=started), expected=report.expected_cost)
            is_whole = not (todo.unfit or report.broken or report.left)
            # These two may ask what was recorded before, or stop a plan of which more is recorded: the files say.
            is_counted = options.batch or options.until_decided
            n_recorded = find_pending(setup, since=since).n_recorded if is_counted else todo.n_recorded + report.n_kept
            complaints = finalize_files(setup, is_over=is_whole if anew else None)
            if is_whole:
                note_anew(setup, setup.variants, since or started)
        finally:
            for complaint in complaints:
                print(f"newsgauge: {complaint}", file=sys.stderr)
        status = _conclude(setup, n_recorded, todo, report) or (1 if complaints else 0)
        if not options.no_plan and not options.cassettes and (added := add_plan(folders, setup)):
            print(f"newsgauge: {added}")
        if spent:
            print(f"newsgauge: {spent}")
        if not status:
            chosen = f" --variants {options.variants}" if options.variants else ""
            print(f"newsgauge: score them: {setup.command}{chosen}")
        if anew and not status:
            unfinished.end(name)
    return status


def _check_techniques(setup: RunConfig, *, batch: bool) -> None:
    """Refuse callables: they make one call after another, each depending on the answer before, so no batch will do."""
    own = [name for name, variant in setup.variants.items() if variant.has_cassette and not variant.is_gemini_prompt]
    if own and batch:
        others = [name for name, variant in setup.variants.items() if variant.is_gemini_prompt]
        rest = f", and the others here with --variants {','.join(others)}" if others else ""
        raise UsageError(
            f"--batch: {', '.join(own)} asks with a callable of your own, or another API. Record it without --batch: "
            f"'newsgauge record{setup.record_options} --variants {','.join(own)}'{rest}"
        )


def _conclude(setup: RunConfig, n_recorded: int, todo: Pending, report: Report) -> int:
    n_planned = len(setup.recorded_cases)
    if report.n_calls:
        more = "at least " if any(variant.predict is not None for variant in setup.variants.values()) else ""
        print(f"newsgauge: {more}{report.n_calls:,} calls, {report.n_refused:,} of them refused for a while")
    if len(report.took_ms) > 1:  # one call has no quantiles
        print(f"newsgauge: latency: {Latency.of(report.took_ms).words}")
    print(f"newsgauge: {n_recorded:,} of {n_planned:,} planned cases are recorded in {setup.shown_cassettes}")
    missing = [*((case, str(why)) for case, why in todo.unfit), *report.broken, *report.left]
    told = [(without_line(why).replace(shown_id(case.post.id), "it"), case.id) for case, why in missing]
    kinds, firsts = Counter(why for why, _ in told), dict(reversed(told))
    for why, n in kinds.most_common(_N_SHOWN):
        print(f"newsgauge: {n:,} not recorded, the first {firsts[why]}: {why}", file=sys.stderr)
    n_more = len(kinds) - _N_SHOWN
    if n_more > 0:
        print(f"newsgauge: and {n_more:,} other reasons", file=sys.stderr)
    if report.interrupted:
        print("newsgauge: interrupted; run the same command again to continue", file=sys.stderr)
        return 130
    return 1 if missing else 0
