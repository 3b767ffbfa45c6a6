"""Floors and ceilings of one variant: a replay compares the value itself, a live run its one-sided 95% bounds.

In a replay nothing is random. In a live run PASS means that the data prove the limit to be kept, FAIL that they prove
it to be broken, each wrong in at most 5% of runs; INCONCLUSIVE is everything between.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from .._util.numbers import Unit, in_unit, percent
from ..errors import GatesError
from ..planning.sampling import Plan
from ..records import Post
from ..scoring.confidences import answered_rows
from ..scoring.scoreboard import strata_of, threads_of
from ..scoring.stats.decisions import Decision, Finding
from ..scoring.stats.intervals import threaded
from ..scoring.stats.power import fewest_posts_for_floor
from ..scoring.stats.standardised import FEWEST_POSTS_PER_CLASS
from .baseline_file import Baseline
from .findings import (
    METRICS,
    Limit,
    every_decision,
    is_by_value,
    macro_f1_decision,
    own_mix_decision,
    rate_decision,
    value_finding,
)
from .gate import Asked, Entry, Evidence, Gate, Held, Table, largest
from .stopping import decided_by_stop
from .watched import COUNTED, Watched, WatchedRate, counts_for

#: Whether a post with its answers counts, for the metrics about posts that were asked several times.
OF_REPEATS: dict[str, Callable[[Post, list[str]], bool]] = {
    "min_stability": lambda post, row: len(set(row)) == 1,
    "min_pass_all": lambda post, row: set(row) == {post.label},
}
#: What an 80% chance assumes if it is that of a rate.
IF_RATES = "with an 80% chance, if the rates now seen are the true ones"


@dataclass(frozen=True, slots=True)
class LimitsGate(Gate):
    """Floors and ceilings of one variant."""

    KEYS: ClassVar = tuple(METRICS)

    limits: tuple[Limit, ...]

    @classmethod
    def read(cls, table: Table) -> Iterable[Gate]:
        """One gate for all limits of the table."""
        limits = {
            key: _limit(key, table.entry(key, value, {"limit"}, {"bound", "classes"}))
            for key, value in table.values.items()
            if key in METRICS
        }
        low, high = (limits[key].limit if key in limits else None for key in ("min_accuracy", "max_accuracy"))
        if low is not None and high is not None and low > high:
            raise GatesError(f"{table.where}: min_accuracy {low:g} is above max_accuracy {high:g}: no score holds both")
        return [cls(table.variant, table.variant, tuple(limits.values()))] if limits else []

    def of_other_classes(self, plan: Plan) -> list[Limit]:
        """The limits that are not about the plan's classes."""
        return [one for one in self.limits if one.classes is not None and not plan.is_about(one.classes)]

    def hold(self, evidence: Evidence) -> Sequence[Held]:
        """Each limit by its value, or by its bounds."""
        stopped = self._hold_stopped(evidence) if self.variant in evidence.plan.stops else {}
        return [stopped.get(limit.metric) or _hold(limit, self.variant, evidence) for limit in self.limits]

    def early(
        self, plan: Plan, gates: Sequence[Gate], baseline: Baseline | None
    ) -> tuple[Sequence[Watched], Sequence[str]]:
        """Rates of single answers. A limit that is held by its value waits for nothing: it holds of what was asked."""
        by_bounds = [one for one in self.limits if not is_by_value(one)]
        whole = [f"{self.name} ({one.metric})" for one in by_bounds if METRICS[one.metric].attribute not in COUNTED]
        return self.watched_rates(self.variant), whole

    def watched_rates(self, name: str) -> list[WatchedRate]:
        """The limits on rates of single answers that are held by their bounds, as those of ``name``."""
        counted = [one for one in self.limits if METRICS[one.metric].attribute in COUNTED and not is_by_value(one)]
        return [WatchedRate(one.metric, one.limit, name) for one in counted]

    def _hold_stopped(self, evidence: Evidence) -> dict[str, Held]:
        """By metric, by the look that decided it; in a replay without those that no look did."""
        variant, plan = self.variant, evidence.plan
        score, stop = evidence.scores[variant], plan.stops[variant]
        watched, _ = self.early(plan, evidence.family, evidence.baseline)
        fault, decided = decided_by_stop(variant, self, evidence)
        found, reasons = {}, {one.metric: one.reason for one in self.limits}
        for limit in watched:
            metric, reason = METRICS[limit.metric], reasons[limit.metric]
            value = float(getattr(score, metric.attribute))
            asked = Asked(metric.attribute.replace("_", " "), metric.unit, metric.sign, limit.limit, reason)
            if fault:
                found[limit.metric] = asked.held(Finding.FAIL, fault, value, score.n, fault)
                continue
            one = decided[limit.metric]
            if one.finding != Finding.INCONCLUSIVE or evidence.live:
                text = f"{asked.name} {value:.4f}: {stop.decided(one)} {plan.units} (n = {score.n}"
                held = asked.held(Finding(one.finding), f"{text}; {reason})", value, score.n, f"{text})")
                found[limit.metric] = held
        return found

    def too_small(self, plan: Plan) -> Iterable[str]:
        """The number of posts, or posts per class, that a floor needs, all answered right."""
        least = min(Counter(post.label for post in plan.posts).values())
        for limit in self.limits:
            metric = METRICS[limit.metric]
            floor = limit.limit if metric.is_floor else 1 - limit.limit
            if limit.bound == "value" or not metric.is_rate or floor == 1:
                continue
            of_class, said = limit.metric in ("min_macro_f1", "min_class_recall"), f"{limit.metric} {limit.limit:g}"
            needed = fewest_posts_for_floor(floor)
            if limit.metric == "min_macro_f1":
                needed, said = FEWEST_POSTS_PER_CLASS, limit.metric
            if (least if of_class else len(plan.posts)) < needed:
                yield f"{self.name}: {said} takes at least {needed} {plan.units}{' per class' if of_class else ''}"


