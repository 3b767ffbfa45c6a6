"""Separates a message that holds both a prompt and a text."""

from __future__ import annotations

import re
from collections.abc import Callable

from .examples import find_examples
from .labels import head_of
from .words import BULLET, CUE, LONGEST_LINE, TEXT_NAMES, is_label, is_order, label_mark, text_mark

_ELEMENT = re.compile(r"<([A-Za-z_]{1,30})(?:\s[^<>]{0,200})?>")
_FENCES = ('"""', "```", "'''")
_TRAILING = re.compile(r"\s*(?:-{1,2}>|={1,2}>|→)\s*$")
_QUOTED = re.compile(r"\"([^\"]{3,20000})\"|“([^”]{3,20000})”")
_FEW_PARAGRAPHS = 60


def split_message(message: str, allowed: Callable[[str], bool] = is_label) -> tuple[str, str]:
    """``(prompt, text)``; the text of a message that asks nothing is all of it."""
    message = _without_cue(message)
    for split in (_by_element, _by_fence):
        parts = split(message)
        if parts is not None:
            return parts
    found = find_examples(message, allowed)
    if found.pairs and found.after.strip():
        lead, text = _tail(found.after)
        return message[: len(message) - len(found.after)] + lead, text
    return _by_mark(message) or _by_paragraphs(message)


def unwrap(message: str) -> str:
    """The text of a message whose prompt stands elsewhere: all of it, but for what only wraps it."""
    stripped = _without_cue(message).strip()
    element = _ELEMENT.match(stripped)
    if element and element[1].lower() in TEXT_NAMES and stripped.lower().endswith(f"</{element[1].lower()}>"):
        return stripped[element.end() : stripped.rfind("</")].strip()
    for fence in _FENCES:
        if stripped.startswith(fence) and stripped.endswith(fence) and len(stripped) > 6:
            return stripped[3:-3].strip()
    after = text_mark(stripped)
    return message if after is None else after


def _without_cue(message: str) -> str:
    """Without what stands at the end for the answer to follow: ``Label:`` or ``->``."""
    lead, _, last = message.rstrip().rpartition("\n")
    if lead and (label_mark(last) == "" or not _TRAILING.sub("", last).strip()):
        return lead
    return _TRAILING.sub("", message) if message.rstrip().endswith(("->", "=>", "→")) else message


def _by_element(message: str) -> tuple[str, str] | None:
    lower = message.lower()
    closing: dict[str, int] = {}
    for match in reversed(list(_ELEMENT.finditer(message))):
        name = match[1].lower()
        if name not in TEXT_NAMES:
            continue
        if name not in closing:
            closing[name] = lower.rfind(f"</{name}>")
        end = closing[name]
        if end >= match.end():
            return f"{message[: match.start()]}\n{message[end + len(name) + 3 :]}", message[match.end() : end].strip()
    return None


def _by_fence(message: str) -> tuple[str, str] | None:
    for fence in _FENCES:
        end = message.rfind(fence)
        start = message.rfind(fence, 0, end) if end > 0 else -1
        if start > 0 and end - start > len(fence) and message[:start].strip():
            return f"{message[:start]}\n{message[end + 3 :]}", message[start + 3 : end].strip()
    return None


def _by_mark(message: str) -> tuple[str, str] | None:
    """The text below the last ``Text:`` that begins a paragraph, or ends one."""
    lines = message.split("\n")
    first_cue = next((number for number, line in enumerate(lines) if CUE.search(line[:LONGEST_LINE])), len(lines))
    for number in range(len(lines) - 1, first_cue, -1):
        after = text_mark(lines[number])
        opens = not lines[number - 1].strip() or (after == "" and number + 1 < len(lines))
        if after is not None and opens:
            return "\n".join(lines[:number]), "\n".join([after, *lines[number + 1 :]]).strip()
    return None


def _tail(after: str) -> tuple[str, str]:
    """What follows the last example: words to lead over, and the text."""
    lines = after.strip("\n").split("\n")
    for number, line in enumerate(lines[:6]):
        rest = text_mark(line)
        if rest is not None:
            return "\n".join(lines[:number]), "\n".join([rest, *lines[number + 1 :]]).strip()
    first = lines[0].strip()
    if len(lines) > 1 and (first.endswith(":") or (is_order(first) and CUE.search(first))):
        return first, "\n".join(lines[1:]).strip()
    return "", after.strip()


def _by_paragraphs(message: str) -> tuple[str, str]:
    paragraphs = re.split(r"\n[ \t]*\n", message.strip("\n"))
    if len(paragraphs) == 1:
        return _by_lines(message.strip("\n"))
    if not CUE.search(paragraphs[0][:LONGEST_LINE]):
        if CUE.search(paragraphs[-1][:LONGEST_LINE]) and _asks(paragraphs[-1]):
            return paragraphs[-1], "\n\n".join(paragraphs[:-1])
        return "", message
    count = 1
    while (
        count < len(paragraphs) - 1 and count < _FEW_PARAGRAPHS and _is_prompt(paragraphs[count], paragraphs[count - 1])
    ):
        count += 1
    first, _, rest = paragraphs[0].partition("\n")
    if count == 1 and rest and "?" in first and not _is_prompt(rest, first):
        # The question is one line, and the text begins below it at once.
        return first, message.strip("\n").partition("\n")[2]
    return "\n\n".join(paragraphs[:count]), "\n\n".join(paragraphs[count:])


def _is_prompt(paragraph: str, before: str) -> bool:
    first = paragraph.split("\n", 1)[0][:LONGEST_LINE]
    if is_order(first) or (CUE.search(first) and first.rstrip().endswith((":", "?"))):
        return True
    lines = [line[:LONGEST_LINE] for line in paragraph.split("\n") if line.strip()]
    all_heads = len(lines) > 1 and all(is_label(head_of(line)[0]) for line in lines)
    bulleted = bool(lines) and all(BULLET.match(line) for line in lines)
    return all_heads and (bulleted or before.rstrip().endswith(":"))


def _by_lines(message: str) -> tuple[str, str]:
    lines = message.split("\n")
    if len(lines) == 1 and (CUE.search(message) or (_QUOTED.search(message) and _asks(message))):
        return _by_signs(message)
    if not CUE.search(lines[0][:LONGEST_LINE]):
        if len(lines) > 1 and CUE.search(lines[-1][:LONGEST_LINE]) and _asks(lines[-1]):
            return lines[-1], "\n".join(lines[:-1])
        return "", message
    count = 1
    while count < len(lines) - 1 and (_is_item(lines[count]) or is_order(lines[count])):
        count += 1
    return "\n".join(lines[:count]), "\n".join(lines[count:])


def _is_item(line: str) -> bool:
    return BULLET.match(line) is not None or is_label(head_of(line[:LONGEST_LINE])[0], most_words=3)


def _by_signs(line: str) -> tuple[str, str]:
    """One line: what is quoted, else what follows its last colon, else what follows its question."""
    quoted = list(_QUOTED.finditer(line))
    longest = max(quoted, key=lambda match: len(match[0]), default=None)
    if longest is not None and len(longest[0].split()) > 2:
        return line[: longest.start()] + line[longest.end() :], (longest[1] or longest[2]).strip()
    for sign in (": ", "? ", ". "):
        at = line.find(sign) if sign == "? " else line.rfind(sign)
        lead, rest = line[: at + 1], line[at + 2 :]
        if at > 0 and rest.strip() and CUE.search(lead) and not CUE.search(rest):
            return lead, rest.strip()
    return line, line


def _asks(text: str) -> bool:
    return "?" in text or ":" in text or is_order(text)
