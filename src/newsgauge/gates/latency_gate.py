"""How long the service may take in a live run. A replay asks nobody, so there the gate is no part of the plan."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from .._util.numbers import in_unit
from ..errors import GatesError
from ..scoring.stats.decisions import Finding
from .gate import Asked, Evidence, Gate, Held, Table

Part = Literal["p50", "p95"]
PARTS: tuple[Part, ...] = ("p50", "p95")


@dataclass(frozen=True, slots=True)
class LatencyGate(Gate):
    """``limits``: milliseconds that half of the calls, or 95% of them, may take; held by their value."""

    KEYS: ClassVar = ("max_latency_ms",)
    NEEDS: ClassVar = "latencies"

    limits: tuple[tuple[Part, float], ...]
    reason: str

    @classmethod
    def read(cls, table: Table) -> Iterable[Gate]:
        """``max_latency_ms = { p95 = 2000, reason = "..." }``."""
        (key,) = cls.KEYS
        for value in table.listed(key):
            entry = table.entry(key, value, (), PARTS)
            limits = tuple((part, entry.number(part, "above 0", lambda ms: ms > 0)) for part in PARTS if part in value)
            if not limits:
                raise GatesError(f"{entry.where}: expected p50, p95 or both, in milliseconds")
            yield cls(f"{table.variant}-latency", table.variant, limits, entry.reason)

    def hold(self, evidence: Evidence) -> Sequence[Held]:
        """Each limit by its value. Without a live call nothing is proved."""
        found = evidence.scores[self.variant].latency
        held = []
        for part, limit in self.limits:
            asked = Asked(f"latency {part}", "ms", "at most", limit, self.reason)
            if found is None:
                text = "no call of this run was live: --record-mode all asks the service"
                held.append(asked.said(Finding.INCONCLUSIVE, text, None, 0))
                continue
            value = getattr(found, f"{part}_ms")
            text = f"{asked.name} {in_unit(value, 'ms')} of {found.n:,} live calls; {asked.words} ({self.reason})"
            held.append(asked.held(Finding.PASS if value <= limit else Finding.FAIL, text, value, found.n))
        return held
