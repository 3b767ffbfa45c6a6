"""What results come to: frozen records of scores, comparisons and verdicts; no behaviour beyond their own fields."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from .confidences import ConfidenceScores, RepeatScores
    from .latency import Latency
    from .slices import SliceScore
    from .stats.classification import ClassScore, ConfusionMatrix
    from .stats.decisions import Finding
    from .stats.intervals import Interval


@dataclass(frozen=True, slots=True)
class AnswerCounts:
    """The outcomes of a variant's planned cases; each counts in exactly one place.

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
class Share:
    """Accuracy over ``n`` posts, with its 95% interval."""

    n: int
    accuracy: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class Score:
    """The scores of one variant on the planned posts; rates are over ``n``, the cases with an answer.

    ``clustered``: the 95% interval by thread, None if no two posts share one. ``effective_n``: the independent posts
    that the sample is worth. ``n_closed_set``: right answers, and near misses that extend the right label.
    ``output_tokens`` counts ``thinking_tokens``, ``input_tokens`` counts ``cached_tokens`` and ``tool_use_tokens``.
    ``trained_threads``: the posts whose thread the model was trained on, and the others; None unless both exist.
    ``own_mix``: the accuracy, with its 95% interval, if each label counted as often as it is in the data; None if the
    sample has that mix already. ``n_uncounted``: answers of a service that did not say how many tokens they took.
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
    #: A 95% interval that is valid after a recording that stopped when its gates were decided.
    after_stopping: Interval | None = None
    thinking_tokens: int = 0
    cached_tokens: int = 0
    tool_use_tokens: int = 0
    n_uncounted: int = 0
    #: Answers of which ``answer_cleanup`` made a label.
    n_cleaned: int = 0
    #: How answers to the same post vary; None for a variant that asks once.
    repeats: RepeatScores | None = None
    own_mix: tuple[float, Interval] | None = None
    slices: tuple[SliceScore, ...] = ()
    trained_threads: tuple[Share, Share] | None = None
    #: None for a variant that does not say how sure it is.
    confidence: ConfidenceScores | None = None
    #: None if no call was live.
    latency: Latency | None = None

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
        """Low end of the 95% interval to read: after stopping, by thread if threads repeat, else Wilson's."""
        return (self.after_stopping or self.clustered or self.wilson)[0]

    @property
    def high(self) -> float:
        """High end of it."""
        return (self.after_stopping or self.clustered or self.wilson)[1]

    @property
    def accuracy(self) -> float:
        """Correct answers over answered cases; NaN if there are none."""
        return self._rate(self.n_correct)

    @property
    def own_mix_accuracy(self) -> float:
        """Accuracy if each label counted as often as it is in the data."""
        return self.accuracy if self.own_mix is None else self.own_mix[0]

    @property
    def closed_set_accuracy(self) -> float:
        """Accuracy if near misses counted; never mixed with accuracy."""
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
        """Tokens asked per case; NaN if the tokens of an answer were not counted."""
        return self._tokens_mean(self.input_tokens)

    @property
    def output_tokens_mean(self) -> float:
        """Tokens answered per case, thinking counted; NaN likewise, and if only totals are known: a text has some."""
        is_told = self.output_tokens or not self.input_tokens or self.n == self.n_errors
        return self._tokens_mean(self.output_tokens) if is_told else math.nan

    @property
    def thinking_tokens_mean(self) -> float:
        """Tokens of thinking per case; NaN likewise."""
        return self._tokens_mean(self.thinking_tokens)

    @property
    def stability(self) -> float:
        """The share of posts whose repeats all gave the same answer; NaN for a variant that asks once."""
        return self.repeats.stability if self.repeats else math.nan

    @property
    def pass_all(self) -> float:
        """The share of posts whose repeats are all right; NaN for a variant that asks once."""
        return self.repeats.pass_all if self.repeats else math.nan

    @property
    def complete(self) -> bool:
        """True if every planned case has a prediction."""
        return self.n == self.n_planned

    def _tokens_mean(self, count: int) -> float:
        return math.nan if self.n_uncounted else self._rate(count)

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

    Of posts that were asked several times the share of right answers counts, and those are ``gained`` of which the
    first has the larger one. ``n_gained`` and ``n_lost``: the sums of what a post gained or lost, the numbers of these
    posts if each was asked once. ``n_both``: posts that both have right whenever they are asked.
    ``low`` and ``high``: the 95% interval of the difference. ``p``: exact McNemar, one-sided, that the first is better.
    Both count ``effective_n`` posts: fewer than ``n`` if threads repeat, more if answers changed by parts of a post.
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
    effective_n: float
    n_gained: float
    n_lost: float

    @property
    def difference(self) -> float:
        """Accuracy of the first less that of the second; NaN without posts."""
        return (self.n_gained - self.n_lost) / self.n if self.n else math.nan


CheckState = Literal["passed", "failed", "not proved", "unanswered"]


@dataclass(frozen=True, slots=True)
class Check:
    """One limit of a gate in numbers, for whoever shows it: ``name`` is ``value``, asked is ``sign`` ``limit``.

    ``unit``: of both numbers; a difference of rates is in ``points``. ``value``: None if nothing could be measured;
    then ``detail`` says why, else how it was decided. ``why``: the reason that gates.toml gives.
    ``label`` and ``answer``: of the cases that the limit is about, if it is not about all.
    """

    state: CheckState
    name: str
    unit: Literal["rate", "points", "score", "tokens", "cases", "days", "ms"]
    value: float | None
    n: int
    sign: Literal["at least", "at most"]
    limit: float | None
    why: str = ""
    detail: str = ""
    label: str = ""
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One gate decided. ``reasons``: a sentence per limit, with the numbers and the rule; ``findings``: one for each.

    ``flips``: the posts a comparison is about, one line each. ``n_to_decide``: if INCONCLUSIVE, how many posts would
    decide with an 80% chance if the rates now seen are the true ones; None if no number would.
    """

    gate: str
    variant: str
    finding: Finding
    reasons: tuple[str, ...]
    flips: tuple[str, ...] = ()
    n_to_decide: int | None = None
    findings: tuple[Finding, ...] = ()
    checks: tuple[Check, ...] = ()

    @property
    def passed(self) -> bool:
        """True for PASS only: INCONCLUSIVE is not a pass."""
        return self.finding == "PASS"

    @property
    def word(self) -> CheckState:
        """The finding as people read it; a gate whose variant lacks answers is unanswered, not failed."""
        if any(check.state == "unanswered" for check in self.checks):
            return "unanswered"
        return "passed" if self.passed else "failed" if self.finding == "FAIL" else "not proved"
