"""Labels and a prompt in, what the prompt says about each label out.

A description is the rest of the line, sentence, bracket or clause that is about one label only.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from .words import BULLET, LONGEST_LINE, is_order, sentences

_LONGEST = 500
_WORD = re.compile(r"\w+")
_CLAUSES = (re.compile(r"[;\n]"), re.compile(r",(?=\s)|\s(?:and|or)\s"))
#: What may come after a label that is being described, and before it.
_SAYS = re.compile(
    r"[\"'`”’*_]{0,4}\s{0,3}(?:[:=(\[|–—→]|-{1,2}>?\s|(?:is|are|means?|covers?|for|includes?|refers|stands|"
    r"concerns?|contains?|if|when|about|deals?|groups?|holds?)\b)",
    re.IGNORECASE,
)
_POINTS = re.compile(
    r"(?:label|category|class|group|newsgroup|use|choose|answer|pick|say|reply|return|go(?:es)? (?:to|into|in|under)|"
    r"belongs? (?:to|in|under)|called|named|→|->|=>)\s{0,3}[\"'`“‘*_]{0,4}$",
    re.IGNORECASE,
)
_MARKS = re.compile(r"[\"'`”’*_]{0,4}(?: ?[:=|]| ?[–—→]| -{1,2}>? )")
_OPENS = re.compile(r"^#|:[*_]{0,3}$|^[*_]{2}.{1,80}[*_]{2}$")  # a heading, or a label whose description comes below
_JSON_PAIR = re.compile(r"\"([^\"\n]{1,60})\"\s?:\s?\"([^\"\n]{1,500})\"")
_EMPTY_WORDS = """
a an the of to for in is are as or and one these following label labels category categories class classes reply answer
with only say choose pick use into text message post name it be fit fits exist exists best apply applies which
"""
_EMPTY = frozenset(_EMPTY_WORDS.split())


def find_descriptions(labels: Sequence[str], prompt: str) -> dict[str, str]:
    """What is said about each label, '' left out; at most `_LONGEST` characters each."""
    mentions = _Mentions(labels)
    known = frozenset(labels)
    said: dict[str, list[str]] = defaultdict(list)
    open_label = ""
    for line in prompt.split("\n"):
        line = line[:LONGEST_LINE]
        in_json = [(match[1], match[2]) for match in _JSON_PAIR.finditer(line) if match[1] in known]
        found = mentions.all(line)
        if not line.strip():
            # A heading is described by the paragraph below it.
            open_label = open_label if open_label and open_label not in said else ""
            continue
        if not found:
            if BULLET.match(line) or line.startswith("#"):
                open_label = ""  # another item, of a label that is not asked about
            elif open_label and (line[:1] in " \t" or not is_order(line)):
                said[open_label].append(line.strip())
            continue
        pairs = in_json or list(_told(line, mentions, 0))
        for label, words in pairs:
            said[label].append(words)
        opens = not pairs and _OPENS.search(line.strip()) is not None
        open_label = found[0][2] if len({label for _, _, label in found}) == 1 and opens else ""
    return {label: " ".join(said[label])[:_LONGEST] for label in labels if label in said}


def _told(part: str, mentions: _Mentions, level: int) -> Iterator[tuple[str, str]]:
    """(label, words about it): of the whole part if it is about one label, else of ever smaller parts."""
    found = mentions.all(part)
    names = {label for _, _, label in found}
    marked = [place for place in found if _MARKS.match(part[place[1] :][:12]) and mentions.is_told(part, *place[:2], 2)]
    if len(names) > 1 and len(marked) == 1 and marked[0] == found[0] and _is_head(part[: found[0][0]]):
        found, names = marked, {marked[0][2]}  # "billing: invoices and login fees" is about billing
    if len(names) == 1:
        start, end, label = found[0]
        before = "" if part[:start].rstrip().endswith(":") else part[:start]  # "Labels: billing - invoices"
        if mentions.is_told(part, start, end, level) and (words := _clean(f"{before} {part[end:]}")):
            yield label, words
        return
    if not names:
        return
    bracketed = [(label, _bracket(part, end)) for _, end, label in found]
    if sum(bool(words) for _, words in bracketed) > 1:
        yield from ((label, words) for label, words in bracketed if words)
        return
    if level < 3:
        for piece in sentences(part) if level == 0 else _CLAUSES[level - 1].split(part):
            yield from _told(piece, mentions, level + 1)


def _bracket(part: str, end: int) -> str:
    rest = part[end:].lstrip("\"'`”’*_ ")
    if not rest.startswith("("):
        return ""
    return _clean(rest[1 : rest.find(")")] if ")" in rest else rest[1:])


def _clean(words: str) -> str:
    words = BULLET.sub("", words, count=1)
    words = re.sub(r"^[\s\W]+|[\s\W]+$", "", words)
    content = [word for word in _WORD.findall(words.lower()) if word not in _EMPTY]
    return words if content else ""


class _Mentions:
    """Finds labels in a line, the longest first; quick with a thousand of them."""

    def __init__(self, labels: Sequence[str]) -> None:
        self._by_word: dict[str, list[str]] = defaultdict(list)
        for label in sorted(labels, key=len, reverse=True):
            match = _WORD.search(label)
            if match is not None:
                self._by_word[match[0]].append(label)
                # At the beginning of a sentence a label may have a capital of its own.
                if match.start() == 0 and match[0].islower():
                    self._by_word[match[0].capitalize()].append(label)

    def all(self, line: str) -> list[tuple[int, int, str]]:
        """(start, end, label) of each mention, none within another."""
        found: list[tuple[int, int, str]] = []
        for match in _WORD.finditer(line):
            if found and match.start() < found[-1][1]:
                continue
            for label in self._by_word.get(match[0], ()):
                lead = _WORD.search(label)
                assert lead is not None
                start = match.start() - lead.start()
                end = start + len(label)
                same = line[start:end] == label or line[start:end] == label[:1].upper() + label[1:]
                if start >= 0 and same and _stands_alone(line, start, end):
                    found.append((start, end, label))
                    break
        return found

    def is_told(self, part: str, start: int, end: int, level: int) -> bool:
        """True if the part says something of this label, rather than only using its word.

        A clause, from level 2, is too small a part to tell by what stands before the label.
        """
        before, after = part[:start], part[end:]
        if _is_head(before) or _SAYS.match(after[:60]) is not None:
            return True
        quoted = before[-1:] in tuple("\"'`“‘") and after[:1] in tuple("\"'`”’")
        ends = re.search(r"\b(?:is|are)\s$", before[-60:]) is not None and not after.strip(" .!")
        return level < 2 and (quoted or ends or _POINTS.search(before[-60:]) is not None)


def _is_head(before: str) -> bool:
    return not BULLET.sub("", before, count=1).strip(" \t\"'`“‘*_|#>([<")


def _stands_alone(line: str, start: int, end: int) -> bool:
    before, after = line[start - 1 : start], line[end : end + 2]
    if before and (before.isalnum() or before in "._-"):
        return False
    return not (after and (after[0].isalnum() or after[0] == "_" or (after[0] in ".-" and after[1:2].isalnum())))
