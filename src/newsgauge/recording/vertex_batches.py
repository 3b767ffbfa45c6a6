"""Jobs of Enterprise/Vertex: JSON lines in a bucket in, a job's name out; later its state, and answers from the bucket.

The service writes answers in an order of its own and is not known to give back a key; what it repeats is the request,
with the labels in it. So each request bears a label that says which case it is, in the file and nowhere else.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

from ..client.cloud_storage import BucketFolder, CloudStorage
from ..client.retry import RetryPolicy
from ..errors import BackendError
from .batch_jobs import Answer, JobStatus, SdkJobs, json_lines
from .open_jobs import OpenJob

if TYPE_CHECKING:
    from google import genai
    from google.genai.types import BatchJob

_LABEL = "newsgauge_case"
_FOLDER = "newsgauge/batches"
_END = ".jsonl"


class VertexBatches:
    """The `JobService` of one project and location."""

    def __init__(self, client: genai.Client, storage: CloudStorage, place: BucketFolder, retry: RetryPolicy) -> None:
        self._client = client
        self._jobs = SdkJobs(client, retry, by_label='display_name="{label}"')
        self._storage = storage
        self._place = place
        self._served: dict[str, str] | None = None

    @property
    def options(self) -> str:
        """The bucket."""
        return f" --bucket {self._place.uri('').rstrip('/')}"

    def refusal(self, model: str) -> str:
        """A job takes a model, where other calls take the endpoint that serves it; its tuning job knows both."""
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

    def submit(self, model: str, file: str, *, label: str) -> str:
        """The job's name; it will write into a folder beside the file."""
        return self._jobs.start(self._asked(model), file, {"display_name": label, "dest": file.removesuffix(_END)})

    def find(self, label: str) -> str | None:
        """The service filters."""
        return self._jobs.find(label)

    def status(self, name: str) -> JobStatus:
        """The answers are in a folder that the job has made, below the one that it was given."""
        return self._jobs.status(name, _place)

    def answers(self, place: str, keys: Collection[str]) -> Iterator[Answer]:
        """Each line of each file: ``{"status": "", "request": ..., "response": ...}``, ``status`` where it failed."""
        by_tag = {_tag(key): key for key in keys}
        for uri in self._storage.list_uris(f"{place.rstrip('/')}/"):
            if uri.endswith(_END):
                for item in json_lines(self._storage.download(uri)):
                    key = by_tag.get(_tag_of(item))
                    if key is not None:
                        yield _answer(key, item)

    def forget(self, job: OpenJob) -> str:
        """Nothing in a bucket goes by itself, and these files hold posts."""
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
            tunings = self._jobs.call("tuningJobs", lambda: list(self._client.tunings.list()))
            tuned = [job.tuned_model for job in tunings if job.tuned_model]
            self._served = {str(one.endpoint): one.model or "" for one in tuned}
        return self._served.get(model, "")

    def _input(self, label: str) -> str:
        return self._place.uri(f"{_FOLDER}/{label}{_END}")


def _place(job: BatchJob) -> str | None:
    # A job that was ended has written what it had answered by then, whether or not it says where.
    made = job.output_info.gcs_output_directory if job.output_info else None
    return made or (job.dest.gcs_uri if job.dest else None)


def _tag(key: str) -> str:
    # Vertex takes lower-case letters, digits, _ and - in a label, 63 at most.
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
