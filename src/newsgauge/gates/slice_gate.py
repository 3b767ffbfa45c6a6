"""Gates about slices of the posts: one slice, the worst of a slicing, or the gap between its slices.

A replay holds the values, a live run their one-sided 95% bounds. The worst slice and the gap are about all slices at
once. To prove that every slice, or every pair, keeps the limit takes no correction: each of them has to prove it
(R. L. Berger, Technometrics 24, 1982). To disprove it takes one of them, so that one is held at 5% over their number.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import permutations
from typing import Any

from ..errors import GatesError
from ..scoring.scores import Verdict
from ..scoring.slices import SliceScore
from ..scoring.stats.decisions import Finding, check_limit, decide_floor
from ..scoring.stats.paired import unpaired_interval
from .findings import ALPHA
from .gate import Evidence, SliceGate

_LIMITS = ("min_accuracy", "max_gap")


def slice_gates(place: str, variant: str, value: Any, slicings: Collection[str]) -> list[SliceGate]:
    """The gates of ``slices = [...]`` of a variant. Raises `GatesError`."""
    gates = [
        _slice_gate(f"{place} slices", variant, one, slicings)
        for one in (value if isinstance(value, list) else [value])
    ]
    names = [gate.name for gate in gates]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise GatesError(f"{place}: slices: {twice.removeprefix(f'{variant}-')} is there twice")
    return gates


def _slice_gate(where: str, variant: str, value: Any, slicings: Collection[str]) -> SliceGate:
    given = value if isinstance(value, dict) else {}
    limits, ways = [key for key in _LIMITS if key in given], [key for key in ("of", "slice") if key in given]
    reason = given.get("reason")
    if (
        len(limits) != 1
        or len(ways) != 1
        or (ways == ["slice"] and limits == ["max_gap"])
        or not isinstance(reason, str)
        or not reason.strip()
        or len(given) != 3
    ):
        raise GatesError(
            f'{where}: expected {{ slice = "NAME:SLICE", min_accuracy, reason }}, {{ of = "NAME", min_accuracy, '
            f'reason }} or {{ of = "NAME", max_gap, reason }}, with a non-empty reason; got {value!r}'
        )
    slicing, _, name = str(given[ways[0]]).partition(":")
    if slicing not in slicings or (ways == ["slice"]) != bool(name):
        known = ", ".join(slicings) or "none; name some in [slices]"
        expected = "NAME:SLICE" if ways == ["slice"] else "NAME"
        raise GatesError(
            f"{where}: expected {ways[0]!r} to be {expected} with a name of [slices] ({known}), got {given[ways[0]]!r}"
        )
    limit = given[limits[0]]
    if not isinstance(limit, int | float) or isinstance(limit, bool) or not 0 < limit < 1:
        raise GatesError(f"{where}: {limits[0]}: expected a number above 0 and below 1, got {limit!r}")
    try:
        check_limit(limit)
    except ValueError as error:
        raise GatesError(f"{where}: {limits[0]}: {error}") from None
    kind = {"max_gap": "gap", "min_accuracy": name or "worst"}[limits[0]]
    safe = "".join(c if c.isalnum() or c in "-_." else "-" for c in f"{slicing}-{kind}")
    return SliceGate(f"{variant}-{safe}", variant, slicing, name, limits[0] == "max_gap", float(limit), reason)


def decide_slices(gate: SliceGate, evidence: Evidence) -> Verdict:
    """FAIL without posts in a slice that the gate names, or with fewer than two slices to compare."""
    found = [one for one in evidence.scores[gate.variant].slices if one.slicing == gate.slicing]
    if gate.slice:
        found = [one for one in found if one.name == gate.slice]
    if len(found) < (2 if gate.is_gap else 1):
        known = ", ".join(
            f"{one.name} ({one.n})" for one in evidence.scores[gate.variant].slices if one.slicing == gate.slicing
        )
        what = f"slice {gate.slicing}:{gate.slice} has no posts" if gate.slice else f"{gate.slicing} has too few slices"
        return gate.verdict(Finding.FAIL, f"{what} in this plan; it has {known or 'none'}", None, 0)
    return (
        _decide_gap(gate, found, live=evidence.live) if gate.is_gap else _decide_floor(gate, found, live=evidence.live)
    )


def _decide_floor(gate: SliceGate, found: list[SliceScore], *, live: bool) -> Verdict:
    worst = min(found, key=lambda one: one.accuracy)
    text = f"accuracy of {worst.slicing}:{worst.name} {worst.accuracy:.4f} (n = {worst.n})"
    if len(found) > 1:
        text += f", the lowest of {len(found)} slices"
    if not live:
        finding = Finding.PASS if worst.accuracy >= gate.limit else Finding.FAIL
        return gate.verdict(finding, text, worst.accuracy, worst.n)
    decisions = [decide_floor(one.n_correct, one.n, gate.limit, effective_n=one.effective_n) for one in found]
    lowest = min(one.low for one in decisions)
    text += f"; lowest one-sided 95% bound {lowest:.4f}"
    finding = Finding.PASS if all(one.passed for one in decisions) else Finding.INCONCLUSIVE
    confidence = 1 - ALPHA / len(found)
    if any(
        decide_floor(one.n_correct, one.n, gate.limit, confidence=confidence, effective_n=one.effective_n).finding
        is Finding.FAIL
        for one in found
    ):
        finding = Finding.FAIL
        text += f"; a slice is below at 5% over {len(found)} slices"
    needed = [one.n_for_power for one in decisions if one.finding is Finding.INCONCLUSIVE]
    n = max((n for n in needed if n is not None), default=None) if None not in needed else None
    return gate.verdict(finding, text, worst.accuracy, worst.n, n * len(found) if n else None)


def _decide_gap(gate: SliceGate, found: list[SliceScore], *, live: bool) -> Verdict:
    low, high = (pick(found, key=lambda one: one.accuracy) for pick in (min, max))
    gap, n = high.accuracy - low.accuracy, low.n + high.n
    text = (
        f"gap of {gap:.4f} between {high.slicing}:{high.name} {high.accuracy:.4f} (n = {high.n}) and "
        f"{low.slicing}:{low.name} {low.accuracy:.4f} (n = {low.n}), the widest of {len(found)} slices"
    )
    if not live:
        return gate.verdict(Finding.PASS if gap <= gate.limit else Finding.FAIL, text, gap, n)
    pairs = list(permutations(found, 2))
    upper = max(unpaired_interval(a.worth, b.worth, confidence=1 - 2 * ALPHA)[1] for a, b in pairs)
    corrected = 1 - 2 * ALPHA / len(pairs)
    lower = max(unpaired_interval(a.worth, b.worth, confidence=corrected)[0] for a, b in pairs)
    text += f"; one-sided 95% bounds {lower:.4f} (over {len(pairs)} ordered pairs) and {upper:.4f}"
    finding = Finding.FAIL if lower > gate.limit else Finding.PASS if upper <= gate.limit else Finding.INCONCLUSIVE
    return gate.verdict(finding, text, gap, n)
