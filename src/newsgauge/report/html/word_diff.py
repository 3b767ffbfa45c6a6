"""Two texts in, the words that stand in one or both of them out: for a template to mark."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import Literal

Kind = Literal["same", "gone", "new"]
_WORDS = re.compile(r"\s+|[^\s\w]|\w+")


def word_diff(before: str, after: str) -> list[tuple[Kind, str]]:
    """Runs of text in reading order; joined, all but ``new`` give ``before``, all but ``gone`` give ``after``."""
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    found: list[tuple[Kind, str]] = []
    for tag, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            found.append(("same", "".join(old[i:j])))
            continue
        if old[i:j]:
            found.append(("gone", "".join(old[i:j])))
        if new[k:m]:
            found.append(("new", "".join(new[k:m])))
    return found
