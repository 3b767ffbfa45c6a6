"""The Batch API of one account: JSON lines in, a job's name out; later its state, and its answers as JSON.

Always through a file: larger than what may be sent inline (2 GB instead of 20 MB), and its answers come back as the
service wrote them, not as the SDK reads them.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from ..backends import service_errors
from ..errors import BackendError, TransientError
from ..retrying import RetryPolicy, call_patiently

if TYPE_CHECKING:
    from google import genai

T = TypeVar("T")
_ANSWERED = ("JOB_STATE_SUCCEEDED", "JOB_STATE_PARTIALLY_SUCCEEDED")
_GONE = ("JOB_STATE_FAILED", "JOB_STATE_CANCELLED", "JOB_STATE_EXPIRED")


@dataclass(frozen=True, slots=True)
class JobStatus:
    """``answers`` is the file of a job that is done; ``why`` says how one ended that was not answered."""

    state: Literal["open", "answered", "gone"]
    answers: str = ""
    why: str = ""


class BatchService:
    """Jobs of the Developer API, or of the embedded backend, which speaks it too. Raises `BackendError`."""

    def __init__(self, client: genai.Client, retry: RetryPolicy) -> None:
        self._client = client
        self._retry = retry

    def upload(self, lines: bytes, *, label: str) -> str:
        """Upload requests, one a line: ``{"key": ..., "request": ...}``."""
        config: Any = {"mime_type": "application/jsonl", "display_name": label}
        file = self._call(label, lambda: self._client.files.upload(file=io.BytesIO(lines), config=config))
        return str(file.name)

    def submit(self, model: str, file: str, *, label: str) -> str:
        """Start the job. Where it is not known whether an earlier try did, that is looked up first."""
        tried = False

        def start() -> str:
            nonlocal tried
            known = self.find(label) if tried else None
            tried = True
            if known is not None:
                return known
            with service_errors(f"batch of {model}"):
                return str(self._client.batches.create(model=model, src=file, config={"display_name": label}).name)

        return call_patiently(start, self._retry)

    def find(self, label: str) -> str | None:
        """The name of the job with this label, None where none was started."""
        jobs = self._call("batches", lambda: list(self._client.batches.list()))
        return next((str(job.name) for job in jobs if job.display_name == label), None)

    def status(self, name: str) -> JobStatus:
        """What became of a job; one that the service does not know any more is gone."""
        try:
            job = self._call(name, lambda: self._client.batches.get(name=name))
        except TransientError:
            raise
        except BackendError as error:
            if ": 404 " not in str(error):
                raise
            return JobStatus("gone", why=str(error))
        state = str(job.state.value if job.state else "")
        if state not in _ANSWERED + _GONE:
            return JobStatus("open")  # also in a state that is not known here: what is paid for is not given up
        if state in _ANSWERED and job.dest and job.dest.file_name:
            return JobStatus("answered", answers=job.dest.file_name)
        said = f": {job.error.message}" if job.error and job.error.message else ""
        return JobStatus("gone", why=f"{name} ended as {state.removeprefix('JOB_STATE_').lower()}{said}")

    def answers(self, file: str) -> Iterator[dict[str, Any]]:
        """The answers, one a request: ``{"key": ..., "response": ...}``, or ``"error"`` in its place."""
        data = self._call(file, lambda: self._client.files.download(file=file))
        for line in data.splitlines():
            value = json.loads(line) if line.strip() else None
            if isinstance(value, dict):
                yield value

    def forget(self, file: str) -> None:
        """Delete an uploaded file; one that is gone already is fine, and none is kept longer than 48 hours."""
        try:
            self._call(file, lambda: self._client.files.delete(name=file), replace(self._retry, deadline_s=0.0))
        except BackendError:
            return

    def _call(self, what: str, call: Callable[[], T], retry: RetryPolicy | None = None) -> T:
        def ask() -> T:
            with service_errors(what):
                return call()

        return call_patiently(ask, retry or self._retry)
