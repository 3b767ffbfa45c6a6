"""Limits on one class or one confusion, and on what mistakes cost.

A replay compares the value itself with the limit. A live run must prove a limit by its one-sided bounds, at 95% over
all limits of the gate (Bonferroni), because each of them is read by itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from .._util.numbers import Unit, in_unit
from .._util.wording import did_you_mean
from ..errors import GatesError
from ..records import Outcome, Post, Prediction
from ..scoring.scoreboard import threads_of
from ..scoring.stats.decisions import Finding
from ..scoring.stats.intervals import Worth, threaded
from .findings import decide_rate
from .gate import ALPHA, LARGEST, Asked, Bound, Entry, Evidence, Gate, Held, Sign, Table, number
from .limits_gate import IF_RATES

#: In the matrix of costs: classes not named; off-list answers; blocked, cut and empty answers.
OTHER, OFF_LIST, ERROR = "other", "off-list", "error"
#: The limits, with the keys that name their classes.
_OF_CLASSES = {
    "min_recall": ("class",),
    "min_precision": ("class",),
    "max_confusion": ("from", "to"),
    "max_cost": ("matrix",),
}


@dataclass(frozen=True, slots=True)
class ClassLimit:
    """A bound on the recall or precision of one class, on how often one is taken for another, or on a mean cost.

    ``classes``: the class; of a confusion the true one and the answer; of a cost those that its matrix names.
    ``costs``: true class -> answer -> cost.
    """

    metric: str
    limit: float
    reason: str
    classes: tuple[str, ...]
    bound: Bound = "confidence"
    costs: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def sign(self) -> Sign:
        """Whether the limit is a floor or a ceiling."""
        return "at least" if self.metric.startswith("min_") else "at most"

    @property
    def unit(self) -> Unit:
        """Of the value and the limit."""
        return "score" if self.costs else "rate"

    @property
    def is_floor(self) -> bool:
        """True if the limit is a floor."""
        return self.sign == "at least"

    @property
    def of_cases(self) -> tuple[str, str]:
        """The label and the answer of the cases that it is about; empty: any."""
        label = "" if self.costs or self.metric == "min_precision" else self.classes[0]
        return label, "" if self.costs or self.metric == "min_recall" else self.classes[-1]

    @property
    def most(self) -> float:
        """The highest value that there can be."""
        return max((cost for row in self.costs.values() for cost in row.values()), default=1.0)


@dataclass(frozen=True, slots=True)
class ClassGate(Gate):
    """Limits on named classes, corrected for how many there are."""

    KEYS: ClassVar = tuple(_OF_CLASSES)

    limits: tuple[ClassLimit, ...]

    @classmethod
    def read(cls, table: Table) -> Iterable[Gate]:
        """One gate for all limits of the table."""
        limits = tuple(
            _limit(key, table.entry(key, value, {"limit", *names}, {"bound"}))
            for key, names in _OF_CLASSES.items()
            for value in table.listed(key)
        )
        return [cls(f"{table.variant}-classes", table.variant, limits)] if limits else []

    def hold(self, evidence: Evidence) -> Sequence[Held]:
        """Each limit by its value, or by bounds at 5% over all."""
        return [_hold(limit, self, evidence) for limit in self.limits]


def _limit(key: str, entry: Entry) -> ClassLimit:
    names = _OF_CLASSES[key]
    costs = _costs(entry) if key == "max_cost" else {}
    named = dict.fromkeys([*costs, *(answer for row in costs.values() for answer in row)])
    classes = tuple(name for name in named if name not in (OTHER, OFF_LIST, ERROR))
    if not costs:
        classes = tuple(
            entry.value(name, "to name a class", lambda one: isinstance(one, str) and bool(one)) for name in names
        )
    if len(set(classes)) < len(classes):
        raise GatesError(f"{entry.where}: 'from' and 'to' are both {classes[0]!r}, which is not a confusion")
    found = ClassLimit(key, 0.0, entry.reason, classes, entry.bound, costs)
    breaks_none = 0 if found.is_floor else found.most
    expected = f"from 0 to {found.most:g} that some answers break"
    limit = entry.number("limit", expected, lambda limit: 0 <= limit <= found.most and limit != breaks_none)
    return replace(found, limit=limit)


def _costs(entry: Entry) -> dict[str, dict[str, float]]:
    matrix: Any = entry.values.get("matrix")
    rows = matrix if isinstance(matrix, dict) and all(isinstance(row, dict) for row in matrix.values()) else {}
    found = {true: {answer: number(cost) for answer, cost in row.items()} for true, row in rows.items()}
    costs = [cost for row in found.values() for cost in row.values()]
    if not costs or not all(0 <= cost <= LARGEST for cost in costs) or not max(costs):
        raise GatesError(
            f"{entry.where}: expected 'matrix' to hold costs from 0 to {LARGEST:g} by true class and answer, as in "
            f"{{ billing = {{ login = 5, other = 1 }}, other = {{ other = 1 }} }}; got {matrix!r}"
        )
    return found


def _hold(limit: ClassLimit, gate: ClassGate, evidence: Evidence) -> Held:
    labels, corpus_labels = evidence.plan.labels, evidence.plan.corpus_labels or evidence.plan.labels
    unknown = [name for name in limit.classes if name not in corpus_labels]
    absent = [name for name in limit.classes if name not in labels]
    name, pairs, values = _count(limit, gate.variant, evidence)
    n, value = len(values), None if unknown or absent or not values else math.fsum(values) / len(values)
    detail, n_to_decide = "", None
    if unknown:
        named = f"; it has {', '.join(corpus_labels)}"
        guess = did_you_mean(unknown[0], corpus_labels)
        finding, detail = Finding.FAIL, f"the corpus has no class {unknown[0]!r}{guess or named}"
    elif value is None:
        what = f"this run asks no {evidence.plan.unit} of {', '.join(absent)}" if absent else "no answer to count"
        finding, detail = Finding.INCONCLUSIVE, what
    elif not evidence.live or limit.bound == "value" or limit.limit in (0.0, limit.most):
        finding = Finding.PASS if (value >= limit.limit if limit.is_floor else value <= limit.limit) else Finding.FAIL
    else:
        threads = threads_of(post for post, _ in pairs)
        worth = threaded([int(one > 0) for one in values], threads)
        finding, detail, more = _by_bounds(limit, value, n, worth, len(gate.limits), evidence.plan.units)
        n_to_decide = more and math.ceil(more * len(evidence.plan.posts) / n)
    asked = Asked(name, limit.unit, limit.sign, limit.limit, limit.reason, *limit.of_cases)
    how = f"; {detail}" if detail else ""
    reason = f"{name} {in_unit(value, asked.unit)}, {asked.words}{how} (n = {n}; {limit.reason})"
    return asked.held(finding, reason, value, n, detail, n_to_decide=n_to_decide)


def _by_bounds(
    limit: ClassLimit, value: float, n: int, worth: Worth, n_limits: int, units: str
) -> tuple[Finding, str, int | None]:
    """The finding, the words for it, and how many such posts would decide.

    A cost is treated as a rate with its mean, which varies at least as much.
    """
    most, confidence = limit.most, 1 - ALPHA / n_limits
    counted = min(n, n * value / most)  # rounding
    found = decide_rate(counted, n, limit.limit / most, is_floor=limit.is_floor, worth=worth, confidence=confidence)
    over = f", {100 * (1 - ALPHA):.0f}% over {n_limits} limits" if n_limits > 1 else ""
    shown = (in_unit(bound * most, limit.unit) for bound in (found.low, found.high))
    detail = f"one-sided {confidence:.1%} bounds {' and '.join(shown)}{over}"
    if found.finding is Finding.INCONCLUSIVE and found.n_for_power is not None:
        detail += f"; some {found.n_for_power:,} such {units} would decide, {IF_RATES}"
    return found.finding, detail, found.n_for_power


def _count(
    limit: ClassLimit, variant: str, evidence: Evidence
) -> tuple[str, list[tuple[Post, Prediction]], list[float]]:
    """What a limit is about: its name, the answers that count, and of each of them a value from 0 to ``most``."""
    pairs = evidence.answered(variant)
    first, last = (limit.classes[0], limit.classes[-1]) if limit.classes else ("", "")
    if limit.metric == "max_cost":
        costs = [_cost(limit.costs, post, said) for post, said in pairs]
        return f"mean cost of a mistake per {evidence.plan.unit}", pairs, costs
    if limit.metric == "min_precision":
        pairs = [(post, said) for post, said in pairs if said.label == first]
        return f"precision of {first}", pairs, [float(post.label == first) for post, _ in pairs]
    pairs = [(post, said) for post, said in pairs if post.label == first]
    name = f"recall of {first}" if limit.metric == "min_recall" else f"{first} taken for {last}"
    return name, pairs, [float(said.label == last) for _, said in pairs]


def _cost(costs: Mapping[str, Mapping[str, float]], post: Post, said: Prediction) -> float:
    """0 for a right answer; the cost of the pair, else that of ``other`` in the row, else of the row ``other``."""
    if said.label == post.label:
        return 0.0
    kind = ERROR if said.is_error else OFF_LIST if said.outcome is Outcome.OFF_LIST else said.label
    for row in (costs.get(post.label, {}), costs.get(OTHER, {})):
        for name in (kind, OTHER):
            if name in row:
                return row[name]
    return 0.0
