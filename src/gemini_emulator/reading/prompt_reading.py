"""System instruction, turns and an enum in; a `Reading` out: labels, descriptions, examples, the text asked about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from .descriptions import find_descriptions
from .examples import find_examples
from .labels import find_labels
from .message import split_message, unwrap
from .words import CUE, is_label, strip_label

MAX_PROMPT_CHARS = 300_000
_FEWEST_ANSWERED = 0.5  # of the examples, by a list that is the list of labels


@dataclass(frozen=True, slots=True)
class Reading:
    """``labels`` is () if the prompt names none; ``prompt`` is what it says beside text and examples."""

    labels: tuple[str, ...]
    descriptions: Mapping[str, str]
    examples: tuple[tuple[str, str], ...]
    text: str
    prompt: str
    asks: bool  # for a label, whether or not labels are named


@dataclass(frozen=True, slots=True)
class _Said:
    """What a prompt says, whatever text it is about."""

    labels: tuple[str, ...]
    descriptions: Mapping[str, str]
    examples: tuple[tuple[str, str], ...]


def read_prompt_parts(instruction: str, turns: Sequence[tuple[str, str]], enum: tuple[str, ...] = ()) -> Reading:
    """``turns`` are (role, text); what the user said last is the message that is answered."""
    message, earlier = _last_message(turns)
    told = tuple((asked, strip_label(answer)) for asked, answer in earlier if is_label(strip_label(answer)))
    allowed = _allows(enum) if enum else is_label
    if instruction.strip() or told:
        prompt, text = "", unwrap(message)
    else:
        prompt, text = split_message(message[:MAX_PROMPT_CHARS], allowed)
        text += message[MAX_PROMPT_CHARS:]
    if enum and not text.strip():
        text = message
    whole = f"{instruction[:MAX_PROMPT_CHARS]}\n{prompt}".strip("\n")
    said = _understand(whole, enum, told)
    asks = bool(said.labels) or CUE.search(whole[:MAX_PROMPT_CHARS]) is not None
    return Reading(said.labels, said.descriptions, said.examples, text, whole, asks)


@lru_cache(maxsize=16)
def _understand(prompt: str, enum: tuple[str, ...], told: tuple[tuple[str, str], ...]) -> _Said:
    found = find_examples(prompt, _allows(enum) if enum else is_label)
    rest = f"{found.before}\n{found.after}" if found.pairs else prompt
    labels = enum or find_labels(rest)
    examples = (*found.pairs, *told)
    if not enum and examples:
        answered = [label for _, label in examples if label in labels]
        if len(answered) < _FEWEST_ANSWERED * len(examples):
            labels = tuple(dict.fromkeys(label for _, label in examples))
    names = {label.lower(): label for label in reversed(labels)}
    examples = tuple((text, names[label.lower()]) for text, label in examples if label.lower() in names)
    return _Said(labels, find_descriptions(labels, rest), examples)


def _allows(enum: tuple[str, ...]) -> _OneOf:
    return _OneOf(enum)


class _OneOf:
    """True for a label of an enum, in any case."""

    def __init__(self, enum: tuple[str, ...]) -> None:
        self._names = frozenset(map(str.lower, enum))

    def __call__(self, label: str) -> bool:
        return label.lower() in self._names


def _last_message(turns: Sequence[tuple[str, str]]) -> tuple[str, list[tuple[str, str]]]:
    """What the user said last, and the pairs of question and answer before it."""
    pairs: list[tuple[str, str]] = []
    said: list[str] = []
    for number, (role, text) in enumerate(turns):
        if role != "model":
            said.append(text)
        elif said and any(later != "model" for later, _ in turns[number + 1 :]):
            pairs.append(("\n".join(said), text))
            said = []
    return "\n".join(said), pairs
