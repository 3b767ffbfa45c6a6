"""Which gates a run has to decide: those of gates.toml that its variants allow, and the baseline's.

Which gates a plan is too small for, before anything is asked: whatever is answered, a live run cannot pass them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from ..planning.sampling import Plan
from ..scoring.stats.f1_bounds import FEWEST_POSTS_PER_CLASS
from ..scoring.stats.power import fewest_flips, fewest_posts_for_floor, fewest_posts_for_margin
from .baseline_file import Baseline, baseline_answers, is_about_classes
from .gate import METRICS, BaselineGate, ComparisonGate, Gate, Limit, LimitsGate


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
            if variant not in own and ids & baseline_answers(baseline, variant).keys():
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
        for limit in _others(gate, plan)
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
                for limit in _others(gate, plan)
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
    others = set(_others(gate, plan))
    limits = tuple(limit for limit in gate.limits if limit not in others)
    return replace(gate, limits=limits) if limits else None


def _others(gate: LimitsGate, plan: Plan) -> Iterator[Limit]:
    return (limit for limit in gate.limits if limit.classes is not None and not plan.is_about(limit.classes))


def undecidable(gates: Iterable[Gate], plan: Plan) -> list[str]:
    """One sentence a limit that no answers to these posts could prove to be kept."""
    sentences = []
    for gate in gates:
        if isinstance(gate, ComparisonGate):
            needed = fewest_flips()
            if len(plan.posts) < needed:
                sentences.append(f"{gate.name} takes at least {needed} {plan.units}")
        elif isinstance(gate, BaselineGate):
            needed = fewest_posts_for_margin(gate.max_drop) if gate.max_drop else 0
            if len(plan.posts) < needed:
                sentences.append(f"{gate.name}: max_drop {gate.max_drop:g} takes at least {needed} {plan.units}")
        elif isinstance(gate, LimitsGate):
            sentences += [text for limit in gate.limits if (text := _too_few(gate.name, limit, plan))]
    return sentences


def _too_few(name: str, limit: Limit, plan: Plan) -> str:
    metric = METRICS[limit.metric]
    floor = limit.limit if metric.is_floor else 1 - limit.limit
    if limit.bound == "value" or not metric.is_rate or floor == 1:
        return ""
    least = min(Counter(post.label for post in plan.posts).values())
    if limit.metric == "min_macro_f1":
        needed = FEWEST_POSTS_PER_CLASS
        return f"{name}: min_macro_f1 takes at least {needed} {plan.units} a class" * (least < needed)
    needed = fewest_posts_for_floor(floor)
    if limit.metric == "min_class_recall":
        return f"{name}: min_class_recall {limit.limit:g} takes at least {needed} {plan.units} a class" * (
            least < needed
        )
    return f"{name}: {limit.metric} {limit.limit:g} takes at least {needed} {plan.units}" * (len(plan.posts) < needed)
