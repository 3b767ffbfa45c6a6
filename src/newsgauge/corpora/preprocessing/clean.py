"""The default preprocessing: the codelab's shape of text, right on any mail.

Enters: any `str`. Leaves: subject, blank line, body, without addresses; valid Unicode of at most `MAX_CHARS`
characters. Total, deterministic, linear in time, and it never sees a label.
"""

from __future__ import annotations

from .addresses import redact
from .bodies import MAX_CHARS, body_text, clip
from .charsets import unify_newlines, well_formed
from .headers import content, one_line, split_mail

# Addresses are removed before the cut, as the codelab did; this bounds the work on a post of many megabytes.
# The result differs only if nine tenths of a post are addresses.
_LOOKED_AT = 10 * MAX_CHARS


def clean(raw: str) -> str:
    """The text of a post that is asked about, right on any mail.

    Subject decoded and on one line (empty if there is none), blank line, the text part of the body
    decoded, HTML stripped, attachments named; addresses removed; the first 40,000 characters, never ending
    inside a character.
    """
    mail = split_mail(unify_newlines(well_formed(raw)))
    subject = one_line(mail.fields.get("subject", ""), content(mail.fields).charset)
    text = f"{subject}\n\n{body_text(mail)}"[:_LOOKED_AT]
    return clip(redact(well_formed(text)))
