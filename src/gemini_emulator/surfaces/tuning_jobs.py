"""``tuningJobs`` of the Enterprise surface: create from a JSONL in a bucket, get, list, cancel."""

from __future__ import annotations

from typing import Any

from ..call import Call
from ..models.training_job import (
    EXAMPLES,
    FAILED,
    KIND,
    SUCCEEDED,
    VALIDATION,
    Settings,
    new_document,
    pack_examples,
    read_settings,
)
from ..models.tuned_model import Example, TrainingError
from ..service import Service
from ..wire.messages import TUNING_JOB
from ..wire.model_names import check_model
from ..wire.paging import page
from . import storage
from .training_file import read_training_file

_SPEC = "supervisedTuningSpec"
#: What the names of experiments begin with, the number of their job after it.
EXPERIMENT = "tuning-experiment-"


async def create(service: Service, call: Call) -> dict[str, Any]:
    """``POST tuningJobs``: reads the training file as it is now, and queues the training.

    A file that is missing or damaged is no error of this call: the job is there and has failed, with the
    reason.
    """
    request = call.message(TUNING_JOB)
    check_model(request["baseModel"].removeprefix("publishers/google/models/").removeprefix("models/"))
    spec = request[_SPEC]
    settings = read_settings(spec.get("hyperParameters", {}))
    name = f"{call.parent}/tuningJobs/{service.state.next_number()}"
    examples, reason = _read(service, spec["trainingDatasetUri"])
    validation: list[Example] = []
    if "validationDatasetUri" in spec and not reason:
        validation, reason = _read(service, spec["validationDatasetUri"])
    document = _new(name, request, settings, examples)
    if reason:
        document |= {
            "state": FAILED,
            "error": {"code": 3, "message": reason},
            "endTime": document["createTime"],
        }
    blobs = {EXAMPLES: pack_examples(examples), VALIDATION: pack_examples(validation)}
    service.state.create(KIND, name, document, blobs=blobs)
    if not reason:
        service.trainer.submit(name)
    return _show(document)


async def get(service: Service, call: Call) -> dict[str, Any]:
    """``GET tuningJobs/ID``."""
    return _show(service.trainer.progress(_find(service, call)))


async def list_all(service: Service, call: Call) -> dict[str, Any]:
    """``GET tuningJobs``, newest last."""
    jobs = service.state.list(KIND, prefix=f"{call.parent}/tuningJobs/")
    result = page(jobs, call.query, key="tuningJobs")
    return result | {"tuningJobs": [_show(service.trainer.progress(job)) for job in result["tuningJobs"]]}


async def cancel(service: Service, call: Call) -> dict[str, Any]:
    """``POST tuningJobs/ID:cancel``; a finished job stays as it is."""
    service.trainer.cancel(_find(service, call)["name"])
    return {}


def job_of_endpoint(call: Call) -> str:
    """The name of the job whose model an endpoint serves."""
    return f"{call.parent}/tuningJobs/{call.params['endpoint']}"


def _find(service: Service, call: Call) -> dict[str, Any]:
    return service.find(KIND, f"{call.parent}/tuningJobs/{call.params['job']}")


def _read(service: Service, uri: str) -> tuple[list[Example], str]:
    data = storage.read(service, *storage.split_uri(uri, field=f"{_SPEC}.trainingDatasetUri"))
    if data is None:
        return [], f"{uri} does not exist; upload it with a storage client that points here"
    try:
        return read_training_file(data, uri), ""
    except TrainingError as error:
        return [], str(error)


def _new(name: str, request: dict[str, Any], settings: Settings, examples: list[Example]) -> dict[str, Any]:
    shown = ("baseModel", "tunedModelDisplayName", "description", "labels", _SPEC)
    about = {key: request[key] for key in shown if key in request}
    return new_document(name, settings=settings, examples=len(examples), about=about)


def _show(job: dict[str, Any]) -> dict[str, Any]:
    keys = ("createTime", "startTime", "endTime", "updateTime", "error")
    shown = {"name": job["name"], "state": f"JOB_STATE_{job['state']}", **job["about"]}
    shown |= {key: job[key] for key in keys if key in job}
    stats = {"tuningDatasetExampleCount": str(job["examples"]), "tuningStepCount": str(job["totalSteps"])}
    shown["tuningDataStats"] = {"supervisedTuningDataStats": stats}
    parent, _, number = job["name"].partition("/tuningJobs/")
    shown["experiment"] = f"{parent}/metadataStores/default/contexts/{EXPERIMENT}{number}"
    if job["state"] == SUCCEEDED:
        endpoint = f"{parent}/endpoints/{number}"
        shown["tunedModel"] = {"model": f"{parent}/models/{number}@1", "endpoint": endpoint}
        shown["tunedModelDisplayName"] = job["about"].get("tunedModelDisplayName", "")
    return shown
