"""A mail's body as a reader sees it: decoded, the text part chosen, attachments named.

Enters: a `Mail`. Leaves: text. A mail without MIME headers leaves as it came.

HTML in, its text out: tags go, blocks become lines. Linear on any input, which `html.parser` is not.

The first so many characters of a text, never ending inside what a reader sees as one character.
"""

from __future__ import annotations

import binascii
import html
import re
import unicodedata
from dataclasses import dataclass, field
from enum import IntEnum

from .headers import (
    Content,
    Mail,
    content,
    decode,
    latin1,
    one_line,
    redecode,
    split_mail,
    split_part,
    unify_newlines,
)

#: Multiparts nested deeper are named instead of read; mail has two or three levels.
MAX_DEPTH = 10
_MAX_NAME = 100
_BASE64_LINE = re.compile(r"[A-Za-z0-9+/]*={0,2}[ \t]*")
_BINARY = {"image", "audio", "video", "font", "model"}


class _Kind(IntEnum):
    """What a part is, the better alternative the higher."""

    ATTACHMENT = 0
    HTML = 1
    PLAIN = 2


@dataclass(frozen=True, slots=True)
class _Part:
    kind: _Kind
    text: str = field(repr=False)
    name: str  # what stands for the part if it is not shown


def body_text(mail: Mail) -> str:
    """The text of a mail's body."""
    return _read(mail, 0, "text/plain").text


def _read(mail: Mail, depth: int, default_type: str) -> _Part:
    about = content(mail.fields, default_type)
    main = about.type.partition("/")[0]
    name = _name(about)
    if (depth and about.is_attachment) or depth > MAX_DEPTH:
        return _Part(_Kind.ATTACHMENT, name, name)
    if main == "multipart":
        texts = _split_multipart(mail.body, about.boundary)
        if texts:
            inner_default = "message/rfc822" if about.type == "multipart/digest" else "text/plain"
            parts = [_read(split_part(text), depth + 1, inner_default) for text in texts]
            return _best(parts) if about.type == "multipart/alternative" else _joined(parts, name)
        return _Part(_Kind.PLAIN, mail.body, name)  # no part can be found: readable as it is
    if about.type in ("message/rfc822", "message/news", "message/global"):
        inner = split_mail(_decoded(mail.body, about).removeprefix("\n"))
        subject = one_line(inner.fields.get("subject", ""), content(inner.fields).charset)
        return _Part(_Kind.PLAIN, f"{subject}\n\n{_read(inner, depth + 1, 'text/plain').text}", name)
    if about.type == "text/html":
        return _Part(_Kind.HTML, strip_html(_decoded(mail.body, about)), name)
    if main in ("text", "message"):
        return _Part(_Kind.PLAIN, _decoded(mail.body, about), name)
    if depth == 0 and main not in _BINARY and about.encoding != "base64":
        return _Part(_Kind.PLAIN, _decoded(mail.body, about), name)  # an odd type on a mail of text
    return _Part(_Kind.ATTACHMENT, name, name)


def _best(parts: list[_Part]) -> _Part:
    """The first of the best kind; one that says something is better than one that does not."""
    return max(parts, key=lambda part: (bool(part.text.strip()) and part.kind > 0, part.kind))


def _joined(parts: list[_Part], name: str) -> _Part:
    kind = max(part.kind for part in parts)
    # HTML next to plain text repeats it, or is a page that was attached.
    texts = (part.name if kind is _Kind.PLAIN and part.kind is _Kind.HTML else part.text for part in parts)
    return _Part(kind, "\n\n".join(text.strip("\n") for text in texts if text.strip()) + "\n", name)


def _split_multipart(body: str, boundary: str) -> list[str]:
    """The parts between the boundary lines; the text before the first and after the last is not content."""
    if not boundary:
        return []
    parts: list[list[str]] = []
    for line in body.split("\n"):
        mark = line.rstrip() if line.startswith("--") else ""
        if mark == f"--{boundary}":
            parts.append([])
        elif mark == f"--{boundary}--":
            break
        elif parts:
            parts[-1].append(line)
    return ["\n".join(lines) for lines in parts]


def _decoded(body: str, about: Content) -> str:
    if about.encoding not in ("quoted-printable", "base64"):
        return unify_newlines(redecode(body, about.charset))
    data = latin1(body)
    if data is None:  # characters that no byte can be: decoded before it came here
        return body
    if about.encoding == "quoted-printable":
        return unify_newlines(decode(binascii.a2b_qp(data), about.charset))
    return _decode_base64(body, about.charset)


