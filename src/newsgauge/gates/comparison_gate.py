"""One variant beats another on the same posts, by at least so much. Several comparisons are corrected for one another.

The primary comparison is held at 5%. The others have Holm's p-values among themselves, and none below that of the
primary one: so the chance that any comparison passes wrongly stays at 5% over all of them.
"""

from __future__ import annotations

from .._util.one_line import one_line
from ..scoring.comparisons import compare_variants
from ..scoring.scores import Comparison, Flip, Verdict
from ..scoring.stats import Finding, decide_difference, difference_p_values, holm
from .gate import ComparisonGate, Evidence
from .limits_gate import how_many

#: Significance level of a paired comparison, one-sided.
ALPHA = 0.05


def decide_comparison(gate: ComparisonGate, evidence: Evidence) -> Verdict:
    """PASS where the lead is large enough and significant; INCONCLUSIVE is for live runs."""
    found = compare_variants(evidence.results, evidence.plan.posts, gate.variant, gate.other)
    p, corrected = _adjusted(gate, evidence)
    gained, lost = len(found.gained), len(found.lost)
    decision = decide_difference(gained, lost, found.n, gate.by_at_least)
    if evidence.live:
        finding = decision.finding
        if finding is Finding.PASS and p > ALPHA:
            finding = Finding.INCONCLUSIVE
    else:
        ok = p <= ALPHA and found.difference >= gate.by_at_least
        finding = Finding.PASS if ok else Finding.FAIL
    asked = f"asked: at least {gate.by_at_least:+g}{' proved' if evidence.live else ''}, p <= {ALPHA:g}{corrected}"
    held = f"p of a lead of {gate.by_at_least:+g}" if evidence.live else "corrected p"
    text = f"{comparison_words(found)}{'' if p == found.p else f', {held} = {p:.2g}'}; {asked}"
    n_to_decide = None
    if finding is Finding.INCONCLUSIVE:
        n_to_decide = decision.n_for_power
        text += f"; {how_many(n_to_decide)}"
    reasons = (f"{text} ({gate.reason})",)
    return Verdict(gate.name, gate.variant, finding, reasons, flip_lines(found.lost, found.gained), n_to_decide)


def comparison_words(found: Comparison) -> str:
    """``tuned - system = +0.7375 [+0.62, +0.83] on the same 80 posts (gained 60, lost 1)``."""
    return (
        f"{found.first} - {found.second} = {found.difference:+.4f} [{found.low:+.2f}, {found.high:+.2f}] on the "
        f"same {found.n} posts (gained {len(found.gained)}, lost {len(found.lost)}, "
        f"one-sided exact McNemar p = {found.p:.2g})"
    )


def flip_lines(lost: tuple[Flip, ...], gained: tuple[Flip, ...]) -> tuple[str, ...]:
    """One line a flipped post, losses first: ``lost sci.space-60862: now sci.med, was sci.space``."""
    return tuple(
        f"{word} {flip.post_id}: {one_line(flip.first)}, was {one_line(flip.second)}"
        for word, flips in (("lost", lost), ("gained", gained))
        for flip in flips
    )


def _adjusted(gate: ComparisonGate, evidence: Evidence) -> tuple[float, str]:
    """The p-value that is held against 5%, and what it was corrected for."""
    family = evidence.family or (gate,)
    own = _p(gate, evidence)
    primary = next((one for one in family if one.primary), family[0] if len(family) == 1 else None)
    if gate == primary:
        return own, "" if len(family) == 1 else ", the primary comparison"
    others = [one for one in family if one != primary]
    p = holm([_p(one, evidence) for one in others])[others.index(gate)]
    over = f", Holm over {len(others)}" if len(others) > 1 else ""
    if primary is None:
        return p, over
    return max(p, _p(primary, evidence)), f"{over}, after {primary.name}"


def _p(gate: ComparisonGate, evidence: Evidence) -> float:
    """In a replay of there being any lead, live of a lead of the size asked for; 1 where a case has no answer."""
    try:
        found = compare_variants(evidence.results, evidence.plan.posts, gate.variant, gate.other)
    except KeyError:
        return 1.0
    if evidence.live:
        return difference_p_values(len(found.gained), len(found.lost), found.n, gate.by_at_least)[0]
    return found.p
