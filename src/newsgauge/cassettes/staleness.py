"""Tells which part of a request is not what was recorded. Pure: two digested requests in, words out."""

from __future__ import annotations

import difflib
import json
from typing import Any

from .line import Line

_MAX_SHOWN = 70


def describe_change(recorded: Line, method: str, path: str, body: Any) -> str:
    """One clause a changed part: ``prompt: recorded '...', now '...'``. Empty where nothing differs."""
    changes = []
    if (recorded.method, recorded.path) != (method, path):
        changes.append(_words("model" if recorded.method == method else "method", recorded.path, path))
    before, after = _flatten(recorded.body), _flatten(body)
    for place in sorted(before.keys() | after.keys()):
        old, new = before.get(place), after.get(place)
        if old != new:
            changes.append(_words(_part_name(place), old, new))
    return "; ".join(dict.fromkeys(changes))


def _part_name(place: str) -> str:
    if place.endswith(".sha256") or place.endswith(".chars"):
        return "post text"
    if place.startswith("systemInstruction"):
        return "system instruction"
    if place.startswith("contents"):
        return "prompt"
    if place.startswith("generationConfig.response"):
        return "answer schema"
    if place.startswith("generationConfig"):
        return "generation config"
    return place


def _flatten(value: Any, place: str = "") -> dict[str, Any]:
    if isinstance(value, dict):
        items = [(f"{place}.{key}" if place else key, item) for key, item in value.items()]
    elif isinstance(value, list):
        items = [(f"{place}[{number}]", item) for number, item in enumerate(value)]
    else:
        return {place: value}
    return {key: leaf for name, item in items for key, leaf in _flatten(item, name).items()}


def _words(part: str, old: Any, new: Any) -> str:
    if part == "post text":
        return "post text: another text than the one recorded (corpus or preprocessing changed)"
    old_text, new_text = (_text(value) for value in (old, new))
    if len(old_text) > _MAX_SHOWN or len(new_text) > _MAX_SHOWN:
        old_text, new_text = _around_difference(old_text, new_text)
    return f"{part}: recorded {old_text}, now {new_text}"


def _text(value: Any) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)


def _around_difference(old: str, new: str) -> tuple[str, str]:
    """The differing words of two long texts, with a little of what stands around them."""
    a, b = old.split(" "), new.split(" ")
    blocks = [op for op in difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes() if op[0] != "equal"]
    a_from, a_to, b_from, b_to = blocks[0][1], blocks[-1][2], blocks[0][3], blocks[-1][4]
    shown = []
    for words, start, end in ((a, a_from, a_to), (b, b_from, b_to)):
        clip = " ".join(words[max(0, start - 2) : end + 2])
        clip = clip if len(clip) <= _MAX_SHOWN else clip[: _MAX_SHOWN - 3] + "..."
        shown.append(f"...{clip}...")
    return shown[0], shown[1]
