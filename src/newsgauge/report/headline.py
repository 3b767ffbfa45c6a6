"""The verdict of a session in one line, the same wherever a person reads it: plain values in, words out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from .numbers import count_of

Word = Literal["green", "red", "open"]
_MAX_NAMED = 3


@dataclass(frozen=True, slots=True)
class Headline:
    """``word``: ``open`` where nothing was to be decided. ``notes``: what a reader has to know beside it."""

    word: Word
    text: str
    notes: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """``red: 1 of 6 gates failed: tuned``."""
        return f"{self.word}: {self.text}"


def headline(
    finding: str | None,
    *,
    n_gates: int,
    failed: Sequence[str] = (),
    unanswered: Sequence[str] = (),
    not_proved: Sequence[str] = (),
    undecided: Sequence[str] = (),
    failed_evals: Sequence[str] = (),
    n_not_run: int = 0,
    n_recomputed: int = 0,
    shard: str = "",
    notes: Sequence[str] = (),
) -> Headline:
    """``finding`` is that of the session: ``PASS`` only where nothing forbids green; None where none was to be made.

    The names are of gates (``failed``, ``unanswered``: a variant lacks answers, ``not_proved``, ``undecided``) and of
    tests that are no gates.
    """
    if shard:
        return Headline("open", f"shard {shard}: newsgauge merge decides {count_of(n_gates, 'gate')}", tuple(notes))
    n_passed = n_gates - len(failed) - len(unanswered) - len(not_proved) - len(undecided)
    parts = [
        f"{len(names)} of {count_of(n_gates, 'gate')} {word}: {_named(names)}"
        for names, word in (
            (failed, "failed"),
            (unanswered, "unanswered"),
            (not_proved, "not proved"),
            (undecided, "not decided"),
        )
        if names
    ]
    if not parts:
        parts.append(f"all {count_of(n_gates, 'gate')} passed" if n_gates else "no gate is set, so nothing is decided")
    if failed_evals:
        evals = f"{count_of(len(failed_evals), 'eval')} failed: {_named(failed_evals)}"
        parts = [f"gates {n_passed} of {n_gates}, but {evals}"] if n_passed == n_gates and n_gates else [*parts, evals]
    if n_not_run:
        recomputed = f", {n_recomputed:,} of them answered from the recordings" if n_recomputed else ""
        parts.append(f"{count_of(n_not_run, 'planned case')} did not run{recomputed}")
    word: Word = "green" if finding == "PASS" else "open" if finding is None else "red"
    return Headline(word, "; ".join(parts), tuple(notes))


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
    return ", ".join(names[:_MAX_NAMED]) + more
