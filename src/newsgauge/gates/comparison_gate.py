"""One variant beats another on the same posts, by at least so much. Several comparisons are corrected for one another.

The primary comparison is held at 5%. The others have Holm's p-values among themselves, and none below that of the
primary one: so the chance that any comparison passes wrongly stays at 5% over all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .._util.wording import one_line
from ..records import shown_id
from ..scoring.comparisons import compare_variants, p_words
from ..scoring.scores import Comparison, Flip, Verdict
from ..scoring.stats.decisions import Finding, decide_difference, difference_p_values
from ..scoring.stats.paired import holm
from .findings import ALPHA
from .gate import ComparisonGate, Evidence
from .limits_gate import how_many


def decide_comparison(gate: ComparisonGate, evidence: Evidence) -> Verdict:
    """PASS if the lead is large enough and significant; INCONCLUSIVE is for live runs."""
    found = compare_variants(evidence.results, evidence.plan.posts, gate.variant, gate.other)
    p, corrected = _adjusted(gate, evidence)
    asked = f"asked: at least {gate.by_at_least:+g}{' proved' if evidence.live else ''}, p <= {ALPHA:g}{corrected}"
    held = f"of a lead of {gate.by_at_least:+g}" if evidence.live else "corrected"
    text = f"{comparison_words(found)}{'' if p == found.p else f', {held} {p_words(p)}'}; {asked}"
    flips = flip_lines(found.lost, found.gained)
    if not evidence.live:
        ok = p <= ALPHA and found.difference >= gate.by_at_least
        return Verdict(
            gate.name, gate.variant, Finding.PASS if ok else Finding.FAIL, (f"{text} ({gate.reason})",), flips
        )
    decision = decide_difference(
        len(found.gained), len(found.lost), found.n, gate.by_at_least, effective_n=found.effective_n
    )
    finding = lead_finding(decision.finding, p)
    if finding is Finding.INCONCLUSIVE:
        n = decision.n_for_power
        text += f"; {how_many(n, evidence.plan.units)}"
        if n is not None:
            text += ", with an 80% chance, if the lead now seen is the true one"
        return Verdict(gate.name, gate.variant, finding, (f"{text} ({gate.reason})",), flips, n)
    return Verdict(gate.name, gate.variant, finding, (f"{text} ({gate.reason})",), flips)


def lead_finding(finding: Finding, p: float) -> Finding:
    """The finding of a lead by itself, and its p-value corrected for the other comparisons: both have to prove it."""
    return Finding.INCONCLUSIVE if finding is Finding.PASS and p > ALPHA else finding


def comparison_words(found: Comparison) -> str:
    """``tuned - system = +0.7375 [+0.62, +0.83] on the same 80 posts (gained 60, lost 1)``."""
    return (
        f"{found.first} - {found.second} = {found.difference:+.4f} [{found.low:+.2f}, {found.high:+.2f}] on the "
        f"same {found.n} posts (gained {len(found.gained)}, lost {len(found.lost)}, "
        f"one-sided exact McNemar {p_words(found.p)}{_clustered(found)})"
    )


def _clustered(found: Comparison) -> str:
    return "" if found.effective_n == found.n else f", clustered by thread: effective n {found.effective_n:.1f}"


def flip_lines(lost: tuple[Flip, ...], gained: tuple[Flip, ...]) -> tuple[str, ...]:
    """One line a flipped post, losses first: ``lost sci.space-60862: now sci.med, was sci.space``."""
    return tuple(
        f"{word} {shown_id(flip.post_id)}: {one_line(flip.first)}, was {one_line(flip.second)}"
        for word, flips in (("lost", lost), ("gained", gained))
        for flip in flips
    )


def _adjusted(gate: ComparisonGate, evidence: Evidence) -> tuple[float, str]:
    """The p-value that is held against 5%, and what it was corrected for."""
    family = evidence.family or (gate,)
    return corrected_p(gate, family, {one: _p(one, evidence) for one in family})


def corrected_p(
    gate: ComparisonGate, family: Sequence[ComparisonGate], p_values: Mapping[ComparisonGate, float]
) -> tuple[float, str]:
    """The p-value of one comparison among those of this run, and the words for the correction."""
    primary = next((one for one in family if one.primary), family[0] if len(family) == 1 else None)
    n_left_out = gate.n_in_file - len(family)
    left_out = "" if gate.primary or n_left_out <= 0 else f", not corrected for {n_left_out} more of gates.toml not run"
    if gate == primary:
        return p_values[gate], left_out if len(family) == 1 else ", the primary comparison"
    others = [one for one in family if one != primary]
    p = holm([p_values[one] for one in others])[others.index(gate)]
    over = f", Holm over {len(others)}" if len(others) > 1 else ""
    if primary is None:
        return p, over + left_out
    return max(p, p_values[primary]), f"{over}, after {primary.name}{left_out}"


def _p(gate: ComparisonGate, evidence: Evidence) -> float:
    """In a replay of there being any lead, live of a lead of the size asked for; 1 where a case has no answer."""
    try:
        found = compare_variants(evidence.results, evidence.plan.posts, gate.variant, gate.other)
    except KeyError:
        return 1.0
    if not evidence.live:
        return found.p
    share = found.effective_n / found.n if found.n else 1.0
    return difference_p_values(len(found.gained) * share, len(found.lost) * share, found.n * share, gate.by_at_least)[0]
