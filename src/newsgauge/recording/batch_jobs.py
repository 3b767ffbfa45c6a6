"""Batch jobs: JSON lines in, a job's name out; later its state and its answers. One class per surface.

Always through a file: larger than what may be sent inline (2 GB instead of 20 MB), and its answers come back as the
service wrote them, not as the SDK reads them.
"""

from __future__ import annotations

import hashlib
import io
import json
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from ..client.calls import patiently, service_errors
from ..client.retry import RetryPolicy, call_patiently
from ..errors import BackendError, TransientError
from .open_jobs import OpenJob

if TYPE_CHECKING:
    from google import genai
    from google.genai.types import BatchJob

    from ..client.cloud_storage import BucketFolder, CloudStorage

_ANSWERED = ("JOB_STATE_SUCCEEDED", "JOB_STATE_PARTIALLY_SUCCEEDED")
_GONE = ("JOB_STATE_FAILED", "JOB_STATE_CANCELLED", "JOB_STATE_EXPIRED")
_LABEL = "newsgauge_case"
_FOLDER = "newsgauge/batches"
_END = ".jsonl"


@dataclass(frozen=True, slots=True)
class JobStatus:
    """``answers``: where a finished job's answers are; ``why``: how a job ended that was not (fully) answered."""

    state: Literal["open", "answered", "gone"]
    answers: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of one request: the service's answer as written, or why there is none."""

    key: str
    response: Mapping[str, Any] | None = field(repr=False)
    why: str = ""


class JobService(ABC):
    """The jobs of one client. Every call retries while the service is busy, and raises `BackendError`."""

    #: What a command has to say to come back to these jobs, beyond the backend; '' or from a space on.
    options = ""
    #: A filter of the service, which avoids listing all other jobs.
    _by_label = ""

    def __init__(self, client: genai.Client, retry: RetryPolicy) -> None:
        self._client = client
        self._retry = retry

    def refusal(self, model: str) -> str:
        """Why a job cannot ask this model; '' if it can."""
        return ""

    @abstractmethod
    def line(self, key: str, body: bytes) -> bytes:
        """A request in the file of a job; ``key`` is unique in it, and its answer's too."""

    @abstractmethod
    def upload(self, lines: bytes, *, label: str) -> str:
        """Upload the requests; return where they are."""

    @abstractmethod
    def answers(self, place: str, keys: Collection[str]) -> Iterator[Answer]:
        """The answers to these keys, in any order; ``place`` is what `status` said."""

    @abstractmethod
    def forget(self, job: OpenJob) -> str:
        """Delete what was uploaded for a job and what it wrote; '' or what could not be deleted, and what to do."""

    def submit(self, model: str, file: str, *, label: str) -> str:
        """Start the job on an uploaded file; its name. If it is not known whether an earlier try did, that is
        looked up first.
        """
        tried = False
        config: Any = {"display_name": label, **self._output(file)}

        def start() -> str:
            nonlocal tried
            known = self.find(label) if tried else None
            tried = True
            if known is not None:
                return known
            asked = self._asked(model)
            with service_errors(f"batch of {asked}"):
                return str(self._client.batches.create(model=asked, src=file, config=config).name)

        return call_patiently(start, self._retry)

    def find(self, label: str) -> str | None:
        """The name of the job with this label, None if none was started."""
        config: Any = {"filter": self._by_label.format(label=label)} if self._by_label else None
        jobs = patiently("batches", lambda: list(self._client.batches.list(config=config)), self._retry)
        return next((str(job.name) for job in jobs if job.display_name == label), None)

    def status(self, name: str) -> JobStatus:
        """The state of a job; a job that the service no longer knows is gone."""
        try:
            job = patiently(name, lambda: self._client.batches.get(name=name), self._retry)
        except TransientError:
            raise
        except BackendError as error:
            if error.status != 404:
                raise
            return JobStatus("gone", why=str(error))
        state = str(job.state.value if job.state else "")
        if state not in _ANSWERED + _GONE:
            return JobStatus("open")  # also in an unknown state: what is paid for is not given up
        said = f": {job.error.message}" if job.error and job.error.message else ""
        why = f"{name} ended as {state.removeprefix('JOB_STATE_').lower()}{said}"
        where = self._place_of(job)
        if not where:
            return JobStatus("gone", why=why)
        return JobStatus("answered", where, "" if state in _ANSWERED else why)

    @abstractmethod
    def _place_of(self, job: BatchJob) -> str | None:
        """Where the answers of a job are that is over."""

    def _asked(self, model: str) -> str:
        """The model as a job takes it; '' if none does."""
        return model

    def _output(self, file: str) -> dict[str, str]:
        """The part of a job's configuration that says where it writes."""
        return {}


