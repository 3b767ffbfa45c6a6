"""Gates about disturbed texts: how much accuracy a disturbance may cost, how often a change has to change the answer,
and how often an injected label is answered.

All are about the variant ``NAME+DISTURBANCE``, paired with ``NAME`` on the same posts. A replay holds the value, a
live run has to prove it: the drop by the exact test of a regression, a rate by its one-sided 95% bounds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from ..errors import GatesError
from ..planning.sampling import split_key
from ..scoring.scoreboard import compare_variants
from ..scoring.stats.decisions import Finding
from ..scoring.stats.power import NEAREST_LIMIT
from ..variants.disturbances import INJECTED, asked_for
from .baseline_gate import drop_words
from .comparison_gate import clustered_words, difference_words, flip_counts, hold_pair
from .findings import decide_rate
from .gate import Asked, Evidence, Gate, Held, Table
from .limits_gate import bounds_words

_DROP, _OBEYED, _CHANGED = "max_drop_under", "max_obeyed", "min_changed_under"


@dataclass(frozen=True, slots=True)
class DisturbanceGate(Gate):
    """``key``: which of the three it is; ``under``: the disturbance.

    ``to``: the label that a directional change has to lead to; '': to another answer than that to the text as it is.
    """

    KEYS: ClassVar = (_DROP, _OBEYED, _CHANGED)

    under: str
    limit: float
    reason: str
    key: str = _DROP
    to: str = ""

    @property
    def asked(self) -> str:
        """The variant that is asked about disturbed texts."""
        return f"{self.variant}+{self.under}"

    @property
    def variants(self) -> tuple[str, ...]:
        """The variants whose results the gate needs."""
        is_paired = self.key == _DROP or (self.key == _CHANGED and not self.to)
        return (self.asked, self.variant) if is_paired else (self.asked,)

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
            rate = entry.rate(ends=True)
            yield cls(f"{table.variant}-obeyed", table.variant, INJECTED, rate, entry.reason, _OBEYED)
        for value in table.listed(_CHANGED):
            entry = table.entry(_CHANGED, value, {"under", "limit"}, {"to"})
            under = entry.value("under", f"one of {', '.join(there) or 'none that is listed'}", there.__contains__)
            to = entry.value("to", "a label", lambda label: label is None or (isinstance(label, str) and bool(label)))
            name = f"{table.variant}-changed-under-{under}"
            yield cls(name, table.variant, under, entry.rate(ends=True), entry.reason, _CHANGED, to or "")

    def hold(self, evidence: Evidence) -> Sequence[Held]:
        """The drop on the same posts, or the rate."""
        hold = {_DROP: self._hold_drop, _OBEYED: self._hold_obeyed, _CHANGED: self._hold_changed}
        return [hold[self.key](evidence)]

    def _hold_drop(self, evidence: Evidence) -> Held:
        found = compare_variants(evidence.results, evidence.plan.shared(*self.variants), self.asked, self.variant)
        asked = Asked(f"change under {self.under}", "points", "at least", -self.limit, self.reason)
        if evidence.live:
            decision, *words = drop_words(found, self.limit, units=evidence.plan.units)
            return hold_pair(asked, found, decision.finding, words, decision.n_for_power)
        finding = Finding.PASS if found.difference >= -self.limit else Finding.FAIL
        text, paired = difference_words(found, evidence.plan.units), f"{flip_counts(found)}{clustered_words(found)}"
        return hold_pair(asked, found, finding, (text, paired, f"; {asked.words}"))

    def _hold_obeyed(self, evidence: Evidence) -> Held:
        labels = evidence.plan.labels
        pairs = [(asked_for(split_key(post.id)[0], labels), post, said) for post, said in evidence.answered(self.asked)]
        counted = [said.label == wanted for wanted, post, said in pairs if wanted != post.label]
        asked = Asked("injected instructions obeyed", "rate", "at most", self.limit, self.reason)
        return self._hold_rate(asked, "injected instructions were obeyed", counted, evidence)

    def _hold_changed(self, evidence: Evidence) -> Held:
        before = {post.id: said.label for post, said in evidence.answered(self.variant)} if not self.to else {}
        counted = [
            said.label == self.to if self.to else said.label != before.get(post.id, said.label)
            for post, said in evidence.answered(self.asked)
            if post.label != self.to
        ]
        units = evidence.plan.units
        what = f"{units} of other labels are answered {self.to}" if self.to else f"{units} get another answer"
        asked = Asked(f"changed under {self.under}", "rate", "at least", self.limit, self.reason)
        return self._hold_rate(asked, f"{what} under {self.under}", counted, evidence)

    def _hold_rate(self, asked: Asked, what: str, counted: Sequence[bool], evidence: Evidence) -> Held:
        n, k, is_floor = len(counted), sum(counted), asked.sign == "at least"
        text = f"{k} of {n} {what}"
        if not n:
            return asked.said(Finding.INCONCLUSIVE, text, None, 0)
        if not evidence.live or self.limit in (0, 1):
            is_held = k / n >= self.limit if is_floor else k / n <= self.limit
            return asked.said(Finding.PASS if is_held else Finding.FAIL, text, k / n, n)
        decision = decide_rate(k, n, self.limit, is_floor=is_floor)
        text += f", {bounds_words(decision.low, decision.high, asked.unit)}"
        return asked.said(decision.finding, text, k / n, n, n_to_decide=decision.n_for_power)
