"""How old recordings may be: the day of a variant's oldest recorded answer in, a verdict out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from ..errors import GatesError
from ..records import ESTIMATOR_VERSION
from ..scoring.stats.decisions import Finding
from .gate import Asked, Entry, Evidence, Gate, Held, Table

_MOST = 36_525


@dataclass(frozen=True, slots=True)
class AgeGate(Gate):
    """No recorded answer of a variant may be older than this many days; a key of a backend's table."""

    KEYS: ClassVar = ("max_age_days",)
    NEEDS: ClassVar = "ages"

    max_age_days: int
    reason: str = ""

    @classmethod
    def read(cls, table: Table) -> Iterable[Gate]:
        """A gate for each variant: ``max_age_days = 90``, or with its reason ``{ limit = 90, reason = "..." }``."""
        (key,) = cls.KEYS
        value = table.values[key]
        entry = Entry(table.where, {"limit": value, "reason": ""})
        if isinstance(value, dict):
            entry = table.entry(key, value, {"limit"})
        days = entry.values.get("limit")
        if not isinstance(days, int) or isinstance(days, bool) or not 1 <= days <= _MOST:
            raise GatesError(f"{table.where}: {key}: expected a whole number of days from 1 to {_MOST}, got {days!r}")
        return [cls(f"{variant}-age", variant, days, entry.reason) for variant in table.known]

    def hold(self, evidence: Evidence) -> Sequence[Held]:
        """FAIL if an answer of the plan is too old, of a day to come, or of an age that nobody knows."""
        versions, ages = evidence.scores[self.variant].model_versions, evidence.ages
        recorded = None if ages is None else ages.oldest.get(self.variant)
        age = None if ages is None or recorded is None else (ages.today - recorded).days
        limit = f"max_age_days {self.max_age_days}{f'; {self.reason}' if self.reason else ''}"
        told = f"the oldest answer was recorded on {recorded}, {age} days ago ({limit})"
        finding = Finding.FAIL
        if versions and all(version.startswith(ESTIMATOR_VERSION) for version in versions):
            finding, told = Finding.PASS, "asks no service, so that nothing grows old"
        elif ages is None or age is None:
            told = f"no recording of {self.variant} is here to tell how old its answers are ({limit})"
        elif age < 0:
            told = f"the oldest answer was recorded on {recorded}, which is after today, {ages.today}: a clock is wrong"
        elif age > self.max_age_days:
            told += f". Renew: {ages.renew.format(variant=self.variant)}"
        else:
            finding = Finding.PASS
        about = f"age of the oldest recording of {self.variant}"
        asked = Asked(about, "days", "at most", self.max_age_days, self.reason)
        return [asked.held(finding, told, age, evidence.scores[self.variant].n, told)]


def day_of(recorded: str) -> date:
    """The day of a provenance's ``recorded``; a text that is not a date counts as too old."""
    try:
        return date.fromisoformat(recorded[:10])
    except ValueError:
        return date.min