def _decode_base64(body: str, charset: str) -> str:
    """Decode the leading lines that are base64. What follows, such as a list's footer, stays as it is."""
    lines = body.split("\n")
    n_encoded = 0
    for line in lines:
        if not _BASE64_LINE.fullmatch(line):
            break
        n_encoded += 1
        if line.rstrip().endswith("="):
            break
    digits = "".join(lines[:n_encoded]).replace(" ", "").replace("\t", "").rstrip("=")
    digits = digits[: len(digits) - (len(digits) % 4 == 1)]  # one digit alone holds no byte
    data = binascii.a2b_base64(digits + "=" * (-len(digits) % 4))
    return unify_newlines(decode(data, charset)) + "\n".join(lines[n_encoded:])


def _name(about: Content) -> str:
    filename = one_line(about.filename[:1_000]).replace("\\", "/").rpartition("/")[2][:_MAX_NAME]
    return f"[attachment: {filename} ({about.type})]" if filename else f"[attachment: {about.type}]"


# Each alternative stops at the next "<" at the latest, so that no character is read more than twice.
_TOKEN = re.compile(
    r"""(?P<open><!--) | (?P<close>-->)
      | <(?P<tag>/?[A-Za-z][A-Za-z0-9]*)(?:[^<>"']|"[^"<]*"|'[^'<]*')*+> | (?P<other><[/!?A-Za-z][^<>]*>)
      | (?P<text>[^<-]+|.)""",
    re.VERBOSE | re.DOTALL,
)
_HIDDEN = {"script", "style", "head", "title"}
_LINE = {"br", "div", "li", "tr", "dt", "dd", "hr", "blockquote", "pre", "ul", "ol", "table", "td", "th"}
_PARAGRAPH = {"p", "h1", "h2", "h3", "h4", "h5", "h6"}
_LONG_NUMBER = re.compile(r"&#(?:[0-9]{8,}|[xX][0-9A-Fa-f]{7,});?")  # int() refuses very long ones


def strip_html(source: str) -> str:
    """The text of an HTML page: no tags, comments, scripts or head; entities decoded; blanks collapsed."""
    pieces: list[str] = []
    hidden, in_comment = "", False
    for token in _TOKEN.finditer(source):
        name = (token["tag"] or "").lower()
        if in_comment:
            in_comment = token["close"] is None
        elif hidden:
            hidden = "" if name == "/" + hidden else hidden
        elif token["open"]:
            in_comment = True
        elif name in _HIDDEN:
            hidden = name
        elif name:
            block = name.removeprefix("/")
            pieces.append("\0\0" if block in _PARAGRAPH else "\0" if block in _LINE else "")
        elif not token["other"]:
            # Kept raw: white space is collapsed before entities such as &nbsp; are decoded. NUL marks a block
            # here.
            pieces.append(token[0].replace("\0", " "))
    lines = (" ".join(line.split()) for line in "".join(pieces).split("\0"))
    return html.unescape(_LONG_NUMBER.sub("\ufffd", _at_most_one_blank("\n".join(lines))))


def _at_most_one_blank(text: str) -> str:
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n")


#: The longest text that is asked about, in characters (code points); the codelab's figure.
MAX_CHARS = 40_000

_JOINER = "\u200d"


def clip(text: str, limit: int = MAX_CHARS) -> str:
    """The first ``limit`` characters, or a few fewer if the cut would fall inside a character as seen.

    Kept whole are a letter with its combining marks, a joined or tinted emoji, a flag, a Hangul syllable of
    parts: the cases of Unicode's grapheme clusters (UAX #29) that occur in mail. One such cluster goes
    entirely or stays entirely, however long it is.
    """
    if len(text) <= limit:
        return text
    cut = limit
    while cut > 0 and (_extends(text[cut]) or text[cut - 1] == _JOINER or _splits_flag(text, cut)):
        cut -= 1
    return text[:cut]


def _extends(char: str) -> bool:
    """True for a character that belongs to the one before it."""
    if char < "\u0300":
        return False
    return (
        unicodedata.category(char)[0] == "M"  # combining marks and variation selectors
        or char in "\u200c\u200d"
        or "\u1160" <= char <= "\u11ff"  # Hangul vowels and finals
        or "\ud7b0" <= char <= "\ud7fb"
        or "\U0001f3fb" <= char <= "\U0001f3ff"  # skin tones
        or "\U000e0020" <= char <= "\U000e007f"  # tags, as in the flag of Scotland
    )


def _splits_flag(text: str, cut: int) -> bool:
    """True if ``cut`` lies inside a pair of regional indicators; pairs count from their run's start."""
    if not _is_indicator(text[cut]):
        return False
    start = cut
    while start > 0 and _is_indicator(text[start - 1]):
        start -= 1
    return (cut - start) % 2 == 1


def _is_indicator(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"
