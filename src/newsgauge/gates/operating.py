"""The operating characteristics of a gates file: how often live runs pass it if nothing changed, or if accuracy fell.

Enters: gates, the labels of the planned posts, the baseline's answers, and how often answers flip between two runs.
Leaves: the chance of each finding, simulated with the decisions of the gates themselves. Asks nobody.

What a run answers is made by `simulated_answers`. A post that the baseline does not know is answered like one of the
same label that it does. Tokens are those of the baseline; a flipped answer is as confident as the recorded one. Limits
of a whole variant, comparisons and drops are decided for all runs at once, by counts, if posts share no thread and are
asked once; any other gate holds the evidence of each run.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from statistics import fmean
from typing import Any

import numpy as np

from ..planning.sampling import Plan, repeat_key
from ..records import Key, Outcome, Post, Prediction, Result
from ..scoring.scoreboard import TOKENS, in_rows, score, threads_of
from ..scoring.stats.decisions import Finding
from .baseline_file import Baseline
from .comparison_gate import ComparisonGate
from .counted_findings import BY_COUNTS, CountedFindings, Runs
from .findings import (
    FLIP_RATE,
)
from .gate import WORST_FIRST, Evidence, Gate, decide
from .limits_gate import OF_REPEATS, LimitsGate
from .simulated_answers import answered

_PASS = WORST_FIRST.index(Finding.PASS)
#: Runs that are decided from evidence, which takes longer than counts.
_N_HELD = 100
#: Neither stops early nor asks other texts.
_AS_A_WHOLE: dict[str, Any] = {"disturbed": {}, "stops": {}, "stopped": {}}
_ERRORS = ("(blocked)", "(cut)", "(empty)")
#: The largest plan considered when looking for the number of posts that pass.
MOST_POSTS = 8_000


@dataclass(frozen=True, slots=True)
class GateOdds:
    """How often one gate finds what."""

    gate: str
    passed: float
    inconclusive: float
    failed: float


@dataclass(frozen=True, slots=True)
class Odds:
    """How often a whole run passes, and each gate: shares of ``n_runs`` simulated runs over ``n_posts`` posts.

    ``all_inconclusive``: some gate is, and none fails.
    """

    flip_rate: float
    drop: float
    n_posts: int
    n_runs: int
    all_pass: float
    all_inconclusive: float
    all_fail: float
    gates: tuple[GateOdds, ...]

    @property
    def standard_error(self) -> float:
        """Of ``all_pass``, for being simulated; that of the rule of three if it is 0 or 1."""
        p = self.all_pass
        return math.sqrt(p * (1 - p) / self.n_runs) if 0 < p < 1 else 1.5 / self.n_runs


@dataclass(frozen=True, slots=True)
class FlipRate:
    """How often a post that is right in one run is wrong in another, or the other way round.

    Measured on ``n_posts``, posts of several variants counted for each; 0 if it is assumed.
    """

    rate: float = FLIP_RATE
    n_posts: int = 0

    @property
    def origin(self) -> str:
        """The source of the number, in words."""
        return f"measured on the repeats of {self.n_posts:,} texts" if self.n_posts else "assumed"


def usual_flip_rate(plan: Plan, baseline: Baseline | None) -> FlipRate:
    """As the baseline's answers to posts that were asked several times have it: the share of pairs that differ."""
    differing = []
    for one in () if baseline is None else baseline.variants.values():
        rows = in_rows(one.answers)
        for post in plan.posts:
            if (n := len(rows.get(post.id, ()))) > 1:
                n_right = rows[post.id].count(post.label)
                differing.append(2 * n_right * (n - n_right) / (n * (n - 1)))
    return FlipRate(fmean(differing), len(differing)) if differing else FlipRate()


