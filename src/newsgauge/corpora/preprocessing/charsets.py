"""Bytes and a declared charset in, readable text out; and text that no encoder can refuse.

Nothing here raises on any input: mail declares charsets that do not exist, and bytes that are not in them.
"""

from __future__ import annotations

import codecs

# Codecs that Python knows but no mail is written in. Two of them take quadratic time, two turn text into
# code.
_NOT_FOR_MAIL = {"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined"}


def unify_newlines(text: str) -> str:
    """CRLF and bare CR become LF."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def well_formed(text: str) -> str:
    """The same text with surrogate pairs joined and lone surrogates replaced by U+FFFD: always encodable."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def decode(data: bytes, charset: str) -> str:
    """``data`` in the declared ``charset``; as latin-1 if that is empty, unknown or plainly not true.

    A few wrong bytes are replaced one by one. If most of the non-ASCII bytes are wrong the declaration is,
    and latin-1 shows every byte as some character.
    """
    try:
        codec = codecs.lookup(charset.partition("*")[0].strip() or "latin-1")  # RFC 2231: charset*language
        if codec.name in _NOT_FOR_MAIL:
            return data.decode("latin-1")
        try:
            return data.decode(codec.name)
        except UnicodeDecodeError:
            text = data.decode(codec.name, "replace")
    except (
        LookupError,
        ValueError,
    ):  # unknown, not a text encoding; a NUL in the name; a codec without "replace"
        return data.decode("latin-1")
    n_high = sum(byte > 0x7F for byte in data)
    return data.decode("latin-1") if text.count("\ufffd") * 2 > n_high else text


def redecode(text: str, charset: str) -> str:
    """Characters that stand for bytes, in the charset these were declared to be in.

    Text with characters beyond latin-1 was decoded before it came here, and stays.
    """
    if not charset or (text.isascii() and charset.lower() in ("us-ascii", "utf-8", "iso-8859-1")):
        return text
    data = latin1(text)
    return text if data is None else decode(data, charset)


def latin1(text: str) -> bytes | None:
    """The bytes that ``text`` was read from; None if it holds characters that no byte can be."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return None
