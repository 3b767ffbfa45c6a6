"""What travels along the road: frozen records, no behaviour beyond what derives from their own fields."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal
from urllib.parse import quote

Split = Literal["train", "test"]
ERROR_LABEL = "(error)"


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
        """``sci.space-60862``: readable, unique within a split, safe as a file name (others are %-encoded)."""
        return quote(f"{self.label}-{self.number}", safe="+")


@dataclass(frozen=True, slots=True)
class Post:
    """A post as a model is asked about it: the preprocessed text and the label it came from."""

    id: str
    label: str
    text: str


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
class Score:
    """What one variant reached on the planned posts; rates are over ``n``, the cases that have a prediction."""

    variant: str
    n_planned: int
    n: int
    n_correct: int
    n_errors: int
    n_off_list: int
    input_tokens: int
    output_tokens: int
    low: float
    high: float
    model_versions: tuple[str, ...]

    @property
    def accuracy(self) -> float:
        """Correct answers over answered cases; NaN where there are none."""
        return self.n_correct / self.n if self.n else float("nan")

    @property
    def error_rate(self) -> float:
        """Blocked, cut and empty answers over answered cases."""
        return self.n_errors / self.n if self.n else float("nan")

    @property
    def off_list_rate(self) -> float:
        """Answers that are none of the planned labels, over answered cases."""
        return self.n_off_list / self.n if self.n else float("nan")

    @property
    def complete(self) -> bool:
        """True where every planned case has a prediction."""
        return self.n == self.n_planned


@dataclass(frozen=True, slots=True)
class Verdict:
    """One gate decided: ``passed`` only where every planned case was seen and every limit holds."""

    gate: str
    variant: str
    passed: bool
    reasons: tuple[str, ...]
