"""The parts of one server, and the one way to get an answer from either model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from .faults.faults import FaultPlan
from .models.answering import BaseVoice, TunedVoice
from .models.generation import generate
from .models.predictor import Predictor
from .models.prompt import read_prompt
from .models.trainer import Trainer
from .models.training_job import ARRAYS, KIND, SUCCEEDED
from .models.word_vectors import check_installed
from .state import State
from .surfaces.uploads import Uploads
from .wire.api_errors import not_found, not_ready
from .wire.messages import GENERATE_REQUEST

T = TypeVar("T")
_LONG = 50_000  # characters: what takes more than a few milliseconds is read in a thread


@dataclass
class Service:
    """State, trainer and predictor, which start and stop together."""

    state: State
    trainer: Trainer
    predictor: Predictor
    uploads: Uploads = field(default_factory=Uploads)
    faults: FaultPlan = field(default_factory=FaultPlan)

    @classmethod
    def open(cls, folder: Path | None = None) -> Service:
        """With the state of ``folder``, or in memory. Raises `StartError`, `ModuleNotFoundError`."""
        check_installed()
        state = State(folder)

        def load(key: str) -> bytes | None:
            return state.blob(KIND, key.partition("\n")[0], ARRAYS)

        return cls(state, Trainer(state), Predictor(load))

    def close(self) -> None:
        """Stop the trainer and close the state."""
        self.trainer.stop()
        self.state.close()

    def find(self, kind: str, name: str, *, shown: str = "") -> dict[str, Any]:
        """What is kept under that name; ``shown`` is what its surface calls it, else the same. Raises 404."""
        document = self.state.get(kind, name)
        if document is None:
            raise not_found(shown or name)
        return document

    async def ask_base(self, model: str, request: dict[str, Any]) -> dict[str, Any]:
        """The base model's answer to a checked request; ``model`` is the name it is asked under."""
        return await _aside(request, lambda: _ask_base(model, request))

    async def ask_tuned(self, name: str, request: dict[str, Any], *, shown: str) -> dict[str, Any]:
        """A tuned model's answer; ``shown`` is what its surface calls it. Raises 404, 400 while not ready."""
        return await _aside(request, lambda: self._ask_tuned(name, request, shown))

    def _ask_tuned(self, name: str, request: dict[str, Any], shown: str) -> dict[str, Any]:
        prompt = read_prompt(request)
        job = self.find(KIND, name, shown=shown)
        if job["state"] != SUCCEEDED:
            raise not_ready(f"{shown} is not ACTIVE: its tuning is {job['state']}")
        row = self.predictor.predict(f"{name}\n{job['createTime']}", prompt.contents)
        if row is None:
            raise not_found(shown)
        return generate(prompt, TunedVoice(prompt, *row))


async def _aside(request: dict[str, Any], work: Callable[[], T]) -> T:
    """Do the work on a request: in a thread if it is long, so that other calls go on meanwhile."""
    contents = [*request["contents"], request.get("systemInstruction", {})]
    if sum(len(part["text"]) for content in contents for part in content.get("parts", ())) < _LONG:
        return work()
    return await asyncio.to_thread(work)


def _ask_base(model: str, request: dict[str, Any]) -> dict[str, Any]:
    prompt = read_prompt(request, model)
    return generate(prompt, BaseVoice(prompt))


def check_generate(body: Any) -> dict[str, Any]:
    """A generateContent request, checked. Raises 400."""
    checked: dict[str, Any] = GENERATE_REQUEST(body, "")
    return checked
