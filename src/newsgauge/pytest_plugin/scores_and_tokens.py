"""What an eval file asserts on: ``scores["tuned"].accuracy.low > 0.7``, ``scores["tuned"].beats("system")``.

Thin: asks the run for results if a test wants them, and hands out values. Decides nothing that gates would not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .._util.numbers import in_unit, p_words, percent, points_span, span
from .._util.wording import did_you_mean
from ..errors import NewsgaugeError, UsageError
from ..records import Key, Result
from ..report.breakdowns import class_lines, confusion_lines
from ..report.terminal import scoreboard_lines
from ..running.results_log import missing_cases
from ..running.run import Run
from ..scoring.scoreboard import compare_variants, score
from ..scoring.scores import Comparison, Score
from ..scoring.stats.decisions import decide_difference
from ..scoring.tokens import Kind, Saving, saving

_ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate with its 95% interval: read ``value``, ``low``, ``high``."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True, repr=False)
class Lead:
    """The answer of ``beats``: true or false, and the numbers in its repr."""

    comparison: Comparison
    by_at_least: float
    proved: bool

    def __bool__(self) -> bool:
        return self.proved

    def __repr__(self) -> str:
        c = self.comparison
        return (
            f"<{c.first} - {c.second} = {in_unit(c.difference, 'points')} {points_span((c.low, c.high))}, n = {c.n}, "
            f"gained {c.n_gained:.4g}, lost {c.n_lost:.4g}, one-sided {p_words(c.p)}; "
            f"limit: at least {in_unit(self.by_at_least, 'points', exact=True)}, p <= {_ALPHA:g}>"
        )


class VariantScores:
    """The scores of one variant over all planned posts; ``data`` is the whole `Score`."""

    def __init__(self, data: Score, scores: Scores) -> None:
        self.data = data
        self._scores = scores

    @property
    def accuracy(self) -> Rate:
        """Strict accuracy, with the interval by thread if threads repeat, else Wilson's."""
        return Rate(self.data.accuracy, self.data.low, self.data.high, self.data.n)

    @property
    def macro_f1(self) -> float:
        """The mean F1 over the classes; NaN if a class has no post."""
        return self.data.macro_f1

    def recall(self, label: str) -> float:
        """Recall of one class. Raises `UsageError` for a label that is not of the plan."""
        __tracebackhide__ = True
        recalls = {one.label: one.recall for one in self.data.classes}
        if label not in recalls:
            known = f"{', '.join(recalls)}{did_you_mean(label, recalls)}"
            raise UsageError(f"scores[{self.data.variant!r}]: unknown label {label!r}; known: {known}")
        return recalls[label]

    def against(self, other: str) -> Comparison:
        """The paired comparison with another variant on the same posts, with every flipped post."""
        __tracebackhide__ = True
        return self._scores.compare(self.data.variant, other)

    def beats(self, other: str, *, by_at_least: float = 0.0) -> Lead:
        """True if this variant leads by ``by_at_least`` or more with p <= 0.05, one-sided exact McNemar.

        In a live run the whole one-sided 95% interval of the difference has to lie there.
        """
        __tracebackhide__ = True
        found = self.against(other)
        if self._scores.live:
            proved = decide_difference(
                found.n_gained, found.n_lost, found.n, by_at_least, effective_n=found.effective_n or None
            ).passed
        else:
            proved = found.p <= _ALPHA and found.difference >= by_at_least
        return Lead(found, by_at_least, proved)

    def __repr__(self) -> str:
        s = self.data
        return f"<{s.variant}: {s.n_correct} of {s.n} right, {percent(s.accuracy)} {span((s.low, s.high))}>"


class Scores:
    """The fixture ``scores``: variant -> `VariantScores`, asked for when a test asks."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._seen: dict[str, VariantScores] = {}
        self._cache: dict[str, Mapping[Key, Result]] = {}

    @property
    def live(self) -> bool:
        """True if some answers may be new."""
        return not self._run.setup.replays

    def __getitem__(self, variant: str) -> VariantScores:
        __tracebackhide__ = True
        if variant not in self._run.setup.variants:
            raise UsageError(f"scores: unknown variant {variant!r}; in this run: {', '.join(self._run.setup.variants)}")
        if variant not in self._seen:
            found = score(self._results(variant), self._run.setup.plan, [variant])[variant]
            if not found.complete:
                all_broken = [result.broken for result in self._results(variant).values() if result.broken]
                raise NewsgaugeError(
                    f"scores[{variant!r}]: {found.n_planned - found.n} of {found.n_planned} planned cases have no "
                    "answer; "
                    f"the first: {all_broken[0] if all_broken else 'it was not asked'}"
                )
            self._seen[variant] = VariantScores(found, self)
        return self._seen[variant]

    def __iter__(self) -> Iterator[str]:
        return iter(self._run.setup.variants)

    def compare(self, first: str, second: str) -> Comparison:
        """Two variants on the planned posts. Raises if either is unknown or incomplete."""
        __tracebackhide__ = True
        _ = self[first], self[second]
        both = {**self._results(first), **self._results(second)}
        return compare_variants(both, self._run.setup.plan.shared(first, second), first, second)

    def table(self) -> str:
        """The scoreboard of the variants that were asked for so far: what a failed test shows."""
        seen = {name: one.data for name, one in self._seen.items()}
        if not seen:
            return ""
        setup = self._run.setup
        plan = setup.plan
        title = f"{setup.backend} backend on {plan.texts}: {len(plan.posts)} {plan.units}, plan {plan.digest}"
        lines = scoreboard_lines(seen, {}, undecided=(), title=title, gates=False)
        for one in seen.values():
            lines += ["", *class_lines(one, setup.plan.units), "", *confusion_lines(one)]
        return "\n".join(lines)

    def _results(self, variant: str) -> Mapping[Key, Result]:
        if variant not in self._cache:
            results = self._run.results((variant,))
            self._cache[variant] = {key: result for key, result in results.items() if key[1] == variant}
        return self._cache[variant]


class Tokens:
    """The fixture ``tokens``: paired savings over all planned posts, whatever process asked them."""

    def __init__(self, run: Run) -> None:
        self._run = run

    @property
    def variants(self) -> tuple[str, ...]:
        """The variants of this run."""
        return tuple(self._run.setup.variants)

    def saving(self, kind: Kind, frugal: str, *, than: str) -> Saving:
        """The tokens that ``frugal`` saves per post. Raises `NewsgaugeError` if a planned case has no answer."""
        both = (frugal, than)
        unknown = [name for name in both if name not in self._run.setup.variants]
        if unknown:
            raise NewsgaugeError(f"tokens: unknown variant {unknown[0]!r}; in this run: {', '.join(self.variants)}")
        results = self._run.results(both)
        broken = [one for key, one in results.items() if key[1] in both and one.prediction is None]
        missing = missing_cases(results, self._run.setup.plan, both)
        if missing or broken:
            raise NewsgaugeError(
                f"tokens: {len(missing) + len(broken)} planned cases of {frugal} and {than} have no answer"
                f"{f'; the first: {broken[0].broken}' if broken else ''}"
            )
        planned = {(post.id, name) for name in both for post in self._run.setup.plan.asked(name)}
        return saving([one for key, one in results.items() if key in planned], kind, frugal, than)
