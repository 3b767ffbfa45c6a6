"""A prompt in, the examples it shows out, and the prompt without them.

Read are ``text -> label`` on a line, a text closed by ``-> label`` or ``Label: label`` on its own line, XML elements,
and JSON objects. A prompt shows all its examples in one way: the one that is met most often.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from .words import (
    BULLET,
    CUE,
    LABEL_NAMES,
    LONGEST_LINE,
    TEXT_NAMES,
    is_label,
    is_order,
    label_mark,
    strip_label,
    text_mark,
)

_ARROW = re.compile(r"(?:-{1,2}>|={1,2}>|→|⇒|⟶)")
_ELEMENT = re.compile(r"<(/?)([A-Za-z_]{1,30})(?:\s[^<>]{0,200})?>")
_ONE_LINE = re.compile(r"\s(?:[A-Z][a-z]{1,20} )?([A-Z][a-z]{1,20}|A) ?: ?([^:\n]{1,80})$")


@dataclass(frozen=True, slots=True)
class Found:
    """``pairs`` of text and label; ``before`` and ``after``: the lines around the first and the last of them."""

    pairs: tuple[tuple[str, str], ...]
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class _Close:
    """Line ``number`` ends an example: its label, and its text if that stands on the same line."""

    number: int
    label: str
    text: str


def find_examples(prompt: str, allowed: Callable[[str], bool] = is_label) -> Found:
    """The examples whose label is ``allowed``. Without any, all of the prompt stands ``before``."""
    lines = prompt.split("\n")
    found = max((_in_lines(lines, way, allowed) for way in (_arrow, _marked, _one_line, _json)), key=_size)
    elements = _in_elements(prompt, allowed)
    return max(found or Found((), prompt, ""), elements, key=_size)


def _size(found: Found | None) -> int:
    return len(found.pairs) if found is not None else 0


def _in_lines(
    lines: list[str], way: Callable[[str], tuple[str, str] | None], allowed: Callable[[str], bool]
) -> Found | None:
    closes = []
    for number, line in enumerate(lines):
        read = way(line[:LONGEST_LINE]) if line.strip() else None
        if read is not None and allowed(read[1]):
            closes.append(_Close(number, read[1], read[0]))
    if not closes:
        return None
    pairs, start, first = [], 0, 0
    for index, close in enumerate(closes):
        text = close.text
        begin = close.number
        if not text:
            begin = _begin(lines, start, close.number, is_first=index == 0)
            text = _unmark("\n".join(lines[begin : close.number]))
        if text:
            pairs.append((text, close.label))
            first = first if len(pairs) > 1 else begin
        start = close.number + 1
    if not pairs:
        return None
    return Found(tuple(pairs), "\n".join(lines[:first]), "\n".join(lines[start:]))


def _begin(lines: list[str], start: int, end: int, *, is_first: bool) -> int:
    """Where the text begins that ends before line ``end``: at its mark, else after what the prompt itself says."""
    for number in range(start, end):
        if text_mark(lines[number]) is not None:
            return number
    if is_first:
        for number in range(end - 1, start - 1, -1):
            line = lines[number].strip()[:LONGEST_LINE]
            if line.endswith(":") or is_order(line) or CUE.search(line):
                return number + 1
    return start


def _unmark(text: str) -> str:
    text = text.strip()
    after = text_mark(text)
    return (text if after is None else after).strip().strip('"“”').strip()


def _arrow(line: str) -> tuple[str, str] | None:
    matches = list(_ARROW.finditer(line))
    if not matches:
        return None
    label = strip_label(line[matches[-1].end() :])
    text = BULLET.sub("", line[: matches[-1].start()], count=1).strip()
    return _unmark(text), _value(label)


def _marked(line: str) -> tuple[str, str] | None:
    after = label_mark(line)
    return None if not after else ("", strip_label(after))


def _one_line(line: str) -> tuple[str, str] | None:
    match = _ONE_LINE.search(line)
    text = text_mark(line[: match.start()]) if match else None
    if match is None or not text or match[1].lower() not in {*LABEL_NAMES, "a"}:
        return None
    return text.strip(" \"'“”,;|"), strip_label(match[2])


def _json(line: str) -> tuple[str, str] | None:
    line = BULLET.sub("", line, count=1).strip().rstrip(",")
    if not (line.startswith("{") and line.endswith("}")):
        return None
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    texts = [item for key, item in value.items() if key.lower() in TEXT_NAMES and isinstance(item, str)]
    labels = [item for key, item in value.items() if key.lower() in LABEL_NAMES and isinstance(item, str)]
    return (texts[0], labels[0].strip()) if texts and labels and texts[0].strip() else None


def _value(label: str) -> str:
    """``Label: x`` behind an arrow is ``x``."""
    after = label_mark(label)
    return strip_label(after) if after else label


def _in_elements(prompt: str, allowed: Callable[[str], bool]) -> Found:
    """``<text>...</text> <label>...</label>``, with or without an element around the two."""
    opened: dict[str, int] = {}
    pairs, text, first, last = [], "", len(prompt), 0
    text_start = 0
    for match in _ELEMENT.finditer(prompt):
        name = match[2].lower()
        if not match[1]:
            opened[name] = match.end()
        elif name in opened:
            inner = prompt[opened.pop(name) : match.start()].strip()
            if name in TEXT_NAMES:
                text, text_start = inner, match.start() - len(inner)
            elif name in LABEL_NAMES and text and allowed(inner):
                pairs.append((text, inner))
                first, last, text = min(first, text_start), match.end(), ""
    return Found(tuple(pairs), prompt[: first if pairs else len(prompt)], prompt[last:] if pairs else "")
