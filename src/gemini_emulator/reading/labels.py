"""The labels that a prompt lists, in its order: bullets, numbers, lines below a colon, a table, or a sentence."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from .words import (
    BULLET,
    CUE,
    LONGEST_LINE,
    is_label,
    is_order,
    label_mark,
    sentences,
    split_outside_brackets,
    strip_label,
    text_mark,
)

_HEAD_ENDS = re.compile(r"\s*:\s|\s*:$|\s+[-–—=]+>?\s+|\s+\(|\s*\t\s*|\s*\|\s*")
_QUOTED = re.compile(r"\"([^\"\n]{1,60})\"|“([^”\n]{1,60})”|`([^`\n]{1,60})`|(?<!\w)'([^'\n]{1,60})'(?!\w)")
_JSON_PAIR = re.compile(r"\"([^\"\n]{1,60})\"\s?:\s?\"")
_DOTTED = re.compile(r"\b[a-z][a-z0-9+-]{0,40}(?:\.[a-z0-9+-]{1,40}){1,8}\b")
_NAMED = re.compile(
    r"<(?:label|category|class|topic|intent|option)(?:\s+(?:name|id|value)=[\"']([^\"']{1,60})[\"'][^>]{0,100})?>([^<]{0,500})"
)
_NOUNS = r"(?:labels|categories|classes|options|topics|(?:news ?)?groups|intents|sections|departments|tags|sentiments)"
#: What may open a list within a sentence that is about labels.
_OPENS = re.compile(
    rf":\s|\b(?:one of|which of|any of|among|amongst|between|either|(?:choose|pick|select) from|"
    rf"{_NOUNS}(?: (?:are|is|will be|include))?|these|following)\b",
    re.IGNORECASE,
)
#: Opens a list only after a verb of sorting, in a question, or before an "or".
_SORTS = re.compile(r"\b(?:into|as)\b", re.IGNORECASE)
_IS_SORTED = re.compile(r"\b(?:classif|sort|categor|label|tag|group|assign|mark|divid|file)", re.IGNORECASE)
_QUESTION = re.compile(r"\b(?:is (?:it|this|that)|about|is|to)\b", re.IGNORECASE)
_SAYING = re.compile(
    r"\b(?:say|answer|choose|pick|reply|respond|return|use|give|write)(?: with)?(?: only)?\b", re.IGNORECASE
)
_TAIL = re.compile(
    r"\s+(?:fits?|appl(?:y|ies)|describes?|it|best|is|would|does|should|matches)\b.{0,200}$", re.IGNORECASE
)
_NO_ITEM = re.compile(r"(?:no|not|nothing|without|never|any|only)\b", re.IGNORECASE)
_COMMAS = re.compile(r"\s*,\s*(?:(?:and|or)\s+)?|\s+(?:and/or|and|or)\s+")
_OTHERS = (re.compile(r"\s*;\s*(?:(?:and|or)\s+)?"), re.compile(r"\s*\|\s*"), re.compile(r"\s+/\s+|(?<=\w)/(?=\w)"))
_ARTICLE = re.compile(r"(?:the|an?|either|or|and|any of)\s+", re.IGNORECASE)
_TRIGGERS_READ = 16
_SENTENCE_WORDS = 4
_LINES_READ, _LINES_OF_PROSE = 6_000, 1_000
MOST_LABELS = 5_000


def find_labels(prompt: str) -> tuple[str, ...]:
    """The labels, without repeats; () if the prompt lists none."""
    lines = [line[:LONGEST_LINE] for line in prompt.split("\n", _LINES_READ)[:_LINES_READ]]
    ways: tuple[Callable[[], list[str]], ...] = (
        lambda: _in_blocks(lines),
        lambda: _in_elements(prompt),
        lambda: _in_json(prompt),
        lambda: _in_sentences(lines[:_LINES_OF_PROSE]),
        lambda: _dotted(prompt),
    )
    for way in ways:
        unique = tuple(dict.fromkeys(way()))
        if len(unique) > 1:
            return unique[:MOST_LABELS]
    return ()


def head_of(line: str) -> tuple[str, str]:
    """Label and description of ``- **label**: description``; the description may be ''."""
    item = BULLET.sub("", line, count=1).strip().lstrip("#").strip().strip("|").strip()
    bare = item.lstrip("*_")
    match = _HEAD_ENDS.search(bare)
    if match is None:
        return strip_label(bare), ""
    return strip_label(bare[: match.start()]), bare[match.end() :].strip("*_ ").strip()


def _in_blocks(lines: list[str]) -> list[str]:
    """The best run of lines that each begin with a label: the first one that a line about labels precedes."""
    best: list[str] = []
    best_rank = (False, False)
    number = 0
    while number < len(lines):
        labels, end, is_bulleted = _block(lines, number)
        if len(labels) > 1:
            before = _line_before(lines, number)
            rank = (CUE.search(before) is not None, is_bulleted or before.endswith(":"))
            if any(rank) and rank > best_rank:
                best, best_rank = labels, rank
        number = max(end, number + 1)
    return best


def _block(lines: list[str], start: int) -> tuple[list[str], int, bool]:
    """The labels of the run that begins at a line, the line after it, and whether its lines have bullets."""
    first = lines[start]
    is_bulleted, level = BULLET.match(first) is not None, _level(first)
    is_row = first.lstrip().startswith("|")
    below_colon = _line_before(lines, start).rstrip("*_ ").endswith(":")
    labels: list[str] = []
    number = start
    while number < len(lines):
        line = lines[number]
        if not line.strip() or (is_bulleted and line[:1] in " \t" and BULLET.match(line) is None):
            number += 1  # between bullets lines may be empty, or go on with what was said
            if not (is_bulleted or level):
                break
            continue
        if level and not _level(line) and labels:
            number += 1
            continue
        if is_row and re.fullmatch(r"[\s|:-]+", line):
            labels.clear()  # what stood above was the head of the table
            number += 1
            continue
        head, about = head_of(line)
        same_kind = (BULLET.match(line) is not None) == is_bulleted and _level(line) == level
        words = 8 if is_bulleted or about else 5
        is_other = not about and is_order(line) and len(line.split()) > 2
        is_mark = head.lower() not in map(str.lower, labels) and _is_mark(line) and not (is_bulleted or below_colon)
        plain_line = not (is_bulleted or level or is_row or below_colon)
        if not same_kind or is_other or is_mark or not is_label(head, most_words=words) or (plain_line and not about):
            break
        labels.append(head)
        number += 1
    return labels, number, is_bulleted or is_row or level > 0


def _level(line: str) -> int:
    return len(line) - len(line.lstrip("#"))


def _is_mark(line: str) -> bool:
    return text_mark(line) is not None or label_mark(line) is not None


def _line_before(lines: list[str], number: int) -> str:
    return next((line.strip() for line in reversed(lines[max(0, number - 3) : number]) if line.strip()), "")


def _in_elements(prompt: str) -> list[str]:
    return [name for match in _NAMED.finditer(prompt) if is_label(name := (match[1] or match[2] or "").strip())]


def _in_json(prompt: str) -> list[str]:
    return [match[1] for match in _JSON_PAIR.finditer(prompt) if is_label(match[1])]


def _in_sentences(lines: list[str]) -> list[str]:
    """The longest list within a sentence that has a word about labels in it or before it."""
    best: list[str] = []
    about = False
    for line in lines:
        for sentence in sentences(line):
            about = about or CUE.search(sentence) is not None
            if about or is_order(sentence) or sentence.rstrip().endswith("?"):
                best = max(best, _quoted(sentence), _listed(sentence, about), key=len)
    return best


def _quoted(sentence: str) -> list[str]:
    found = [strip_label(next(filter(None, match.groups()))) for match in _QUOTED.finditer(sentence)]
    return found if all(map(is_label, found)) else []


def _listed(sentence: str, about: bool) -> list[str]:
    """``one of a, b (about this), or c``: what stands behind a word that opens a list, cut at its signs.

    The last word that opens the most labels has them.
    """
    if about and not _is_mark(sentence):
        # After a question the next sentence may be the list itself: "billing: about this; login: about that".
        for heads, n_told in _cuts(sentence):
            if 1 < n_told == len(heads) and not CUE.search(heads[0]):
                return heads
    best: list[str] = []
    for end in _openings(sentence, about)[-_TRIGGERS_READ:]:
        for heads, n_told in _cuts(sentence[end:]):
            if len(heads) >= len(best):
                if n_told > 1:
                    return heads  # "a: about this; b: about that" lists labels, whatever stands behind a colon of it
                best = heads
                break
    return best


def _cuts(text: str) -> Iterator[tuple[list[str], int]]:
    """Each way to cut a text into two labels or more, with how many of these are described."""
    rest = _TAIL.sub("", text.strip().rstrip(".!?:").strip())
    if rest[:1] in "([{" and rest[-1:] in ")]}":
        rest = rest[1:-1]
    for signs in (*_OTHERS, _COMMAS):
        pieces = [piece.strip() for piece in split_outside_brackets(rest, signs) if piece.strip()]
        items = [head_of(_ARTICLE.sub("", piece, count=1)) for piece in pieces]
        heads = [head for head, _ in items]
        if len(heads) > 1 and all(
            is_label(head, most_words=_SENTENCE_WORDS) and not _NO_ITEM.match(head) for head in heads
        ):
            yield heads, sum(bool(about) for _, about in items)


def _openings(sentence: str, about: bool) -> list[int]:
    """Where lists may begin, in order; not inside brackets."""
    ends = [match.end() for match in _OPENS.finditer(sentence)] if about else []
    ends += [match.end() for match in _SORTS.finditer(sentence) if _IS_SORTED.search(sentence[: match.start()])]
    if sentence.rstrip().endswith("?"):
        ends += [match.end() for match in _QUESTION.finditer(sentence)]
    if " or " in sentence:
        ends += [match.end() for match in _SAYING.finditer(sentence)]
    depth, at = 0, 0
    outside = []
    for end in sorted(ends):
        depth += sum((sign == "(") - (sign == ")") for sign in sentence[at:end])
        at = end
        if depth <= 0:
            outside.append(end)
    return outside


def _dotted(prompt: str) -> list[str]:
    return [name for name in _DOTTED.findall(prompt) if is_label(name)]
