"""The outcome of a run's gates, in the order a reader wants: gates.json in, words and states out.

Nothing is decided here: findings and verdict are those of gates.json.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ..gates.session_verdict import decode_verdict
from ..results.run_folder import RunFolder
from .terminal import WIDTH, limit_words, measured_words

State = Literal["failed", "unanswered", "not proved", "not decided", "passed", "no gate"]
#: The worst first.
STATES: tuple[State, ...] = ("failed", "unanswered", "not proved", "not decided", "passed", "no gate")
_NOT_RIGHT = {"outcome": "not right"}
_OF_FINDING: dict[str | None, State] = {"PASS": "passed", "FAIL": "failed", "INCONCLUSIVE": "not proved"}


@dataclass(frozen=True, slots=True)
class LimitLine:
    """One limit of a gate: what was measured, what was asked for, and why it is asked for.

    ``flips``: each changed case in words, and its id. ``filters`` select the wrong answers that the limit counts.
    """

    state: State
    gate: str
    variant: str
    measured: str
    limit: str
    why: str
    detail: str = ""
    flips: tuple[tuple[str, str], ...] = ()
    filters: Mapping[str, str] = field(default_factory=dict)


def limit_lines(run: RunFolder) -> list[LimitLine]:
    """Every limit of every gate, failed ones first."""
    lines = [line for gate in run.gates["gates"] for line in _of_gate(gate)]
    lines.sort(key=lambda line: STATES.index(line.state))
    # A cause that explains several gates, such as a changed prompt, is shown once.
    first = {line.detail: line for line in reversed(lines) if line.state == "unanswered"}
    return [replace(line, detail="") if first.get(line.detail, line) is not line else line for line in lines]


def variant_state(run: RunFolder, variant: str) -> State:
    """The worst finding of a variant's gates."""
    own = [line.state for line in limit_lines(run) if line.variant == variant]
    return min(own, key=STATES.index, default="no gate")


def in_focus(run: RunFolder, variants: Iterable[str]) -> str:
    """The variant to show first: one with a failed gate, else the most accurate."""
    failed = [line.variant for line in limit_lines(run) if line.state == "failed"]
    best = sorted(variants, key=lambda name: run.scores[name]["accuracy"] or 0)
    return next((name for name in failed if name in best), best[-1] if best else "")


def trade_off(run: RunFolder) -> str:
    """Accuracy and cost together, in a sentence; empty if there are not two variants to choose from."""
    dominated, cheapest = run.dominated, run.cheapest_passing
    said = [f"cheapest variant that passes all its gates: {cheapest}"] if cheapest else []
    if dominated:
        said.append(f"dominated, as another is at least as accurate and costs no more: {', '.join(dominated)}")
    return "; ".join(said)


def trade_off_lines(run: RunFolder) -> list[str]:
    """`trade_off` in lines for a terminal."""
    said = trade_off(run)
    return textwrap.wrap(f"newsgauge: {said}", WIDTH, subsequent_indent="  ") if said else []


def state_of(gate: Mapping[str, Any]) -> State:
    """The finding of a gate in one word."""
    if any(check.get("state") == "unanswered" for check in gate.get("checks") or ()):
        return "unanswered"
    return _OF_FINDING.get(gate.get("finding"), "not decided")


def _of_gate(gate: Mapping[str, Any]) -> list[LimitLine]:
    name, variant = str(gate["gate"]), str(gate.get("variant") or "")
    checks = gate.get("checks") or [{"detail": reason} for reason in gate.get("reasons", ())]
    # The id in ``lost sci.space-7: sci.med, was sci.space``.
    around = re.compile(r"^(?:lost|gained) |: .*", re.DOTALL)
    flips = tuple((text, around.sub("", text)) for text in gate.get("flips") or ())
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
            {"variant": variant, **{key: check[key] for key in ("label", "answer") if check.get(key)}, **_NOT_RIGHT},
        )
        for i, check in enumerate(checks)
    ]


@dataclass(frozen=True, slots=True)
class Headline:
    """``word``: ``open`` if nothing forbids green and not everything was decided. ``reasons``: why it is red."""

    word: Literal["green", "red", "open"]
    title: str
    text: str
    reasons: tuple[str, ...]
    notes: tuple[str, ...]


def headline(gates: Mapping[str, Any]) -> Headline:
    """The verdict in words, as the session recorded it in gates.json."""
    session = decode_verdict(gates)
    title, _, text = session.headline.partition(": ")
    word = "red" if not session.is_green else "green" if title == "GREEN" and session.complete else "open"
    return Headline(word, title, text, session.reasons, session.notes)  # type: ignore[arg-type]