def _limit(key: str, entry: Entry) -> Limit:
    metric = METRICS[key]
    if metric.is_rate:
        limit = entry.rate(ends=True)
        if limit == (0 if metric.is_floor else 1):
            raise GatesError(f"{entry.where}: a limit of {limit:g} holds whatever is answered; set one that can fail")
    else:
        least = "from 0" if metric.can_be_zero else "above 0"
        limit = entry.number("limit", least, lambda n: n > 0 or (metric.can_be_zero and n == 0))
    about = entry.value("classes", "to be what --classes is given", lambda one: one is None or isinstance(one, str))
    try:
        re.compile(about or "")
    except re.error as error:
        raise GatesError(f"{entry.where}: classes is not a regular expression, got {about!r}: {error}") from None
    return Limit(key, limit, entry.reason, entry.bound, about)


def _hold(limit: Limit, variant: str, evidence: Evidence) -> Held:
    score, metric, plan = evidence.scores[variant], METRICS[limit.metric], evidence.plan
    name, among, label = metric.attribute.replace("_", " "), "", ""
    n = score.repeats.n_posts if limit.metric in OF_REPEATS and score.repeats else score.n
    if limit.metric == "min_class_recall":  # the limit holds for every class; the lowest is named
        worst = min(score.classes, key=lambda one: -1.0 if math.isnan(one.recall) else one.recall)
        label, value, n = worst.label, worst.recall, worst.support
        name = f"recall of {label}"
        about, among = f"{name}, the lowest class", f", the lowest of {len(score.classes)} classes"
    else:
        value = float(getattr(score, metric.attribute))
        about = name if metric.is_rate else f"{metric.attribute.partition('_')[0]} tokens per {plan.unit}"
    asked = Asked(about, metric.unit, metric.sign, limit.limit, limit.reason, label)
    if limit.metric in OF_REPEATS and score.repeats is None:
        text = (
            f"{limit.metric}: {variant} asks each {plan.unit} once; set repeats = 3 in variants.toml, or run with "
            "--repeats 3"
        )
        return asked.held(Finding.INCONCLUSIVE, f"{text} ({limit.reason})", value, n)
    if not evidence.live or is_by_value(limit):
        finding, asked_for = value_finding(limit, value), in_unit(limit.limit, metric.unit, exact=True)
        kept, broken = (">=", "<") if metric.is_floor else ("<=", ">")
        sign = kept if finding is Finding.PASS else f"is not {kept}" if math.isnan(value) else broken
        text, uncounted = f"{name} {in_unit(value, metric.unit)} {sign} {asked_for}{among} (n = {n}", ""
        if not metric.is_rate and score.n_uncounted:
            uncounted = f"{score.n_uncounted} of them answered without token counts"
            text += f", {uncounted}"
        return asked.held(finding, f"{text}; {limit.reason})", value, n, uncounted if math.isnan(value) else "")
    if limit.metric == "min_class_recall":
        finding, after, n_to_decide = _every_class(limit, variant, evidence)
        text = f"{name} {percent(value)}{among} (n = {n}"
    else:
        decision = _decision(limit, variant, evidence)
        finding, after, n_to_decide = decision.finding, "", decision.n_for_power
        estimate = in_unit(decision.estimate, metric.unit)
        text = f"{name} {estimate}, {_bounds(limit, plan.units, decision)} (n = {decision.n}"
    # The reason closes the bracket in the sentence; a check has a place of its own for it.
    sentence, detail = f"{text}; {limit.reason}){after}", f"{text}){after}"
    return asked.held(finding, sentence, value, n, detail, n_to_decide=n_to_decide)


