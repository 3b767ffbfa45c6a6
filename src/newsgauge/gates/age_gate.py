"""How old recordings may be: the day of a variant's oldest recorded answer in, a verdict out."""

from __future__ import annotations

from datetime import date

from ..records import ESTIMATOR_VERSION
from ..scoring.scores import Verdict
from ..scoring.stats.decisions import Finding
from .gate import AgeGate, Evidence


def decide_age(gate: AgeGate, evidence: Evidence) -> Verdict:
    """FAIL where an answer of the plan is older than ``max_age_days``, or where nobody knows how old it is."""
    versions = evidence.scores[gate.variant].model_versions
    if versions and all(version.startswith(ESTIMATOR_VERSION) for version in versions):
        return Verdict(gate.name, gate.variant, Finding.PASS, ("asks no service, so that nothing grows old",))
    ages = evidence.ages
    recorded = None if ages is None else ages.oldest.get(gate.variant)
    limit = f"max_age_days {gate.max_age_days}{f'; {gate.reason}' if gate.reason else ''}"
    if ages is None or recorded is None:
        reason = f"no recording of {gate.variant} is here to tell how old its answers are ({limit})"
        return Verdict(gate.name, gate.variant, Finding.FAIL, (reason,))
    age = (ages.today - recorded).days
    told = f"the oldest answer was recorded on {recorded}, {age} days ago"
    if age > gate.max_age_days:
        reason = f"{told} ({limit}). Renew: {ages.renew.format(variant=gate.variant)}"
        return Verdict(gate.name, gate.variant, Finding.FAIL, (reason,))
    return Verdict(gate.name, gate.variant, Finding.PASS, (f"{told} ({limit})",))


def day_of(recorded: str) -> date:
    """The day of a provenance's ``recorded``; a text that is none is from before all days, and too old."""
    try:
        return date.fromisoformat(recorded[:10])
    except ValueError:
        return date.min
