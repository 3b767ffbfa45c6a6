"""A request to tune, from either surface: examples, settings, and the document of how far it got."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from ..wire.api_errors import invalid
from ..wire.json_fields import now
from .tuned_model import Example

KIND = "training"
EXAMPLES = "examples"
VALIDATION = "validation"  # examples that are measured on, and not learnt from
ARRAYS = "arrays-2"  # of a model that has vectors beside words; models of earlier versions are trained again
SNAPSHOTS = "snapshots"  # apart from the document, which every prediction reads
QUEUED, RUNNING, SUCCEEDED, FAILED, CANCELLED = "QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"
FINISHED = (SUCCEEDED, FAILED, CANCELLED)
_DEFAULT_EPOCHS, _DEFAULT_BATCH, _DEFAULT_RATE = 5, 16, 0.001
_MOST_STEPS = 1_000_000


@dataclass(frozen=True, slots=True)
class Settings:
    """How to train; the fields are `tuned_model.train`'s."""

    epochs: int = _DEFAULT_EPOCHS
    batch_size: int = _DEFAULT_BATCH
    learning_rate: float = _DEFAULT_RATE


def read_settings(hyper: dict[str, Any]) -> Settings:
    """From the service's hyperparameters; ``learningRateMultiplier`` scales the default rate of 0.001.

    Values that cannot train are no error here: the job fails and says why, as on the service.
    """
    if "learningRate" in hyper and "learningRateMultiplier" in hyper:
        raise invalid("learningRate and learningRateMultiplier cannot both be set", field="hyperparameters")
    rate = hyper.get("learningRate", _DEFAULT_RATE * hyper.get("learningRateMultiplier", 1.0))
    return Settings(
        epochs=hyper.get("epochCount", _DEFAULT_EPOCHS),
        batch_size=hyper.get("batchSize", _DEFAULT_BATCH),
        learning_rate=rate,
    )


def count_steps(settings: Settings, examples: int) -> int:
    """Batches over all epochs; 0 if the settings cannot train."""
    if settings.epochs < 1 or settings.batch_size < 1:
        return 0
    return min(settings.epochs * -(-examples // settings.batch_size), _MOST_STEPS)


def new_document(name: str, *, settings: Settings, examples: int, about: dict[str, Any]) -> dict[str, Any]:
    """A queued job. ``about`` is what its surface wants to show again."""
    time = now()
    return {
        "name": name,
        "state": QUEUED,
        "settings": asdict(settings),
        "examples": examples,
        "totalSteps": count_steps(settings, examples),
        "createTime": time,
        "updateTime": time,
        "snapshots": [],
        "about": about,
    }


def pack_examples(examples: list[Example]) -> bytes:
    """Examples as JSON, for the state."""
    return json.dumps([[example.text, example.output] for example in examples]).encode("ascii")


def unpack_examples(data: bytes) -> list[Example]:
    """The examples of `pack_examples`, in their order."""
    return [Example(text, output) for text, output in json.loads(data)]
