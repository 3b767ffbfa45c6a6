"""The verdict of a session as a reader sees it: what gates.json says in, a word for the colour and a line out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..gates.session_verdict import decode_verdict

_LEFT_OUT = "left out: "


@dataclass(frozen=True, slots=True)
class Headline:
    """``word``: ``open`` if nothing forbids green and not everything was decided. ``reasons``: why it is red."""

    word: Literal["green", "red", "open"]
    title: str
    text: str
    reasons: tuple[str, ...]
    notes: tuple[str, ...]


def _notes(notes: tuple[str, ...]) -> tuple[str, ...]:
    """All gates that are left out in one note: a run of few variants leaves out many."""
    left_out = [note.removeprefix(_LEFT_OUT) for note in notes if note.startswith(_LEFT_OUT)]
    others = tuple(note for note in notes if not note.startswith(_LEFT_OUT))
    return (*others, _LEFT_OUT + ", ".join(left_out)) if left_out else others


def headline(gates: Mapping[str, Any]) -> Headline:
    """The verdict is the session's own; nothing is decided here."""
    session = decode_verdict(gates)
    title, _, text = session.headline.partition(": ")
    word = "red" if not session.is_green else "green" if title == "GREEN" and session.complete else "open"
    return Headline(word, title, text, session.reasons, _notes(session.notes))  # type: ignore[arg-type]
