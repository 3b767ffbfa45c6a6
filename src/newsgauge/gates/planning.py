"""Which gates a run has to decide: those of gates.toml that its variants allow, and the baseline's."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ..baselines import Baseline, baseline_answers
from ..sampling import Plan
from .gate import BaselineGate, Gate


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
    ``max_drop``. A run that writes the baseline is not held to it.
    """
    planned = [gate for gate in gates if all(variant in variants for variant in gate.variants)]
    own = {gate.variant: gate for gate in planned if isinstance(gate, BaselineGate)}
    others = tuple(gate for gate in planned if not isinstance(gate, BaselineGate))
    if updating:
        return others
    if baseline is not None and not live:
        ids = {post.id for post in plan.posts}
        for variant in variants:
            if variant not in own and ids & baseline_answers(baseline, variant).keys():
                own[variant] = BaselineGate(f"{variant}-baseline", variant)
    return (*others, *(own[variant] for variant in variants if variant in own))
