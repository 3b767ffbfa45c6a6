"""HTML in, its text out: tags go, blocks become lines. Linear on any input, which `html.parser` is not."""

from __future__ import annotations

import html
import re

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