class BatchService(JobService):
    """Jobs of the Developer API, or of the embedded backend, which speaks it too: files of the Files API."""

    def line(self, key: str, body: bytes) -> bytes:
        """``{"key": ..., "request": ...}``."""
        return b'{"key":' + json.dumps(key).encode("ascii") + b',"request":' + body + b"}\n"

    def upload(self, lines: bytes, *, label: str) -> str:
        """The file's name."""
        config: Any = {"mime_type": "application/jsonl", "display_name": label}
        files = self._client.files
        return str(patiently(label, lambda: files.upload(file=io.BytesIO(lines), config=config), self._retry).name)

    def answers(self, place: str, keys: Collection[str]) -> Iterator[Answer]:
        """One a request: ``{"key": ..., "response": ...}``, or ``"error"`` in its place."""
        for item in json_lines(patiently(place, lambda: self._client.files.download(file=place), self._retry)):
            response = item.get("response")
            answered = isinstance(response, dict)
            why = "" if answered else json.dumps(item.get("error"))
            yield Answer(str(item.get("key", "")), response if answered else None, why)

    def forget(self, job: OpenJob) -> str:
        """A file that is gone already is fine, and none is kept longer than 48 hours."""
        try:
            if job.file:
                once = replace(self._retry, deadline_s=0.0)
                patiently(job.file, lambda: self._client.files.delete(name=job.file), once)
        except BackendError:
            pass
        return ""

    def _place_of(self, job: BatchJob) -> str | None:
        return job.dest.file_name if job.dest else None


class VertexBatches(JobService):
    """Jobs of one project and location of Enterprise/Vertex: files in a bucket.

    The service writes answers in an order of its own and is not known to give back a key; what it repeats is the
    request, with the labels in it. So each request bears a label that says which case it is, in the file and nowhere
    else.
    """

    _by_label = 'display_name="{label}"'

    def __init__(self, client: genai.Client, storage: CloudStorage, place: BucketFolder, retry: RetryPolicy) -> None:
        super().__init__(client, retry)
        self._storage = storage
        self._place = place
        self._served: dict[str, str] | None = None
        self.options = f" --bucket {place.uri('').rstrip('/')}"

    def refusal(self, model: str) -> str:
        """A job takes a model; other calls take the endpoint that serves it; its tuning job knows both."""
        if self._asked(model):
            return ""
        return f"no tuning job of this project and location made {model}, and Vertex takes no endpoint"

    def line(self, key: str, body: bytes) -> bytes:
        """``{"request": ...}`` with our label among its own."""
        request = json.loads(body)
        labels = {**request.get("labels", {}), _LABEL: _tag(key)}
        return json.dumps({"request": {**request, "labels": labels}}).encode("ascii") + b"\n"

    def upload(self, lines: bytes, *, label: str) -> str:
        """The object's URI."""
        return self._storage.upload(lines, self._input(label))

    def answers(self, place: str, keys: Collection[str]) -> Iterator[Answer]:
        """Each line of each file: ``{"status": "", "request": ..., "response": ...}``, ``status`` if it failed."""
        by_tag = {_tag(key): key for key in keys}
        for uri in self._storage.list_uris(f"{place.rstrip('/')}/"):
            if uri.endswith(_END):
                for item in json_lines(self._storage.download(uri)):
                    key = by_tag.get(_tag_of(item))
                    if key is not None:
                        yield _answer(key, item)

    def forget(self, job: OpenJob) -> str:
        """Delete the files, which hold posts; nothing in a bucket is deleted automatically."""
        file = job.file or self._input(job.label)
        try:
            for uri in [file, *self._storage.list_uris(f"{file.removesuffix(_END)}/")]:
                self._storage.delete(uri)
        except BackendError as error:
            return f"{error} Delete it yourself: gcloud storage rm --recursive '{file.removesuffix(_END)}*'"
        return ""

    def _asked(self, model: str) -> str:
        """The model as a job takes it; '' for an endpoint of which that is not known."""
        if "/endpoints/" not in model:
            return model
        if self._served is None:
            tunings = patiently("tuningJobs", lambda: list(self._client.tunings.list()), self._retry)
            tuned = [job.tuned_model for job in tunings if job.tuned_model]
            self._served = {str(one.endpoint): one.model or "" for one in tuned}
        return self._served.get(model, "")

    def _input(self, label: str) -> str:
        return self._place.uri(f"{_FOLDER}/{label}{_END}")

    def _output(self, file: str) -> dict[str, str]:
        return {"dest": file.removesuffix(_END)}  # a folder beside it

    def _place_of(self, job: BatchJob) -> str | None:
        # A job that was ended has written what it had answered by then, whether or not it says where.
        made = job.output_info.gcs_output_directory if job.output_info else None
        return made or (job.dest.gcs_uri if job.dest else None)


def _tag(key: str) -> str:
    # Vertex takes 63 lower-case letters, digits, _ and - in a label. Never change this: open jobs are found by it.
    return hashlib.sha256(key.encode()).hexdigest()[:40]


def _tag_of(item: dict[str, Any]) -> str:
    request = item.get("request")
    labels = request.get("labels") if isinstance(request, dict) else None
    return str(labels.get(_LABEL)) if isinstance(labels, dict) else ""


def _answer(key: str, item: dict[str, Any]) -> Answer:
    status, response = item.get("status"), item.get("response")
    if status or not isinstance(response, dict) or not response:
        return Answer(key, None, str(status or "an empty response"))
    return Answer(key, response)


def json_lines(data: bytes) -> Iterator[dict[str, Any]]:
    """The objects of a file with one per line; what is none answers no request, and that is told of the request."""
    for line in data.split(b"\n"):
        try:
            value = json.loads(line) if line.strip() else None
        except ValueError:
            continue
        if isinstance(value, dict):
            yield value
