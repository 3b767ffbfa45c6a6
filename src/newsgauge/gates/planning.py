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


def plan_gates(
    gates: Iterable[Gate],
    *,
    variants: Collection[str],
    plan: Plan,
    baseline: Baseline | None,
    live: bool,
    updating: bool,
) -> tuple[Gate, ...]:
    """The gates that a run of these variants has to decide.

    In a replay a variant with a baseline of some of these posts is held to it, whether or not gates.toml says
    ``max_drop``. A run that writes the baseline is not held to it; nor is one of other classes, as to choose among
    other labels is another question. Limits that are about other classes are left out.
    """
    planned = [
        kept
        for gate in gates
        if all(variant in variants for variant in gate.variants) and (kept := _for_classes(gate, plan)) is not None
    ]
    own = {gate.variant: gate for gate in planned if isinstance(gate, BaselineGate)}
    if baseline is not None and not is_about_classes(baseline, plan):
        own, baseline = {}, None
    others = tuple(gate for gate in planned if not isinstance(gate, BaselineGate))
    if updating:
        return others
    if baseline is not None and not live:
        ids = {post.id for post in plan.posts}
        for variant in variants:
            if variant not in own and ids & baseline.answers(variant).keys():
                own[variant] = BaselineGate(f"{variant}-baseline", variant)
    return (*others, *(own[variant] for variant in variants if variant in own))


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


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A gate of this backend and corpus, or a limit of one, that a run does not decide; ``option`` leaves it out."""

    gate: str
    why: str
    option: str

    def __str__(self) -> str:
        """``tuned (tuned is not asked)``."""
        return f"{self.gate} ({self.why})"


def left_out_gates(
    gates: Iterable[Gate], *, variants: Collection[str], known: Collection[str], plan: Plan, baseline: Baseline | None
) -> tuple[LeftOut, ...]:
    """What `plan_gates` leaves out of a run of these ``variants``, of those that are ``known``."""
    found = []
    for gate in gates:
        absent = [variant for variant in gate.variants if variant not in variants]
        if absent:
            found.append(LeftOut(gate.name, f"{', '.join(absent)} is not asked", "--variants"))
        elif isinstance(gate, LimitsGate):
            found += [
                LeftOut(f"{gate.name}-{limit.metric}", f"set for --classes {limit.classes!r}", "--classes")
                for limit in gate.of_other_classes(plan)
            ]
    named = {one.gate for one in found}
    for variant in baseline.variants if baseline is not None else ():
        name = f"{variant}-baseline"
        if variant not in variants and variant in known and name not in named:
            found.append(LeftOut(name, f"{variant} is not asked", "--variants"))
        elif baseline is not None and variant in variants and not is_about_classes(baseline, plan):
            found.append(
                LeftOut(name, f"the baseline is about --classes {baseline.drawn_by['classes']!r}", "--classes")
            )
    return tuple(found)


def _for_classes(gate: Gate, plan: Plan) -> Gate | None:
    if not isinstance(gate, LimitsGate):
        return gate
    others = gate.of_other_classes(plan)
    limits = tuple(limit for limit in gate.limits if limit not in others)
    return replace(gate, limits=limits) if limits else None


def undecidable(gates: Iterable[Gate], plan: Plan) -> list[str]:
    """One sentence a limit that no answers to these posts could prove to be kept."""
    return [sentence for gate in gates for sentence in gate.too_small(plan)]
