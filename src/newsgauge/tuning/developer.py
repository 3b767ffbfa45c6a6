"""Tuning on the Developer API as it was, which the embedded backend still speaks; plain HTTP.

google-genai 1.x sent these requests; later SDKs drop inline examples without a word.
"""

from __future__ import annotations

import re
from typing import Any

from ..client.retry import RetryPolicy, call_patiently
from ..client.service_errors import broken_body, broken_transport, refusal
from ..errors import BackendError, UsageError
from ..planning.training_set import Recipe, TrainingSet, job_tag
from .jobs import IS_TAKEN, Job, JobState, Loss, watch

_TAG = re.compile(r"tunedModels/(newsgauge-[0-9a-f]{12})(?:-\d+)?")
_STATES = {"ACTIVE": JobState.SUCCEEDED, "FAILED": JobState.FAILED}
_WAIT_S = 300.0


class DeveloperTuning:
    """The `TuningService` of one embedded server. A job and its model are one thing here: ``tunedModels/ID``.

    ``reach``: the options by which other commands reach it.
    """

    def __init__(self, base_url: str, *, retry: RetryPolicy | None = None, reach: str = "") -> None:
        self._base_url, self._reach = base_url.rstrip("/"), reach
        # A server of this machine that does not listen is not there.
        self._retry = retry or RetryPolicy(unreachable_deadline_s=2.0)

    def jobs(self) -> list[Job]:
        """All tuned models, oldest first."""
        jobs, token = [], ""
        while True:
            page = self._call("GET", "tunedModels", params={"pageSize": 100, **({"pageToken": token} if token else {})})
            jobs += [_read(model) for model in page.get("tunedModels", ())]
            token = page.get("nextPageToken", "")
            if not token:
                return jobs

    def job(self, name: str) -> Job:
        """One tuned model, with its losses so far."""
        model = self._call("GET", name)
        operations = self._call("GET", f"{name}/operations").get("operations", ())
        return _read(model, n_steps=operations[0]["metadata"]["totalSteps"] if operations else 0)

    def model(self, name: str) -> Job:
        """A tuned model from a single request: with its losses, but without the total number of steps."""
        return _read(self._call("GET", name))

    def start(self, training: TrainingSet, recipe: Recipe, *, display_name: str) -> Job:
        """Send the examples inline. The first job of a tag is called ``tunedModels/<tag>``, others get a number."""
        tag = job_tag(training, recipe)
        taken = {job.name.partition("/")[2] for job in self.jobs()}
        number = next(number for number in range(1, len(taken) + 2) if _numbered(tag, number) not in taken)
        body = _body(training, recipe, display_name)
        self._call("POST", "tunedModels", params={"tunedModelId": _numbered(tag, number)}, json=body)
        return self.job(f"tunedModels/{_numbered(tag, number)}")

    def answers(self, model: str) -> bool:
        """Always: a job and its model are one thing here, and are listed as long as they are there."""
        return True

    def cancel(self, name: str) -> str:
        """This API ends a job by deleting it, so an ended one is left alone."""
        job = self.job(name)
        if job.state.ended:
            removes = f"'newsgauge tune delete {name}{self._reach}' removes it"
            raise UsageError(f"tune cancel: {name} has {job.state} already; {removes}")
        self._call("DELETE", name)
        return f"{name}: cancelled; on this API nothing of a cancelled job is left"

    def delete(self, name: str) -> str:
        """Delete the model, and end its training if that still runs."""
        self._call("DELETE", name)
        return f"{name}: deleted"

    def _call(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        import httpx2

        def ask() -> dict[str, Any]:
            url = f"{self._base_url}/v1beta/{path}"
            try:
                response = httpx2.request(method, url, timeout=120.0, trust_env=False, **arguments)
                body = response.json()
            except httpx2.TransportError as error:
                raise broken_transport(f"{path} at {self._base_url}", error) from None
            except httpx2.InvalidURL as error:
                raise UsageError(f"--base-url {self._base_url}: {error}") from None
            except ValueError as error:
                raise broken_body(path, error) from None
            if response.status_code != 200:
                raise refusal(path, response.status_code, None, None, body)
            return dict(body)

        return call_patiently(ask, self._retry)


def ensure_tuned(base_url: str, training: TrainingSet) -> None:
    """Have the embedded backend hold ``training.model``: train it unless it is there, and wait until it is.

    Raises `BackendError` if training fails or takes longer than five minutes.
    """
    service = DeveloperTuning(base_url)
    if training.model not in {job.name for job in service.jobs()}:
        try:
            service.start(training, Recipe(), display_name="text classification")
        except BackendError as error:
            if error.status != IS_TAKEN:  # another client has just started it
                raise
    job = watch(lambda: service.job(training.model), max_wait_s=_WAIT_S)
    if job.state is JobState.FAILED:
        raise BackendError(f"{training.model}: training failed: {job.error or 'no reason given'}")
    if not job.state.ended:
        raise BackendError(f"{training.model}: still {job.state} after {_WAIT_S:.0f} s")


def _numbered(tag: str, number: int) -> str:
    return tag if number == 1 else f"{tag}-{number}"


def _body(training: TrainingSet, recipe: Recipe, display_name: str) -> dict[str, Any]:
    return {
        "baseModel": recipe.base_model,
        "displayName": display_name,
        "tuningTask": {
            "hyperparameters": {
                "epochCount": training.tuning.epochs,
                "batchSize": training.tuning.batch_size,
                "learningRate": training.tuning.learning_rate,
            },
            "trainingData": {
                "examples": {"examples": [{"textInput": post.text, "output": post.label} for post in training.examples]}
            },
        },
    }


def _read(model: dict[str, Any], *, n_steps: int = 0) -> Job:
    task = model.get("tuningTask", {})
    match = _TAG.fullmatch(model["name"])
    waiting = JobState.RUNNING if "startTime" in task else JobState.QUEUED
    return Job(
        name=model["name"],
        display_name=model.get("displayName", ""),
        tag=match[1] if match else "",
        state=_STATES.get(model["state"], waiting),
        created=model["createTime"],
        base_model=model["baseModel"],
        model=model["name"],
        n_steps=n_steps,
        losses=tuple(Loss(point["step"], point["epoch"], point["meanLoss"]) for point in task.get("snapshots", ())),
        error=str(model.get("error", {}).get("message", "")),
    )
