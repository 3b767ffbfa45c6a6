"""Which gates a plan is too small for, before anything is asked: whatever is answered, a live run cannot pass them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ..planning.sampling import Plan
from ..scoring.stats.f1_bounds import FEWEST_POSTS_PER_CLASS
from ..scoring.stats.power import fewest_flips, fewest_posts_for_floor, fewest_posts_for_margin
from .gate import METRICS, BaselineGate, ComparisonGate, Gate, Limit, LimitsGate


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
