"""What a gate is: frozen records, and the table of limits that gates.toml may set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from ..planning.sampling import Plan
from ..records import Key, Result
from ..scoring.scores import Check, CheckState, Score, Verdict
from ..scoring.stats.decisions import Finding
from .baseline_file import Baseline

#: How a limit is held in a live run: against a one-sided 95% bound, or against the value itself.
Bound = Literal["confidence", "value"]


_STATES: Mapping[Finding, CheckState] = {
    Finding.PASS: "passed",
    Finding.FAIL: "failed",
    Finding.INCONCLUSIVE: "not proved",
}


@dataclass(frozen=True, slots=True)
class Metric:
    """A key of gates.toml: the attribute of a `Score` it is about; only a rate ends at 1.

    ``can_be_zero``: a limit of 0 can be kept, as "no thinking" can.
    """

    attribute: str
    is_floor: bool
    is_rate: bool = True
    can_be_zero: bool = False


METRICS = {
    "min_accuracy": Metric("accuracy", is_floor=True),
    "max_accuracy": Metric("accuracy", is_floor=False),
    "min_own_mix_accuracy": Metric("own_mix_accuracy", is_floor=True),
    "min_macro_f1": Metric("macro_f1", is_floor=True),
    "min_class_recall": Metric("recall", is_floor=True),
    "min_stability": Metric("stability", is_floor=True),
    "min_pass_all": Metric("pass_all", is_floor=True),
    "max_error_rate": Metric("error_rate", is_floor=False),
    "max_off_list_rate": Metric("off_list_rate", is_floor=False),
    "max_input_tokens_mean": Metric("input_tokens_mean", is_floor=False, is_rate=False),
    "max_output_tokens_mean": Metric("output_tokens_mean", is_floor=False, is_rate=False),
    "max_thinking_tokens_mean": Metric("thinking_tokens_mean", is_floor=False, is_rate=False, can_be_zero=True),
}


@dataclass(frozen=True, slots=True)
class Limit:
    """One bound on one metric, and why it is where it is.

    ``classes``: the ``--classes`` that it is about; None: any. What is hard among eight labels is harder among twenty.
    """

    metric: str
    limit: float
    reason: str
    bound: Bound = "confidence"
    classes: str | None = None


@dataclass(frozen=True, slots=True)
class _OfVariant:
    name: str
    variant: str

    @property
    def variants(self) -> tuple[str, ...]:
        """The variants whose results the gate needs."""
        return (self.variant,)


@dataclass(frozen=True, slots=True)
class LimitsGate(_OfVariant):
    """Floors and ceilings of one variant."""

    limits: tuple[Limit, ...]


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
    def is_floor(self) -> bool:
        """True if the value has to be at least so much."""
        return self.metric.startswith("min_")


@dataclass(frozen=True, slots=True)
class ClassGate(_OfVariant):
    """Limits on named classes, corrected for how many there are."""

    limits: tuple[ClassLimit, ...]


@dataclass(frozen=True, slots=True)
class ComparisonGate(_OfVariant):
    """A variant is better than another on the same posts, by at least so much.

    ``n_in_file``: the comparisons that gates.toml sets for this backend and corpus, this one included.
    """

    other: str
    by_at_least: float
    reason: str
    primary: bool = False
    n_in_file: int = 1

    @property
    def variants(self) -> tuple[str, ...]:
        """The variants whose results the gate needs."""
        return (self.variant, self.other)


@dataclass(frozen=True, slots=True)
class BaselineGate(_OfVariant):
    """A variant is what its reviewed baseline says: letter for letter in a replay, within ``max_drop`` in a live run.

    ``max_drop`` is None where gates.toml sets none: then the gate is there in a replay only.
    """

    max_drop: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AgeGate(_OfVariant):
    """No recorded answer of a variant is older than so many days."""

    max_age_days: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SliceGate:
    """The accuracy of one ``slice`` of a slicing, or of the worst one (``''``); or the gap between its slices."""

    name: str
    variant: str
    slicing: str
    slice: str
    is_gap: bool
    limit: float
    reason: str

    @property
    def variants(self) -> tuple[str, ...]:
        """The variants whose results the gate needs."""
        return (self.variant,)

    def verdict(
        self, finding: Finding, text: str, value: float | None, n: int, n_to_decide: int | None = None
    ) -> Verdict:
        """The finding about a measured ``value`` of ``n`` posts."""
        about = (f"gap between slices of {self.slicing}", "points", "at most")
        if not self.is_gap:
            about = (f"accuracy of {self.slicing}:{self.slice or '(worst)'}", "rate", "at least")
        return _one_check(self, finding, text, value, n, about, n_to_decide)


@dataclass(frozen=True, slots=True)
class ConfidenceGate:
    """The accuracy of the most confident answers, ``coverage`` of all; None: the expected calibration error."""

    name: str
    variant: str
    coverage: float | None
    limit: float
    reason: str

    @property
    def variants(self) -> tuple[str, ...]:
        """The variants whose results the gate needs."""
        return (self.variant,)

    def verdict(
        self, finding: Finding, text: str, value: float | None, n: int, n_to_decide: int | None = None
    ) -> Verdict:
        """The finding about a measured ``value`` of ``n`` answers."""
        if self.coverage is None:
            return _one_check(self, finding, text, value, n, ("calibration error", "score", "at most"), n_to_decide)
        what = f"accuracy of the most confident {self.coverage:.0%}"
        return _one_check(self, finding, text, value, n, (what, "rate", "at least"), n_to_decide)


def _one_check(
    gate: SliceGate | ConfidenceGate,
    finding: Finding,
    text: str,
    value: float | None,
    n: int,
    about: tuple[str, Any, Any],
    n_to_decide: int | None,
) -> Verdict:
    name, unit, sign = about
    state = _STATES[finding]
    check = Check(state, name, unit, value, n, sign, gate.limit, gate.reason, text)
    reason = f"{text}; asked: {sign} {gate.limit:g} ({gate.reason})"
    return Verdict(gate.name, gate.variant, finding, (reason,), n_to_decide=n_to_decide, checks=(check,))


Gate = LimitsGate | ClassGate | ComparisonGate | BaselineGate | AgeGate | SliceGate | ConfidenceGate


@dataclass(frozen=True, slots=True)
class Ages:
    """The day of the oldest recorded answer by variant; ``renew``: the command, with ``{variant}`` for its name."""

    today: date
    oldest: Mapping[str, date]
    renew: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """Scores and results of a run. ``live``: some answers may be new, so that a limit needs its bounds.

    ``family``: the comparisons of this run, which are corrected for one another; ``baseline``: None where no file is.
    ``ages``: None unless a gate asks for them.
    """

    plan: Plan
    scores: Mapping[str, Score]
    results: Mapping[Key, Result]
    live: bool = False
    family: tuple[ComparisonGate, ...] = ()
    baseline: Baseline | None = None
    ages: Ages | None = None
