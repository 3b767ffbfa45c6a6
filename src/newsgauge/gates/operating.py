"""The operating characteristics of a gates file: how often live runs pass it if nothing changed, or if accuracy fell.

Enters: gates, the labels of the planned posts, the baseline's answers, and how often answers flip between two runs.
Leaves: the chance of each finding, simulated with the decisions of the gates themselves. Asks nobody.

A run gives the baseline's answers but for flips. As many right answers are lost as wrong ones gained, so that the
accuracy stays; a drop loses more right ones. A post that the baseline does not know is answered like one of the same
label that it does. Posts count as one a thread, tokens as in the baseline; a flipped answer is as confident as the
recorded one. Limits of a whole variant, comparisons and drops are decided for all runs at once, by counts; any other
kind of gate holds the evidence of each run.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from statistics import fmean
from typing import Any

import numpy as np

from ..planning.sampling import Plan, repeat_key, split_key
from ..records import Key, Outcome, Prediction, Result
from ..scoring.scoreboard import has_own_mix, score, strata_of
from ..scoring.stats.classification import ConfusionMatrix
from ..scoring.stats.decisions import Finding, difference_p_values
from ..scoring.stats.intervals import normal_cdf
from ..scoring.stats.paired import score_statistic
from .baseline_file import Baseline
from .baseline_gate import BaselineGate
from .comparison_gate import ComparisonGate, corrected_p, lead_finding
from .findings import (
    FLIP_RATE,
    METRICS,
    Limit,
    every_decision,
    is_by_value,
    macro_f1_decision,
    own_mix_decision,
    rate_decision,
    value_finding,
)
from .gate import ALPHA, WORST_FIRST, Evidence, Gate, decide
from .limits_gate import LimitsGate

_PASS = WORST_FIRST.index(Finding.PASS)
_OF_REPEATS = ("min_stability", "min_pass_all")
_BY_COUNTS = (LimitsGate, ComparisonGate, BaselineGate)
#: So many runs of other posts are held as evidence, which takes longer than counts.
_N_HELD = 100
_ERRORS = ("(blocked)", "(cut)", "(empty)")
#: No larger plan is looked at for the posts that would pass.
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
    """How often a whole run passes, and each gate: shares of ``n_runs`` simulated runs over ``n_posts`` posts."""

    flip_rate: float
    drop: float
    n_posts: int
    n_runs: int
    all_pass: float
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
        """Where the number is from, in words."""
        return f"measured on the repeats of {self.n_posts:,} posts" if self.n_posts else "assumed"


def usual_flip_rate(plan: Plan, baseline: Baseline | None) -> FlipRate:
    """As the baseline's answers to posts that were asked several times have it: the share of pairs that differ."""
    labels = {post.id: post.label for post in plan.posts}
    right: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for variant, one in ({} if baseline is None else baseline.variants).items():
        for key, answer in one.answers.items():
            if (post_id := split_key(key)[0]) in labels:
                right[variant, post_id].append(answer == labels[post_id])
    differing = [
        2 * sum(row) * row.count(False) / (len(row) * (len(row) - 1)) for row in right.values() if len(row) > 1
    ]
    return FlipRate(fmean(differing), len(differing)) if differing else FlipRate()


