"""Asks the cases of a plan in parallel and keeps each answer at once; each case is asked until it is answered once.

Cases and a client in, a `Report` out. What is kept stays, however this ends; to continue an interrupted recording,
start another one with the rest.

The number of parallel calls is doubled until the first trouble, then raised by one and halved, as in TCP. Pure:
outcomes in, a number out. ``highest`` is what the user allows.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING

from .._util.secrets import hide_secrets
from ..cassettes.recorder import Recorder
from ..client.answers import read_usage
from ..client.calls import AskOnce
from ..client.retry import RetryPolicy, given_up, is_too_late, wait_s
from ..errors import NewsgaugeError, NotKeptError, QuotaError, TransientError
from ..records import Case
from ..variants.variants_file import ReadyVariant
from .model_queue import Job, ModelQueue, RateLimiter
from .paying import Budget

if TYPE_CHECKING:
    from google.genai.types import GenerateContentResponse

#: After this many refusals in a row, or paid answers that cannot be kept, the rest would fare no better.
_REFUSED, _NOT_KEPT = 20, 3


@dataclass(frozen=True, slots=True)
class Limits:
    """The user's limits; ``rpm`` and ``tpm`` per model, None: as much as the service allows."""

    concurrency: int = 32
    rpm: int | None = None
    tpm: int | None = None


@dataclass
class Report:
    """``broken``: why a case has no answer; ``left``: cases that were not asked, or not to the end, and why."""

    n_kept: int = 0
    n_calls: int = 0
    n_refused: int = 0
    broken: list[tuple[Case, str]] = field(default_factory=list)
    left: list[tuple[Case, str]] = field(default_factory=list)
    interrupted: bool = False
    expected_cost: float | None = None
    #: How long each answer took, without the tries before it.
    took_ms: list[float] = field(default_factory=list)

    def add(self, other: Report) -> None:
        """Add the outcome of further cases."""
        self.n_kept += other.n_kept
        self.n_calls += other.n_calls
        self.n_refused += other.n_refused
        self.broken += other.broken
        self.left += other.left
        self.took_ms += other.took_ms
        self.interrupted = self.interrupted or other.interrupted


