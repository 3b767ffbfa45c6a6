"""Says which part of a request differs from the recording. Pure: two hashed requests in, words out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import Any

from .digest import mark
from .line import Line
from .open_case import Asked

_MAX_SHOWN = 70
#: Characters shown before the difference, in a word that is longer than an excerpt.
_MAX_BEFORE = 20
#: The parts of a request that tell the model how to answer, by all names that services have for them.
_INSTRUCTIONS = frozenset({"systemInstruction", "system", "instructions"})
#: The words shown instead of a text that is not kept, by the first word of its origin.
_PLACES = {"": "{post}", "example": "{example}", "made": "{text}"}
#: The words of a text as JSON writes it, each with the space or the line break behind it.
_WORDS = re.compile(r".+?(?: |\\n|$)")
_Mark = tuple[str, int, str]  # where it came from, characters, digest


def only_line_endings(recorded: Line, text: str) -> bool:
    """True if the recorded request held this text with other line endings: LF for CRLF, or CRLF for LF."""
    marks: list[_Mark] = []
    _readable(recorded.body, marks)
    kept = {digest for of, _, digest in marks if not of}
    unix = text.replace("\r\n", "\n")
    others = {mark(one)["sha256"] for one in (unix, unix.replace("\n", "\r\n"))}
    return bool(kept & others) and mark(text)["sha256"] not in kept


def describe_change(recorded: Line, asked: Asked) -> str:
    """One clause per changed part: ``prompt: recorded "...", now "..."``. Empty if nothing differs."""
    service, body = asked.service, json.loads(asked.body)
    whole = {"service": (recorded.service, service.name), "method": (recorded.method, asked.method)}
    if not service.same_path(recorded.path, asked.path):
        whole["model"] = (recorded.path, asked.path)
    changes = [_words(part, old, new) for part, (old, new) in whole.items() if old != new]
    old_texts: list[_Mark] = []
    new_texts: list[_Mark] = []
    recorded_body = service.compared_body(recorded.body)
    before, after = _flatten(_readable(recorded_body, old_texts)), _flatten(_readable(body, new_texts))
    parts: dict[str, list[tuple[Any, Any]]] = {}
    for place in sorted(before.keys() | after.keys()):
        if before.get(place) != after.get(place):
            parts.setdefault(_part_name(place, service.spoken), []).append((before.get(place), after.get(place)))
    changes += [_part_words(part, pairs) for part, pairs in parts.items()]
    changes += _text_words(old_texts, new_texts)
    if not changes and recorded_body != body:
        changes.append("request: the same words in another form (another version of the SDK?)")
    return "; ".join(changes)


def _part_name(place: str, spoken: frozenset[str]) -> str:
    head = re.split(r"[.\[]", place)[0]
    if head in _INSTRUCTIONS:
        return "system instruction"
    if head in spoken:
        return "prompt"
    if place.startswith(("generationConfig.response", "response_format", "text.format")):
        return "answer schema"
    if place.startswith("generationConfig."):
        return f"generation config ({place.removeprefix('generationConfig.')})"
    return "generation config" if place == "generationConfig" else place


def _readable(value: Any, texts: list[_Mark]) -> Any:
    """The body with ``{post}`` where the post's digest stands, as variants.toml has it; the digests go to ``texts``."""
    if isinstance(value, dict):
        if {"chars", "sha256"} <= value.keys() <= {"chars", "sha256", "of"}:
            of = value.get("of", "")
            texts.append((of, value["chars"], value["sha256"]))
            return _PLACES[of.partition(" ")[0]]
        return {key: _readable(item, texts) for key, item in value.items()}
    if isinstance(value, list):
        n_texts = len(texts)
        items = [_readable(item, texts) for item in value]
        # A list of segments is one text that holds the post; other lists hold no digest of their own.
        is_text = len(texts) > n_texts and all(isinstance(item, str) for item in items)
        return "".join(items) if is_text else items
    return value


