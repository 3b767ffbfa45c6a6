"""Find labels that cannot all be right: one text under two labels, and labels that differ only in spelling.

Enters: texts with their labels. Leaves: `SuspectText` records, which hold ids and labels and no text. Equal texts are
equal word by word, in any case; near-duplicates share four fifths or more of their runs of three words (Jaccard), and
are looked for by MinHash (Broder, 1997): the texts that agree in both least hashes of one of eight pairs are compared.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any

from ..errors import CorpusError
from ..records import SPLITS, Split, shown_id

if TYPE_CHECKING:
    import numpy as np

    from .corpus import Corpus

_LEAST = 0.8
_N_BANDS = 8
#: The words of a text that are compared; and the number of rows above which the search, taking minutes, is skipped.
_N_WORDS, _N_ROWS = 300, 50_000
#: Texts of one band that are compared with one another.
_N_COMPARED = 12
_WORD = re.compile(r"\w+")
_PRIME = (1 << 61) - 1


@dataclass(frozen=True, slots=True)
class LabelledText:
    """A text with the label it was given."""

    id: str
    label: str
    split: Split
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SuspectText:
    """Equal or nearly equal texts under two labels or more: id, label and split of each."""

    is_exact: bool
    members: tuple[tuple[str, str, Split], ...]

    def __str__(self) -> str:
        labels = ", ".join(dict.fromkeys(label for _, label, _ in self.members))
        said = "the same text" if self.is_exact else "nearly the same text"
        named = ", ".join(f"{shown_id(post_id)} ({split})" for post_id, _, split in self.members[:6])
        return f"{said} under {labels}: {named}"


def texts_of(corpus: Corpus, preprocess: Callable[[str], str]) -> list[LabelledText]:
    """All texts of a corpus, as they are asked about; none of 20 Newsgroups, which nobody here can correct."""
    found: list[LabelledText] = []
    for split in () if corpus.path is None else SPLITS:
        with suppress(CorpusError):  # no train posts
            found += [LabelledText(post.id, post.label, split, preprocess(post.raw)) for post in corpus.posts(split)]
    return found


def labels_written_alike(labels: Iterable[str]) -> list[tuple[str, ...]]:
    """Groups of labels that differ only in case, white space or the form of an accent."""
    groups: dict[str, list[str]] = defaultdict(list)
    for label in sorted(set(labels)):
        groups[" ".join(unicodedata.normalize("NFKC", label).casefold().split())].append(label)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def find_suspect_texts(texts: Sequence[LabelledText]) -> list[SuspectText]:
    """Every text that appears under two labels, exact duplicates first; in the order of the texts."""
    groups: dict[tuple[str, ...], list[LabelledText]] = defaultdict(list)
    for one in texts:
        groups[tuple(_WORD.findall(one.text.casefold())) or (one.text,)].append(one)
    exact = [SuspectText(True, _members(group)) for group in groups.values() if len({one.label for one in group}) > 1]
    if len(texts) > _N_ROWS:
        return exact
    near = [SuspectText(False, _members([*groups[a], *groups[b]])) for a, b in _near_pairs(groups)]
    return [*exact, *near]


def _members(group: Iterable[LabelledText]) -> tuple[tuple[str, str, Split], ...]:
    return tuple((one.id, one.label, one.split) for one in group)


def _near_pairs(groups: dict[tuple[str, ...], list[LabelledText]]) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Pairs of similar texts, each under one label, whose labels differ."""
    labels = {words: {one.label for one in group} for words, group in groups.items()}
    words_of = [words for words in groups if len(words) >= 5 and len(labels[words]) == 1]
    if not words_of:
        return
    runs = _runs(words_of)
    seen = set()
    for keys in _band_keys(runs):
        band: dict[tuple[int, int], list[int]] = defaultdict(list)
        for index, key in enumerate(keys):
            band[key].append(index)
        for alike in band.values():
            for a, b in combinations(alike[:_N_COMPARED], 2):
                if (a, b) in seen or labels[words_of[a]] == labels[words_of[b]]:
                    continue
                seen.add((a, b))
                first, second = set(runs[a].tolist()), set(runs[b].tolist())
                if len(first & second) >= _LEAST * len(first | second):
                    yield words_of[a], words_of[b]


def _runs(texts: Sequence[tuple[str, ...]]) -> list[np.ndarray[Any, Any]]:
    """A number for each run of three words, the same for the same run."""
    import numpy as np

    numbers: dict[str, int] = {}
    found = []
    for words in texts:
        ids = np.array([numbers.setdefault(word, len(numbers) + 1) for word in words[:_N_WORDS]], dtype=np.uint64)
        found.append(np.unique((ids[:-2] * np.uint64(2_654_435_761) + ids[1:-1]) * np.uint64(40_503_101) + ids[2:]))
    return found


def _band_keys(runs: Sequence[np.ndarray[Any, Any]]) -> Iterator[list[tuple[int, int]]]:
    """For each band, the two smallest hashes of each text."""
    import numpy as np

    everything = np.concatenate(runs)
    starts = np.cumsum([0, *(len(own) for own in runs[:-1])])

    def least(n: int) -> list[int]:
        mixed = everything * np.uint64(pow(3, 17 + 5 * n, _PRIME) | 1)
        mixed ^= mixed >> np.uint64(29)
        found: list[int] = np.minimum.reduceat(mixed * np.uint64(0x9E3779B97F4A7C15), starts).tolist()
        return found

    for band in range(_N_BANDS):
        yield list(zip(least(2 * band), least(2 * band + 1), strict=True))
