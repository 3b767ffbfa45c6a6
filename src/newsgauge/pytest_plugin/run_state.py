"""What one pytest process knows about its run once it is configured, for hooks and fixtures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ..gates.baseline_file import Baseline
    from ..gates.gate import Gate
    from ..gates.gates_file import LeftOut
    from ..recording.preflight import Forecast
    from ..running.run import Run
    from ..scoring.scoreboard import LiveScores


@dataclass(frozen=True, slots=True)
class RunState:
    """``left_out``: gates that are named in the place of a verdict; ``not_set``: limits of other classes."""

    run: Run
    scores: LiveScores
    gates: tuple[Gate, ...]
    left_out: tuple[LeftOut, ...]
    not_set: list[str]
    baseline: Baseline | None
    forecast: Forecast | None


#: Only there if the run is about evals.
STATE: pytest.StashKey[RunState] = pytest.StashKey()
