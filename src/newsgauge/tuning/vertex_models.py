"""Which model the tuned variant asks on Enterprise/Vertex, where a model's name does not tell what it was trained on.

Recording: the model that ``newsgauge tune`` wrote down for the training set. Replay: the model that the case was
recorded with, if its line says that it was trained on the training set of this run; else a name that no recording has.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..cassettes.line import Line
from ..cassettes.store import CassetteFile
from ..errors import UsageError
from ..planning.training_set import TrainingSet
from .tuned_file import read_tuned

_PLACE = "/locations/-/"
_HERE = "projects/replay/locations/us-central1"  # what a replay's client says; recordings leave both out


def model_to_record(path: Path, corpus: str, training: TrainingSet, *, options: str = "") -> tuple[str, dict[str, str]]:
    """The model of ``.newsgauge/tuned.json``, and its provenance. Raises `UsageError` where there is none.

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
    """The model that the case was recorded with; where that was trained on something else, a name that says so."""
    if line is None or line.provenance.get("training") != training.digest:
        return f"{_HERE}/endpoints/trained-on-{training.digest}"
    return f"{_HERE}/{line.path.partition(_PLACE)[2].rpartition(':')[0]}"


def stand_in_note(variant: str, file: CassetteFile, post_ids: Iterable[str]) -> str:
    """'' where every recorded answer is the tuned model's own."""
    lines = [line for post_id in post_ids if (line := file.read(post_id)) is not None]
    models = {line.provenance["model"] for line in lines if "stands_in_for" in line.provenance}
    return f"{variant}: {', '.join(sorted(models))} stands in for a job that did not end in time" if models else ""
