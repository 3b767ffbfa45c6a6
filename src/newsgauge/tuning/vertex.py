"""Supervised tuning on Enterprise/Vertex, through google-genai: a JSONL in a bucket, a job, an endpoint.

Which model the tuned variant asks on Enterprise/Vertex, where a model's name does not identify its training set.

Recording: the model that ``newsgauge tune`` wrote down for the training set. Replay: the model that the case was
recorded with, if its line says that it was trained on the training set of this run; else a name that no recording has.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..cassettes.line import Line
from ..cassettes.store import CassetteFile
from ..client.calls import patiently, service_errors
from ..client.cloud_storage import CloudStorage, parse_bucket
from ..client.retry import RetryPolicy
from ..errors import BackendError, GoneError, UsageError
from ..planning.training_set import PLAIN_BASE_MODEL, Recipe, TrainingSet, job_tag, to_jsonl
from .jobs import Checkpoint, Job, JobState, Loss
from .tuned_file import read_tuned

if TYPE_CHECKING:
    from google import genai

BASE_MODEL = PLAIN_BASE_MODEL
ADAPTER_SIZES = {1: "ONE", 2: "TWO", 4: "FOUR", 8: "EIGHT", 16: "SIXTEEN", 32: "THIRTY_TWO"}
_TAG = re.compile(r"newsgauge-[0-9a-f]{12}$")
_LABEL = "newsgauge"
#: What the service calls the curves of a job, in its experiment's TensorBoard.
_TRAINING, _VALIDATION = "/train_total_loss", "/eval_total_loss"
_STATES = {
    "JOB_STATE_SUCCEEDED": JobState.SUCCEEDED,
    "JOB_STATE_PARTIALLY_SUCCEEDED": JobState.SUCCEEDED,
    "JOB_STATE_FAILED": JobState.FAILED,
    "JOB_STATE_EXPIRED": JobState.FAILED,
    "JOB_STATE_CANCELLED": JobState.CANCELLED,
    "JOB_STATE_CANCELLING": JobState.CANCELLED,
    "JOB_STATE_RUNNING": JobState.RUNNING,
    "JOB_STATE_UPDATING": JobState.RUNNING,
}


@dataclass(frozen=True)
class VertexTuning:
    """The `TuningService` of one project and location. ``bucket`` is only needed to start a job."""

    client: genai.Client
    project: str
    base_url: str | None
    bucket: str | None
    retry: RetryPolicy
    #: The options by which other commands reach it.
    reach: str

    def jobs(self) -> list[Job]:
        """All tuning jobs of the project and location, oldest first."""
        found = patiently("tuningJobs", lambda: list(self.client.tunings.list()), self.retry)
        return sorted((_read(job) for job in found), key=lambda job: job.created)

    def job(self, name: str) -> Job:
        """One job, with the losses of its experiment; without them while they cannot be read."""
        job = _read(patiently(name, lambda: self.client.tunings.get(name=name), self.retry))
        try:
            curves = self._curves(job) if job.losses_elsewhere else {}
        except (BackendError, ValueError, LookupError, AttributeError, TypeError):
            return job  # whoever may tune may not always read experiments; the next poll asks again
        return replace(job, losses=curves.get(_TRAINING, ()), validation=curves.get(_VALIDATION, ()))

    def _curves(self, job: Job) -> dict[str, tuple[Loss, ...]]:
        """The series of a job's training, by what the service calls them. It numbers steps, and tells no epochs."""
        board = self._get(job.losses_elsewhere).get("metadata", {}).get("backing_tensorboard_resource")
        runs = self._get(f"{board}/experiments/{job.losses_elsewhere.rpartition('/')[2]}/runs") if board else {}
        pages = [self._get(f"{run['name']}/timeSeries") for run in runs.get("tensorboardRuns", ())]
        curves = {}
        for series in (one for page in pages for one in page.get("tensorboardTimeSeries", ())):
            if series.get("displayName") in (_TRAINING, _VALIDATION):
                data = self._get(f"{series['name']}:read?maxDataPoints=10000")["timeSeriesData"]
                points = sorted((int(one.get("step", 0)), one["scalar"].get("value", 0.0)) for one in data["values"])
                curves[series["displayName"]] = tuple(
                    Loss(step, -(-step * job.n_epochs // max(1, job.n_steps)), loss) for step, loss in points
                )
        return curves

    def _get(self, name: str) -> Any:
        """A resource that the SDK has no method for, as JSON."""
        with service_errors(name):
            return json.loads(self.client._api_client.request("get", name, {}).body or "{}")

    def start(self, training: TrainingSet, recipe: Recipe, *, display_name: str) -> Job:
        """Upload the training file and start the job."""
        tag = job_tag(training, recipe)
        folder, storage = parse_bucket(self.bucket), CloudStorage(self.project, self.base_url)
        uri = storage.upload(to_jsonl(training.examples), folder.uri(f"{tag}.jsonl"))
        config: dict[str, Any] = {
            "tuned_model_display_name": f"{display_name} {tag}",
            "labels": {_LABEL: tag},
            "epoch_count": training.tuning.epochs,
        }
        if training.validation:
            place = folder.uri(f"{tag}-validation.jsonl")
            config["validation_dataset"] = {"gcs_uri": storage.upload(to_jsonl(training.validation), place)}
        if recipe.learning_rate_multiplier is not None:
            config["learning_rate_multiplier"] = recipe.learning_rate_multiplier
        if recipe.adapter_size is not None:
            config["adapter_size"] = f"ADAPTER_SIZE_{ADAPTER_SIZES[recipe.adapter_size]}"
        # Asked once: a job costs money, and one whose answer got lost is found by its tag on the next try.
        with service_errors("tuningJobs"), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The SDK's tuning implementation is experimental")  # known, and pinned
            job = self.client.tunings.tune(
                base_model=recipe.base_model,
                training_dataset={"gcs_uri": uri},
                config=config,
            )
        return _read(job)

    def answers(self, model: str) -> bool:
        """Ask the endpoint for one token; not found: it was deleted, and its job is still listed."""
        ask = self.client.models.generate_content
        try:
            patiently(model, lambda: ask(model=model, contents="?", config={"max_output_tokens": 1}), self.retry)
        except GoneError:
            return False
        return True

    def cancel(self, name: str) -> str:
        """Ask the service to end the job."""
        job = self.job(name)
        if job.state.ended:
            raise UsageError(f"tune cancel: {name} has {job.state} already")
        patiently(name, lambda: self.client.tunings.cancel(name=name), self.retry)
        return f"{name}: cancelled"

    def delete(self, name: str) -> str:
        """The service keeps jobs for its records, and the SDK deletes no endpoint: says what does."""
        job = self.job(name)
        if not job.state.ended:
            first = f"newsgauge tune cancel {name}{self.reach}"
            raise UsageError(f"tune delete: {name} is {job.state}; cancel it first: {first}")
        if not job.model:
            return f"{name}: {job.state} without a model; Vertex keeps the job itself for its records"
        _, project, _, region, _, endpoint = job.model.split("/")
        return (
            f"{name}: newsgauge has forgotten its model. Vertex keeps the job; the endpoint is deleted with "
            f"'gcloud ai endpoints delete {endpoint} --project {project} --region {region}', its model with "
            f"'gcloud ai models delete', likewise"
        )


def _at(value: Any, *names: str) -> Any:
    """What stands there; None where something on the way is not set."""
    for name in names:
        value = getattr(value, name, None)
    return value


def _read(job: Any) -> Job:
    state = job.state.value if job.state else ""
    display_name = job.tuned_model_display_name or ""
    match = _TAG.search(display_name)
    error = f"{job.error.code or ''} {job.error.message or job.error}".strip() if job.error else ""
    return Job(
        name=job.name or "",
        display_name=display_name,
        tag=(job.labels or {}).get(_LABEL) or (match[0] if match else ""),
        state=_STATES.get(state, JobState.QUEUED),
        created=job.create_time.isoformat() if job.create_time else "",
        base_model=job.base_model or "",
        model=_at(job, "tuned_model", "endpoint") or "",
        n_steps=int(_at(job, "tuning_data_stats", "supervised_tuning_data_stats", "tuning_step_count") or 0),
        n_epochs=int(_at(job, "supervised_tuning_spec", "hyper_parameters", "epoch_count") or 0),
        losses_elsewhere=job.experiment or "",
        checkpoints=tuple(
            Checkpoint(one.checkpoint_id or "", one.epoch or 0, one.step or 0, one.endpoint or "")
            for one in _at(job, "tuned_model", "checkpoints") or ()
        ),
        error=error,
    )


_PLACE = "/locations/-/"
_HERE = "projects/replay/locations/us-central1"  # what a replay's client says; recordings leave both out


def model_to_record(path: Path, corpus: str, training: TrainingSet, *, options: str = "") -> tuple[str, dict[str, str]]:
    """The model of ``.newsgauge/tuned.json``, and its provenance. Raises `UsageError` if there is none.

    ``options`` choose the corpus of this run, for the command that gets the model.
    """
    entry = read_tuned(path).get(f"vertex/{corpus}/{training.digest}")
    if entry is None:
        raise UsageError(
            f"--backend vertex: {path} knows no tuned model of training set {training.digest} ({corpus}). Get it: "
            f"newsgauge tune --backend vertex{options} --bucket gs://BUCKET, or leave the tuned variant out "
            "with --variants"
        )
    provenance = {"training": training.digest}
    if entry.fallback_for:
        provenance["stands_in_for"] = entry.fallback_for.rpartition("/")[2]  # the rest names the project
    return entry.model, provenance


def recorded_model(line: Line | None, training: TrainingSet) -> str:
    """The model that the case was recorded with; if that was trained on something else, a name that says so."""
    if line is None or line.provenance.get("training") != training.digest:
        return f"{_HERE}/endpoints/trained-on-{training.digest}"
    return f"{_HERE}/{line.path.partition(_PLACE)[2].rpartition(':')[0]}"


def stand_in_note(variant: str, file: CassetteFile, post_ids: Iterable[str]) -> str:
    """'' if every recorded answer is the tuned model's own."""
    lines = [line for post_id in post_ids if (line := file.read(post_id)) is not None]
    models = {line.provenance["model"] for line in lines if "stands_in_for" in line.provenance}
    return f"{variant}: {', '.join(sorted(models))} answered for a job that did not end in time" if models else ""
