"""What the gates of a run came to, in the order in which a reader wants it: a `RunFolder` in, words out.

Nothing is decided here: findings are those of gates.json.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..results.run_folder import RunFolder
from .check_words import limit_words, measured_words

State = Literal["failed", "unanswered", "not proved", "not decided", "passed", "no gate"]
#: The worst first.
STATES: tuple[State, ...] = ("failed", "unanswered", "not proved", "not decided", "passed", "no gate")
_OF_FINDING: dict[str | None, State] = {"PASS": "passed", "FAIL": "failed", "INCONCLUSIVE": "not proved"}


@dataclass(frozen=True, slots=True)
class LimitLine:
    """One limit of a gate: what was measured, what was asked for, and why it is asked for.

    ``flips``: what a case was and is, in words, and its id.
    """

    state: State
    gate: str
    variant: str
    measured: str
    limit: str
    why: str
    detail: str = ""
    flips: tuple[tuple[str, str], ...] = ()


def limit_lines(run: RunFolder) -> list[LimitLine]:
    """Every limit of every gate, what did not hold first."""
    lines = [line for gate in run.gates["gates"] for line in _of_gate(gate)]
    return sorted(lines, key=lambda line: STATES.index(line.state))


def variant_state(run: RunFolder, variant: str) -> State:
    """The worst finding of a variant's gates."""
    own = [line.state for line in limit_lines(run) if line.variant == variant]
    return min(own, key=STATES.index, default="no gate")


def state_of(gate: Mapping[str, Any]) -> State:
    """The finding of a gate in one word."""
    if any(check.get("state") == "unanswered" for check in gate.get("checks") or ()):
        return "unanswered"
    return _OF_FINDING.get(gate.get("finding"), "not decided")


def _id_in(flip: str) -> str:
    """The id in ``lost sci.space-7: sci.med, was sci.space``."""
    return re.sub(r"^(?:lost|gained) ", "", flip).partition(": ")[0]


def _of_gate(gate: Mapping[str, Any]) -> list[LimitLine]:
    name, variant = str(gate["gate"]), str(gate.get("variant") or "")
    checks = gate.get("checks") or [{"detail": reason} for reason in gate.get("reasons", ())]
    flips = tuple((text, _id_in(text)) for text in gate.get("flips") or ())
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
