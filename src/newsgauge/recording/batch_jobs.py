"""Batch jobs as every service has them, and the calls of ``client.batches`` that are the same on both surfaces."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from ..client.clients import patiently, service_errors
from ..client.retry import RetryPolicy, call_patiently
from ..errors import BackendError, TransientError
from .open_jobs import OpenJob

if TYPE_CHECKING:
    from google import genai

T = TypeVar("T")
_ANSWERED = ("JOB_STATE_SUCCEEDED", "JOB_STATE_PARTIALLY_SUCCEEDED")
_GONE = ("JOB_STATE_FAILED", "JOB_STATE_CANCELLED", "JOB_STATE_EXPIRED")


@dataclass(frozen=True, slots=True)
class JobStatus:
    """``answers`` is where those of a job are that is over; ``why`` says how one ended that was not (all) answered."""

    state: Literal["open", "answered", "gone"]
    answers: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one request: the service's answer as it wrote it, or why there is none."""

    key: str
    response: Mapping[str, Any] | None = field(repr=False)
    why: str = ""


class JobService(Protocol):
    """What the Developer API and Enterprise/Vertex both do. Every call raises `BackendError`."""

    @property
    def options(self) -> str:
        """What a command has to say to come back to these jobs, beyond the backend; '' or from a space on."""

    def refusal(self, model: str) -> str:
        """Why a job cannot ask this model; '' where it can."""

    def line(self, key: str, body: bytes) -> bytes:
        """A request in the file of a job; ``key`` is unique in it, and its answer's too."""

    def upload(self, lines: bytes, *, label: str) -> str:
        """Upload the requests; where they are."""

    def submit(self, model: str, file: str, *, label: str) -> str:
        """Start the job on an uploaded file; its name. One of this label that is there already is not doubled."""

    def find(self, label: str) -> str | None:
        """The name of the job with this label, None where none was started."""

    def status(self, name: str) -> JobStatus:
        """What became of a job; one that the service does not know any more is gone."""

    def answers(self, place: str, keys: Collection[str]) -> Iterator[Answer]:
        """The answers to these keys, in any order; ``place`` is what `status` said."""

    def forget(self, job: OpenJob) -> str:
        """Delete what was uploaded for a job and what it wrote; '' or what could not be deleted, and what to do."""


class SdkJobs:
    """``client.batches``, patiently. ``by_label`` is a filter of the service's, which spares listing all other jobs."""

    def __init__(self, client: genai.Client, retry: RetryPolicy, *, by_label: str = "") -> None:
        self._client = client
        self._retry = retry
        self._by_label = by_label

    def start(self, model: str, source: str, config: Mapping[str, str]) -> str:
        """Start a job. Where it is not known whether an earlier try did, that is looked up first."""
        tried = False

        def start() -> str:
            nonlocal tried
            known = self.find(config["display_name"]) if tried else None
            tried = True
            if known is not None:
                return known
            settings: Any = dict(config)
            with service_errors(f"batch of {model}"):
                return str(self._client.batches.create(model=model, src=source, config=settings).name)

        return call_patiently(start, self._retry)

    def find(self, label: str) -> str | None:
        """The name of the job with this label."""
        config: Any = {"filter": self._by_label.format(label=label)} if self._by_label else None
        jobs = self.call("batches", lambda: list(self._client.batches.list(config=config)))
        return next((str(job.name) for job in jobs if job.display_name == label), None)

    def status(self, name: str, place: Callable[[Any], str | None]) -> JobStatus:
        """The state of a job; ``place`` reads from it where its answers are."""
        try:
            job = self.call(name, lambda: self._client.batches.get(name=name))
        except TransientError:
            raise
        except BackendError as error:
            if ": 404 " not in str(error):
                raise
            return JobStatus("gone", why=str(error))
        state = str(job.state.value if job.state else "")
        if state not in _ANSWERED + _GONE:
            return JobStatus("open")  # also in a state that is not known here: what is paid for is not given up
        said = f": {job.error.message}" if job.error and job.error.message else ""
        why = f"{name} ended as {state.removeprefix('JOB_STATE_').lower()}{said}"
        where = place(job)
        if not where:
            return JobStatus("gone", why=why)
        return JobStatus("answered", where, "" if state in _ANSWERED else why)

    def call(self, what: str, call: Callable[[], T], retry: RetryPolicy | None = None) -> T:
        """Call, again where the service is busy. Raises `BackendError`."""
        return patiently(what, call, retry or self._retry)


def json_lines(data: bytes) -> Iterator[dict[str, Any]]:
    """The objects of a file with one a line; what is none answers no request, and that is told of the request."""
    for line in data.split(b"\n"):
        try:
            value = json.loads(line) if line.strip() else None
        except ValueError:
            continue
        if isinstance(value, dict):
            yield value
