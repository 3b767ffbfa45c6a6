"""The base of every kind of gate, its table in gates.toml, the evidence it is compared with, and its verdict.

A kind reads its limits from the table of a variant, as entries with known keys, a reason, and values in range. It
compares each of them with the evidence of a run, and also writes what is shown about it, in a sentence and in numbers.
`gates_file.KINDS` lists the kinds.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

from .._util.numbers import Unit, in_unit
from ..errors import GatesError
from ..planning.sampling import Plan
from ..records import Key, Post, Prediction, Result
from ..scoring.scores import Check, CheckState, Score, Verdict
from ..scoring.stats.decisions import Finding
from ..scoring.stats.power import NEAREST_LIMIT
from .baseline_file import Baseline

if TYPE_CHECKING:
    from .watched import Watched

#: What a live run compares with a limit: a one-sided 95% bound, or the value itself.
Bound = Literal["confidence", "value"]


#: No limit is above it: larger numbers overflow when they are added up.
LARGEST = 1e12


def number(value: Any) -> float:
    """The number, NaN for anything else: no range holds it."""
    if not isinstance(value, int | float) or isinstance(value, bool) or value < -LARGEST:
        return math.nan
    return float(min(value, 2 * LARGEST))  # an integer may be too large for a float


@dataclass(frozen=True, slots=True)
class Entry:
    """One limit as the file has it; ``where`` names file, table and key for messages."""

    where: str
    values: Mapping[str, Any]

    @property
    def reason(self) -> str:
        """The reason for the limit."""
        return str(self.values["reason"])

    @property
    def bound(self) -> Bound:
        """What a live run compares with it."""
        bound: Bound = self.values.get("bound", "confidence")
        if bound not in get_args(Bound):
            raise GatesError(f"{self.where}: unknown bound {bound!r}; known: {', '.join(get_args(Bound))}")
        return bound

    def value(self, key: str, expected: str, holds: Callable[[Any], bool], default: Any = None) -> Any:
        """The value of the key. Raises `GatesError` if it is not as expected."""
        value = self.values.get(key, default)
        if not holds(value):
            raise GatesError(f"{self.where}: expected {key!r} {expected}, got {value!r}")
        return value

    def number(self, key: str, expected: str, holds: Callable[[float], bool], default: float | None = None) -> float:
        """The number under the key, one that a sample can be held to."""
        arrived = self.value(key, expected, lambda value: holds(number(value)), default)
        value = number(arrived)
        if 0 < value < NEAREST_LIMIT or 1 - NEAREST_LIMIT < value < 1 or value > LARGEST:
            raise GatesError(
                f"{self.where}: expected {key!r} {expected}, at most {LARGEST:g}, and 0, 1 or no closer to them than "
                f"{NEAREST_LIMIT:f}, because no sample can distinguish such values; got {arrived!r}"
            )
        return value

    def rate(self, key: str = "limit", *, ends: bool = False) -> float:
        """A rate that a sample can be held to; ``ends``: 0 and 1 are such rates, too."""
        expected = "from 0 to 1" if ends else "above 0 and below 1"
        return self.number(key, expected, lambda rate: 0 < rate < 1 or (ends and rate in (0, 1)))


@dataclass(frozen=True, slots=True)
class Table:
    """The table of a variant. ``known``: the other variants; empty if they are not known here."""

    where: str
    variant: str
    values: Mapping[str, Any]
    known: Collection[str] = ()
    slicings: Collection[str] = ()

    def is_other(self, variant: Any) -> bool:
        """Whether the value names another variant."""
        return variant not in (None, "", self.variant) and (not self.known or variant in self.known)

    def listed(self, key: str) -> list[Any]:
        """What stands under a key that may hold one value or a list of them; empty if it is absent."""
        value = self.values.get(key, [])
        return value if isinstance(value, list) else [value]

    def entry(self, key: str, value: Any, keys: Collection[str], optional: Collection[str] = ()) -> Entry:
        """A value of the key, as an entry with no other keys than these and its reason. Raises `GatesError`."""
        where = f"{self.where} {key}"
        reason = value.get("reason") if isinstance(value, dict) else None
        if not isinstance(reason, str) or not reason.strip() or not set(value) <= {*keys, *optional, "reason"}:
            shown = ", ".join([*sorted(keys), "reason"])
            also = f"; also known: {', '.join(sorted(optional))}" if optional else ""
            raise GatesError(f"{where}: expected {{ {shown} }} with a non-empty reason{also}; got {value!r}")
        return Entry(where, value)


Sign = Literal["at least", "at most"]
ALPHA = 0.05
#: Worst first: the worst limit decides a gate.
WORST_FIRST = (Finding.FAIL, Finding.INCONCLUSIVE, Finding.PASS)
_STATES: Mapping[Finding, CheckState] = {
    Finding.PASS: "passed",
    Finding.FAIL: "failed",
    Finding.INCONCLUSIVE: "not proved",
}


@dataclass(frozen=True, slots=True)
class Ages:
    """The day of the oldest recorded answer by variant; ``renew``: the command, with ``{variant}`` for its name."""

    today: date
    oldest: Mapping[str, date]
    renew: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """Scores and results of a run. ``live``: some answers may be new, so that a limit needs its bounds.

    ``family``: the gates of this run, whose comparisons are corrected for one another; ``baseline``: None if no file
    is. ``ages``: None unless a gate asks for them.
    """

    plan: Plan
    scores: Mapping[str, Score]
    results: Mapping[Key, Result]
    live: bool = False
    family: tuple[Gate, ...] = ()
    baseline: Baseline | None = None
    ages: Ages | None = None

    def answered(self, variant: str) -> list[tuple[Post, Prediction]]:
        """The posts with an answer, and the answers."""
        found = ((post, self.results.get((post.id, variant))) for post in self.plan.asked(variant))
        return [(post, one.prediction) for post, one in found if one is not None and one.prediction is not None]


@dataclass(frozen=True, slots=True)
class Held:
    """The outcome of one limit, in a sentence and in numbers."""

    finding: Finding
    reason: str
    check: Check
    n_to_decide: int | None = None
    flips: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """What a limit is about, as a `Check` shows it."""

    name: str
    unit: Unit
    sign: Sign
    limit: float | None
    why: str = ""
    label: str = ""
    answer: str = ""

    @property
    def words(self) -> str:
        """``limit: at least 80.0%``."""
        return f"limit: {self.sign} {in_unit(self.limit, self.unit, exact=True)}"

    def held(
        self,
        finding: Finding,
        reason: str,
        value: float | None,
        n: int,
        detail: str = "",
        *,
        n_to_decide: int | None = None,
        flips: tuple[str, ...] = (),
    ) -> Held:
        """The limit with what was measured on ``n`` of them."""
        value = None if value is None or math.isnan(value) else value
        about = (self.sign, self.limit, self.why, detail, self.label, self.answer)
        return Held(
            finding, reason, Check(_STATES[finding], self.name, self.unit, value, n, *about), n_to_decide, flips
        )

    def said(self, finding: Finding, text: str, value: float | None, n: int, *, n_to_decide: int | None = None) -> Held:
        """The same, if one text says how it was decided and is the sentence with what was asked."""
        reason = f"{text}; {self.words} ({self.why})"
        return self.held(finding, reason, value, n, text, n_to_decide=n_to_decide)


@dataclass(frozen=True, slots=True)
class Gate(ABC):
    """Limits of one kind on one variant, each with its reason."""

    #: What the kind's limits are called in gates.toml.
    KEYS: ClassVar[tuple[str, ...]] = ()
    #: What a simulation has to know of the recordings, beside answers.
    NEEDS: ClassVar[Literal["", "ages", "confidences", "latencies"]] = ""

    name: str
    variant: str

    @property
    def variants(self) -> tuple[str, ...]:
        """The variants whose results the gate needs."""
        return (self.variant,)

    @classmethod
    @abstractmethod
    def read(cls, table: Table) -> Iterable[Gate]:
        """The gates of this kind in a variant's table. Raises `GatesError`."""

    @abstractmethod
    def hold(self, evidence: Evidence) -> Sequence[Held]:
        """The outcome of each limit. No answer is missing in the evidence."""

    def early(
        self, plan: Plan, gates: Sequence[Gate], baseline: Baseline | None
    ) -> tuple[Sequence[Watched], Sequence[str]]:
        """The limits that may be decided before the plan is asked whole, and a reason for each that may not.

        ``gates``: all of the run. Ages and latencies are no rates of answers, so that nothing waits for them.
        """
        return (), [] if self.NEEDS in ("ages", "latencies") else [self.name]

    def too_small(self, plan: Plan) -> Iterable[str]:
        """A sentence per limit that no answers to these posts could prove to be kept."""
        return ()


