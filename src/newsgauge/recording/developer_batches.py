"""Jobs of the Developer API: JSON lines through the Files API in, a job's name out; later its state and its answers.

Always through a file: larger than what may be sent inline (2 GB instead of 20 MB), and its answers come back as the
service wrote them, not as the SDK reads them.
"""

from __future__ import annotations

import io
import json
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..client.retry import RetryPolicy
from ..errors import BackendError
from .batch_jobs import Answer, JobStatus, SdkJobs, json_lines
from .open_jobs import OpenJob

if TYPE_CHECKING:
    from google import genai


class BatchService:
    """The `JobService` of the Developer API, or of the embedded backend, which speaks it too."""

    options = ""

    def __init__(self, client: genai.Client, retry: RetryPolicy) -> None:
        self._client = client
        self._jobs = SdkJobs(client, retry)
        self._once = replace(retry, deadline_s=0.0)

    def refusal(self, model: str) -> str:
        """Every model of this API can be asked by a job."""
        return ""

    def line(self, key: str, body: bytes) -> bytes:
        """``{"key": ..., "request": ...}``."""
        return b'{"key":' + json.dumps(key).encode("ascii") + b',"request":' + body + b"}\n"

    def upload(self, lines: bytes, *, label: str) -> str:
        """The file's name."""
        config: Any = {"mime_type": "application/jsonl", "display_name": label}
        file = self._jobs.call(label, lambda: self._client.files.upload(file=io.BytesIO(lines), config=config))
        return str(file.name)

    def submit(self, model: str, file: str, *, label: str) -> str:
        """The job's name."""
        return self._jobs.start(model, file, {"display_name": label})

    def find(self, label: str) -> str | None:
        """The API has no filter: all jobs are looked at."""
        return self._jobs.find(label)

    def status(self, name: str) -> JobStatus:
        """The answers are in a file."""
        return self._jobs.status(name, lambda job: job.dest.file_name if job.dest else None)

    def answers(self, place: str, keys: Collection[str]) -> Iterator[Answer]:
        """One a request: ``{"key": ..., "response": ...}``, or ``"error"`` in its place."""
        data = self._jobs.call(place, lambda: self._client.files.download(file=place))
        for item in json_lines(data):
            response = item.get("response")
            answered = isinstance(response, dict)
            why = "" if answered else json.dumps(item.get("error"))
            yield Answer(str(item.get("key", "")), response if answered else None, why)

    def forget(self, job: OpenJob) -> str:
        """A file that is gone already is fine, and none is kept longer than 48 hours."""
        try:
            if job.file:
                self._jobs.call(job.file, lambda: self._client.files.delete(name=job.file), self._once)
        except BackendError:
            pass
        return ""
