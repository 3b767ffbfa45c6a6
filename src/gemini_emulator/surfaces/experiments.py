"""The losses of a tuning job as Vertex keeps them: in an experiment, which names a TensorBoard with a run of series."""

from __future__ import annotations

from typing import Any

from ..call import Call
from ..models.training_job import KIND
from ..service import Service
from ..wire.api_errors import not_found
from ..wire.paging import page
from .tuning_jobs import EXPERIMENT

_RUN = "run"
#: Identifiers of the series, what the service calls them, and where a snapshot has their value.
_SERIES = {
    "1": ("/train_total_loss", "meanLoss"),
    "2": ("/eval_total_loss", "validationLoss"),
}


async def context(service: Service, call: Call) -> dict[str, Any]:
    """``GET metadataStores/default/contexts/EXPERIMENT``."""
    _job(service, call)
    name = f"{call.parent}/metadataStores/default/contexts/{call.params['experiment']}"
    board = f"{call.parent}/tensorboards/{call.params['experiment'].removeprefix(EXPERIMENT)}"
    return {"name": name, "schemaTitle": "system.Experiment", "metadata": {"backing_tensorboard_resource": board}}


async def runs(service: Service, call: Call) -> dict[str, Any]:
    """``GET .../experiments/EXPERIMENT/runs``."""
    _job(service, call)
    return page([{"name": f"{_experiment(call)}/runs/{_RUN}", "displayName": _RUN}], call.query, key="tensorboardRuns")


async def series(service: Service, call: Call) -> dict[str, Any]:
    """``GET .../runs/RUN/timeSeries``: those that have points."""
    job = _job(service, call)
    found = [
        {"name": f"{_experiment(call)}/runs/{_RUN}/timeSeries/{id_}", "displayName": shown, "valueType": "SCALAR"}
        for id_, (shown, key) in _SERIES.items()
        if any(key in snapshot for snapshot in job["snapshots"])
    ]
    return page(found, call.query, key="tensorboardTimeSeries")


async def read(service: Service, call: Call) -> dict[str, Any]:
    """``GET .../timeSeries/ID:read``."""
    job, id_ = _job(service, call), call.params["series"]
    if id_ not in _SERIES:
        raise not_found(f"timeSeries/{id_[:100]}")
    _, key = _SERIES[id_]
    values = [
        {"step": str(one["step"]), "wallTime": one["computeTime"], "scalar": {"value": one[key]}}
        for one in job["snapshots"]
        if key in one
    ]
    return {"timeSeriesData": {"tensorboardTimeSeriesId": id_, "valueType": "SCALAR", "values": values}}


def _job(service: Service, call: Call) -> dict[str, Any]:
    number = call.params["experiment"].removeprefix(EXPERIMENT)
    return service.trainer.progress(service.find(KIND, f"{call.parent}/tuningJobs/{number}"))


def _experiment(call: Call) -> str:
    return f"{call.parent}/tensorboards/{call.params['board']}/experiments/{call.params['experiment']}"
