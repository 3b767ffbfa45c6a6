"""Where a mail's headers end, what the first of each name says, and what the MIME ones mean.

Enters: a mail or a part of one, newlines LF. Leaves: a `Mail`. `email` undoes RFC 2231; its parsers are not
used on whole mails or headers: of 40,000 hostile characters the modern policy takes 0.1 to 0.6 s, growing as
the square or ending in a `RecursionError`. They are what the tests compare with.

A Subject header, folded and encoded as it stands in the mail, in; one readable line out.

RFC 2047 is decoded here and not by `email`, whose parsers take quadratic time on hostile headers (old and
modern policy alike) and decode each encoded word by itself, which breaks letters that a sender split between
two words.

Bytes and a declared charset in, readable text out. Nothing here raises on any input: mail declares charsets that do
not exist, and bytes that are not in them.
"""

from __future__ import annotations

import binascii
import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import collapse_rfc2231_value, decode_params

_LEADING = re.compile(r"(?:\ufeff|\xef\xbb\xbf)?(?:[ \t]*+\n)*+")  # a byte order mark, blank lines
# An mbox line, then fields and their continuations. A line of blanks continues a field (RFC 5322, 4.2): real
# posts have such lines amid their headers.
_HEAD = re.compile(r"(?:From [^\n]*\n)?(?:(?:[!-9;-~]++[ \t]*+:|[ \t])[^\n]*+(?:\n|\Z))*+")
_FIELD = re.compile(r"^([!-9;-~]+)[ \t]*:[ \t]*([^\n]*(?:\n[ \t][^\n]*)*)", re.MULTILINE)

# fmt: off
_KNOWN = frozenset({
    "approved", "archive-name", "article-i.d.", "bcc", "cc", "control", "date", "distribution",
    "expires", "followup-to", "from", "in-reply-to", "keywords", "lines", "message-id",
    "mime-version", "newsgroups", "organisation", "organization", "originator", "path",
    "posting-host", "received", "references", "reply-to", "return-path", "sender", "status",
    "subject", "summary", "supersedes", "to", "xref",
})
# fmt: on
_KNOWN_PREFIXES = ("x-", "content-", "nntp-", "resent-", "list-", "original-", "news-")
_TOKEN = re.compile(r"\s*+([\w.+-]++(?:/[\w.+-]++)?)")
# Quoted strings are taken whole, so that a ";" or "=" inside one opens no parameter.
_PARAMETER = re.compile(r';\s*+([\w!#$&+.^`{|}~*%-]++)\s*+=\s*+(?:("(?:[^"\\]|\\.)*+")|([^\s;"]*+))')
#: A longer one is not believed; ten parameters fit.
_MAX_MIME_HEADER = 2_000


@dataclass(frozen=True, slots=True)
class Mail:
    """Headers by lower-case name (the first of each, folded and encoded) and the body, still encoded."""

    fields: Mapping[str, str] = field(repr=False)
    body: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Content:
    """What the MIME headers say. ``type`` is ``main/sub``; what is not given is empty."""

    type: str
    charset: str
    boundary: str
    filename: str
    is_attachment: bool
    encoding: str


def split_mail(text: str) -> Mail:
    """Split a post into headers and body.

    Headers are believed only if one of them is known from mail or news: ``Note: ...`` opens a body. Blank
    lines in front of such headers are skipped, so that they cannot push the headers, and the group in them,
    into the body.
    """
    start = _LEADING.match(text).end()  # type: ignore[union-attr]  # matches the empty string
    mail = _split(text, start)
    if mail.fields:
        return mail
    return Mail({}, text.removeprefix("\n"))


def split_part(text: str) -> Mail:
    """Split a part of a multipart: an empty first line means that it has no headers."""
    return Mail({}, text[1:]) if text.startswith("\n") else _split(text, 0)


def content(fields: Mapping[str, str], default_type: str = "text/plain") -> Content:
    """Read the MIME headers. What is absent, malformed or overlong counts as absent (RFC 2045, 5.2)."""
    if not fields:
        return Content(default_type, "", "", "", False, "")
    kind, params = _parsed(fields, "content-type")
    disposition, more = _parsed(fields, "content-disposition")
    encoding = fields.get("content-transfer-encoding", "").partition("(")[0]
    return Content(
        type=kind if "/" in kind else default_type,
        charset=params.get("charset", ""),
        boundary=params.get("boundary", "").rstrip(),
        filename=more.get("filename") or params.get("name", ""),
        is_attachment=disposition == "attachment",
        encoding=encoding.strip().lower(),
    )


def _split(text: str, start: int) -> Mail:
    end = _HEAD.match(text, start).end()  # type: ignore[union-attr]  # matches the empty string
    fields: dict[str, str] = {}
    for name, value in _FIELD.findall(text[start:end]):
        fields.setdefault(name.lower(), value)
    if not any(name in _KNOWN or name.startswith(_KNOWN_PREFIXES) for name in fields):
        return Mail({}, text)
    return Mail(fields, text[end:].removeprefix("\n"))


def _parsed(fields: Mapping[str, str], name: str) -> tuple[str, Mapping[str, str]]:
    """A MIME header's first word and its parameters by lower-case name, RFC 2231 undone."""
    value = fields.get(name, "").replace("\n", "")
    if len(value) > _MAX_MIME_HEADER:
        return "", {}
    word = _TOKEN.match(value)
    pairs = [(key.lower(), text or quoted) for key, quoted, text in _PARAMETER.findall(value)]
    try:
        # The first pair is kept as it is: the function expects the header's own word there.
        decoded = decode_params([("", ""), *dict(reversed(pairs)).items()])[1:]
        params = {key: collapse_rfc2231_value(text).strip('"').replace("\0", "") for key, text in decoded}
    except (LookupError, ValueError, TypeError):  # malformed in a way that it does not expect
        params = {}
    return (word[1].lower() if word else ""), params


_FOLD = re.compile(r"\n[ \t]")
_WORD = re.compile(r"=\?([^?\s]++)\?([bBqQ])\?([^?\n]*+)\?=")


def one_line(value: str, charset: str = "") -> str:
    """Unfold, decode, put on one line. ``charset``: that of 8-bit characters, if the mail declares one."""
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


# Codecs that Python knows but no mail is written in. Two of them take quadratic time, two turn text into
# code.
_NOT_FOR_MAIL = {"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined"}


def unify_newlines(text: str) -> str:
    """CRLF and bare CR become LF."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


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
