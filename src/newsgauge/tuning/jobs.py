"""A tuning job in any service, and the choice of a job for a training set: an existing one, if any.

Waits for a job: polls at growing intervals, shows each answer, and returns when it ended or the time is over.

How a training went: losses in, a CSV file or lines of characters for a terminal out.
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, Protocol

from ..errors import BackendError, UsageError
from ..planning.training_set import Recipe, TrainingSet, job_tag

How = Literal["reused", "joined", "started"]


class JobState(StrEnum):
    """The state of a job."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """True if the job has ended."""
        return self not in (JobState.QUEUED, JobState.RUNNING)


@dataclass(frozen=True, slots=True)
class Loss:
    """The mean loss of one step, in nats an example."""

    step: int
    epoch: int
    mean_loss: float


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tuned model as it was after an epoch; ``model`` is what is asked."""

    id: str
    epoch: int
    step: int
    model: str


@dataclass(frozen=True, slots=True)
class Job:
    """One tuning job. ``model`` is what is asked once it succeeded; a number is 0 if the service says none."""

    name: str
    display_name: str
    tag: str
    state: JobState
    created: str
    base_model: str
    model: str
    n_steps: int = 0
    n_epochs: int = 0
    losses: tuple[Loss, ...] = ()
    #: On examples that are not learnt from.
    validation: tuple[Loss, ...] = ()
    losses_elsewhere: str = ""
    error: str = ""
    checkpoints: tuple[Checkpoint, ...] = ()

    def asked_at(self, checkpoint: str | None) -> str:
        """The model of a checkpoint; None: the one that the service took. Raises `UsageError`."""
        if checkpoint is None:
            return self.model
        found = next((one.model for one in self.checkpoints if one.id == checkpoint), "")
        if not found:
            known = ", ".join(one.id for one in self.checkpoints) or "none"
            raise UsageError(f"--checkpoint: expected one of {self.name}, got {checkpoint!r}; there are: {known}")
        return found


class TuningService(Protocol):
    """What the Developer API of the embedded backend and Enterprise/Vertex both do."""

    def jobs(self) -> list[Job]:
        """All jobs, oldest first; losses left out."""

    def job(self, name: str) -> Job:
        """One job with its losses. Raises `BackendError`."""

    def start(self, training: TrainingSet, recipe: Recipe, *, display_name: str) -> Job:
        """Start a job that bears the tag of training set and recipe. Raises `BackendError`."""

    def cancel(self, name: str) -> str:
        """End a job; return a line about its state."""

    def answers(self, model: str) -> bool:
        """Whether the model of a job that succeeded can still be asked. Raises `BackendError`."""

    def delete(self, name: str) -> str:
        """Delete a job and its model; return a line about the result."""


def choose_job(jobs: Iterable[Job], tag: str) -> Job | None:
    """The newest job of this tag that succeeded; else the newest that waits or runs; else none."""
    newest_first = sorted((job for job in jobs if job.tag == tag), key=lambda job: job.created, reverse=True)
    for wanted in ((JobState.SUCCEEDED,), (JobState.QUEUED, JobState.RUNNING)):
        for job in newest_first:
            if job.state in wanted:
                return job
    return None


#: HTTP status of a service that already has a job of that name.
IS_TAKEN = 409


def find_or_start(
    service: TuningService,
    training: TrainingSet,
    recipe: Recipe,
    *,
    display_name: str,
    new: bool,
    before_start: Callable[[], None] = lambda: None,
    on_gone: Callable[[Job], None] = lambda job: None,
) -> tuple[Job, How]:
    """The job to wait for. The caller holds a lock: two that look at the same time would start two.

    A job that succeeded is no model yet: the service keeps jobs of models that were deleted, so its model is asked
    once; ``on_gone`` is told of those that do not answer. ``before_start`` is called if a job has to be paid for;
    what it raises passes through.
    """
    jobs = [] if new else service.jobs()
    while (found := choose_job(jobs, job_tag(training, recipe))) is not None:
        if found.state is not JobState.SUCCEEDED:
            return found, "joined"
        if service.answers(found.model):
            return found, "reused"
        on_gone(found)
        jobs = [job for job in jobs if job.name != found.name]
    before_start()
    try:
        return service.start(training, recipe, display_name=display_name), "started"
    except BackendError as error:
        if error.status != IS_TAKEN:
            raise
    # Another client, in a folder of its own, has just started it.
    known = None if new else choose_job(service.jobs(), job_tag(training, recipe))
    return (known, "joined") if known else (service.start(training, recipe, display_name=display_name), "started")


_FIRST_S, _GROWTH, _LONGEST_S = 0.05, 1.3, 30.0


def watch(
    read: Callable[[], Job],
    *,
    max_wait_s: float | None,
    on_job: Callable[[Job], None] = lambda job: None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Job:
    """The job as it was last read: ended, or still going when ``max_wait_s`` was over. None waits without end."""
    start, pause = clock(), _FIRST_S
    while True:
        job = read()
        on_job(job)
        left_s = float("inf") if max_wait_s is None else start + max_wait_s - clock()
        if job.state.ended or left_s <= 0:
            return job
        sleep(min(pause, left_s))
        pause = min(pause * _GROWTH, _LONGEST_S)


def loss_words(job: Job) -> str:
    """``step 12 of 50, mean loss 1.234, validation 1.301``; '' of a job without losses."""
    if not job.losses:
        return ""
    of_all = f" of {job.n_steps}" if job.n_steps else ""
    validation = f", validation {job.validation[-1].mean_loss:.3f}" if job.validation else ""
    return f"step {job.losses[-1].step}{of_all}, mean loss {job.losses[-1].mean_loss:.3f}{validation}"


def loss_rows(job: Job) -> list[dict[str, Any]]:
    """``step``, ``epoch``, ``mean_loss`` of each step; ``validation_loss`` too of a job that has any."""
    rows: dict[int, dict[str, Any]] = {}
    for name, losses in (("mean_loss", job.losses), ("validation_loss", job.validation)):
        for one in losses:
            row = {"step": one.step, "epoch": one.epoch, "mean_loss": None}
            rows.setdefault(one.step, row | ({"validation_loss": None} if job.validation else {}))[name] = one.mean_loss
    return [rows[step] for step in sorted(rows)]


def csv_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """A row a step, under the names of the first."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def curve_lines(losses: Sequence[Loss], *, width: int, height: int) -> list[str]:
    """A chart of characters, ``height`` rows: each column is the mean of its steps, drawn in eighths of a row."""
    if not losses:
        return []
    n = min(width, len(losses))
    columns = []
    for column in range(n):
        part = losses[len(losses) * column // n : len(losses) * (column + 1) // n]
        columns.append(sum(loss.mean_loss for loss in part) / len(part))
    highest = max(columns) or 1.0
    eighths = [round(8 * height * value / highest) for value in columns]
    rows = []
    for row in reversed(range(height)):
        cells = "".join(" ▁▂▃▄▅▆▇█"[max(0, min(8, value - 8 * row))] for value in eighths)
        label = f"{highest:6.2f}" if row == height - 1 else f"{0:6.2f}" if row == 0 else " " * 6
        rows.append(f"{label} |{cells}")
    return rows
