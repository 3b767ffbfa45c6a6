"""Finds text of one collection in another: passages that are copied, not shared phrases. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

#: A shorter run of equal characters is a phrase. The same bound as for answers that quote their post.
MIN_CHARS = 40
_WORD = re.compile(r"\S+")


def find_quotations(ours: Mapping[str, Iterable[str]], theirs: str) -> dict[str, set[str]]:
    """For each place of ours the passages that stand in ``theirs``: 40 characters of a line, from the start of a word.

    A line of more than 40 characters that is quoted whole is always found.
    """
    places: dict[str, set[str]] = {}
    for place, texts in ours.items():
        for passage in _passages(texts):
            places.setdefault(passage, set()).add(place)
    found: dict[str, set[str]] = {}
    for match in _WORD.finditer(theirs):
        passage = theirs[match.start() : match.start() + MIN_CHARS]
        for place in places.get(passage, ()):
            found.setdefault(place, set()).add(passage)
    return found


def _passages(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        for line in text.splitlines():
            for match in _WORD.finditer(line):
                passage = line[match.start() : match.start() + MIN_CHARS]
                if len(passage) == MIN_CHARS:
                    yield passage
