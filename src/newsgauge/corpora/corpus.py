"""Where posts come from: the bundled corpus, the real 20 Newsgroups, a folder in the same layout, or a table.

Enters: a corpus name or path. Leaves: `RawPost` records of one split, sorted by label and number. Knows nothing of
preprocessing, sampling or models. The layout is that of the by-date archive: ``<split>/<group>/<number>``.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import CorpusError
from ..records import Post, RawPost, Split
from .tables import SUFFIXES, parse_columns, read_table
from .twenty_newsgroups import TWENTY, read_twenty_newsgroups

if TYPE_CHECKING:
    import pandas as pd

BUNDLED = "bundled"
_FOLDER_NAMES = {"train": ("train", "20news-bydate-train"), "test": ("test", "20news-bydate-test")}


@dataclass(frozen=True)
class Corpus:
    """A named place that holds posts. ``path`` is None for 20 Newsgroups, which scikit-learn keeps."""

    name: str
    path: Path | None
    columns: dict[str, str] = field(default_factory=dict)

    @property
    def is_mail(self) -> bool:
        """True where a post has headers; the texts of a table have none."""
        return self.path is None or self.path.is_dir()

    def posts(self, split: Split) -> tuple[RawPost, ...]:
        """All posts of one split, sorted by label and number; read once, and again after `release`.

        Raises `CorpusError` where the split is absent, empty or unreadable.
        """
        if split not in self._read:
            if self.path is None:
                # One file holds both splits, and to read it takes longer than to keep what it holds for a while.
                both = read_twenty_newsgroups()
                self._read.update({one: _in_order(posts) for one, posts in both.items()})
            else:
                self._read[split] = self._posts(self.path, split)
        return self._read[split]

    def release(self) -> None:
        """Let go of the raw posts: once a plan is made of them, nobody may need them any more."""
        self._read.clear()

    @cached_property
    def _read(self) -> dict[Split, tuple[RawPost, ...]]:
        return {}

    def _posts(self, path: Path, split: Split) -> tuple[RawPost, ...]:
        posts = _from_folder(path, split) if path.is_dir() else self._table[split]
        if not posts:
            raise CorpusError(f"corpus {path}: expected {split} posts, there is none")
        return _in_order(posts)

    @cached_property
    def _table(self) -> dict[Split, list[RawPost]]:
        assert self.path is not None
        return read_table(self.path, self.columns)


def find_corpus(name: str, *, bundled: Path, columns: str | None = None) -> Corpus:
    """Turn ``bundled``, ``20newsgroups`` or a path into a `Corpus`, without reading a post."""
    mapping = parse_columns(columns)
    path = Path(name)
    if path.suffix in SUFFIXES and name not in (BUNDLED, TWENTY):
        if not path.is_file():
            raise CorpusError(
                f"--corpus: expected a {path.suffix[1:]} file with columns text and label, none at {path}"
            )
        return Corpus(_safe(path.stem), path, mapping)
    if columns:
        raise CorpusError(f"--columns is about a {', '.join(SUFFIXES)} file, and --corpus is {name!r}")
    if name == BUNDLED:
        if not bundled.is_dir():
            raise CorpusError(
                f"--corpus {BUNDLED}: it is part of newsgauge's source checkout, not of the installed package, and "
                f"there is none at {bundled}. Name your own texts: --corpus FILE.csv, or the ini value newsgauge_corpus"
            )
        return Corpus(BUNDLED, bundled)
    if name == TWENTY:
        return Corpus(TWENTY, None)
    if not path.is_dir():
        got = "which is a file of another kind" if path.exists() else "which is neither a known corpus nor there"
        raise CorpusError(
            f"--corpus: expected {BUNDLED}, {TWENTY}, a folder with train/<label>/<id> and test/<label>/<id>, or a "
            f"{', '.join(SUFFIXES)} file; got {name!r}, {got}"
        )
    return Corpus(_safe(path.resolve().name), path)


def to_frame(posts: tuple[Post, ...]) -> pd.DataFrame:
    """Posts as the DataFrame of the codelab: columns ``Text``, ``Label`` (int, index of the sorted class
    names) and ``Class Name``; one row a post, in the order given.
    """
    import pandas as pd  # 0.4 s: only where a DataFrame is wanted

    names = sorted({post.label for post in posts})
    index = {name: i for i, name in enumerate(names)}
    return pd.DataFrame(
        {
            "Text": [post.text for post in posts],
            "Label": [index[post.label] for post in posts],
            "Class Name": pd.Categorical([post.label for post in posts], categories=names),
        },
        index=pd.Index([post.id for post in posts], name="id"),
    )


def _in_order(posts: list[RawPost]) -> tuple[RawPost, ...]:
    return tuple(sorted(posts, key=lambda post: (post.label, _natural(post.number))))


def _safe(name: str) -> str:
    """A name for the cassette folder; never that of another corpus."""
    safe = re.sub(r"[^\w.-]", "-", name)
    return f"own-{safe}" if safe in (BUNDLED, TWENTY) else safe


def _natural(number: str) -> tuple[int, str]:
    return (int(number), "") if number.isdecimal() else (1 << 62, number)


def _from_folder(folder: Path, split: Split) -> list[RawPost]:
    for name in _FOLDER_NAMES[split]:
        if (folder / name).is_dir():
            root = folder / name
            break
    else:
        raise CorpusError(f"corpus {folder}: expected a folder {split!r} with one folder a label in it, there is none")
    posts = []
    for label in sorted(entry.name for entry in os.scandir(root) if entry.is_dir()):
        for entry in os.scandir(root / label):
            if entry.name.startswith(".") or not entry.is_file():
                continue
            try:
                # The archive is latin-1 by convention: every byte is a character, nothing can fail to decode.
                raw = Path(entry.path).read_bytes().decode("latin-1")
            except OSError as error:
                raise CorpusError(f"corpus {folder}: cannot read {entry.path}: {error.strerror}") from error
            posts.append(RawPost(label, entry.name, raw))
    return posts
