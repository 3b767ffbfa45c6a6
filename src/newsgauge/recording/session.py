"""One recording of a plan from here to there: a setup and a server in, answers in their cassettes, a `Report` out."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from ..client.clients import open_async_client
from ..client.retry import RetryPolicy
from ..errors import CassetteError
from ..records import Case
from ..running.model_resolution import ModelResolution
from ..running.run_config import RunConfig, open_recorder
from .paying import Budget
from .scheduler import Limits, Report, Scheduler, make_forms

if TYPE_CHECKING:
    from google.genai.types import GenerateContentResponse


def record_cases(
    setup: RunConfig,
    cases: Sequence[Case],
    *,
    base_url: str | None,
    limits: Limits,
    retry: RetryPolicy,
    on_answer: Callable[[Case, GenerateContentResponse | None], None],
    on_note: Callable[[str], None],
    budget: Budget | None = None,
) -> Report:
    """Ask the cases and keep their answers.

    Ctrl-C starts no more calls and waits for those under way; a second one leaves them. Raises `BackendError` where a
    tuned model cannot be had.
    """
    wanted = {case.variant for case in cases}
    part = replace(setup, variants={name: variant for name, variant in setup.variants.items() if name in wanted})
    forms = make_forms(part, ModelResolution(part, base_url=lambda: base_url))
    recorder = open_recorder(setup)

    async def ask() -> Report:
        async with open_async_client(setup.access(base_url), connections=limits.concurrency) as client:
            campaign = Scheduler(
                client,
                recorder,
                forms,
                limits=limits,
                retry=retry,
                on_answer=on_answer,
                on_note=on_note,
                budget=budget,
            )
            task = asyncio.current_task()
            assert task is not None
            with _on_interrupt(campaign.stop, task.cancel):
                try:
                    return await campaign.run(cases)
                except asyncio.CancelledError:
                    return campaign.report

    with closing(recorder):
        return asyncio.run(ask())


@contextmanager
def _on_interrupt(first: Callable[[], object], second: Callable[[], object]) -> Iterator[None]:
    """What the first Ctrl-C does, or the first SIGTERM, and what all others do."""
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    seen = False

    def handle() -> None:
        nonlocal seen
        (second if seen else first)()
        seen = True

    for number in numbers:
        loop.add_signal_handler(number, handle)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def finalize_files(setup: RunConfig) -> list[str]:
    """Sort each variant's lines and drop doubles; in mode ``rewrite`` also what is not planned."""
    complaints = []
    recorder = open_recorder(setup)
    for variant in setup.variants:
        try:
            recorder.finalize(variant, {post.id for post in setup.plan.asked(variant)})
        except OSError as error:
            complaints.append(
                f"{setup.shown_cassettes}/{variant}.jsonl: recorded, but not sorted: {error.strerror or error}. "
                "Nothing is lost; run: newsgauge cassettes finalize"
            )
        except CassetteError as error:
            complaints.append(str(error))
    return complaints
