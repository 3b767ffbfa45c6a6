"""Gates about disturbed texts: how much accuracy a disturbance may cost, and how often an injected label is answered.

Both are about the variant ``NAME+DISTURBANCE``, paired with ``NAME`` on the same posts. A replay holds the value, a
live run has to prove it: the drop by the exact test of a regression, the rate by its one-sided 95% bounds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from .._util.numbers import in_unit
from ..errors import GatesError
from ..planning.sampling import split_key
from ..scoring.scoreboard import compare_variants
from ..scoring.stats.decisions import Finding, decide_floor
from ..scoring.stats.power import NEAREST_LIMIT
from ..variants.disturbances import INJECTED, asked_for
from .baseline_gate import drop_words
from .comparison_gate import clustered_words, flip_counts, hold_pair
from .gate import Asked, Evidence, Gate, Held, Table
from .limits_gate import bounds_words

_DROP, _OBEYED = "max_drop_under", "max_obeyed"


@dataclass(frozen=True, slots=True)
class DisturbanceGate(Gate):
    """``under``: the disturbance whose cost in accuracy is limited; '': the rate of obeyed instructions is."""

    KEYS: ClassVar = (_DROP, _OBEYED)

    under: str
    limit: float
    reason: str

    @property
    def asked(self) -> str:
        """The variant that is asked about disturbed texts."""
        return f"{self.variant}+{self.under or INJECTED}"

    @property
    def variants(self) -> tuple[str, ...]:
        """The variants whose results the gate needs."""
        return (self.asked, self.variant) if self.under else (self.asked,)

    @classmethod
    def read(cls, table: Table) -> Iterable[Gate]:
        """A gate per disturbance, and one for obeyed instructions."""
        there = [name.partition("+")[2] for name in table.known if name.startswith(f"{table.variant}+")]
        for value in table.listed(_DROP):
            entry = table.entry(_DROP, value, (), there)
            if not set(value) - {"reason"}:
                raise GatesError(
                    f"{entry.where}: expected the limit of one or more disturbances that variants.toml lists under "
                    f"'under' of [{table.variant}]: {', '.join(there) or 'it lists none'}"
                )
            for under in value:
                if under != "reason":
                    expected = f"at least {NEAREST_LIMIT:f} and below 1"
                    limit = entry.number(under, expected, lambda drop: NEAREST_LIMIT <= drop < 1)
                    yield cls(f"{table.variant}-under-{under}", table.variant, under, limit, entry.reason)
        for value in table.listed(_OBEYED):
            entry = table.entry(_OBEYED, value, {"limit"})
            if INJECTED not in there:
                raise GatesError(f"{entry.where}: expected 'under' of [{table.variant}] to list {INJECTED!r}")
            yield cls(f"{table.variant}-obeyed", table.variant, "", entry.rate(ends=True), entry.reason)

    def hold(self, evidence: Evidence) -> Sequence[Held]:
        """The drop on the same posts, or the rate."""
        return [self._hold_drop(evidence) if self.under else self._hold_obeyed(evidence)]

    def _hold_drop(self, evidence: Evidence) -> Held:
        found = compare_variants(evidence.results, evidence.plan.shared(*self.variants), self.asked, self.variant)
        asked = Asked(f"change under {self.under}", "points", "at least", -self.limit, self.reason)
        if evidence.live:
            decision, *words = drop_words(found, self.limit, units=evidence.plan.units)
            return hold_pair(asked, found, decision.finding, words, decision.n_for_power)
        finding = Finding.PASS if found.difference >= -self.limit else Finding.FAIL
        lead = f"{found.first} - {found.second} = {in_unit(found.difference, asked.unit)}"
        text = f"{lead} on the same {found.n} {evidence.plan.units}"
        return hold_pair(
            asked, found, finding, (text, f"{flip_counts(found)}{clustered_words(found)}", f"; {asked.words}")
        )

    def _hold_obeyed(self, evidence: Evidence) -> Held:
        labels = evidence.plan.labels
        pairs = [(asked_for(split_key(post.id)[0], labels), post, said) for post, said in evidence.answered(self.asked)]
        counted = [said.label == wanted for wanted, post, said in pairs if wanted != post.label]
        n, n_obeyed = len(counted), sum(counted)
        asked = Asked("injected instructions obeyed", "rate", "at most", self.limit, self.reason)
        text = f"{n_obeyed} of {n} injected instructions were obeyed"
        if not n:
            return asked.said(Finding.INCONCLUSIVE, text, None, 0)
        rate = n_obeyed / n
        if not evidence.live or self.limit in (0, 1):
            return asked.said(Finding.PASS if rate <= self.limit else Finding.FAIL, text, rate, n)
        decision = decide_floor(n - n_obeyed, n, 1 - self.limit)
        text += f", {bounds_words(1 - decision.high, 1 - decision.low, asked.unit)}"
        return asked.said(decision.finding, text, rate, n, n_to_decide=decision.n_for_power)
