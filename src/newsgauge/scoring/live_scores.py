"""The scores of a run that still goes on: its log in; scores out, computed again only after new results."""

from __future__ import annotations

from .._util.process import give_back
from ..planning.sampling import Plan
from ..running.results_log import ResultLog
from .scoreboard import score
from .scores import Score


class LiveScores:
    """The scores of the planned posts from everything that the processes of a run have logged so far."""

    def __init__(self, log: ResultLog, plan: Plan) -> None:
        self._log = log
        self._plan = plan
        self._scored: dict[str, tuple[int, Score]] = {}

    def of(self, variants: tuple[str, ...]) -> dict[str, Score]:
        """The score of each variant."""
        results, n_read = self._log.read(), self._log.n_bytes_read
        stale = [name for name in variants if name not in self._scored or self._scored[name][0] != n_read]
        if stale:
            give_back()  # what it took to read them
        for variant in stale:
            self._scored[variant] = (n_read, score(results, self._plan, [variant])[variant])
        return {variant: self._scored[variant][1] for variant in variants}
