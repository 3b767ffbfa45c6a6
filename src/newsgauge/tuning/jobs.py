"""A tuning job as every service has it, and which job is taken for a training set: the one that is there, if any."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol

from ..errors import UsageError
from ..planning.training_set import Recipe, TrainingSet, job_tag

How = Literal["reused", "joined", "started"]


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """True where nothing will happen any more."""
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
    """One tuning job. ``model`` is what is asked once it succeeded; ``n_steps`` is 0 where the service says none."""

    name: str
    display_name: str
    tag: str
    state: JobState
    created: str
    base_model: str
    model: str
    n_steps: int = 0
    losses: tuple[Loss, ...] = ()
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
        """End a job; a line that says what became of it."""

    def answers(self, model: str) -> bool:
        """Whether the model of a job that succeeded can still be asked. Raises `BackendError`."""

    def delete(self, name: str) -> str:
        """Forget a job and its model; a line that says what became of it."""


def choose_job(jobs: Iterable[Job], tag: str) -> Job | None:
    """The newest job of this tag that succeeded; else the newest that waits or runs; else none."""
    newest_first = sorted((job for job in jobs if job.tag == tag), key=lambda job: job.created, reverse=True)
    for wanted in ((JobState.SUCCEEDED,), (JobState.QUEUED, JobState.RUNNING)):
        for job in newest_first:
            if job.state in wanted:
                return job
    return None


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
    once; ``on_gone`` is told of those that do not answer. ``before_start`` is called where a job has to be paid for;
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
    return service.start(training, recipe, display_name=display_name), "started"
