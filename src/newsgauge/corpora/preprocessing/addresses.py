"""Text in, the same text without e-mail addresses out. Linear: each ``@`` is looked at once, from the left.

An address is an addr-spec of RFC 5322 without white space or comments around its ``@``: a dot-atom or a
quoted string, ``@``, and a host name, a dotted quad or a domain literal. A host name ends in a label that
begins with a letter (as RFC 1123 has it), so that ``v1.2@3.4`` and ``2@$5`` are none. Letters are Unicode's
(RFC 6532).
"""

from __future__ import annotations

import re
import unicodedata

_ATEXT_MARKS = frozenset("_!#$%&'*+-/=?^`{|}~")
_PAIRED = frozenset("'*`=~|/_")  # 'joe@x.example' in marks of emphasis: the marks are the sentence's
_MARK = "\u0300-\u036f\u200c\u200d"  # letters of two code points
_HOST = re.compile(rf"[\w{_MARK}-]++(?:\.[\w{_MARK}-]++)*+")
_DTEXT = r"[!#-&+./0-:=?A-Z^-~-]"  # of a literal, less the marks that prose puts around one
_LITERAL = re.compile(rf"\[{_DTEXT}++\]")
_JOINS = re.compile(rf"{_DTEXT}|[\w{_MARK}@\[\]]")


def redact(text: str) -> str:
    """Remove every address, together with angle brackets and ``mailto:`` right around it.

    If the removal would let what stood left and right of it grow together into something new, a space is
    left. Redacting twice changes nothing more. Lines without ``@`` are not touched.
    """
    if "@" not in text:
        return text
    return "\n".join(_redact_line(line) if "@" in line else line for line in text.split("\n"))


def _redact_line(line: str) -> str:
    kept: list[str] = []  # characters; an address takes some of them back
    position = 0
    quotes_from = 0  # kept[:quotes_from] is known to hold no quotation mark
    while (at := line.find("@", position)) >= 0:
        kept.extend(line[position:at])
        position = at + 1
        end = _domain_end(line, position)
        start = len(kept)
        if end > position:
            if kept and kept[-1] == '"':
                start, quotes_from = _quoted_start(kept, quotes_from)
            else:
                start = _dot_atom_start(kept)
        if start == len(kept):
            kept.append("@")
            continue
        if start + 1 < len(kept) and kept[start] in _PAIRED and line.startswith(kept[start], end):
            start += 1
        del kept[start:]
        position = end
        if kept and kept[-1] == ":" and "".join(kept[-7:]).lower() == "mailto:":
            del kept[-7:]
        if kept and kept[-1] == "<" and line.startswith(">", position):
            kept.pop()
            position += 1
        quotes_from = min(quotes_from, len(kept))
        if kept and position < len(line) and _would_join(kept[-1], line[position]):
            kept.append(" ")
    kept.extend(line[position:])
    return "".join(kept)


def _would_join(left: str, right: str) -> bool:
    """True if the two, made neighbours, could mean something new.

    An ``@`` kept earlier was judged by what followed it, a quotation mark is judged by the backslash before
    it.
    """
    if right == '"':
        return left == "\\"
    return bool(_JOINS.match(left) and _JOINS.match(right))


def _domain_end(line: str, start: int) -> int:
    """Where the domain that begins at ``start`` ends; ``start`` if none does."""
    if line.startswith("[", start):
        literal = _LITERAL.match(line, start)
        return literal.end() if literal else start
    host = _HOST.match(line, start)
    if not host:
        return start
    labels = host[0].split(".")
    n_labels = len(labels)
    while n_labels and not labels[n_labels - 1].lstrip("-_")[:1].isalpha():
        n_labels -= 1
    if n_labels:
        return start + len(".".join(labels[:n_labels]).rstrip("-_"))
    quad = labels[:4]
    is_quad = len(quad) == 4 and all(label.isdecimal() for label in quad)
    return start + len(".".join(quad)) if is_quad else start


def _dot_atom_start(kept: list[str]) -> int:
    """Where the dot-atom at the end begins. A dot before ``@`` is let pass: hosts did hand out such names."""
    start = len(kept)
    while start and (
        _is_atext(kept[start - 1]) or (kept[start - 1] == "." and (start == len(kept) or kept[start] != "."))
    ):
        start -= 1
    while start < len(kept) and kept[start] == ".":
        start += 1
    return start


def _quoted_start(kept: list[str], floor: int) -> tuple[int, int]:
    """Where the quoted string at the end begins, and below which index no quotation mark is left after that.

    It begins at the nearest mark that no backslash escapes, or else at the farthest that one does, together
    with the backslashes. If none is found it begins at ``len(kept)``.
    """
    closing = len(kept) - 1
    if _is_escaped(kept, closing):
        return len(kept), floor
    start = len(kept)
    for index in range(closing - 1, floor - 1, -1):
        if kept[index] == '"':
            start = index
            if not _is_escaped(kept, index):
                return start, floor
    if start == len(kept):
        return start, closing
    while start and kept[start - 1] == "\\":
        start -= 1
    return start, start


def _is_escaped(kept: list[str], index: int) -> bool:
    before = index
    while before and kept[before - 1] == "\\":
        before -= 1
    return (index - before) % 2 == 1


def _is_atext(char: str) -> bool:
    return char.isalnum() or char in _ATEXT_MARKS or (char > "\u02ff" and unicodedata.category(char)[0] == "M")
