"""A sliding quota: at most so many calls of a model in any sixty seconds."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable

from .api_errors import over_quota

_WINDOW_S = 60.0
_MOST_MODELS = 1000


class SlidingQuota:
    """Counts admitted calls per model; a refused call uses up nothing."""

    def __init__(self, limit: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit, self._clock = limit, clock
        self._calls: OrderedDict[str, deque[float]] = OrderedDict()

    def admit(self, model: str, *, on_vertex: bool = False) -> None:
        """Count one call. Raises 429, with the time until a call leaves the window, if that is full."""
        calls = self._calls.setdefault(model, deque())
        self._calls.move_to_end(model)
        while len(self._calls) > _MOST_MODELS:
            self._calls.popitem(last=False)
        now = self._clock()
        while calls and calls[0] <= now - _WINDOW_S:
            calls.popleft()
        if len(calls) >= self._limit:
            raise over_quota(
                quota_id="GenerateRequestsPerMinutePerProjectPerModel",
                metric="generate_content_requests",
                limit=self._limit,
                model=model,
                retry_after_s=calls[0] + _WINDOW_S - now,
                on_vertex=on_vertex,
            )
        calls.append(now)
