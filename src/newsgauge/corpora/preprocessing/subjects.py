"""A Subject header, folded and encoded as it stands in the mail, in; one readable line out.

RFC 2047 is decoded here and not by `email`, whose parsers take quadratic time on hostile headers (old and
modern policy alike) and decode each encoded word by itself, which breaks letters that a sender split between
two words.
"""

from __future__ import annotations

import binascii
import re

from .charsets import decode, redecode

_FOLD = re.compile(r"\n[ \t]")
_WORD = re.compile(r"=\?([^?\s]++)\?([bBqQ])\?([^?\n]*+)\?=")


def one_line(value: str, charset: str = "") -> str:
    """Unfold, decode, put on one line. ``charset``: that of 8-bit characters, where the mail declares one."""
    text = _decode_words(redecode(_FOLD.sub(" ", value), charset))
    return " ".join(text.splitlines()).strip()


def _decode_words(value: str) -> str:
    if "=?" not in value:
        return value
    pieces: list[str] = []
    charset, pending = "", b""  # neighbouring words of one charset are decoded together
    end = 0
    for word in _WORD.finditer(value):
        data = _word_bytes(word[2], word[3])
        if data is None:
            continue  # stays as it is, with the next gap
        gap = value[end : word.start()]
        # Blanks between two encoded words are not part of the text (RFC 2047, 6.2).
        between_words = charset != "" and not gap.strip(" \t")
        if not (between_words and word[1].lower() == charset):
            if charset:
                pieces.append(decode(pending, charset))
            pending = b""
        if not between_words:
            pieces.append(gap)
        charset, pending, end = word[1].lower(), pending + data, word.end()
    if charset:
        pieces.append(decode(pending, charset))
    return "".join(pieces) + value[end:]


def _word_bytes(encoding: str, text: str) -> bytes | None:
    try:
        data = text.encode("ascii")
        if encoding in "qQ":
            return binascii.a2b_qp(data, header=True)
        return binascii.a2b_base64(data + b"=" * (-len(data) % 4))
    except (UnicodeEncodeError, binascii.Error):
        return None
