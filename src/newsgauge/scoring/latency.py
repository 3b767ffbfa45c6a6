"""How long live calls took: their milliseconds in, two quantiles out. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .._util.numbers import in_unit


@dataclass(frozen=True, slots=True)
class Latency:
    """How long ``n`` live calls took: half of them, and 95% of them, at most so many milliseconds."""

    n: int
    p50_ms: float
    p95_ms: float

    @classmethod
    def of(cls, took_ms: Sequence[float]) -> Latency:
        """Of these calls, one at least."""
        return cls(len(took_ms), quantile(took_ms, 0.5), quantile(took_ms, 0.95))

    @property
    def words(self) -> str:
        """``p50 812 ms, p95 1,650 ms, n = 80``."""
        return f"p50 {in_unit(self.p50_ms, 'ms')}, p95 {in_unit(self.p95_ms, 'ms')}, n = {self.n:,}"


def quantile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` of the values, one at least, do not exceed; linear between two of them.

    Type 7 of R. J. Hyndman and Y. Fan, "Sample quantiles in statistical packages", Am. Stat. 50 (1996).
    """
    ordered, place = sorted(values), share * (len(values) - 1)
    below, above = ordered[math.floor(place)], ordered[math.ceil(place)]
    return below + (place - math.floor(place)) * (above - below)
