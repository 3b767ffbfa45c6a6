"""One variant beats another on the same posts, by at least a given lead. Several are corrected for each other.

The primary comparison is tested at 5%. The others have Holm's p-values among themselves, and none below that of the
primary one: so the chance that any comparison passes wrongly stays at 5% over all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from .._util.numbers import in_unit, p_words, points_span
from .._util.wording import one_line
from ..errors import GatesError
from ..planning.sampling import Plan
from ..records import shown_id
from ..scoring.scoreboard import compare_variants
from ..scoring.scores import Comparison
from ..scoring.stats.decisions import Finding, decide_difference, difference_p_values
from ..scoring.stats.paired import holm
from ..scoring.stats.power import fewest_flips
from .baseline_file import Baseline
from .gate import ALPHA, Asked, Evidence, Gate, Held, Table
from .limits_gate import how_many
from .stopping import decided_by_stop
from .watched import Pair, Watched, WatchedLead


@dataclass(frozen=True, slots=True)
class ComparisonGate(Gate):
    """A variant is better than another on the same posts, by at least so much.

    ``n_in_file``: the comparisons that gates.toml sets for this backend and corpus, this one included.
    """

    KEYS: ClassVar = ("beats",)

    other: str
    by_at_least: float
    reason: str
    primary: bool = False
    n_in_file: int = 1

    @property
    def variants(self) -> tuple[str, ...]:
        """The variants whose results the gate needs."""
        return (self.variant, self.other)

    @classmethod
    def read(cls, table: Table) -> Iterable[Gate]:
        """A gate per entry."""
        for value in table.listed("beats"):
            entry = table.entry("beats", value, {"variant"}, {"by_at_least", "primary"})
            other = entry.value("variant", f"to be another of {', '.join(table.known)}", table.is_other)
            lead = entry.number("by_at_least", "from 0 to below 1", lambda lead: 0 <= lead < 1, 0.0)
            primary = entry.value("primary", "to be true or false", lambda one: isinstance(one, bool), default=False)
            yield cls(f"{table.variant}-beats-{other}", table.variant, other, lead, entry.reason, primary)

    def hold(self, evidence: Evidence) -> Sequence[Held]:
        """PASS if the lead is large enough and significant; INCONCLUSIVE is for live runs."""
        found = compare_variants(evidence.results, evidence.plan.shared(*self.variants), self.variant, self.other)
        about = Asked(f"lead of {self.variant} over {self.other}", "points", "at least", self.by_at_least, self.reason)
        test = "exact test at the lead" if self.by_at_least else "exact McNemar"
        if held := hold_stopped_pair(self, self.name, about, found, evidence, test=test):
            return [held]
        p, corrected = _adjusted(self, evidence)
        asked = f"{about.words}{' proved' if evidence.live else ''}, p <= {ALPHA:g}{corrected}"
        of = f"of a lead of {in_unit(self.by_at_least, 'points', exact=True)}" if evidence.live else "corrected"
        more, n = f"{'' if p == found.p else f', {of} {p_words(p)}'}; {asked}", None
        if evidence.live:
            decision = decide_difference(
                found.n_gained, found.n_lost, found.n, self.by_at_least, effective_n=found.effective_n
            )
            finding = lead_finding(decision.finding, p)
            if finding is Finding.INCONCLUSIVE:
                n = decision.n_for_power
                more += f"; {how_many(n, evidence.plan.units)}"
                more += "" if n is None else ", with an 80% chance, if the lead now seen is the true one"
        else:
            finding = Finding.PASS if p <= ALPHA and found.difference >= self.by_at_least else Finding.FAIL
        text = difference_words(found, "texts", f" {points_span((found.low, found.high))}")
        paired = f"{flip_counts(found)}, one-sided exact McNemar {p_words(found.p)}{clustered_words(found)}"
        return [hold_pair(about, found, finding, (text, paired, more), n)]

    def early(
        self, plan: Plan, gates: Sequence[Gate], baseline: Baseline | None
    ) -> tuple[Sequence[Watched], Sequence[str]]:
        """The lead, corrected for the other comparisons of the run."""
        if any(plan.repeats.get(name, 1) > 1 for name in self.variants):
            return (), [f"{self.name} (of repeats)"]
        family = tuple(_pair(one) for one in gates if isinstance(one, ComparisonGate)) or (_pair(self),)
        return [WatchedLead(self.name, self.by_at_least, _pair(self), family)], ()

    def too_small(self, plan: Plan) -> Iterable[str]:
        """The number of flips, all one way, that proves a lead."""
        if len(plan.posts) < fewest_flips():
            yield f"{self.name} takes at least {fewest_flips()} {plan.units}"


def _pair(gate: ComparisonGate) -> Pair:
    return Pair(gate.variant, gate.other, gate.by_at_least, gate.primary)


def hold_stopped_pair(
    gate: Gate, metric: str, asked: Asked, found: Comparison, evidence: Evidence, *, test: str
) -> Held | None:
    """By the look that decided it; None if no recording stopped, and in a replay if no look decided it."""
    stopped = next((name for name in gate.variants if name in evidence.plan.stops), None)
    if stopped is None:
        return None
    fault, decided = decided_by_stop(stopped, gate, evidence)
    if fault:
        return asked.held(Finding.FAIL, fault, found.difference, found.n, fault)
    one = decided[metric]
    if one.finding == Finding.INCONCLUSIVE and not evidence.live:
        return None
    words = (
        difference_words(found, evidence.plan.units),
        flip_counts(found),
        f": {evidence.plan.stops[stopped].decided(one)} {evidence.plan.units}, sequential {test}"
        f"{f', Holm over {len(one.among)} comparisons' if len(one.among) > 1 else ''}; {asked.words} proved",
    )
    return hold_pair(asked, found, Finding(one.finding), words, None)


def check_comparisons(place: str, gates: Sequence[ComparisonGate]) -> None:
    """Raise `GatesError` unless the comparisons of a backend and corpus can all pass, and one of several is primary."""
    pairs = [(gate.variant, gate.other) for gate in gates]
    for variant, other in pairs:
        if pairs.count((variant, other)) > 1:
            raise GatesError(f"{place}: {variant} beats {other} appears twice")
        if (other, variant) in pairs:
            raise GatesError(f"{place}: {variant} beats {other} and {other} beats {variant}: no run passes both")
    n_primary = sum(gate.primary for gate in gates)
    if n_primary > 1 or (len(gates) > 1 and not n_primary):
        raise GatesError(
            f"{place}: expected exactly one of its {len(gates)} comparisons to say primary = true, got {n_primary}; "
            "the others are corrected for being several (Holm)"
        )


def lead_finding(finding: Finding, p: float) -> Finding:
    """The finding of a lead by itself, and its p-value corrected for the other comparisons: both have to prove it."""
    return Finding.INCONCLUSIVE if finding is Finding.PASS and p > ALPHA else finding


def difference_words(found: Comparison, units: str, span: str = "") -> str:
    """``tuned - labels = +12.5 points on the same 80 texts``."""
    return f"{found.first} - {found.second} = {in_unit(found.difference, 'points')}{span} on the same {found.n} {units}"


def flip_counts(found: Comparison) -> str:
    """``gained 60, lost 1``; of repeats the sums of what posts gained and lost."""
    return f"gained {found.n_gained:.4g}, lost {found.n_lost:.4g}"


def clustered_words(found: Comparison) -> str:
    """The effective number of posts, if threads repeat or posts were asked several times."""
    worth = f"effective n {found.effective_n:.1f}"
    return "" if found.effective_n == found.n else f", clustered by thread and text: {worth}"


def hold_pair(
    asked: Asked, found: Comparison, finding: Finding, words: Sequence[str], n_to_decide: int | None = None
) -> Held:
    """A limit on a paired difference. ``words``: the difference, the flips, and how it was decided.

    One line a flipped post, losses first: ``lost sci.space-60862: now sci.med, was sci.space``.
    """
    text, paired, how = words
    lines = tuple(
        f"{word} {shown_id(flip.post_id)}: {one_line(flip.first)}, was {one_line(flip.second)}"
        for word, flips in (("lost", found.lost), ("gained", found.gained))
        for flip in flips
    )
    reason, detail = f"{text} ({paired}){how} ({asked.why})", f"{paired}{how}"
    return asked.held(finding, reason, found.difference, found.n, detail, n_to_decide=n_to_decide, flips=lines)


def _adjusted(gate: ComparisonGate, evidence: Evidence) -> tuple[float, str]:
    """The p-value to compare with 5%, and what it was corrected for."""
    family = [one for one in evidence.family if isinstance(one, ComparisonGate)] or [gate]
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
    """In a replay of there being any lead, live of a lead of the size asked for; 1 if a case has no answer."""
    try:
        found = compare_variants(evidence.results, evidence.plan.shared(*gate.variants), gate.variant, gate.other)
    except KeyError:
        return 1.0
    if not evidence.live:
        return found.p
    share = found.effective_n / found.n if found.n else 1.0
    return difference_p_values(found.n_gained * share, found.n_lost * share, found.n * share, gate.by_at_least)[0]
