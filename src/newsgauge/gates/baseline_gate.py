"""A variant held against its reviewed baseline.

In a replay nothing is random: each answer is the baseline's, or the gate fails and lists what changed. In a live run
the accuracy may not fall by more than ``max_drop`` on the same posts: paired non-inferiority with a margin.

How a run differs from its baseline, for who shows it: the answers that are others, and what that does to accuracy.

In a replay as in a live run, and whether a gate holds the run to its baseline or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._util.wording import one_line
from ..planning.plan_file import RunPlan
from ..records import Key, Result, shown_id
from ..scoring.comparisons import compare, p_words
from ..scoring.scores import Comparison, Verdict
from ..scoring.stats.decisions import Decision, Finding, decide_difference
from ..scoring.stats.paired import mcnemar_exact
from .baseline_file import Baseline, answer_text, baseline_answers, changes, is_same_draw
from .comparison_gate import flip_lines
from .gate import BaselineGate, Evidence
from .limits_gate import how_many


def decide_baseline(gate: BaselineGate, evidence: Evidence) -> Verdict:
    """Equality in a replay, non-inferiority in a live run; INCONCLUSIVE where there is nothing to compare with."""
    baseline = evidence.baseline
    known = {} if baseline is None else baseline_answers(baseline, gate.variant)
    asked = evidence.plan.posts if evidence.live else evidence.plan.asked(gate.variant)
    posts = [post for post in asked if post.id in known]
    if baseline is None or not posts:
        what = (
            "no baseline file"
            if baseline is None
            else f"the baseline holds none of these {evidence.plan.units} for {gate.variant}"
        )
        text = f"{what}, so max_drop cannot be held; write one with --update-baseline ({gate.reason})"
        return Verdict(gate.name, gate.variant, Finding.INCONCLUSIVE, (text,))
    common = _common(len(posts), evidence, baseline)
    if not evidence.live:
        if evidence.plan.digest != baseline.plan and is_same_draw(baseline, evidence.plan):
            n_old, n_new = baseline.drawn_by.get("n_posts"), len(evidence.plan.posts)
            text = (
                f"the corpus changed: the draw that gave the baseline's {n_old} {evidence.plan.units} (plan "
                f"{baseline.plan}) now gives {n_new} (plan {evidence.plan.digest}), {len(posts)} of them with the same "
                "id; if meant: --update-baseline"
            )
            return Verdict(gate.name, gate.variant, Finding.FAIL, (text,))
        changed = changes(evidence.results, posts, baseline, gate.variant)
        lines = tuple(f"{shown_id(post.id)}: was {one_line(old)}, now {one_line(new)}" for post, old, new in changed)
        if not changed:
            text = f"all {len(posts)} answers are the baseline's{common}"
            return Verdict(gate.name, gate.variant, Finding.PASS, (text,))
        text = f"{len(changed)} of {len(posts)} answers are not the baseline's{common}; if meant: --update-baseline"
        return Verdict(gate.name, gate.variant, Finding.FAIL, (text,), lines)
    now = {post.id: answer_text(evidence.results[post.id, gate.variant]) for post in posts}
    found = compare(posts, now, known, names=(gate.variant, "baseline"))
    decision, text = drop_words(found, gate.max_drop or 0.0, common, units=evidence.plan.units)
    if decision.finding is Finding.INCONCLUSIVE and decision.n_for_power is not None:
        text += (
            f"; the baseline knows no more {evidence.plan.units}, so record both sides on that many and compare the "
            f"two runs: newsgauge compare OLD NEW --gate --max-drop {gate.max_drop or 0.0:g}"
        )
    return Verdict(
        gate.name,
        gate.variant,
        decision.finding,
        (f"{text} ({gate.reason})",),
        flip_lines(found.lost, found.gained),
        decision.n_for_power,
    )


def drop_words(found: Comparison, max_drop: float, common: str = "", *, units: str = "posts") -> tuple[Decision, str]:
    """Whether ``found``, now less before, excludes a drop of ``max_drop``, and that in words."""
    gained, lost = len(found.gained), len(found.lost)
    decision = decide_difference(gained, lost, found.n, -max_drop, effective_n=found.effective_n)
    share = found.effective_n / found.n
    p = mcnemar_exact(lost * share, gained * share)
    clustered = "" if share == 1 else f", clustered by thread: effective n {found.effective_n:.1f}"
    text = (
        f"{found.first} - {found.second} = {found.difference:+.4f} on the same {found.n} {units}{common} (gained "
        f"{gained}, lost {lost}, one-sided exact McNemar {p_words(p)} of a drop"
        f"{clustered}); one-sided 95% bounds {decision.low:+.4f} and {decision.high:+.4f}; asked: lower bound >= "
        f"{-max_drop:+g}"
    )
    if decision.finding is not Finding.INCONCLUSIVE:
        return decision, text
    text += f"; {how_many(decision.n_for_power, units)}"
    if decision.n_for_power is not None and decision.n_range is not None:
        few, many = (f"{n:,}" if n else "over 100,000" for n in decision.n_range)
        text += (
            f" ({few} to {many}) with an 80% chance, if nothing changed and {units} flip as often as here, "
            f"{gained + lost} of {found.n}"
        )
    return decision, text


def _common(n: int, evidence: Evidence, baseline: Baseline) -> str:
    if evidence.plan.digest == baseline.plan:
        return ""
    n_planned = len(evidence.plan.posts)
    return f" (plan {evidence.plan.digest}, the baseline's is {baseline.plan}: {n} of {n_planned} in common)"


def since_baseline(run: RunPlan, held: Baseline, results: Mapping[Key, Result], *, shown: str) -> dict[str, Any]:
    """By variant, over the posts that both know; variants without such a post are left out."""
    variants = {}
    for variant in run.variants:
        known = baseline_answers(held, variant)
        answered = {
            post.id: answer_text(result)
            for post in run.part.posts
            if post.id in known and (result := results.get((post.id, variant))) is not None and result.prediction
        }
        posts = [post for post in run.part.posts if post.id in answered]
        if not posts:
            continue
        found = compare(posts, answered, known, names=(variant, "baseline"))
        variants[variant] = {
            "n": found.n,
            "difference": found.difference,
            "tango_95": [found.low, found.high],
            "n_gained": len(found.gained),
            "n_lost": len(found.lost),
            "changed": {post.id: known[post.id] for post in posts if answered[post.id] != known[post.id]},
        }
    return {"plan": run.plan.digest, "path": shown, "variants": variants}
