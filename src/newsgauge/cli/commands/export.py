"""``newsgauge export mlflow``: logs a finished run to an MLflow server. A results folder in, runs of MLflow out.

One MLflow run per run of newsgauge, with its verdict and its files; under it one per variant, with what it asked and
its numbers, so that MLflow's own tables and plots compare variants. No text of a post is sent.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import os
import time
from typing import TYPE_CHECKING, Any

from ..._util.secrets import hide_secrets
from ...errors import UsageError
from ...results.run_folder import RunFolder, interval_95, load_run

if TYPE_CHECKING:
    from mlflow import MlflowClient

#: The files of a run that hold no text of a post.
_FILES = ("results.csv", "scoreboard.json", "gates.json", "tokens.json", "flips.csv", "plan.json", "summary.md")
#: MLflow's tag by which a run that was logged before is found again, and the one that makes a run another's child.
_LOGGED, _PARENT = "newsgauge.run", "mlflow.parentRunId"
_COUNTS = ("n", "n_planned", "n_correct", "n_errors", "n_off_list")
_TOKENS = ("input", "cached", "output", "thinking")


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of ``newsgauge export``."""
    parser.description = (
        "Log a finished run to an MLflow server: its verdict and its files as one run, and each variant "
        "with its model, prompt digest, scores, tokens and cost as a run under it. Texts are not sent. A run "
        "that is there already is not logged twice. Needs the extra: pip install 'newsgauge[mlflow]'."
    )
    parser.add_argument("service", choices=("mlflow",), help="where to")
    parser.add_argument(
        "run",
        metavar="RUN",
        nargs="?",
        default=".newsgauge/results",
        help="folder of results of pytest evals or of newsgauge merge (default: %(default)s)",
    )
    parser.add_argument("--tracking-uri", metavar="URI", help="the server (default: the variable MLFLOW_TRACKING_URI)")
    parser.add_argument(
        "--experiment",
        metavar="NAME",
        help="its experiment, made if it is not there (default: the variable MLFLOW_EXPERIMENT_NAME, else newsgauge)",
    )


def handle(options: argparse.Namespace) -> int:
    """Log the run; 0, also if it was there. Raises `UsageError`."""
    run = load_run(options.run)
    uri = options.tracking_uri or os.environ.get("MLFLOW_TRACKING_URI")
    if not uri:
        raise UsageError("--tracking-uri: expected the address of an MLflow server, such as http://127.0.0.1:5000")
    # A missing server is reported within seconds, not after MLflow's usual seven tries.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    try:
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
    except ImportError:
        raise UsageError("export mlflow needs MLflow's client: pip install 'newsgauge[mlflow]'") from None
    experiment = options.experiment or os.environ.get("MLFLOW_EXPERIMENT_NAME") or "newsgauge"
    try:
        told = _log(MlflowClient(uri), experiment, run)
    except MlflowException as error:
        first = hide_secrets(str(error)).strip().splitlines()[0]
        raise UsageError(f"--tracking-uri {hide_secrets(uri)}: MLflow could not take the run: {first}") from None
    print(f"newsgauge: {told}, in experiment {experiment!r} of {hide_secrets(uri)}")
    return 0


def _log(client: MlflowClient, experiment: str, run: RunFolder) -> str:
    found = client.get_experiment_by_name(experiment)
    place = client.create_experiment(experiment) if found is None else found.experiment_id
    mark = hashlib.sha256((run.path / "gates.json").read_bytes()).hexdigest()[:16]
    for earlier in client.search_runs([place], f"tags.`{_LOGGED}` = '{mark}'"):
        if earlier.info.status == "FINISHED":
            return f"{run.path} was logged before, as run {earlier.info.run_id}"
        _delete(client, place, earlier.info.run_id)  # it was interrupted
    tags = {
        _LOGGED: mark,
        "newsgauge.verdict": str(run.gates["verdict"]),
        "newsgauge.headline": str(run.gates["headline"]),
        **{f"newsgauge.{name}": value for name, value in run.made_by.items()},
    }
    name = f"{run.run['backend']} on {run.texts}"
    parent = client.create_run(place, tags=tags, run_name=name).info.run_id
    counts = {key: run.gates[key] for key in ("n_gates", "n_passed", "n_cases", "n_failed")}
    _keep(client, parent, {key: value for key, value in run.run.items() if key != "variants"}, counts)
    for variant in run.variants:
        child = client.create_run(place, tags={_PARENT: parent}, run_name=variant).info.run_id
        _keep(client, child, _asked(run, variant), _numbers(run, variant))
        client.set_terminated(child)
    for file in _FILES:
        if (run.path / file).is_file():
            client.log_artifact(parent, str(run.path / file))
    client.set_terminated(parent)
    return f"{run.path} is logged as run {parent}, with {len(run.variants)} variants under it"


def _delete(client: MlflowClient, place: str, run_id: str) -> None:
    for child in client.search_runs([place], f"tags.`{_PARENT}` = '{run_id}'"):
        client.delete_run(child.info.run_id)
    client.delete_run(run_id)


def _asked(run: RunFolder, variant: str) -> dict[str, Any]:
    return {
        "variant": variant,
        "model_versions": ", ".join(run.scores[variant]["model_versions"]),
        "prompt_digest": run.prompt_digests.get(variant),
        "trained_on": run.trained_on.get(variant),
    }


def _numbers(run: RunFolder, variant: str) -> dict[str, Any]:
    score = run.scores[variant]
    low, high = interval_95(score)
    tokens = (run.tokens or {}).get("variants", {}).get(variant, {})
    return {
        **{name: score.get(name) for name in (*_COUNTS, "accuracy", "macro_f1")},
        "accuracy_low": low,
        "accuracy_high": high,
        **{f"{name}_tokens_mean": tokens[name]["mean"] for name in _TOKENS if name in tokens},
        "usd_per_1000_posts": tokens.get("cost", {}).get("usd_per_1000_posts"),
    }


def _keep(client: MlflowClient, run_id: str, params: dict[str, Any], metrics: dict[str, Any]) -> None:
    """In one call. What is not known or could not be computed is left out."""
    from mlflow.entities import Metric, Param

    now = int(time.time() * 1000)
    client.log_batch(
        run_id,
        params=[Param(name, str(value)) for name, value in params.items() if value is not None],
        metrics=[
            Metric(name, float(value), now, 0)
            for name, value in metrics.items()
            if value is not None and not math.isnan(value)
        ],
    )
