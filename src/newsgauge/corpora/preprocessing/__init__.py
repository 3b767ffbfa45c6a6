"""A raw post in, the text to ask about out. Pure; knows no labels, so none can leak.

Enters: a post as `str`, its file's bytes decoded as latin-1. Leaves: subject, blank line, body, at most
`MAX_CHARS` characters. `clean` is right on any mail; `codelab` is what the codelab did, letter for letter,
for comparison with its numbers; `clean_body` leaves out what gives a label away; `plain` is for texts that are no mail.
"""

from __future__ import annotations

import email
import re
from collections.abc import Callable

from ...records import whole_text
from .addresses import redact
from .bodies import MAX_CHARS, body_text, clip
from .headers import content, one_line, split_mail, unify_newlines

# Addresses are removed before the cut, as the codelab did; this bounds the work on a post of many megabytes.
# The result differs only if nine tenths of a post are addresses.
_LOOKED_AT = 10 * MAX_CHARS


def clean(raw: str) -> str:
    """The text of a post that is asked about: the codelab's shape of text, right on any mail.

    Subject decoded and on one line (empty if there is none), blank line, the text part of the body
    decoded, HTML stripped, attachments named; addresses removed; the first 40,000 characters, never ending
    inside a character. Total, deterministic, linear in time.
    """
    mail = split_mail(unify_newlines(whole_text(raw)))
    subject = one_line(mail.fields.get("subject", ""), content(mail.fields).charset)
    text = f"{subject}\n\n{body_text(mail)}"[:_LOOKED_AT]
    return clip(redact(whole_text(text)))


#: scikit-learn's own expression, so that scores can be compared with those that others publish.
_QUOTE = re.compile(r"(writes in|writes:|wrote:|says:|said:|^In article|^Quoted from|^\||^>)")


def clean_body(raw: str) -> str:
    """A mail's own words, as scikit-learn's ``remove=("headers", "footers", "quotes")`` leaves them: `clean` without
    subject, quotations, what announces them, and the last block, where a signature is; the unchanged body if nothing
    else would be left. Texts that headers give away make a score that says little about other texts.
    """
    body = clean(raw).partition("\n\n")[2]
    kept = _without_quotes(_without_footer(body))
    return kept if kept.strip() else body


def _without_footer(text: str) -> str:
    """Without what follows the last line that is blank or made of hyphens, if there is one below the first line."""
    lines = text.strip().split("\n")
    at = next((n for n in range(len(lines) - 1, 0, -1) if not lines[n].strip().strip("-")), 0)
    return "\n".join(lines[:at]) if at else text


def _without_quotes(text: str) -> str:
    return "\n".join(line for line in text.split("\n") if not _QUOTE.search(line))


# The codelab's pattern is [\w.-]+@[\w.-]+; the lookbehind only keeps a failed run from being tried again at
# each of its characters, which turns quadratic time into linear without changing what is matched.
_CODELAB_ADDRESS = re.compile(r"(?<![\w.-])[\w.-]+@[\w.-]+")


def codelab(raw: str) -> str:
    """The codelab's text of a post, letter for letter, oddities included, so that its numbers can be compared.

    Parse as e-mail; subject, blank line, body, each as the parser hands it over (no Subject gives ``None``,
    encoded words stay encoded, a multipart is a ``repr``); delete runs that look like e-mail addresses; keep
    the first 40,000 characters. Not total: a lone surrogate may raise `UnicodeEncodeError`.
    """
    message = email.message_from_string(raw)
    text = f"{message['Subject']}\n\n{message.get_payload()}"
    return _CODELAB_ADDRESS.sub("", text)[:MAX_CHARS]


def plain(raw: str) -> str:
    """A text that is no mail as it is: valid Unicode, at most 40,000 characters, never ending inside a character."""
    return clip(whole_text(raw))


#: The values of ``--preprocessing``. A new entry gives every post a new text, so it needs its own cassettes.
PREPROCESSING: dict[str, Callable[[str], str]] = {"clean": clean, "clean-body": clean_body, "codelab": codelab}

__all__ = ["MAX_CHARS", "PREPROCESSING", "clean", "clean_body", "codelab", "plain", "redact"]
