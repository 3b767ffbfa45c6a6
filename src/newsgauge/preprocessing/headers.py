"""Where a mail's headers end, what the first of each name says, and what the MIME ones mean.

Enters: a mail or a part of one, newlines LF. Leaves: a `Mail`. `email.policy.default`, the modern policy,
reads the MIME headers. It is not given the whole mail, because its parser takes quadratic time on long
subjects and on deep or hostile multiparts, nor headers longer than `_MAX_MIME_HEADER`, for the same reason.
"""

from __future__ import annotations

import email.policy
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_LEADING = re.compile(r"(?:\ufeff|\xef\xbb\xbf)?(?:[ \t]*+\n)*+")  # a byte order mark, blank lines
# An mbox line, then fields and their continuations. A line of blanks ends the headers, as an empty one does.
_HEAD = re.compile(r"(?:From [^\n]*\n)?(?:(?:[!-9;-~]++[ \t]*+:|[ \t]++[^\s])[^\n]*+(?:\n|\Z))*+")
_FIELD = re.compile(r"^([!-9;-~]+)[ \t]*:[ \t]*([^\n]*(?:\n[ \t][^\n]*)*)", re.MULTILINE)
_SEPARATOR = re.compile(r"[ \t]*+\n")

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
_MAX_MIME_HEADER = 1_000


@dataclass(frozen=True, slots=True)
class Mail:
    """Headers by lower-case name (the first of each, folded and encoded) and the body, still encoded."""

    fields: Mapping[str, str]
    body: str


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

    Headers are believed only where one of them is known from mail or news: ``Note: ...`` opens a body. Blank
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
    kind = _parsed(fields, "content-type")
    disposition = _parsed(fields, "content-disposition")
    transfer = _parsed(fields, "content-transfer-encoding")
    kind_params: Mapping[str, Any] = kind.params if kind else {}
    filename = (disposition.params.get("filename") if disposition else None) or kind_params.get("name") or ""
    return Content(
        type=(kind.content_type if kind else default_type).lower(),
        charset=str(kind_params.get("charset", "")),
        boundary=str(kind_params.get("boundary", "")).rstrip(),
        filename=str(filename),
        is_attachment=bool(disposition and disposition.content_disposition == "attachment"),
        encoding=str(transfer.cte).lower() if transfer else "",
    )


def _split(text: str, start: int) -> Mail:
    end = _HEAD.match(text, start).end()  # type: ignore[union-attr]  # matches the empty string
    fields: dict[str, str] = {}
    for name, value in _FIELD.findall(text[start:end]):
        fields.setdefault(name.lower(), value)
    if not any(name in _KNOWN or name.startswith(_KNOWN_PREFIXES) for name in fields):
        return Mail({}, text)
    separator = _SEPARATOR.match(text, end)
    return Mail(fields, text[separator.end() if separator else end :])


def _parsed(fields: Mapping[str, str], name: str) -> Any:
    value = fields.get(name, "").replace("\n", "")
    if not value.strip() or len(value) > _MAX_MIME_HEADER:
        return None
    try:
        return email.policy.default.header_factory(name, value)
    except (LookupError, ValueError, AttributeError, TypeError, RecursionError):
        # email's header parser promises to take anything; on malformed parameters its releases do not keep
        # that.
        return None
