"""What the gates of a run came to, in the order in which a reader wants it: a `RunFolder` in, words out.

Nothing is decided here: findings are those of gates.json.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..results.run_folder import RunFolder
from .headline import Headline, headline
from .numbers import number, percent, points

State = Literal["failed", "unanswered", "not proved", "not decided", "passed", "no gate"]
#: The worst first.
STATES: tuple[State, ...] = ("failed", "unanswered", "not proved", "not decided", "passed", "no gate")
_UNITS: Mapping[str, Callable[[float], str]] = {
    "rate": percent,
    "days": lambda value: f"{value:,.0f} days",
    "points": lambda value: f"{points(value)} points",
    "score": lambda value: number(value, 2),
    "tokens": number,
    "cases": lambda value: f"{value:,.0f}",
}
_OF_FINDING: dict[str | None, State] = {"PASS": "passed", "FAIL": "failed", "INCONCLUSIVE": "not proved"}


@dataclass(frozen=True, slots=True)
class LimitLine:
    """One limit of a gate: what was measured, what was asked for, and why it is asked for."""

    state: State
    gate: str
    variant: str
    measured: str
    limit: str
    why: str
    detail: str = ""
    flips: tuple[str, ...] = ()


def limit_lines(run: RunFolder) -> list[LimitLine]:
    """Every limit of every gate, what did not hold first."""
    lines = [line for gate in run.gates["gates"] for line in _of_gate(gate)]
    return sorted(lines, key=lambda line: STATES.index(line.state))


def variant_state(run: RunFolder, variant: str) -> State:
    """The worst finding of a variant's gates."""
    own = [line.state for line in limit_lines(run) if line.variant == variant]
    return min(own, key=STATES.index, default="no gate")


def run_headline(run: RunFolder) -> Headline:
    """The verdict of the session, from what its folder says."""
    gates = run.gates["gates"]
    names: dict[State, list[str]] = {state: [] for state in STATES}
    for gate in gates:
        names[state_of(gate)].append(str(gate["gate"]))
    return headline(
        _finding(run),
        n_gates=len(gates),
        failed=names["failed"],
        unanswered=names["unanswered"],
        not_proved=names["not proved"],
        undecided=names["not decided"],
        failed_evals=run.failed_evals,
        n_not_run=int(run.gates.get("n_cases_not_run") or 0),
        n_recomputed=sum(result.origin == "gate" for result in run.results),
        shard=run.shard,
        notes=run.notes,
    )


def state_of(gate: Mapping[str, Any]) -> State:
    """The finding of a gate in one word."""
    if any(check.get("state") == "unanswered" for check in gate.get("checks") or ()):
        return "unanswered"
    return _OF_FINDING.get(gate.get("finding"), "not decided")


def _finding(run: RunFolder) -> str | None:
    found = {gate.get("finding") for gate in run.gates["gates"]}
    if run.failed_evals or found & {"FAIL", "INCONCLUSIVE"}:
        return "FAIL"
    return "PASS" if found == {"PASS"} and run.gates.get("complete") else None


def _of_gate(gate: Mapping[str, Any]) -> list[LimitLine]:
    name, variant = str(gate["gate"]), str(gate.get("variant") or "")
    checks = gate.get("checks") or [{"detail": reason} for reason in gate.get("reasons", ())]
    flips = tuple(gate.get("flips") or ())
    return [
        LimitLine(
            check.get("state", state_of(gate)),
            name,
            variant,
            measured_words(check),
            limit_words(check),
            str(check.get("why", "")),
            str(check.get("detail", "")),
            flips if i == 0 else (),
        )
        for i, check in enumerate(checks)
    ]


def measured_words(check: Mapping[str, Any]) -> str:
    """``accuracy 66.3% of 80``; empty where nothing was measured."""
    value = check.get("value")
    if value is None:
        return ""
    n = (
        ""
        if check["unit"] == "cases"
        else f" of {check['n']:,}"
        if check["unit"] == "rate"
        else f", n = {check['n']:,}"
    )
    return f"{check['name']} {_UNITS[check['unit']](value)}{n}"


def limit_words(check: Mapping[str, Any]) -> str:
    """``at least 80.0%``."""
    limit = check.get("limit")
    if limit is None:
        return ""
    if check["unit"] == "cases" and limit == check["n"]:
        return f"all {limit:,}"
    return f"{check['sign']} {_UNITS[check['unit']](limit)}"
