"""Compares a variant with its reviewed baseline.

In a replay nothing is random: each answer must be the baseline's, or the gate fails and lists what changed. In a live
run the accuracy may not fall by more than ``max_drop`` on the same posts: paired non-inferiority with a margin.

Also how a run differs from its baseline, for display: the changed answers and the change in accuracy, in replays and
live runs, with or without a gate.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from .._util.numbers import in_unit, p_words
from .._util.wording import one_line
from ..planning.plan_file import RunPlan
from ..planning.sampling import Plan, split_key
from ..records import Key, Post, Result, shown_id
from ..scoring.scoreboard import compare, in_rows
from ..scoring.scores import Comparison
from ..scoring.stats.decisions import Decision, Finding, decide_difference
from ..scoring.stats.paired import mcnemar_exact
from ..scoring.stats.power import NEAREST_LIMIT, fewest_posts_for_margin
from .baseline_file import Baseline, answer_text, answers_of_both, changed_draw
from .comparison_gate import clustered_words, difference_words, flip_counts, hold_pair, hold_stopped_pair
from .gate import Asked, Evidence, Gate, Held, Table
from .limits_gate import bounds_words, how_many
from .watched import Watched, WatchedDrop


@dataclass(frozen=True, slots=True)
class BaselineGate(Gate):
    """A variant agrees with its reviewed baseline: letter for letter in a replay, within ``max_drop`` in a live run.

    ``max_drop`` is 0 if gates.toml sets none: then the gate is there in a replay only.
    """

    KEYS: ClassVar = ("max_drop",)

    max_drop: float = 0.0
    reason: str = ""

    @classmethod
    def read(cls, table: Table) -> Iterable[Gate]:
        """The regression limit of a live run."""
        for value in table.listed("max_drop"):
            entry = table.entry("max_drop", value, {"limit"})
            expected = f"above 0 (no sample proves a drop of nothing), at least {NEAREST_LIMIT:f}, and below 1"
            drop = entry.number("limit", expected, lambda drop: NEAREST_LIMIT <= drop < 1)
            yield cls(f"{table.variant}-baseline", table.variant, drop, entry.reason)

    def early(
        self, plan: Plan, gates: Sequence[Gate], baseline: Baseline | None
    ) -> tuple[Sequence[Watched], Sequence[str]]:
        """The drop. A replay is held to the baseline letter for letter, on whatever posts both know."""
        if not self.max_drop:
            return (), ()
        answers = {} if baseline is None else baseline.answers(self.variant)
        known = {post.id: answers[post.id] == post.label for post in plan.posts if post.id in answers}
        if any(split_key(key)[0] in known and key not in known for key in answers):
            return (), [f"{self.name} (max_drop, against repeats)"]
        against = hashlib.sha256(json.dumps(sorted(known.items())).encode()).hexdigest()[:12]
        return [WatchedDrop("max_drop", self.max_drop, self.variant, known, against)], ()

    def hold(self, evidence: Evidence) -> Sequence[Held]:
        """Equality in a replay, non-inferiority in a live run; INCONCLUSIVE if there is nothing to compare with."""
        baseline, units = evidence.baseline, evidence.plan.units
        known = {} if baseline is None else baseline.answers(self.variant)
        asked = evidence.plan.shared(self.variant) if evidence.live else evidence.plan.asked(self.variant)
        posts = [post for post in asked if post.id in known]
        about = Asked("answers are the baseline's", "cases", "at least", len(posts))
        if evidence.live:
            about = Asked("change since the baseline", "points", "at least", -self.max_drop, self.reason)
        if baseline is None or not posts:
            what = f"the baseline holds none of these {units} for {self.variant}" if baseline else "no baseline file"
            text = f"{what}, so max_drop cannot be held; write one with --update-baseline"
            return [about.held(Finding.INCONCLUSIVE, f"{text} ({self.reason})", None, len(posts), text)]
        hold = self._hold_live if evidence.live else self._hold_replay
        return [hold(evidence, baseline, posts, about)]

    def _hold_replay(self, evidence: Evidence, baseline: Baseline, posts: list[Post], asked: Asked) -> Held:
        n, common, plan = len(posts), _common(len(posts), evidence, baseline), evidence.plan
        if plan.digest != baseline.plan and not changed_draw(baseline, plan):
            text = (
                f"the corpus changed: the draw that gave the baseline's {baseline.drawn_by.get('n_posts')} "
                f"{plan.units} (plan {baseline.plan}) now gives {len(plan.posts)} (plan {plan.digest}), {n} of them "
                "with the same id; if meant: --update-baseline"
            )
            return asked.held(Finding.FAIL, text, None, n, text)
        both = answers_of_both(baseline, self.variant, posts, evidence.results)
        changed = [one for one in both if one[1] != one[2]]
        if not changed:
            return asked.held(Finding.PASS, f"all {n} answers are the baseline's{common}", n, n)
        lines = tuple(f"{shown_id(post.id)}: was {one_line(old)}, now {one_line(new)}" for post, old, new in changed)
        how = "if meant: --update-baseline"
        text = f"{len(changed)} of {n} answers are not the baseline's{common}; {how}"
        return asked.held(Finding.FAIL, text, n - len(changed), n, how, flips=lines)

    def _hold_live(self, evidence: Evidence, baseline: Baseline, posts: list[Post], asked: Asked) -> Held:
        drop, units = self.max_drop, evidence.plan.units
        found = compare_since(baseline, self.variant, posts, evidence.results)
        if held := hold_stopped_pair(self, "max_drop", asked, found, evidence, test="exact test"):
            return held
        decision, text, paired, more = drop_words(found, drop, _common(len(posts), evidence, baseline), units=units)
        if decision.n_for_power is not None:
            more += (
                f"; the baseline knows no more {units}, so record both sides on that many and compare the two runs: "
                f"newsgauge compare OLD NEW --gate --max-drop {drop:g}"
            )
        return hold_pair(asked, found, decision.finding, (text, paired, more), decision.n_for_power)

    def too_small(self, plan: Plan) -> Iterable[str]:
        """The number of posts without a flip that excludes the drop; with gains fewer may."""
        needed = fewest_posts_for_margin(self.max_drop) if self.max_drop else 0
        if len(plan.posts) < needed:
            yield f"{self.name}: max_drop {self.max_drop:g} takes at least {needed} {plan.units} if none is gained"


def drop_words(
    found: Comparison, max_drop: float, common: str = "", *, units: str = "texts"
) -> tuple[Decision, str, str, str]:
    """Whether ``found``, now less before, excludes a drop of ``max_drop``; that in words: difference, flips, how."""
    gained, lost = found.n_gained, found.n_lost
    decision = decide_difference(gained, lost, found.n, -max_drop, effective_n=found.effective_n)
    share = found.effective_n / found.n
    p = mcnemar_exact(lost * share, gained * share)
    text = f"{difference_words(found, units)}{common}"
    paired = f"{flip_counts(found)}, one-sided exact McNemar {p_words(p)} of a drop{clustered_words(found)}"
    asked = in_unit(-max_drop, "points", exact=True)
    more = f"; {bounds_words(decision.low, decision.high, 'points')}; limit: lower bound >= {asked}"
    if decision.finding is Finding.INCONCLUSIVE:
        more += f"; {how_many(decision.n_for_power, units)}"
        if decision.n_for_power is not None and decision.n_range is not None:
            few, many = (f"{n:,}" if n else "over 100,000" for n in decision.n_range)
            more += (
                f" ({few} to {many}) with an 80% chance, if nothing changed and {units} flip as often as here, "
                f"{gained + lost:.4g} of {found.n}"
            )
    return decision, text, paired, more


def _common(n: int, evidence: Evidence, baseline: Baseline) -> str:
    if evidence.plan.digest == baseline.plan:
        return ""
    n_planned = len(evidence.plan.posts)
    return f" (plan {evidence.plan.digest}, the baseline's is {baseline.plan}: {n} of {n_planned} in common)"


def compare_since(held: Baseline, variant: str, posts: Iterable[Post], results: Mapping[Key, Result]) -> Comparison:
    """All current answers against all of the baseline, over the posts that both have."""
    then = in_rows(held.answers(variant))
    now = in_rows({key: answer_text(one) for (key, name), one in results.items() if name == variant and one.prediction})
    both = [post for post in posts if post.id in then and post.id in now]
    return compare(both, now, then, names=(variant, "baseline"))


def since_baseline(run: RunPlan, held: Baseline, results: Mapping[Key, Result], *, shown: str) -> dict[str, Any]:
    """By variant, over the posts that both know; variants without such a post are left out."""
    variants = {}
    for variant in run.variants:
        both = answers_of_both(held, variant, run.part.shared(variant), results)
        if both:
            found = compare_since(held, variant, run.part.shared(variant), results)
            variants[variant] = {
                "n": found.n,
                "difference": found.difference,
                "tango_95": [found.low, found.high],
                "n_gained": len(found.gained),
                "n_lost": len(found.lost),
                "changed": {post.id: old for post, old, now in both if old != now},
            }
    return {"plan": run.plan.digest, "path": shown, "variants": variants}