def _decision(limit: Limit, variant: str, evidence: Evidence) -> Decision:
    score = evidence.scores[variant]
    share = score.effective_n / score.n if score.n else 1.0
    if limit.metric == "min_own_mix_accuracy" and score.own_mix is not None:
        return own_mix_decision(limit, strata_of(score.matrix, evidence.plan.population, share), score.n)
    if limit.metric == "min_macro_f1":
        return macro_f1_decision(limit, score.matrix, share)
    flags, threads = _flags(limit.metric, variant, evidence)
    return rate_decision(limit, sum(flags), len(flags), threaded(flags, threads))


def _every_class(limit: Limit, variant: str, evidence: Evidence) -> tuple[Finding, str, int | None]:
    """The finding over all classes, in words how it was made, and the posts that would decide."""
    classes = evidence.scores[variant].classes
    worths = [threaded(*_flags(limit.metric, variant, evidence, label=one.label)) for one in classes]
    finding, decisions = every_decision(limit.limit, [(one.n_correct, one.support) for one in classes], worths)
    text = f"; limit: one-sided 95% bound of every class >= {in_unit(limit.limit, 'rate', exact=True)}"
    if finding is not Finding.INCONCLUSIVE:
        return finding, text, None
    n_of_class = largest([one.n_for_power for one in decisions if one.finding is Finding.INCONCLUSIVE])
    text += f"; {sum(one.passed for one in decisions)} of {len(classes)} proved; "
    text += f"{how_many(n_of_class, f'{evidence.plan.units} per class')}, {IF_RATES}"
    return finding, text, n_of_class and n_of_class * len(classes)


def _bounds(limit: Limit, units: str, found: Decision) -> str:
    metric, many = METRICS[limit.metric], how_many(found.n_for_power, units)
    floor, asked = metric.is_floor, in_unit(limit.limit, metric.unit, exact=True)
    word = {
        Finding.PASS: f"{'lower' if floor else 'upper'} bound {'>=' if floor else '<='} {asked}",
        Finding.FAIL: f"{'upper' if floor else 'lower'} bound {'<' if floor else '>'} {asked}",
        Finding.INCONCLUSIVE: f"{asked} lies between the bounds, {many}, {IF_RATES}",
    }[found.finding]
    if found.finding is Finding.INCONCLUSIVE and floor and (found.low >= limit.limit or found.high < limit.limit):
        word = f"too few {units} of a class for a proof, {many}"
    return f"{bounds_words(found.low, found.high, metric.unit)}: {word}"


def bounds_words(low: float, high: float, unit: Unit) -> str:
    """``one-sided 95% bounds 78.4% and 98.2%``."""
    return f"one-sided 95% bounds {in_unit(low, unit)} and {in_unit(high, unit)}"


def how_many(n: int | None, unit: str = "texts") -> str:
    """The words for how many posts would decide."""
    return f"no number of {unit} would decide" if n is None else f"some {n:,} {unit} would decide"


def _flags(metric: str, variant: str, evidence: Evidence, *, label: str | None = None) -> tuple[list[bool], list[str]]:
    """For each answered post (of ``label``) whether the metric counts it, and its thread."""
    if counts := OF_REPEATS.get(metric):
        rows = answered_rows(evidence.results, evidence.plan, variant)
        return [counts(post, row) for post, row in rows], threads_of(post for post, _ in rows)
    pairs = [(post, said) for post, said in evidence.answered(variant) if label in (None, post.label)]
    return [counts_for(metric, post, said) for post, said in pairs], threads_of(post for post, _ in pairs)
