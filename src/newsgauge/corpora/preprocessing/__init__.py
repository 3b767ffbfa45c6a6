"""A raw post in, the text to ask about out. Pure; knows no labels, so none can leak.

Enters: a post as `str`, its file's bytes decoded as latin-1. Leaves: subject, blank line, body, at most
`MAX_CHARS` characters. `clean` is right on any mail; `codelab` is what the codelab did, letter for letter,
for comparison with its numbers; `clean_body` leaves out what gives a label away; `plain` is for texts that are no mail.
"""

from __future__ import annotations

from collections.abc import Callable

from .addresses import redact
from .bodies import MAX_CHARS
from .body_only import clean_body
from .clean import clean
from .codelab import codelab
from .plain import plain

#: The values of ``--preprocessing``. A new entry gives every post a new text, so it needs its own cassettes.
PREPROCESSING: dict[str, Callable[[str], str]] = {"clean": clean, "clean-body": clean_body, "codelab": codelab}

__all__ = ["MAX_CHARS", "PREPROCESSING", "clean", "clean_body", "codelab", "plain", "redact"]