def _flatten(value: Any, place: str = "") -> dict[str, Any]:
    if isinstance(value, dict):
        items = [(f"{place}.{key}" if place else key, item) for key, item in value.items()]
    elif isinstance(value, list) and not all(isinstance(item, str) for item in value):
        items = [(f"{place}[{number}]", item) for number, item in enumerate(value)]
    else:
        return {place: value}  # a list of strings, such as the allowed labels, is one value
    return {key: leaf for name, item in items for key, leaf in _flatten(item, name).items()}


def _part_words(part: str, pairs: list[tuple[Any, Any]]) -> str:
    lists = next((pair for pair in pairs if isinstance(pair[0], list) and isinstance(pair[1], list)), None)
    if lists is None:
        more = f", and {len(pairs) - 1} more" if len(pairs) > 1 else ""
        return _words(part, *pairs[0]) + more
    gone, come = ([item for item in one if item not in other] for one, other in (lists, lists[::-1]))
    words = [f"{what} {_few(items)}" for what, items in (("without", gone), ("with", come)) if items]
    return f"{part}: {'now ' + ' and '.join(words) if words else 'the same entries in another order'}"


def _few(items: Iterable[str]) -> str:
    shown = [json.dumps(item, ensure_ascii=False) for item in items]
    return ", ".join(shown[:3]) + (f" and {len(shown) - 3} more" if len(shown) > 3 else "")


def _text_words(old: list[_Mark], new: list[_Mark]) -> list[str]:
    words = []
    for kind, place in _PLACES.items():
        before, after = ([one for one in texts if one[0].partition(" ")[0] == kind] for texts in (old, new))
        if before == after:
            continue
        if kind == "example":
            n_same = len(set(before) & set(after))
            words.append(f"examples: recorded {len(before)}, now {len(after)}, of them {n_same} as recorded")
        elif kind == "made" and len(before) == len(after):
            words.append(f"{place}: another text than the one recorded, made from the text or from an answer")
        elif kind == "" and len(before) != len(after):
            words.append(f"text: recorded {len(before)} times, now {len(after)} times")
        elif kind == "":
            old_chars, new_chars = (sum(chars for _, chars, _ in texts) for texts in (before, after))
            was = f"recorded {old_chars:,} characters, now {new_chars:,}"
            if old_chars == new_chars:
                was = f"another text of {new_chars:,} characters than the one recorded"
            words.append(f"text: {was} (corpus or preprocessing changed)")
    return words


def _words(part: str, old: Any, new: Any) -> str:
    old_text, new_text = (_text(value) for value in (old, new))
    if len(old_text) > _MAX_SHOWN or len(new_text) > _MAX_SHOWN:
        old_text, new_text = _around_difference(old_text, new_text)
    return f"{part}: recorded {old_text}, now {new_text}"


def _text(value: Any) -> str:
    return "nothing" if value in (None, {}) else json.dumps(value, ensure_ascii=False)


def _around_difference(old: str, new: str) -> tuple[str, str]:
    """The differing words of two long texts, with a little of what stands around them."""
    both = _WORDS.findall(old.strip('"')), _WORDS.findall(new.strip('"'))
    start = _n_same(*both)
    end = _n_same(*(words[start:][::-1] for words in both))
    clips = ["".join(words[max(0, start - 2) : len(words) - end + 2]).rstrip() for words in both]
    n_same = _n_same(*clips)  # a word may be long
    cut = n_same - _MAX_BEFORE if n_same > _MAX_SHOWN // 2 else 0
    shown = []
    for clip in (one[cut:] for one in clips):
        is_cut = end > 2 or len(clip) > _MAX_SHOWN
        clip = clip if len(clip) <= _MAX_SHOWN else clip[: _MAX_SHOWN - 3]
        shown.append(f'"{"..." if start > 2 or cut else ""}{clip}{"..." if is_cut else ""}"')
    return shown[0], shown[1]


def _n_same(old: Sequence[str], new: Sequence[str]) -> int:
    return len(list(takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False))))