@dataclass(eq=False, repr=False)
class Scheduler:
    """``on_answer`` is told each case and its response, None if it is broken; ``on_note`` what was learnt."""

    ask_once: AskOnce
    recorder: Recorder
    ready: Mapping[str, ReadyVariant]
    _: KW_ONLY
    limits: Limits
    retry: RetryPolicy
    on_answer: Callable[[Case, GenerateContentResponse | None], None] = lambda case, response: None
    on_note: Callable[[str], None] = lambda note: None
    budget: Budget | None = None
    #: An error of a variant's case in words.
    told: Callable[[NewsgaugeError, str], str] = lambda error, variant: hide_secrets(str(error))
    clock: Callable[[], float] = time.monotonic
    report: Report = field(default_factory=Report)

    def __post_init__(self) -> None:
        self._concurrency = Concurrency(self.limits.concurrency)
        self._lanes: dict[str, ModelQueue] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._moved = asyncio.Event()
        self._troubled_since: float | None = None
        self._in_vain = 0
        self._crash: BaseException | None = None

    async def run(self, cases: Iterable[Case]) -> Report:
        """Ask all cases. Raises only for faults of this program."""
        for case in cases:
            one = self.ready[case.variant]
            self._lane(one.model).add(Job(case, one.chars(case.post)))
        try:
            while await self._step():
                pass
        finally:
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)
            self._close_all("interrupted" if self.report.interrupted else "not asked")
        return self.report

    def stop(self) -> None:
        """Start no more calls; those under way are paid for, so wait for them."""
        self.report.interrupted = True
        self.on_note(f"interrupted: waiting for {len(self._running)} calls under way; once more leaves them")
        self._close_all("interrupted")
        self._moved.set()

    async def _step(self) -> bool:
        """Start one call or wait until something moves; False if nothing is left."""
        if self._crash is not None:
            raise self._crash
        if self.budget is not None and (why := self.budget.why_not(len(self._running))):
            if not self._running:
                self._close_all(why)
                return False
            await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
            return True
        now = self.clock()
        lane = min(self._lanes.values(), key=lambda lane: lane.wait_s(now), default=None)
        wait = lane.wait_s(now) if lane is not None else float("inf")
        if lane is not None and wait <= 0 and len(self._running) < self._concurrency.limit:
            task = asyncio.create_task(self._ask(lane, lane.start(now)))
            self._running.add(task)
            task.add_done_callback(self._ended)
            return True
        if not self._running and wait == float("inf"):
            return False
        self._moved.clear()
        timeout = None if wait == float("inf") or wait <= 0 else wait
        try:
            async with asyncio.timeout(timeout):
                await self._moved.wait()
        except TimeoutError:
            pass
        return True

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._moved.set()
        if not task.cancelled():
            self._crash = task.exception() or self._crash

    async def _ask(self, lane: ModelQueue, job: Job) -> None:
        case, ready, started = job.case, self.ready[job.case.variant], self.clock()
        job.attempts += 1
        self.report.n_calls += 1
        try:
            with self.recorder.asking(case.variant, case.post, ready.provenance):
                response = await self.ask_once(ready.template.about(case.post.text))
        except TransientError as error:
            self._ask_later(lane, job, error, started=started)
        except QuotaError as error:
            self._leave([job, *lane.close(str(error))], str(error))
        except NewsgaugeError as error:
            self._break(job, error)
        else:
            self._troubled_since = None
            self._in_vain = 0
            self._concurrency.succeeded()
            usage = response.usage_metadata
            lane.answered(job, usage.prompt_token_count if usage else None, self.clock())
            self.report.n_kept += 1
            self.report.took_ms.append(1000 * (self.clock() - started))
            if self.budget is not None:
                self.budget.add(response.model_version or ready.model, read_usage(usage))
            self.on_answer(case, response)

    def _ask_later(self, lane: ModelQueue, job: Job, error: TransientError, *, started: float) -> None:
        now = self.clock()
        self._concurrency.refused(started=started, now=now)
        self._troubled_since = now if self._troubled_since is None else self._troubled_since
        job.first_failed = started if job.first_failed is None else job.first_failed
        wait = wait_s(self.retry, error, job.attempts)
        if is_too_late(self.retry, error, now - job.first_failed + wait):
            self._break(job, given_up(error, job.attempts, now - job.first_failed))
        elif lane.closed:
            self._leave([job], lane.closed)
        else:
            self.report.n_refused += 1
            for note in lane.refused(job, again_at=now + wait, per_minute=error.per_minute, now=now):
                self.on_note(note)
        if self.retry.deadline_s and is_too_late(self.retry, error, now - self._troubled_since):
            self._close_all(f"no answer for {now - self._troubled_since:.0f} s: {error}")

    def _break(self, job: Job, error: NewsgaugeError) -> None:
        why = self.told(error, job.case.variant)
        self.report.broken.append((job.case, why))
        self.on_answer(job.case, None)
        self._in_vain += 1
        most = _NOT_KEPT if isinstance(error, NotKeptError) else _REFUSED
        if self._in_vain >= most or (isinstance(error, NotKeptError) and error.disk):
            times = "a case" if self._in_vain == 1 else f"{self._in_vain} cases in a row"
            self._close_all(f"stopped, as {times} went wrong: {why}")

    def _close_all(self, why: str) -> None:
        for lane in self._lanes.values():
            if not lane.closed:
                self._leave(lane.close(why), why)

    def _leave(self, jobs: list[Job], why: str) -> None:
        self.report.left += [(job.case, hide_secrets(why)) for job in jobs]

    def _lane(self, model: str) -> ModelQueue:
        if model not in self._lanes:
            now = self.clock()
            self._lanes[model] = ModelQueue(
                model, RateLimiter(self.limits.rpm, now=now), RateLimiter(self.limits.tpm, now=now)
            )
        return self._lanes[model]


_FIRST = 4.0


class Concurrency:
    """``limit`` starts low, so that a service which is overloaded is not met by all calls at once."""

    def __init__(self, highest: int) -> None:
        self._highest = float(highest)
        self._limit = min(_FIRST, self._highest)
        self._slow_start = True
        self._cut_at = float("-inf")

    @property
    def limit(self) -> int:
        """Calls that may be under way, from 1."""
        return int(self._limit)

    def succeeded(self) -> None:
        """An answer came: allow one more call; after the first trouble, one more per full round of answers."""
        self._limit = min(self._highest, self._limit + (1.0 if self._slow_start else 1.0 / self._limit))

    def refused(self, *, started: float, now: float) -> None:
        """The service was busy. Trouble of calls that were under way together halves the number only once."""
        if started < self._cut_at:
            return
        self._cut_at, self._slow_start = now, False
        self._limit = max(1.0, self._limit / 2)