class Operating:
    """The gates of a plan that a simulation can decide, and the answers of its baseline.

    ``confidences``: those of recorded answers. ``flip_rate``: measured or assumed, see `usual_flip_rate`. ``left_out``:
    names of gates and limits that it cannot: variants without an answer in the baseline or with repeats, limits on
    repeats, gates that need confidences if none are known, and the age of recordings, which is no matter of chance.
    """

    def __init__(
        self,
        gates: Iterable[Gate],
        plan: Plan,
        baseline: Baseline | None,
        confidences: Mapping[Key, float] | None = None,
    ) -> None:
        self._plan, self._labels, self._confidences = plan, plan.labels, confidences or {}
        known = {} if baseline is None else baseline.variants
        gates = tuple(gates)
        self.flip_rate = usual_flip_rate(plan, baseline)
        wanted = {variant for gate in gates for variant in gate.variants}
        posts = [p for p in plan.posts if all(p.id in known[v].answers for v in wanted if v in known)]
        have = {label for label in self._labels for post in posts if post.label == label}
        answered = {v for v in wanted if v in known and plan.repeats.get(v, 1) == 1 and have == set(self._labels)}
        self.left_out: list[str] = []
        self.gates = tuple(kept for gate in gates if (kept := self._kept(gate, answered)) is not None)
        self._variants = tuple(dict.fromkeys(variant for gate in self.gates for variant in gate.variants))
        index = {label: number for number, label in enumerate(self._labels)}
        self._pool = posts
        self._truth = np.array([index[post.label] for post in posts], dtype=np.int16)
        self._place = {post.id: number for number, post in enumerate(posts)}
        self._answers = {
            v: np.array([self._kind(known[v].answers[post.id], index) for post in posts], dtype=np.int16)
            for v in self._variants
        }
        self._scores = {v: known[v].scores for v in self._variants}

    def of_plan(self, *, flip_rate: float, drop: float = 0.0, n_runs: int = 1000, seed: int = 0) -> Odds:
        """The odds of a live run of the plan; a drop is compared on the posts that the baseline knows."""
        places = [self._place.get(post.id, -1) for post in self._plan.posts]
        labels = [self._labels.index(post.label) for post in self._plan.posts]
        return self._simulate(places, labels, [place >= 0 for place in places], flip_rate, drop, n_runs, seed)

    def of_size(self, posts_per_class: int, *, flip_rate: float, n_runs: int = 400, seed: int = 0) -> Odds:
        """The odds of a plan of other posts, so many of each label, all of which the baseline knows."""
        labels = [number for number in range(len(self._labels)) for _ in range(posts_per_class)]
        n = len(labels)
        return self._simulate([-1] * n, labels, [True] * n, flip_rate, 0.0, n_runs, seed, n_held=_N_HELD)

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

    def _kept(self, gate: Gate, answered: set[str]) -> Gate | None:
        if isinstance(gate, LimitsGate) and gate.variant in answered:
            kept = tuple(limit for limit in gate.limits if limit.metric not in _OF_REPEATS)
            self.left_out += [f"{gate.name} {limit.metric}" for limit in gate.limits if limit not in kept]
            return LimitsGate(gate.name, gate.variant, kept) if kept else None
        is_known = not gate.NEEDS or (gate.NEEDS == "confidences" and gate.variant in {v for _, v in self._confidences})
        if is_known and answered.issuperset(gate.variants):
            return gate
        self.left_out.append(gate.name)
        return None

    def _kind(self, answer: str, index: Mapping[str, int]) -> int:
        """The column of a confusion matrix: a label, off the list, or an error."""
        return index.get(answer, len(index) + (answer in _ERRORS))

    def _simulate(
        self,
        places: Sequence[int],
        labels: Sequence[int],
        known: Sequence[bool],
        flip_rate: float,
        drop: float,
        n_runs: int,
        seed: int,
        n_held: int | None = None,
    ) -> Odds:
        rng = np.random.default_rng(seed)
        truth, fixed = np.array(labels, dtype=np.int16), np.array(places)
        drawn = np.broadcast_to(fixed, (n_runs, len(fixed))).copy()
        for label in range(len(self._labels)):
            new, own = np.flatnonzero((fixed < 0) & (truth == label)), np.flatnonzero(self._truth == label)
            if len(new):
                drawn[:, new] = rng.choice(own, (n_runs, len(new)))
        common = np.array(known, dtype=bool)
        runs = {}
        for variant in self._variants:
            before = self._answers[variant][drawn]
            runs[variant] = before, self._flipped(rng, variant, before, truth, flip_rate, drop)
        n = n_runs
        held = [gate for gate in self.gates if not isinstance(gate, _BY_COUNTS)]
        found = [self._decide(gate, runs, truth, common) for gate in self.gates if isinstance(gate, _BY_COUNTS)]
        passed = np.all([np.ones(n, dtype=bool), *(row == _PASS for row in found)], axis=0)
        all_pass = float(passed.mean())
        if held:
            n = min(n_runs, n_held or n_runs)
            rows = []
            for run in range(n):
                answers = {variant: now[run] for variant, (_, now) in runs.items()}
                evidence = self._evidence(held, answers, drawn[run], is_plan=n_held is None)
                rows.append([WORST_FIRST.index(decide(gate, evidence).finding) for gate in held])
            both = passed[:n] & (np.array(rows) == _PASS).all(axis=1)
            all_pass *= float(both.sum()) / max(1, int(passed[:n].sum()))
            of_held = iter(np.array(rows).T)
            of_counted = iter(found)
            found = [next(of_counted if isinstance(gate, _BY_COUNTS) else of_held) for gate in self.gates]
        odds = tuple(
            GateOdds(gate.name, *(float((row == WORST_FIRST.index(f)).mean()) for f in reversed(WORST_FIRST)))
            for gate, row in zip(self.gates, found, strict=True)
        )
        return Odds(flip_rate, drop, len(labels), n, all_pass, odds)

    def _evidence(self, gates: Sequence[Gate], answers: Mapping[str, Any], drawn: Any, *, is_plan: bool) -> Evidence:
        """One run as evidence: of the plan's posts, or of others, each with the slices of the one it is drawn from."""
        pool = [self._pool[place] for place in drawn]
        if is_plan:
            own = list(self._plan.posts)
        else:
            own = [replace(post, id=repeat_key(post.id, number + 2)) for number, post in enumerate(pool)]
        posts = tuple(replace(post, thread=str(number)) for number, post in enumerate(own))
        plan = replace(self._plan, posts=posts, repeats={}, disturbed={})
        variants = list(dict.fromkeys(variant for gate in gates for variant in gate.variants))
        results = {
            (post.id, variant): Result(post.id, variant, post.label, self._prediction(kind, (known.id, variant)))
            for variant in variants
            for post, known, kind in zip(posts, pool, answers[variant], strict=True)
        }
        return Evidence(plan, score(results, plan, variants), results, live=True, family=self.gates)

    def _prediction(self, kind: int, key: Key) -> Prediction:
        names = (*((label, Outcome.LABEL) for label in self._labels), ("", Outcome.OFF_LIST), ("", Outcome.EMPTY))
        label, outcome = names[kind]
        return Prediction(label, outcome, "", 1, 1, "", confidence=self._confidences.get(key))

    def _flipped(
        self, rng: np.random.Generator, variant: str, before: Any, truth: Any, flip_rate: float, drop: float
    ) -> Any:
        rate = float((self._answers[variant] == self._truth).mean())
        half = min(flip_rate / 2, rate, 1 - rate)
        lose = min(1.0, (half + min(drop, rate)) / rate) if rate else 0.0
        gain = half / (1 - rate) if rate < 1 else 0.0
        right, chance = before == truth, rng.random(before.shape, dtype=np.float32)
        k = len(self._labels)
        another = (truth + rng.integers(1, max(2, k), before.shape, dtype=np.int16)) % k if k > 1 else np.int16(k)
        return np.where(right & (chance < lose), another, np.where(~right & (chance < gain), truth, before))

    def _decide(self, gate: Gate, runs: Mapping[str, tuple[Any, Any]], truth: Any, common: Any) -> Any:
        """The finding of a gate in each run, as its place in `WORST_FIRST`."""
        if isinstance(gate, LimitsGate):
            now = runs[gate.variant][1]
            return np.min([self._limit(limit, gate.variant, now, truth) for limit in gate.limits], axis=0)
        if isinstance(gate, BaselineGate):
            before, now = (answers[:, common] == truth[common] for answers in runs[gate.variant])
            n, limit = int(common.sum()), -(gate.max_drop or 0.0)
            return _each(_flips(now, before), lambda gained, lost: _difference(gained, lost, n, limit)[0])
        assert isinstance(gate, ComparisonGate)
        n = len(truth)
        family = [one for one in self.gates if isinstance(one, ComparisonGate)]
        counts = [_flips(runs[one.variant][1] == truth, runs[one.other][1] == truth) for one in family]

        def of_family(*flips: int) -> Finding:
            pairs = dict(zip(family, zip(flips[::2], flips[1::2], strict=True), strict=True))
            found = {one: _difference(*pairs[one], n, one.by_at_least) for one in family}
            p, _ = corrected_p(gate, family, {one: p for one, (_, p) in found.items()})
            return lead_finding(found[gate][0], p)

        return _each(np.concatenate(counts), of_family)

    def _limit(self, limit: Limit, variant: str, now: Any, truth: Any) -> Any:
        n, k, by_value = len(truth), len(self._labels), is_by_value(limit)
        metric = METRICS[limit.metric]
        if not metric.is_rate:
            scores = self._scores[variant]
            total = scores.get(metric.attribute.removesuffix("_mean"), 0)
            return np.full(len(now), WORST_FIRST.index(value_finding(limit, total / scores["n"])))
        right = now == truth
        if limit.metric in ("min_class_recall", "min_own_mix_accuracy", "min_macro_f1"):
            if limit.metric == "min_own_mix_accuracy" and has_own_mix(self._plan):
                return _each([right.sum(axis=1)], lambda c: rate_decision(limit, c, n).finding)
            return np.array([self._by_class(limit, row, truth) for row in now])
        counted = {"max_error_rate": now == k + 1, "max_off_list_rate": now == k}.get(limit.metric, right)
        if by_value:
            return _each([counted.sum(axis=1)], lambda c: value_finding(limit, c / n))
        return _each([counted.sum(axis=1)], lambda c: rate_decision(limit, c, n).finding)

    def _by_class(self, limit: Limit, answers: Any, truth: Any) -> int:
        k = len(self._labels)
        cells = np.bincount(truth.astype(int) * (k + 2) + answers, minlength=k * (k + 2)).reshape(k, k + 2)
        matrix = ConfusionMatrix(self._labels, tuple(tuple(map(int, row)) for row in cells))
        if limit.metric == "min_class_recall":
            finding, found = every_decision(limit.limit, [(row[i], sum(row)) for i, row in enumerate(matrix.counts)])
            value = min(one.estimate for one in found)
        else:
            decision = (
                macro_f1_decision(limit, matrix)
                if limit.metric == "min_macro_f1"
                else own_mix_decision(limit, strata_of(matrix, self._plan.population, 1.0), matrix.n)
            )
            finding, value = decision.finding, decision.estimate
        return WORST_FIRST.index(value_finding(limit, value) if is_by_value(limit) else finding)


def _flips(first: Any, second: Any) -> list[Any]:
    return [(first & ~second).sum(axis=1), (~first & second).sum(axis=1)]


def _each(counts: Iterable[Any], finding: Callable[..., Finding]) -> Any:
    """The finding of each run, asked for once for each combination of counts that occurs."""
    rows, place = np.unique(np.stack(list(counts), axis=1), axis=0, return_inverse=True)
    return np.array([WORST_FIRST.index(finding(*map(int, row))) for row in rows])[place.reshape(-1)]


@lru_cache(maxsize=65536)
def _difference(n_gained: int, n_lost: int, n: int, limit: float) -> tuple[Finding, float]:
    """What `decide_difference` finds, with the p-value for the limit. Far from it the normal tail is word enough."""
    score = score_statistic(n_gained, n_lost, n, limit)
    if abs(score) > 5 and n >= 100:
        return (Finding.PASS if score > 0 else Finding.FAIL), normal_cdf(-score)
    if abs(score) < 1:
        return Finding.INCONCLUSIVE, normal_cdf(-score)
    above, below = difference_p_values(n_gained, n_lost, n, limit)
    return (Finding.PASS if above <= ALPHA else Finding.FAIL if below <= ALPHA else Finding.INCONCLUSIVE), above
