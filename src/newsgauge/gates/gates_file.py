"""gates.toml in, `Gate` records out: all of a backend and corpus, and those that a run must decide.

Anything unknown is a `GatesError` that names what is known.

``[backend] max_age_days`` says how old its recordings may be. A table ``[backend.corpus.variant]`` holds limits of the
`KINDS`, each with its reason. ``[slices]`` names the slices, see `scoring.slices`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .._util.files import read_toml
from .._util.wording import did_you_mean
from ..errors import GatesError
from ..planning.sampling import Plan
from ..records import BACKENDS, ELSEWHERE
from ..scoring.slices import SLICES, load_slicings
from .age_gate import AgeGate
from .baseline_file import Baseline, is_about_classes
from .baseline_gate import BaselineGate
from .class_gate import ClassGate
from .comparison_gate import ComparisonGate, check_comparisons
from .confidence_gate import ConfidenceGate
from .disturbance_gate import DisturbanceGate
from .gate import Gate, Table
from .latency_gate import LatencyGate
from .limits_gate import LimitsGate
from .slice_gate import SliceGate

_OF_VARIANT = (
    *(LimitsGate, ClassGate, SliceGate, ConfidenceGate, ComparisonGate),
    *(DisturbanceGate, LatencyGate, BaselineGate),
)
#: Every kind of gate, in the order in which a run shows them.
KINDS: tuple[type[Gate], ...] = (*_OF_VARIANT, AgeGate)
_KEYS = tuple(key for kind in _OF_VARIANT for key in kind.KEYS)


def load_gates(
    path: Path, *, backend: str, corpus: str, known: Collection[str], corpora: Collection[str] | None = None
) -> tuple[Gate, ...]:
    """The gates of one backend and corpus: limits, then comparisons, then regressions. Raises `GatesError`.

    ``known`` are the variants of variants.toml; a gate on any other is an error, in whatever part of the file. So is
    one on a corpus that is none of ``corpora``, if these are given: nothing would ever be held to it.
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


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A gate of this backend and corpus, or a limit of one, that a run does not decide; ``option`` leaves it out."""

    gate: str
    why: str
    option: str

    def __str__(self) -> str:
        """``tuned (tuned is not asked)``."""
        return f"{self.gate} ({self.why})"


def plan_gates(
    gates: Iterable[Gate],
    *,
    variants: Collection[str],
    plan: Plan,
    baseline: Baseline | None,
    live: bool,
    updating: bool,
    known: Collection[str] = (),
) -> tuple[tuple[Gate, ...], tuple[LeftOut, ...]]:
    """The gates that a run of these ``variants``, of those that are ``known``, has to decide; and what it leaves out.

    In a replay a variant with a baseline of some of these posts is held to it, whether or not gates.toml says
    ``max_drop``. A run that writes the baseline is not held to it; nor is one of other classes, as to choose among
    other labels is another question. Limits that are about other classes are left out.
    """
    others: list[Gate] = []
    own: dict[str, Gate] = {}
    left_out: list[LeftOut] = []
    for gate in gates:
        if not live and gate.NEEDS == "latencies":
            continue  # a replay asks nobody
        if absent := [variant for variant in gate.variants if variant not in variants]:
            left_out.append(LeftOut(gate.name, f"{', '.join(absent)} is not asked", "--variants"))
        elif isinstance(gate, BaselineGate):
            own[gate.variant] = gate
        elif isinstance(gate, LimitsGate):
            of_others = gate.of_other_classes(plan)
            left_out += [
                LeftOut(f"{gate.name}-{limit.metric}", f"set for --classes {limit.classes!r}", "--classes")
                for limit in of_others
            ]
            if limits := tuple(limit for limit in gate.limits if limit not in of_others):
                others.append(replace(gate, limits=limits))
        else:
            others.append(gate)
    if updating:
        return tuple(others), tuple(left_out)
    is_about_others = baseline is not None and not is_about_classes(baseline, plan)
    if is_about_others:
        own = {}
    named, ids = {one.gate for one in left_out}, {post.id for post in plan.posts}
    for variant in baseline.variants if baseline is not None and not live else ():
        name = f"{variant}-baseline"
        if variant not in variants and variant in known and name not in named:
            left_out.append(LeftOut(name, f"{variant} is not asked", "--variants"))
        elif variant in variants and is_about_others and baseline is not None:
            why = f"the baseline is about --classes {baseline.drawn_by['classes']!r}"
            left_out.append(LeftOut(name, why, "--classes"))
        elif variant in variants and baseline is not None and ids & baseline.answers(variant).keys():
            own.setdefault(variant, BaselineGate(name, variant))
    return (*others, *(own[variant] for variant in variants if variant in own)), tuple(left_out)


def limits_of_other_classes(gates: Iterable[Gate], plan: Plan) -> list[str]:
    """The limits that `plan_gates` leaves out of this plan, so that a run can name them.

    ``tuned min_accuracy 0.75 (set for '^rec|^sci')``.
    """
    return [
        f"{gate.variant} {limit.metric} {limit.limit:g} (set for {limit.classes!r})"
        for gate in gates
        if isinstance(gate, LimitsGate)
        for limit in gate.of_other_classes(plan)
    ]


def undecidable(gates: Iterable[Gate], plan: Plan) -> list[str]:
    """One sentence per limit that no answers to these posts could prove to be kept."""
    return [sentence for gate in gates for sentence in gate.too_small(plan)]
