"""gates.toml and scores in, verdicts with reasons out.

A table ``[backend.corpus.variant]`` holds limits, each with the reason why it is where it is. ``beats`` makes a gate of
its own, because it is about two variants on the same posts.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import GatesError
from .records import Result, Score, Verdict
from .results import Key
from .sampling import Plan
from .stats import mcnemar_exact

#: Significance level of a paired comparison, one-sided.
ALPHA = 0.05
_METRICS = {
    "min_accuracy": "accuracy",
    "max_accuracy": "accuracy",
    "max_error_rate": "error_rate",
    "max_off_list_rate": "off_list_rate",
}
_BACKENDS = ("embedded", "gemini", "vertex")


@dataclass(frozen=True, slots=True)
class Limit:
    """One bound: ``metric`` is a key of gates.toml such as ``min_accuracy``."""

    metric: str
    bound: float
    reason: str


@dataclass(frozen=True, slots=True)
class Gate:
    """What one gate test decides: limits of a variant, or that it beats another one on the same posts."""

    name: str
    variant: str
    limits: tuple[Limit, ...] = ()
    beats: str | None = None
    by_at_least: float = 0.0
    reason: str = ""

    @property
    def variants(self) -> tuple[str, ...]:
        """The variants whose results the gate needs."""
        return (self.variant,) if self.beats is None else (self.variant, self.beats)


def load_gates(path: Path, *, backend: str, corpus: str, known: Collection[str]) -> tuple[Gate, ...]:
    """The gates of one backend and corpus, limits first, comparisons last. Raises `GatesError`.

    ``known`` are the variants of variants.toml; a gate on any other is an error, in whatever part of the file.
    """
    try:
        tree = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise GatesError(f"{path}: expected the limits to hold, there is no such file") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise GatesError(f"{path}: not readable as TOML: {error}") from None
    limits: list[Gate] = []
    comparisons: list[Gate] = []
    for backend_name, corpora in tree.items():
        where = f"{path.name}: [{backend_name}"
        if backend_name not in _BACKENDS:
            raise GatesError(f"{where}]: unknown backend; known: {', '.join(_BACKENDS)}")
        for corpus_name, variants in _table(f"{where}]", corpora).items():
            for variant, table in _table(f"{where}.{corpus_name}]", variants).items():
                place = f"{where}.{corpus_name}.{variant}]"
                if variant not in known:
                    raise GatesError(f"{place}: unknown variant; known: {', '.join(known)}")
                found = _gates(place, variant, _table(place, table), known)
                if (backend_name, corpus_name) == (backend, corpus):
                    limits += [gate for gate in found if gate.beats is None]
                    comparisons += [gate for gate in found if gate.beats is not None]
    return (*limits, *comparisons)


def select_gates(gates: tuple[Gate, ...], variants: Collection[str]) -> tuple[Gate, ...]:
    """The gates that a run of these variants can decide."""
    return tuple(gate for gate in gates if all(variant in variants for variant in gate.variants))


def decide(gate: Gate, scores: Mapping[str, Score], results: Mapping[Key, Result], plan: Plan) -> Verdict:
    """Hold the gate against the scores. An incomplete score never passes, whatever its rate is."""
    incomplete = [scores[variant] for variant in gate.variants if not scores[variant].complete]
    if incomplete:
        reasons = tuple(
            f"{score.variant}: {score.n_planned - score.n} of {score.n_planned} planned cases have no answer"
            f"{_first_broken(results, plan, score.variant)}"
            for score in incomplete
        )
        return Verdict(gate.name, gate.variant, False, reasons)
    if gate.beats is not None:
        return _compare(gate, gate.beats, results, plan)
    held = [_hold(limit, scores[gate.variant]) for limit in gate.limits]
    return Verdict(gate.name, gate.variant, all(ok for ok, _ in held), tuple(text for _, text in held))


def _hold(limit: Limit, score: Score) -> tuple[bool, str]:
    value = float(getattr(score, _METRICS[limit.metric]))
    floor = limit.metric.startswith("min_")
    ok = value >= limit.bound if floor else value <= limit.bound
    sign = ("<" if floor else ">") if not ok else (">=" if floor else "<=")
    name = _METRICS[limit.metric].replace("_", " ")
    return ok, f"{name} {value:.4f} {sign} {limit.bound:g} (n = {score.n}; {limit.reason})"


def _compare(gate: Gate, other: str, results: Mapping[Key, Result], plan: Plan) -> Verdict:
    pairs = [(results[post.id, gate.variant].correct, results[post.id, other].correct) for post in plan.posts]
    gained = sum(ours and not theirs for ours, theirs in pairs)
    lost = sum(theirs and not ours for ours, theirs in pairs)
    difference = (gained - lost) / len(pairs)
    p = mcnemar_exact(gained, lost)
    ok = p <= ALPHA and difference >= gate.by_at_least
    text = (
        f"{gate.variant} - {other} = {difference:+.4f} on the same {len(pairs)} posts (gained {gained}, lost {lost}, "
        f"one-sided exact McNemar p = {p:.2g}); asked: at least {gate.by_at_least:+g}, p <= {ALPHA:g} ({gate.reason})"
    )
    return Verdict(gate.name, gate.variant, ok, (text,))


def _first_broken(results: Mapping[Key, Result], plan: Plan, variant: str) -> str:
    for post in plan.posts:
        result = results.get((post.id, variant))
        if result is not None and result.broken:
            return f"; the first: {result.broken}"
    return ""


def _gates(place: str, variant: str, table: Mapping[str, Any], known: Collection[str]) -> list[Gate]:
    limits = []
    gates = []
    for key, value in table.items():
        if key == "beats":
            gates.append(_comparison(place, variant, value, known))
        elif key in _METRICS:
            entry = _entry(f"{place} {key}", value, {"limit", "reason"})
            bound = entry.get("limit")
            if not isinstance(bound, int | float) or isinstance(bound, bool) or not 0 <= bound <= 1:
                raise GatesError(f"{place}: {key}: expected 'limit' from 0 to 1, got {bound!r}")
            limits.append(Limit(key, float(bound), entry["reason"]))
        else:
            raise GatesError(f"{place}: unknown limit {key!r}; known: {', '.join(_METRICS)}, beats")
    if limits:
        gates.insert(0, Gate(variant, variant, tuple(limits)))
    return gates


def _comparison(place: str, variant: str, value: Any, known: Collection[str]) -> Gate:
    entry = _entry(f"{place} beats", value, {"variant", "by_at_least", "reason"})
    other, by_at_least = entry.get("variant"), entry.get("by_at_least", 0.0)
    if other not in known or other == variant:
        raise GatesError(f"{place}: beats: expected 'variant' to be another of {', '.join(known)}, got {other!r}")
    if not isinstance(by_at_least, int | float) or isinstance(by_at_least, bool) or not 0 <= by_at_least < 1:
        raise GatesError(f"{place}: beats: expected 'by_at_least' from 0 to below 1, got {by_at_least!r}")
    return Gate(
        f"{variant}-beats-{other}",
        variant,
        beats=other,
        by_at_least=float(by_at_least),
        reason=entry["reason"],
    )


def _entry(where: str, value: Any, keys: Collection[str]) -> dict[str, Any]:
    if not isinstance(value, dict) or not str(value.get("reason", "")).strip() or not set(value) <= set(keys):
        raise GatesError(f"{where}: expected {{ {', '.join(sorted(keys))} }} with a non-empty reason, got {value!r}")
    return value


def _table(where: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise GatesError(f"{where}: expected a table [backend.corpus.variant], got {value!r}")
    return value
