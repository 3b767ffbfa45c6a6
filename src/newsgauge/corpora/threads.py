"""The conversation that a post belongs to, by its subject. A raw post in, a key out; pure.

Posts of one thread quote each other and share rare words: a sample with several of them is worth less than its size.
"""

from __future__ import annotations

import re

from ..records import RawPost

_SUBJECT = re.compile(r"^subject:((?:[^\n]*)(?:\n[ \t][^\n]*)*)", re.IGNORECASE | re.MULTILINE)
# "Re:", "RE[2]:", "Fwd:", "Fw:", "AW:", any number of them.
_REPLY = re.compile(r"(?:(?:re|fwd?|aw)(?:\[\d+\]|\^\d+)?:\s*)+", re.IGNORECASE)


def thread_key(raw: str) -> str | None:
    """The subject without reply marks, white space folded, in lower case; None if there is no subject.

    Only headers, before the first blank line, are used. A post without a subject is its own thread.
    """
    head = raw[: re.search(r"\r?\n\r?\n|\Z", raw).start()]  # type: ignore[union-attr]  # \Z always matches
    found = _SUBJECT.search(head.replace("\r\n", "\n"))
    if not found:
        return None
    subject = " ".join(found[1].split())
    return _REPLY.sub("", subject, count=1).casefold() if _REPLY.match(subject) else subject.casefold() or None


def thread_of(post: RawPost) -> str | None:
    """The thread that the corpus names for a post, else its `thread_key`; None if it is a thread of its own."""
    return post.thread or thread_key(post.raw) or None
