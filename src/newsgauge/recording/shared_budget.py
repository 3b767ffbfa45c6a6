"""The budget of a run with several paying processes: each checks one file before a call, and adds to it afterwards.

The file is in the folder that the controller and its workers share. A call starts only if the budget allows
it beside all that are under way, in whatever process.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from .._util.files import locked, replace_file
from ..client.answers import usage_of
from ..records import Key, Prediction
from .paying import Budget, CostOf

_FIELDS = [field.name for field in fields(Budget) if field.name != "cost_of"]
_LOOK_AGAIN_S = 0.05
#: If nothing changes for this long, a worker with a call under way has crashed.
_PATIENCE_S = 600.0


class SharedBudget:
    """A process's view of it."""

    def __init__(self, folder: Path, cost_of: CostOf) -> None:
        self._state, self._cost_of = folder / "budget.json", cost_of
        self._paid = {(post, variant) for post, variant in json.loads(_cases(folder).read_text("ascii"))}

    @staticmethod
    def start(folder: Path, budget: Budget, paid: Collection[Key]) -> None:
        """Write it down before any process asks; ``paid`` are the cases that cost money."""
        replace_file(_cases(folder), json.dumps(list(paid)))
        replace_file(folder / "budget.json", json.dumps({**_state(budget), "n_under_way": 0}))

    @staticmethod
    def is_set(folder: Path) -> bool:
        """Whether the run has a budget."""
        return _cases(folder).exists()

    def begin(self, case: Key) -> str:
        """'' if the case may be asked now, else why not. Waits while calls under way leave that undecided."""
        seen, since = None, time.monotonic()
        while case in self._paid:
            with self._held() as state:
                budget, n_under_way = self._budget(state), state["n_under_way"]
                why = budget.why_not(n_under_way)
                if not why:
                    state["n_under_way"] += 1
                    return ""
            if state != seen:
                seen, since = state, time.monotonic()
            if not n_under_way or time.monotonic() - since > _PATIENCE_S:
                return why
            time.sleep(_LOOK_AGAIN_S)
        return ""

    def end(self, case: Key, said: Prediction | None) -> None:
        """The case is over; ``said``: its answer, None if there is none."""
        if case not in self._paid:
            return
        self._paid.discard(case)  # whoever asks again is answered from the recording
        with self._held() as state:
            budget = self._budget(state)
            if said is not None:
                budget.add(said.model_version, usage_of(said))
            state.update(_state(budget), n_under_way=state["n_under_way"] - 1)

    @contextmanager
    def _held(self) -> Iterator[dict[str, Any]]:
        with locked(self._state.with_suffix(".lock")):
            state = json.loads(self._state.read_text("ascii"))
            yield state
            replace_file(self._state, json.dumps(state))

    def _budget(self, state: dict[str, Any]) -> Budget:
        return Budget(self._cost_of, **{name: state[name] for name in _FIELDS})


def _cases(folder: Path) -> Path:
    return folder / "budget-cases.json"


def _state(budget: Budget) -> dict[str, Any]:
    return {name: getattr(budget, name) for name in _FIELDS}
