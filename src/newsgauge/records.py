"""What travels along the road: frozen records, no behaviour beyond what derives from their own fields."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

if TYPE_CHECKING:
    from .scoring.stats import ClassScore, ConfusionMatrix, Finding, Interval

Split = Literal["train", "test"]
ERROR_LABEL = "(error)"
#: How every answer of the embedded backend calls its model, whoever was believed to be asked.
EMBEDDED_VERSION = "newsgauge-embedded-"
#: How the model version of a prediction begins that no service made.
ESTIMATOR_VERSION = "estimator "


class Outcome(StrEnum):
    """What kind of answer arrived. Only ``label`` and ``off-list`` carry a text to compare."""

    LABEL = "label"
    OFF_LIST = "off-list"
    BLOCKED = "blocked"
    CUT = "cut"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class RawPost:
    """A post as the corpus holds it: headers and body, undecided what is asked about.

    ``thread`` is what the corpus says of the conversation a post belongs to; None where only its subject tells.
    """

    label: str
    number: str
    raw: str
    thread: str | None = None

    @property
    def id(self) -> str:
        """``sci.space-60862``: readable, unique within a split, safe as a file name (others are %-encoded).

        Without a ``~``, which in a cassette tells the calls of a case apart.
        """
        return quote(f"{self.label}-{self.number}", safe="+").replace("~", "%7E")


@dataclass(frozen=True, slots=True)
class Post:
    """A post as a model is asked about it: the preprocessed text and the label it came from.

    Posts with the same ``thread`` are right or wrong together; None: a thread of its own.
    """

    id: str
    label: str
    text: str
    thread: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One post asked of one variant: one pytest item."""

    post: Post
    variant: str

    @property
    def id(self) -> str:
        """``sci.space-60862-tuned``."""
        return f"{self.post.id}-{self.variant}"


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a variant said of a post. ``label`` is the stripped answer, or ``(error)`` where there is none."""

    label: str
    outcome: Outcome
    detail: str
    input_tokens: int
    output_tokens: int
    model_version: str

    @property
    def is_error(self) -> bool:
        """True where no usable answer arrived: blocked, cut or empty."""
        return self.outcome not in (Outcome.LABEL, Outcome.OFF_LIST)


@dataclass(frozen=True, slots=True)
class Result:
    """A case with its prediction, or with the reason why there is none (``broken``)."""

    post_id: str
    variant: str
    label: str
    prediction: Prediction | None
    broken: str = ""
    #: ``item`` where the case ran as a test of its own, ``gate`` where a gate recomputed it from the cassette.
    origin: Literal["item", "gate"] = "item"

    @property
    def correct(self) -> bool:
        """Strict: the answer is the label, letter for letter."""
        return self.prediction is not None and self.prediction.label == self.label


@dataclass(frozen=True, slots=True)
class Wire:
    """What went over the wire for one call, in clear: ``body`` was sent, ``answer`` came back, already unpacked."""

    method: str
    uri: str
    body: bytes
    status: int
    answer: bytes


@dataclass(frozen=True, slots=True)
class AnswerCounts:
    """What became of the planned cases of a variant, each in exactly one place.

    ``wrong``: a label of the plan, but another. ``broken``: the case ran without an answer (transport, cassette).
    ``missing``: it did not run.
    """

    right: int
    wrong: int
    off_list: int
    blocked: int
    cut: int
    empty: int
    broken: int
    missing: int


@dataclass(frozen=True, slots=True)
class Score:
    """What one variant reached on the planned posts; rates are over ``n``, the cases that have an answer.

    ``clustered``: the 95% interval by thread, None where no two posts share one. ``effective_n``: the independent posts
    that the sample is worth. ``n_closed_set``: right answers, and near misses that extend the right label.
    """

    variant: str
    n_planned: int
    counts: AnswerCounts
    n_closed_set: int
    wilson: Interval
    clustered: Interval | None
    n_threads: int
    effective_n: float
    matrix: ConfusionMatrix
    classes: tuple[ClassScore, ...]
    macro_f1: float
    input_tokens: int
    output_tokens: int
    model_versions: tuple[str, ...]

    @property
    def n(self) -> int:
        """Planned cases with an answer, of whatever kind."""
        return self.n_planned - self.counts.broken - self.counts.missing

    @property
    def n_correct(self) -> int:
        """Answers that are the label, letter for letter."""
        return self.counts.right

    @property
    def n_errors(self) -> int:
        """Blocked, cut and empty answers."""
        return self.counts.blocked + self.counts.cut + self.counts.empty

    @property
    def n_off_list(self) -> int:
        """Answers that are none of the planned labels."""
        return self.counts.off_list

    @property
    def low(self) -> float:
        """Low end of the 95% interval to read: by thread where threads repeat, else Wilson's."""
        return (self.clustered or self.wilson)[0]

    @property
    def high(self) -> float:
        """High end of it."""
        return (self.clustered or self.wilson)[1]

    @property
    def accuracy(self) -> float:
        """Correct answers over answered cases; NaN where there are none."""
        return self._rate(self.n_correct)

    @property
    def closed_set_accuracy(self) -> float:
        """What accuracy would be if near misses counted; never mixed with it."""
        return self._rate(self.n_closed_set)

    @property
    def error_rate(self) -> float:
        """Blocked, cut and empty answers over answered cases."""
        return self._rate(self.n_errors)

    @property
    def off_list_rate(self) -> float:
        """Answers that are none of the planned labels, over answered cases."""
        return self._rate(self.n_off_list)

    @property
    def input_tokens_mean(self) -> float:
        """Tokens asked, a case."""
        return self._rate(self.input_tokens)

    @property
    def output_tokens_mean(self) -> float:
        """Tokens answered, a case."""
        return self._rate(self.output_tokens)

    @property
    def complete(self) -> bool:
        """True where every planned case has a prediction."""
        return self.n == self.n_planned

    def _rate(self, count: float) -> float:
        return count / self.n if self.n else math.nan


@dataclass(frozen=True, slots=True)
class Flip:
    """A post whose answer differs between two variants, or between the baseline (``second``) and now (``first``)."""

    post_id: str
    label: str
    first: str
    second: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two variants on the same posts. A difference is always first less second; ``gained``: only the first is right.

    ``low`` and ``high``: the 95% interval of the difference. ``p``: exact McNemar, one-sided, that the first is better.
    """

    first: str
    second: str
    n: int
    n_both: int
    gained: tuple[Flip, ...]
    lost: tuple[Flip, ...]
    low: float
    high: float
    p: float
    p_two_sided: float

    @property
    def difference(self) -> float:
        """Accuracy of the first less that of the second; NaN without posts."""
        return (len(self.gained) - len(self.lost)) / self.n if self.n else math.nan


@dataclass(frozen=True, slots=True)
class Verdict:
    """One gate decided. ``reasons``: a sentence a limit, with the numbers and the rule.

    ``flips``: the posts a comparison is about, one line each. ``n_to_decide``: where INCONCLUSIVE, how many posts would
    decide with an 80% chance if the rates now seen are the true ones; None where no number would.
    """

    gate: str
    variant: str
    finding: Finding
    reasons: tuple[str, ...]
    flips: tuple[str, ...] = ()
    n_to_decide: int | None = None

    @property
    def passed(self) -> bool:
        """True for PASS only: INCONCLUSIVE is not a pass."""
        return self.finding == "PASS"