def largest(numbers: Sequence[int | None]) -> int | None:
    """The largest number; None if there is none, or one of them is None."""
    known = [n for n in numbers if n is not None]
    return max(known) if known and len(known) == len(numbers) else None


def decide(gate: Gate, evidence: Evidence) -> Verdict:
    """Decide the gate from the evidence. An incomplete score never passes, whatever its rate is."""
    missing = [score for name in gate.variants if not (score := evidence.scores[name]).complete]
    held = [_unanswered(score, evidence) for score in missing] or gate.hold(evidence)
    findings = tuple(one.finding for one in held)
    return Verdict(
        gate.name,
        gate.variant,
        next(one for one in WORST_FIRST if one in findings),
        tuple(one.reason for one in held),
        tuple(flip for one in held for flip in one.flips),
        largest([one.n_to_decide for one in held if one.finding is Finding.INCONCLUSIVE]),
        findings,
        tuple(one.check for one in held),
    )


def _unanswered(score: Score, evidence: Evidence) -> Held:
    text = f"{score.variant}: {score.n_planned - score.n} of {score.n_planned} planned cases have no answer"
    found = (evidence.results.get((post.id, score.variant)) for post in evidence.plan.posts)
    first = next((one.broken for one in found if one is not None and one.broken), "")
    name = f"cases of {score.variant} have an answer"
    check = Check("unanswered", name, "cases", score.n, score.n_planned, "at least", score.n_planned, "", first)
    return Held(Finding.FAIL, f"{text}; the first: {first}" if first else text, check)
