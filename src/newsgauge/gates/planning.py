"""Which gates a run has to decide: those of gates.toml that its variants allow, and the baseline's.

Which gates a plan is too small for, before anything is asked: whatever is answered, a live run cannot pass them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from ..planning.sampling import Plan
from .baseline_file import Baseline, is_about_classes
from .baseline_gate import BaselineGate
from .gate import Gate
from .limits_gate import LimitsGate


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
    """The limits that `plan_gates` leaves out of this plan, for whoever wonders where they went.

    ``tuned min_accuracy 0.75 (set for '^rec|^sci')``.
    """
    return [
        f"{gate.variant} {limit.metric} {limit.limit:g} (set for {limit.classes!r})"
        for gate in gates
        if isinstance(gate, LimitsGate)
        for limit in gate.of_other_classes(plan)
    ]


def undecidable(gates: Iterable[Gate], plan: Plan) -> list[str]:
    """One sentence a limit that no answers to these posts could prove to be kept."""
    return [sentence for gate in gates for sentence in gate.too_small(plan)]
