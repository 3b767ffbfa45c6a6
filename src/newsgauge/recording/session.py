"""One recording of a plan: a setup and a server in, answers in their cassettes and a `Report` out."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..cassettes.asked_again import note_asked
from ..cassettes.recorder import RECORDED
from ..client.answers import read_for, usage_of
from ..client.calls import open_async_client
from ..client.embedded import embedded_process
from ..client.retry import RetryPolicy
from ..errors import CassetteError, NewsgaugeError, QuotaError, UsageError
from ..planning.stops import save_stops
from ..records import Case, Prediction
from ..running.request_template import ModelResolution
from ..running.run_config import RunConfig, open_recorder
from .paying import Budget
from .pending import ResumeFile
from .scheduler import Limits, Report, Scheduler

if TYPE_CHECKING:
    from google.genai.types import GenerateContentResponse


@contextmanager
def server_of(setup: RunConfig, base_url: str | None) -> Iterator[str | None]:
    """The server that a recording asks, None for the service itself; the embedded one is started for it."""
    if base_url is not None or setup.backend != "embedded":
        yield base_url
        return
    with embedded_process() as url:
        yield url


def record_all(
    setup: RunConfig,
    cases: Sequence[Case],
    *,
    limits: Limits,
    on_answer: Callable[[Case, Prediction | None], None],
    on_note: Callable[[str], None],
    **asking: Any,
) -> Report:
    """Ask prompts side by side, then callables of the user's own one after the other; ``asking`` is for both."""
    prompts = [case for case in cases if setup.variants[case.variant].is_gemini_prompt]
    own = [case for case in cases if not setup.variants[case.variant].is_gemini_prompt]
    report = Report()
    if prompts:
        report = record_cases(setup, prompts, limits=limits, on_answer=on_answer, on_note=on_note, **asking)
    if own and report.interrupted:
        report.left += [(case, "interrupted") for case in own]
    elif own:
        report.add(record_techniques(setup, own, on_answer=on_answer, **asking))
    return report


def record_cases(
    setup: RunConfig,
    cases: Sequence[Case],
    *,
    base_url: str | None,
    limits: Limits,
    retry: RetryPolicy,
    on_answer: Callable[[Case, Prediction | None], None],
    on_note: Callable[[str], None],
    budget: Budget | None = None,
) -> Report:
    """Ask the cases and keep their answers; ``on_answer`` is told each, None if it is broken.

    Ctrl-C starts no more calls and waits for those under way; a second one leaves them. Raises `BackendError` if a
    tuned model cannot be had.
    """
    wanted = {case.variant for case in cases}
    part = replace(setup, variants={name: variant for name, variant in setup.variants.items() if name in wanted})
    ready = ModelResolution(part, base_url=lambda: base_url).all_ready()
    recorder = open_recorder(setup)

    def tell(case: Case, response: GenerateContentResponse | None) -> None:
        one = setup.variants[case.variant]
        on_answer(case, None if response is None else read_for(one, response, setup.plan.labels))

    async def ask() -> Report:
        async with open_async_client(setup.access(base_url), connections=limits.concurrency) as ask_once:
            campaign = Scheduler(
                ask_once,
                recorder,
                ready,
                limits=limits,
                retry=retry,
                on_answer=tell,
                on_note=on_note,
                budget=budget,
                told=lambda error, variant: setup.told(error, variant, base_url),
            )
            task = asyncio.current_task()
            assert task is not None
            now = asyncio.get_running_loop().call_soon_threadsafe  # wakes a loop that waits
            with _on_interrupt(lambda: now(campaign.stop), lambda: now(task.cancel)):
                try:
                    return await campaign.run(cases)
                except asyncio.CancelledError:
                    return campaign.report

    with closing(recorder):
        return asyncio.run(ask())


@contextmanager
def _on_interrupt(first: Callable[[], object], second: Callable[[], object]) -> Iterator[None]:
    """Handlers for the first Ctrl-C or SIGTERM, and for all later ones."""
    waiting = iter((first,))

    def handle(*signal: object) -> None:
        next(waiting, second)()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def record_techniques(
    setup: RunConfig,
    cases: Sequence[Case],
    *,
    base_url: str | None,
    retry: RetryPolicy,
    on_answer: Callable[[Case, Prediction | None], None],
    budget: Budget | None = None,
) -> Report:
    """Ask the cases whose variants are callables, one after the other, as pytest does.

    The first Ctrl-C waits for the case under way; a second one leaves it.
    """
    from ..running.run import brief_run

    report, waiting = Report(), list(cases)

    def interrupt() -> None:
        report.interrupted = True

    def leave() -> None:
        raise KeyboardInterrupt

    why = ""
    with _on_interrupt(interrupt, leave), brief_run(setup, retry=retry, base_url=base_url) as run:
        while waiting and not report.interrupted:
            if budget is not None and (why := budget.why_not(0)):
                break
            case = waiting.pop(0)
            report.n_calls += 1
            try:
                said = run.ask(case)
            except QuotaError as error:
                waiting.insert(0, case)
                why = str(error)
                break
            except NewsgaugeError as error:
                report.broken.append((case, str(error)))
                on_answer(case, None)
            else:
                report.n_kept += 1
                report.took_ms += [] if said.latency_ms is None else [said.latency_ms]
                if budget is not None:
                    budget.add(said.model_version, usage_of(said))
                on_answer(case, said)
    report.left += [(case, why or "interrupted") for case in waiting]
    return report


def finalize_files(setup: RunConfig, *, is_over: bool | None = None) -> list[str]:
    """Sort each variant's lines and drop duplicates; in mode ``rewrite`` also what is not planned.

    ``is_over``: whether everything was asked, or the same command will continue a recording of everything; None: no
    recording of everything waits to be continued.
    If the plan says that a variant stops early, that is written down; if it does not, an earlier stop goes.
    """
    complaints = []
    if is_over is None:
        is_over = ResumeFile.within(setup.tuned_file.parent).is_empty
    recorder = open_recorder(setup)
    try:
        save_stops(setup.cassettes, setup.plan.digest, {name: setup.plan.stops.get(name) for name in setup.variants})
    except (OSError, UsageError) as error:
        complaints.append(str(error))
    for variant in setup.variants:
        try:
            recorder.finalize(variant, {post.id for post in setup.plan.asked(variant)}, is_over=is_over)
        except OSError as error:
            complaints.append(
                f"{setup.shown_cassettes}/{variant}.jsonl: recorded, but not sorted: {error.strerror or error}. "
                "Nothing is lost; run: newsgauge cassettes finalize"
            )
        except CassetteError as error:
            complaints.append(str(error))
    return complaints


def note_anew(setup: RunConfig, variants: Iterable[str], since: datetime | str) -> None:
    """Store when all cases of these variants were asked again, as lines with equal answers keep their dates."""
    recorded = since if isinstance(since, str) else since.strftime(RECORDED)
    for name in variants:
        if setup.mode in ("all", "rewrite") and setup.variants[name].has_cassette and setup.shard is None:
            note_asked(setup.cassettes, name, [post.id for post in setup.plan.asked(name)], recorded)
