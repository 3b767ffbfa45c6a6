"""What a gate is decided from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..planning.sampling import Plan
from ..records import Result, Score
from ..running.results_log import Key
from .baseline_file import Baseline
from .gate import ComparisonGate


@dataclass(frozen=True, slots=True)
class Evidence:
    """Scores and results of a run. ``live``: some answers may be new, so that a limit needs its bounds.

    ``family``: the comparisons of this run, which are corrected for one another; ``baseline``: None where no file is.
    """

    plan: Plan
    scores: Mapping[str, Score]
    results: Mapping[Key, Result]
    live: bool = False
    family: tuple[ComparisonGate, ...] = ()
    baseline: Baseline | None = None
