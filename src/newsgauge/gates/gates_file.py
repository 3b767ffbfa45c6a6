"""gates.toml in, `Gate` records out. Whatever cannot be meant is a `GatesError` that names what is known.

``[backend] max_age_days`` says how old its recordings may be. A table ``[backend.corpus.variant]`` holds limits of the
`KINDS` that there are, each with the reason why it is where it is. ``[slices]`` names the slices, see `scoring.slices`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from .._util.files import read_toml
from .._util.wording import did_you_mean
from ..errors import GatesError
from ..records import BACKENDS, ELSEWHERE
from ..scoring.slices import SLICES, load_slicings
from .age_gate import AgeGate
from .baseline_gate import BaselineGate
from .class_gate import ClassGate
from .comparison_gate import ComparisonGate, check_comparisons
from .confidence_gate import ConfidenceGate
from .entries import Table
from .gate import Gate
from .limits_gate import LimitsGate
from .slice_gate import SliceGate

#: Every kind of gate, in the order in which a run shows them.
KINDS: tuple[type[Gate], ...] = (
    LimitsGate,
    ClassGate,
    SliceGate,
    ConfidenceGate,
    ComparisonGate,
    BaselineGate,
    AgeGate,
)
_OF_VARIANT = tuple(kind for kind in KINDS if kind is not AgeGate)
_KEYS = tuple(key for kind in _OF_VARIANT for key in kind.KEYS)


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
            if corpus_name in AgeGate.KEYS:
                ages = AgeGate.read(Table(f"{where}]", "", {corpus_name: variants}, known))
                wanted += ages if backend_name == backend else []
                continue
            place = f"{where}.{corpus_name}]"
            if is_here and corpora is not None and corpus_name not in corpora:
                raise GatesError(f"{place}: unknown corpus; known here: {', '.join(sorted(corpora))}")
            found: list[Gate] = []
            for variant, values in _table(place, variants).items():
                if is_here and variant not in known:
                    guess = did_you_mean(variant, known)
                    raise GatesError(f"{place[:-1]}.{variant}]: unknown variant; known: {', '.join(known)}{guess}")
                own = f"{place[:-1]}.{variant}]"
                found += _gates(Table(own, variant, _table(own, values), known if is_here else (), slicings))
            comparisons = [gate for gate in found if isinstance(gate, ComparisonGate)]
            check_comparisons(place, comparisons)
            if (backend_name, corpus_name) == (backend, corpus):
                wanted += [
                    replace(gate, n_in_file=len(comparisons)) if isinstance(gate, ComparisonGate) else gate
                    for gate in found
                ]
    return tuple(sorted(wanted, key=lambda gate: KINDS.index(type(gate))))


def _gates(table: Table) -> Iterable[Gate]:
    for key in table.values:
        if key not in _KEYS:
            raise GatesError(
                f"{table.where}: unknown limit {key!r}; known: {', '.join(_KEYS)}{did_you_mean(key, _KEYS)}"
            )
    return (gate for kind in _OF_VARIANT for gate in kind.read(table))


def _table(where: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise GatesError(f"{where}: expected a table [backend.corpus.variant], got {value!r}")
    return value
