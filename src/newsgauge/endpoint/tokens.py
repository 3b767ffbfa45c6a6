"""The one tokenizer of the embedded models: documented, deterministic, and no real model's."""

from __future__ import annotations

import re

_PIECES = re.compile(r"\w{1,6}|[^\w\s]")


def count_tokens(text: str) -> int:
    """Runs of word characters in pieces of at most six, every other visible character by itself; space is free.

    ``count_tokens("sci.space")`` is 3: ``sci``, ``.``, ``space``. On English mail this gives about 1.4 tokens a word.
    """
    return sum(1 for _ in _PIECES.finditer(text))
