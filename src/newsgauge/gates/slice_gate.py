"""Gates about slices of the posts: one slice, the worst of a slicing, or the gap between its slices.

A replay holds the values, a live run their one-sided 95% bounds. The worst slice and the gap are about all slices at
once. Proving that every slice, or every pair, keeps the limit needs no correction, because each of them must prove it
(R. L. Berger, Technometrics 24, 1982). To disprove it takes one of them, so that one is held at 5% over their number.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any, ClassVar

from .._util.numbers import in_unit, percent, points
from ..errors import GatesError
from ..scoring.slices import SLICES, SliceScore
from ..scoring.stats.decisions import Finding
from ..scoring.stats.intervals import Worth
from ..scoring.stats.paired import unpaired_interval
from .findings import every_decision
from .gate import ALPHA, Asked, Entry, Evidence, Gate, Held, Table, largest

#: The keys of an entry, besides its reason.
_WAYS = ({"slice", "min_accuracy"}, {"of", "min_accuracy"}, {"of", "max_gap"})


@dataclass(frozen=True, slots=True)
class SliceGate(Gate):
    """The accuracy of one ``slice`` of a slicing, or of the worst one (``''``); or the gap between its slices."""

    KEYS: ClassVar = (SLICES,)

    slicing: str
    slice: str
    is_gap: bool
    limit: float
    reason: str

    @classmethod
    def read(cls, table: Table) -> Iterable[Gate]:
        """A gate per entry."""
        gates = [cls._of(table, value) for value in table.listed(SLICES)]
        names = [gate.name for gate in gates]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise GatesError(f"{table.where}: slices: {twice.removeprefix(f'{table.variant}-')} appears twice")
        return gates

    @classmethod
    def _of(cls, table: Table, value: Any) -> SliceGate:
        keys = set(value) - {"reason"} if isinstance(value, dict) else set()
        if keys not in _WAYS or not str(value.get("reason", "")).strip():
            raise GatesError(
                f'{table.where} slices: expected {{ slice = "NAME:SLICE", min_accuracy, reason }}, {{ of = "NAME", '
                f'min_accuracy, reason }} or {{ of = "NAME", max_gap, reason }}, with a non-empty reason; got {value!r}'
            )
        entry, is_gap = Entry(f"{table.where} slices", value), "max_gap" in keys
        way, expected = ("slice", "NAME:SLICE") if "slice" in keys else ("of", "NAME")
        slicing, _, name = str(value[way]).partition(":")
        known = ", ".join(table.slicings) or "none; name some in [slices]"
        is_meant = slicing in table.slicings and (way == "slice") == bool(name)
        entry.value(way, f"to be {expected} with a name of [slices] ({known})", lambda _: is_meant)
        limit = entry.rate("max_gap" if is_gap else "min_accuracy")
        kind = f"{slicing}-{'gap' if is_gap else name or 'worst'}"
        safe = "".join(c if c.isalnum() or c in "-_." else "-" for c in kind)
        return cls(f"{table.variant}-{safe}", table.variant, slicing, name, is_gap, limit, entry.reason)

    def hold(self, evidence: Evidence) -> Sequence[Held]:
        """FAIL without posts in a slice that the gate names, or with fewer than two slices to compare."""
        about = f"accuracy of {self.slicing}:{self.slice or '(worst)'}"
        asked = Asked(about, "rate", "at least", self.limit, self.reason)
        if self.is_gap:
            asked = Asked(f"gap between slices of {self.slicing}", "points", "at most", self.limit, self.reason)
        there = [one for one in evidence.scores[self.variant].slices if one.slicing == self.slicing]
        found = [one for one in there if self.slice in ("", one.name)]
        if len(found) < (2 if self.is_gap else 1):
            known = ", ".join(f"{one.name} ({one.n})" for one in there)
            what = f"slice {self.slicing}:{self.slice} has no texts"
            what = what if self.slice else f"{self.slicing} has too few slices"
            return [asked.said(Finding.FAIL, f"{what} in this plan; it has {known or 'none'}", None, 0)]
        return [(_hold_gap if self.is_gap else _hold_floor)(asked, self.limit, found, live=evidence.live)]


def _hold_floor(asked: Asked, limit: float, found: list[SliceScore], *, live: bool) -> Held:
    worst = min(found, key=lambda one: one.accuracy)
    text = f"accuracy of {worst.slicing}:{worst.name} {percent(worst.accuracy)} (n = {worst.n})"
    if len(found) > 1:
        text += f", the lowest of {len(found)} slices"
    if not live:
        finding = Finding.PASS if worst.accuracy >= limit else Finding.FAIL
        return asked.said(finding, text, worst.accuracy, worst.n)
    worths = [Worth(one.effective_n, one.one_more) for one in found]
    finding, decisions = every_decision(limit, [(one.n_correct, one.n) for one in found], worths)
    text += f"; lowest one-sided 95% bound {percent(min(one.low for one in decisions))}"
    if finding is Finding.FAIL:
        text += f"; a slice is below at 5% over {len(found)} slices"
    n = largest([one.n_for_power for one in decisions if one.finding is Finding.INCONCLUSIVE])
    return asked.said(finding, text, worst.accuracy, worst.n, n_to_decide=n * len(found) if n else None)


def _hold_gap(asked: Asked, limit: float, found: list[SliceScore], *, live: bool) -> Held:
    low, high = (pick(found, key=lambda one: one.accuracy) for pick in (min, max))
    gap, n = high.accuracy - low.accuracy, low.n + high.n
    text = (
        f"gap of {in_unit(gap, 'points')} between {high.slicing}:{high.name} {percent(high.accuracy)} (n = {high.n}) "
        f"and {low.slicing}:{low.name} {percent(low.accuracy)} (n = {low.n}), the widest of {len(found)} slices"
    )
    if not live:
        return asked.said(Finding.PASS if gap <= limit else Finding.FAIL, text, gap, n)
    pairs = list(permutations(found, 2))
    upper = max(unpaired_interval(a.worth, b.worth, confidence=1 - 2 * ALPHA)[1] for a, b in pairs)
    corrected = 1 - 2 * ALPHA / len(pairs)
    lower = max(unpaired_interval(a.worth, b.worth, confidence=corrected)[0] for a, b in pairs)
    text += f"; one-sided 95% bounds {points(lower)} (over {len(pairs)} ordered pairs) and {points(upper)} points"
    finding = Finding.FAIL if lower > limit else Finding.PASS if upper <= limit else Finding.INCONCLUSIVE
    return asked.said(finding, text, gap, n)