class Operating:
    """The gates of a plan that a simulation can decide, and the answers of its baseline.

    ``confidences``: those of recorded answers. ``flip_rate``: measured or assumed, see `usual_flip_rate`. ``left_out``:
    names of gates that it cannot decide: of variants without an answer in the baseline, gates that need confidences
    if none are known, and the age of recordings, which is no matter of chance.
    """

    def __init__(
        self,
        gates: Iterable[Gate],
        plan: Plan,
        baseline: Baseline | None,
        confidences: Mapping[Key, float] | None = None,
    ) -> None:
        self._plan, self._labels, self._confidences = plan, plan.labels, confidences or {}
        self._baseline, self._known = baseline, {} if baseline is None else baseline.variants
        gates = tuple(gates)
        self.flip_rate = usual_flip_rate(plan, baseline)
        wanted = {variant for gate in gates for variant in gate.variants}
        rows = {v: in_rows(self._known[v].answers) for v in wanted if v in self._known}
        self._pool = [post for post in plan.posts if all(post.id in row for row in rows.values())]
        answered = set(rows) if {post.label for post in self._pool} == set(self._labels) else set()
        confident = {variant for _, variant in self._confidences}
        self.gates = tuple(
            gate
            for gate in gates
            if answered.issuperset(gate.variants)
            and (not gate.NEEDS or (gate.NEEDS == "confidences" and gate.variant in confident))
        )
        self.left_out = [gate.name for gate in gates if gate not in self.gates]
        index = {label: number for number, label in enumerate(self._labels)}
        self._truth = np.array([index[post.label] for post in self._pool], dtype=np.int16)
        self._place = {post.id: number for number, post in enumerate(self._pool)}
        self._answers = {}
        for v in dict.fromkeys(variant for gate in self.gates for variant in gate.variants):
            n_each = min(len(rows[v][post.id]) for post in self._pool)
            kinds = [[self._kind(said, index) for said in rows[v][post.id][:n_each]] for post in self._pool]
            self._answers[v] = np.array(kinds, dtype=np.int16)

    def of_plan(self, *, flip_rate: float, drop: float = 0.0, n_runs: int = 1000, seed: int = 0) -> Odds:
        """The odds of a live run of the plan; a drop is compared on the posts that the baseline knows."""
        return self._simulate(self._plan.posts, flip_rate, drop, n_runs, seed)

    def of_size(self, posts_per_class: int, *, flip_rate: float, n_runs: int = 400, seed: int = 0) -> Odds:
        """The odds of a plan of other posts, so many of each label, all of which the baseline knows."""
        posts = [Post(f"{label}+{number}", label, "") for label in self._labels for number in range(posts_per_class)]
        return self._simulate(posts, flip_rate, 0.0, n_runs, seed, n_held=_N_HELD)

    def posts_needed(self, *, flip_rate: float, chance: float = 0.9) -> int | None:
        """The fewest posts, as many of each label, at which an unchanged model passes with this chance.

        By simulation, so give or take its error. None if `MOST_POSTS` do not suffice.
        """
        k = max(1, len(self._labels))
        low, high = 0, 5

        def enough(size: int) -> bool:
            return self.of_size(size, flip_rate=flip_rate).all_pass >= chance

        while not enough(high):
            low, high = high, 2 * high
            if high * k > MOST_POSTS:
                return None
        while high - low > max(1, high // 20):
            middle = (low + high) // 2
            low, high = (low, middle) if enough(middle) else (middle, high)
        return high * k

    def _kind(self, answer: str, index: Mapping[str, int]) -> int:
        """The column of a confusion matrix: a label, off the list, or an error."""
        return index.get(answer, len(index) + (answer in _ERRORS))

    def _times(self, variant: str) -> int:
        return self._plan.repeats.get(variant, 1)

    def _counts_decide(self, gate: Gate) -> bool:
        """Whether single answers to posts that share no thread are all that the gate looks at."""
        if isinstance(gate, LimitsGate) and any(limit.metric in OF_REPEATS for limit in gate.limits):
            return False
        compared = [v for one in self.gates if isinstance(one, ComparisonGate) for v in one.variants]
        variants = compared if isinstance(gate, ComparisonGate) else gate.variants
        asked_once = all(self._times(v) == self._answers[v].shape[1] == 1 for v in variants)
        return isinstance(gate, BY_COUNTS) and asked_once

    def _simulate(
        self,
        posts: Sequence[Post],
        flip_rate: float,
        drop: float,
        n_runs: int,
        seed: int,
        n_held: int | None = None,
    ) -> Odds:
        """``n_held``: so many runs of other posts are held as evidence; None: all runs, of the plan's own posts."""
        rng = np.random.default_rng(seed)
        fixed = np.array([self._place.get(post.id, -1) for post in posts])
        truth = np.array([self._labels.index(post.label) for post in posts], dtype=np.int16)
        drawn = np.broadcast_to(fixed, (n_runs, len(fixed))).copy()
        for label in range(len(self._labels)):
            new, own = np.flatnonzero((fixed < 0) & (truth == label)), np.flatnonzero(self._truth == label)
            if len(new):
                drawn[:, new] = rng.choice(own, (n_runs, len(new)))
        common = fixed >= 0 if n_held is None else np.ones(len(fixed), dtype=bool)
        runs = {}
        for variant, known in self._answers.items():
            now = answered(
                rng,
                known[drawn],
                truth,
                times=self._times(variant),
                n_labels=len(self._labels),
                rate=float((known == self._truth[:, None]).mean()),
                flip_rate=flip_rate,
                drop=drop,
            )
            runs[variant] = known[drawn], now
        threaded = len(set(threads_of(posts))) < len(posts)
        is_counted = [not threaded and self._counts_decide(gate) for gate in self.gates]
        counted = list(compress(self.gates, is_counted))
        by_counts = CountedFindings(self.gates, self._plan, self._known)
        found = [by_counts.decide(gate, runs, truth, common) for gate in counted]
        worst = np.min([np.full(n_runs, _PASS), *found], axis=0)
        all_pass, n = float((worst == _PASS).mean()), n_runs
        if held := [gate for gate, whether in zip(self.gates, is_counted, strict=True) if not whether]:
            n = min(n_runs, n_held or n_runs)
            evidence = (self._evidence(held, posts, runs, drawn[run], run, n_held is not None) for run in range(n))
            rows = np.array([[WORST_FIRST.index(decide(gate, one).finding) for gate in held] for one in evidence])
            of_each = {True: iter(found), False: iter(rows.T)}
            found = [next(of_each[whether]) for whether in is_counted]
            both = np.minimum(worst[:n], rows.min(axis=1))
            all_pass *= float((both == _PASS).sum()) / max(1, int((worst[:n] == _PASS).sum()))
            worst = both
        failed = float((worst == WORST_FIRST.index(Finding.FAIL)).mean())
        odds = tuple(
            GateOdds(gate.name, *(float((row == WORST_FIRST.index(one)).mean()) for one in reversed(WORST_FIRST)))
            for gate, row in zip(self.gates, found, strict=True)
        )
        return Odds(flip_rate, drop, len(posts), n, all_pass, max(0.0, 1 - all_pass - failed), failed, odds)

    def _evidence(
        self, gates: Sequence[Gate], posts: Sequence[Post], runs: Runs, drawn: Any, run: int, are_new: bool
    ) -> Evidence:
        """One run as evidence, each post with the slices of the one it is drawn from; the baseline knows new ones."""
        names = (*self._labels, "(off-list)", _ERRORS[0])
        kinds = {variant: (before[run], now[run]) for variant, (before, now) in runs.items()}
        pool = [self._pool[place] for place in drawn]
        known = dict(self._known)
        if are_new:
            for variant, (before, _) in kinds.items():
                rows = zip(posts, before, strict=True)
                own = {
                    repeat_key(post.id, number): names[kind] for post, row in rows for number, kind in enumerate(row, 1)
                }
                known[variant] = replace(known[variant], answers=own)
        slices = {
            name: {post.id: of[one.id] for post, one in zip(posts, pool, strict=True)}
            for name, of in self._plan.slices.items()
        }
        plan = replace(self._plan, posts=tuple(posts), whole_digest="simulated", slices=slices, **_AS_A_WHOLE)
        variants = list(dict.fromkeys(variant for gate in gates for variant in gate.variants))
        results = {
            (key, variant): Result(key, variant, post.label, self._prediction(kind, (one.id, variant)))
            for variant in variants
            for post, one, row in zip(posts, pool, kinds[variant][1], strict=True)
            for number, kind in enumerate(row, 1)
            for key in [repeat_key(post.id, number)]
        }
        baseline = self._baseline and replace(self._baseline, variants=known)
        scores = score(results, plan, variants)
        for variant, one in scores.items():
            usual = known[variant].scores
            scores[variant] = replace(one, **{name: round(usual.get(name, 0) * one.n / usual["n"]) for name in TOKENS})
        return Evidence(plan, scores, results, live=True, family=self.gates, baseline=baseline)

    def _prediction(self, kind: int, key: Key) -> Prediction:
        names = (*((label, Outcome.LABEL) for label in self._labels), ("", Outcome.OFF_LIST), ("", Outcome.EMPTY))
        label, outcome = names[kind]
        return Prediction(label, outcome, "", 1, 1, "", confidence=self._confidences.get(key))
