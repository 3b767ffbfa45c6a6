"""gates.toml in, `Gate` records out. Whatever cannot be meant is a `GatesError` that names what is known.

``[backend] max_age_days`` says how old its recordings may be. A table ``[backend.corpus.variant]`` holds limits,
comparisons (``beats``), limits on slices of the posts (``slices``) and a regression limit (``max_drop``), each with the
reason why it is where it is. ``[slices]`` names the slices, see `scoring.slicing`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from .._util.files import read_toml
from .._util.wording import did_you_mean
from ..errors import GatesError
from ..records import BACKENDS, ELSEWHERE
from ..scoring.slices import SLICES, load_slicings
from ..scoring.stats.power import NEAREST_LIMIT
from .class_gate import ERROR, OFF_LIST, OTHER
from .confidence_gate import AT, CALIBRATION, confidence_gates
from .gate import (
    METRICS,
    AgeGate,
    BaselineGate,
    Bound,
    ClassGate,
    ClassLimit,
    ComparisonGate,
    ConfidenceGate,
    Gate,
    Limit,
    LimitsGate,
    SliceGate,
)
from .slice_gate import slice_gates

#: A key of a backend's table, beside its corpora.
_AGE = "max_age_days"
#: Limits on named classes, with the keys that name them.
_OF_CLASSES = {
    "min_recall": ("class",),
    "min_precision": ("class",),
    "max_confusion": ("from", "to"),
    "max_cost": ("matrix",),
}
_KNOWN = (*METRICS, *_OF_CLASSES, "beats", "max_drop", SLICES, AT, CALIBRATION)
_ORDER = (LimitsGate, ClassGate, SliceGate, ConfidenceGate, ComparisonGate, BaselineGate, AgeGate)


def load_gates(
    path: Path, *, backend: str, corpus: str, known: Collection[str], corpora: Collection[str] | None = None
) -> tuple[Gate, ...]:
    """The gates of one backend and corpus: limits, then comparisons, then regressions. Raises `GatesError`.

    ``known`` are the variants of variants.toml; a gate on any other is an error, in whatever part of the file. So is
    one on a corpus that is none of ``corpora``, where these are given: nothing would ever be held to it.
    """
    tree = read_toml(path, expected="the limits to hold", error=GatesError)
    wanted: list[Gate] = []
    slicings = load_slicings(path)
    for backend_name, tables in tree.items():
        if backend_name == SLICES:
            continue
        where = f"{path.name}: [{backend_name}"
        if backend_name not in (*BACKENDS, ELSEWHERE):
            raise GatesError(f"{where}]: unknown backend; known: {', '.join((*BACKENDS, ELSEWHERE))}")
        # Of predictions made elsewhere a run knows neither names nor corpora, and 'newsgauge score' holds them.
        is_here = backend_name != ELSEWHERE
        for corpus_name, variants in _table(f"{where}]", tables).items():
            if corpus_name == _AGE:
                ages = _ages(f"{where}]", variants, known)
                wanted += ages if backend_name == backend else []
                continue
            place = f"{where}.{corpus_name}]"
            if is_here and corpora is not None and corpus_name not in corpora:
                raise GatesError(f"{place}: unknown corpus; known here: {', '.join(sorted(corpora))}")
            found: list[Gate] = []
            for variant, table in _table(place, variants).items():
                if is_here and variant not in known:
                    guess = did_you_mean(variant, known)
                    raise GatesError(f"{place[:-1]}.{variant}]: unknown variant; known: {', '.join(known)}{guess}")
                own = f"{place[:-1]}.{variant}]"
                found += _gates(own, variant, _table(own, table), known if is_here else ())
                found += slice_gates(own, variant, _table(own, table).get(SLICES, []), slicings)
                found += confidence_gates(own, variant, _table(own, table))
            comparisons = [gate for gate in found if isinstance(gate, ComparisonGate)]
            _check_comparisons(place, comparisons)
            if (backend_name, corpus_name) == (backend, corpus):
                wanted += [
                    replace(gate, n_in_file=len(comparisons)) if isinstance(gate, ComparisonGate) else gate
                    for gate in found
                ]
    return tuple(sorted(wanted, key=lambda gate: _ORDER.index(type(gate))))


def _gates(place: str, variant: str, table: dict[str, Any], known: Collection[str]) -> Iterable[Gate]:
    for key in table:
        if key not in _KNOWN:
            raise GatesError(f"{place}: unknown limit {key!r}; known: {', '.join(_KNOWN)}{did_you_mean(key, _KNOWN)}")
    limits = tuple(_limit(place, key, value) for key, value in table.items() if key in METRICS)
    if limits:
        _check_limits(place, limits)
        yield LimitsGate(variant, variant, limits)
    named = tuple(_class_limit(place, key, one) for key in _OF_CLASSES if key in table for one in _listed(table[key]))
    if named:
        yield ClassGate(f"{variant}-classes", variant, named)
    for value in _listed(table.get("beats", [])):
        yield _comparison(place, variant, value, known)
    if "max_drop" in table:
        entry = _entry(f"{place} max_drop", table["max_drop"], {"limit"})
        drop = _number(entry.get("limit"))
        if not NEAREST_LIMIT <= drop < 1:
            raise GatesError(
                f"{place}: max_drop: expected 'limit' above 0 (no sample proves a drop of nothing), at least "
                f"{NEAREST_LIMIT:f}, and below 1, got {entry.get('limit')!r}"
            )
        yield BaselineGate(f"{variant}-baseline", variant, drop, entry["reason"])


def _ages(place: str, value: Any, known: Collection[str]) -> list[Gate]:
    """A gate for each variant; ``max_age_days = 90``, or with its reason ``{ limit = 90, reason = "..." }``."""
    entry = _entry(f"{place} {_AGE}", value, {"limit"}) if isinstance(value, dict) else {"limit": value, "reason": ""}
    days = entry.get("limit")
    if not isinstance(days, int) or isinstance(days, bool) or days < 1:
        raise GatesError(f"{place}: {_AGE}: expected a whole number of days from 1, got {days!r}")
    return [AgeGate(f"{variant}-age", variant, days, entry["reason"]) for variant in known]


def _limit(place: str, key: str, value: Any) -> Limit:
    entry = _entry(f"{place} {key}", value, {"limit"}, {"bound", "classes"})
    limit, metric = _number(entry.get("limit")), METRICS[key]
    if metric.is_rate and not 0 <= limit <= 1:
        raise GatesError(f"{place}: {key}: expected 'limit' from 0 to 1, got {entry.get('limit')!r}")
    if not metric.is_rate and not (0 < limit < math.inf or (metric.can_be_zero and limit == 0)):
        least = "from 0" if metric.can_be_zero else "above 0"
        raise GatesError(f"{place}: {key}: expected 'limit' {least}, got {entry.get('limit')!r}")
    if metric.is_rate and limit == (0 if metric.is_floor else 1):
        raise GatesError(f"{place}: {key}: a limit of {limit:g} holds whatever is answered; set one that can fail")
    if metric.is_rate and 0 < limit < 1 and not NEAREST_LIMIT <= limit <= 1 - NEAREST_LIMIT:
        raise GatesError(
            f"{place}: {key}: expected 'limit' 0, 1 or from {NEAREST_LIMIT:f} to {1 - NEAREST_LIMIT:f}, as no sample "
            f"tells nearer ones from 0 or 1; got {entry.get('limit')!r}"
        )
    bound = entry.get("bound", "confidence")
    if bound not in get_args(Bound):
        raise GatesError(f"{place}: {key}: unknown bound {bound!r}; known: {', '.join(get_args(Bound))}")
    classes = entry.get("classes")
    if classes is not None and not isinstance(classes, str):
        raise GatesError(f"{place}: {key}: expected 'classes' to be what --classes is given, got {classes!r}")
    try:
        re.compile(classes or "")
    except re.error as error:
        raise GatesError(f"{place}: {key}: classes is no regular expression, got {classes!r}: {error}") from None
    return Limit(key, limit, entry["reason"], bound, classes)


def _class_limit(place: str, key: str, value: Any) -> ClassLimit:
    names = _OF_CLASSES[key]
    entry = _entry(f"{place} {key}", value, {"limit", *names}, {"bound"})
    matrix = entry.get("matrix")
    costs = _costs(f"{place}: {key}", matrix) if key == "max_cost" else {}
    classes = tuple(entry.get(name, "") for name in names) if not costs else _named_in(costs)
    if not all(isinstance(name, str) and name for name in classes):
        raise GatesError(f"{place}: {key}: expected {' and '.join(map(repr, names))} to name a class, got {value!r}")
    if len(set(classes)) < len(classes):
        raise GatesError(f"{place}: {key}: 'from' and 'to' are both {classes[0]!r}, which is no confusion")
    limit, most = _number(entry.get("limit")), max((c for row in costs.values() for c in row.values()), default=1.0)
    holds_anyway = limit == (0 if key.startswith("min_") else most)
    if not 0 <= limit <= most or holds_anyway:
        raise GatesError(
            f"{place}: {key}: expected 'limit' from 0 to {most:g} that some answers break, got {entry.get('limit')!r}"
        )
    bound = entry.get("bound", "confidence")
    if bound not in get_args(Bound):
        raise GatesError(f"{place}: {key}: unknown bound {bound!r}; known: {', '.join(get_args(Bound))}")
    return ClassLimit(key, limit, entry["reason"], classes, bound, costs)


def _costs(place: str, matrix: Any) -> dict[str, dict[str, float]]:
    rows = matrix if isinstance(matrix, dict) and all(isinstance(row, dict) for row in matrix.values()) else {}
    found = {true: {answer: _number(cost) for answer, cost in row.items()} for true, row in rows.items()}
    costs = [cost for row in found.values() for cost in row.values()]
    if not costs or not all(0 <= cost < math.inf for cost in costs) or not max(costs):
        raise GatesError(
            f"{place}: expected 'matrix' to hold costs from 0 by true class and answer, as in "
            f"{{ billing = {{ login = 5, other = 1 }}, other = {{ other = 1 }} }}; got {matrix!r}"
        )
    return found


def _named_in(costs: dict[str, dict[str, float]]) -> tuple[str, ...]:
    named = dict.fromkeys([*costs, *(answer for row in costs.values() for answer in row)])
    return tuple(name for name in named if name not in (OTHER, OFF_LIST, ERROR))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _check_limits(place: str, limits: tuple[Limit, ...]) -> None:
    by_metric = {limit.metric: limit.limit for limit in limits}
    low, high = by_metric.get("min_accuracy", 0.0), by_metric.get("max_accuracy", 1.0)
    if low > high:
        raise GatesError(f"{place}: min_accuracy {low:g} is above max_accuracy {high:g}: no score holds both")


def _comparison(place: str, variant: str, value: Any, known: Collection[str]) -> ComparisonGate:
    if isinstance(value, str):
        value = {"variant": value}  # the message names what is missing
    entry = _entry(f"{place} beats", value, {"variant"}, {"by_at_least", "primary"})
    other, by_at_least = entry.get("variant"), entry.get("by_at_least", 0.0)
    if (known and other not in known) or not other or other == variant:
        raise GatesError(f"{place}: beats: expected 'variant' to be another of {', '.join(known)}, got {other!r}")
    if not 0 <= _number(by_at_least) < 1:
        raise GatesError(f"{place}: beats: expected 'by_at_least' from 0 to below 1, got {by_at_least!r}")
    primary = entry.get("primary", False)
    if not isinstance(primary, bool):
        raise GatesError(f"{place}: beats: expected 'primary' to be true or false, got {primary!r}")
    return ComparisonGate(
        f"{variant}-beats-{other}", variant, str(other), float(by_at_least), entry["reason"], primary=primary
    )


def _check_comparisons(place: str, gates: list[ComparisonGate]) -> None:
    pairs = [(gate.variant, gate.other) for gate in gates]
    for variant, other in pairs:
        if pairs.count((variant, other)) > 1:
            raise GatesError(f"{place}: {variant} beats {other} is there twice")
        if (other, variant) in pairs:
            raise GatesError(f"{place}: {variant} beats {other} and {other} beats {variant}: no run passes both")
    n_primary = sum(gate.primary for gate in gates)
    if n_primary > 1 or (len(gates) > 1 and not n_primary):
        raise GatesError(
            f"{place}: expected exactly one of its {len(gates)} comparisons to say primary = true, got {n_primary}; "
            "the others are corrected for being several (Holm)"
        )


def _entry(where: str, value: Any, keys: Collection[str], optional: Collection[str] = frozenset()) -> dict[str, Any]:
    shown = ", ".join([*sorted(keys), "reason"])
    also = f"; also known: {', '.join(sorted(optional))}" if optional else ""
    if (
        not isinstance(value, dict)
        or not isinstance(value.get("reason"), str)
        or not value["reason"].strip()
        or not set(value) <= {*keys, *optional, "reason"}
    ):
        raise GatesError(f"{where}: expected {{ {shown} }} with a non-empty reason{also}; got {value!r}")
    return value


def _number(value: Any) -> float:
    """The number, NaN for anything else: no range holds it."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan


def _table(where: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise GatesError(f"{where}: expected a table [backend.corpus.variant], got {value!r}")
    return value
