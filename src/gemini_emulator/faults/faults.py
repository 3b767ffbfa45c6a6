"""Faults that the real service shows on bad days, on request: which call gets which, seeded.

A `FaultPlan` holds the rules of a file; a call may also ask for one in a header. Only calls of a model are
faulted, and the requests of batches (``batches/N/requests/N``).
"""

from __future__ import annotations

import random
import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from ..wire.api_errors import invalid

HEADER = "x-newsgauge-fault"
Kind = Literal[
    "quota-per-minute",
    "quota-per-day",
    "internal",
    "unavailable",
    "reset",
    "slow",
    "blocked-prompt",
    "safety",
    "recitation",
    "max-tokens",
    "no-candidates",
    "empty-part",
    "decorated",
    "cut-json",
    "html",
    "batch-failed",
    "batch-expired",
]
KINDS: tuple[str, ...] = get_args(Kind)
#: Faults of a whole batch; the others affect one call, or one request of a batch.
BATCH_KINDS = frozenset({"batch-failed", "batch-expired"})
_CALL_KINDS = frozenset(KINDS) - BATCH_KINDS
_LONGEST_DELAY_S = 600.0
_MOST_HEADERS = 1000


@dataclass(frozen=True, slots=True)
class Fault:
    """One rule: ``kind`` strikes every n-th call that it is about, or each with a probability.

    ``path`` is a regex that is searched for in the call's path; ``delay_s`` is how long `slow` waits, and
    what the quota faults name as the time to wait.
    """

    kind: str
    every: int = 1
    probability: float = 1.0
    path: str = ""
    delay_s: float = 1.0

    def problem(self) -> str:
        """What is wrong with the rule, '' if nothing is."""
        if self.kind not in KINDS:
            return f"unknown kind {self.kind!r}; known: {', '.join(KINDS)}"
        if self.every < 1:
            return f"expected 'every' from 1, got {self.every}"
        if not 0 <= self.probability <= 1:
            return f"expected 'probability' from 0 to 1, got {self.probability}"
        if self.every != 1 and self.probability != 1:
            return "expected 'every' or 'probability', got both"
        if not 0 <= self.delay_s <= _LONGEST_DELAY_S:
            return f"expected 'delay_s' from 0 to {_LONGEST_DELAY_S:g}, got {self.delay_s}"
        try:
            re.compile(self.path)
        except re.error as error:
            return f"expected 'path' to be a regex, got {self.path!r}: {error}"
        return ""


@dataclass
class FaultPlan:
    """Rules in their order, and how many calls each has seen. The first rule that applies to a call decides."""

    faults: tuple[Fault, ...] = ()
    seed: int = 0
    _seen: dict[int, int] = field(default_factory=dict)
    _headers: OrderedDict[str, int] = field(default_factory=OrderedDict)

    def choose(self, path: str, headers: Mapping[str, str], *, kinds: frozenset[str] = _CALL_KINDS) -> Fault | None:
        """The fault of this call, of these kinds, None for none. Raises 400 for a header that names no fault."""
        header = headers.get(HEADER)
        if header is not None:
            fault = parse_header(header)
            count = self._headers[header] = self._headers.pop(header, 0) + 1
            while len(self._headers) > _MOST_HEADERS:
                self._headers.popitem(last=False)
            if self._strikes(fault, count, header):
                return fault
        for number, fault in enumerate(self.faults):
            if fault.kind in kinds and re.search(fault.path, path):
                count = self._seen[number] = self._seen.get(number, 0) + 1
                if self._strikes(fault, count, str(number)):
                    return fault
        return None

    def _strikes(self, fault: Fault, count: int, rule: str) -> bool:
        if count % fault.every:
            return False
        return fault.probability == 1 or random.Random(f"{self.seed}/{rule}/{count}").random() < fault.probability


def parse_header(value: str) -> Fault:
    """``kind; every=N; probability=P; delay_s=S``. Raises 400."""
    kind, *settings = (piece.strip() for piece in value[:200].split(";"))
    readers = {"every": int, "probability": float, "delay_s": float}
    given: dict[str, float] = {}
    for setting in settings:
        key, _, text = setting.partition("=")
        try:
            given[key] = readers[key](text)
        except (KeyError, ValueError):
            raise invalid(f"{HEADER}: expected {', '.join(readers)} and a number, got {setting!r}") from None
    fault = Fault(kind, **given)  # type: ignore[arg-type]  # every reader gives its field's own type
    if problem := fault.problem():
        raise invalid(f"{HEADER}: {problem}", field=HEADER)
    return fault
