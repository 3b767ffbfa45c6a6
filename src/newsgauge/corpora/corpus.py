"""Where posts come from: the bundled corpus, the real 20 Newsgroups, a folder of files, or a table.

Enters: a corpus name or path. Leaves: `RawPost` records of one split, sorted by label and number. Knows nothing of
preprocessing, sampling or models.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from .._util.wording import did_you_mean
from ..errors import CorpusError
from ..records import RawPost, Split
from .folders import has_labels, holds_mail, read_folder
from .table_files import SUFFIXES, TableFormat, check_format, kind_of, table_name
from .tables import parse_columns, read_table, split_files
from .twenty_newsgroups import TWENTY, read_twenty_newsgroups

if TYPE_CHECKING:
    pass

BUNDLED = "bundled"


@dataclass(frozen=True)
class Corpus:
    """A named place that holds posts. ``path`` is None for 20 Newsgroups, which scikit-learn keeps."""

    name: str
    path: Path | None
    how: TableFormat = field(default_factory=TableFormat)
    #: Whether it is a file of rows, or a folder of such files.
    is_table: bool = False

    @property
    def is_mail(self) -> bool:
        """True if a post has headers; the texts of a table, and plain text files, have none."""
        return self.path is None or (self.path.is_dir() and not self.is_table and holds_mail(self.path))

    @property
    def is_newsgauges_own(self) -> bool:
        """True for the corpora of newsgauge and scikit-learn, whose doubtful labels docs/corpora.md names."""
        return self.name in (BUNDLED, TWENTY)

    def posts(self, split: Split) -> tuple[RawPost, ...]:
        """All posts of one split, sorted by label and number; read once, or again after `release`.

        Raises `CorpusError` if the split is absent, empty or unreadable.
        """
        if split not in self._read:
            if self.path is None:
                # One file holds both splits; keeping its content for a while is cheaper than reading it twice.
                both = read_twenty_newsgroups()
                self._read.update({one: _in_order(posts) for one, posts in both.items()})
            else:
                self._read[split] = self._posts(self.path, split)
        return self._read[split]

    def column(self, name: str) -> dict[str, str]:
        """The cells of a column of the table, by the id of their test post; empty cells are left out.

        Raises `CorpusError` if there is no such column, or the corpus is no table.
        """
        if self.path is None or not self.is_table:
            raise CorpusError(f"column {name!r}: corpus {self.name} is no table, and has no columns")
        columns = {**(self.how.columns or parse_columns(None)), "slice": name}
        rows = read_table(self.path, replace(self.how, columns=columns))["test"]
        return {post.id: post.slice for post in rows if post.slice}

    def release(self) -> None:
        """Free the raw posts, which nobody may need once a plan is made."""
        self._read.clear()

    @cached_property
    def _read(self) -> dict[Split, tuple[RawPost, ...]]:
        return {}

    def _posts(self, path: Path, split: Split) -> tuple[RawPost, ...]:
        posts = self._table[split] if self.is_table else read_folder(path, split, encoding=self.how.encoding)
        if not posts:
            raise CorpusError(f"corpus {path}: expected {split} texts, there is none")
        return _in_order(posts)

    @cached_property
    def _table(self) -> dict[Split, list[RawPost]]:
        assert self.path is not None
        return read_table(self.path, self.how)


def find_corpus(
    name: str, *, bundled: Path, columns: str | None = None, encoding: str | None = None, delimiter: str | None = None
) -> Corpus:
    """Turn ``bundled``, ``20newsgroups`` or a path into a `Corpus`, without reading a post. Raises `CorpusError`."""
    given = {"--columns": columns, "--delimiter": delimiter, "--encoding": encoding}
    if name in (BUNDLED, TWENTY):
        _refuse(given, name)
        return Corpus(TWENTY, None) if name == TWENTY else _bundled(bundled)
    how = TableFormat(parse_columns(columns), encoding or "", delimiter or "")
    check_format(how)
    path = Path(name)
    if kind_of(path) and not path.is_dir():
        if not path.is_file():
            raise CorpusError(f"--corpus: expected a {kind_of(path)} file with columns text and label, none at {path}")
        return Corpus(_safe(table_name(path)), path, how, is_table=True)
    if path.is_dir():
        found = Corpus(_safe(path.resolve().name), path, how, is_table=bool(split_files(path)))
        if not found.is_table:
            if encoding and found.is_mail and has_labels(path):
                raise CorpusError(f"--encoding is about tables and text files; {path} holds mails, which name theirs")
            _refuse({**given, "--encoding": None}, name)
        return found
    _refuse(given, name)
    got = "which is a file of another kind" if path.exists() else "which is neither a known corpus nor there"
    known = [BUNDLED, TWENTY, *map(str, path.parent.glob("*"))]
    raise CorpusError(
        f"--corpus: expected {BUNDLED}, {TWENTY}, a folder with train/<label>/<id> and test/<label>/<id> or with "
        f"<label>/<id>, or a {', '.join(SUFFIXES)} file; got {name!r}, {got}"
        f"{did_you_mean(name, known)}"
    )


def _refuse(given: Mapping[str, str | None], name: str) -> None:
    """Refuse options of a table."""
    for option, value in given.items():
        if value:
            raise CorpusError(f"{option} is about a {', '.join(SUFFIXES)} file, and --corpus is {name!r}")


def _bundled(folder: Path) -> Corpus:
    if not folder.is_dir():
        raise CorpusError(
            f"--corpus {BUNDLED}: it is part of newsgauge's source checkout, not of the installed package, and "
            f"there is none at {folder}. Name your own texts: --corpus FILE.csv, or the ini value newsgauge_corpus"
        )
    return Corpus(BUNDLED, folder)


def _in_order(posts: list[RawPost]) -> tuple[RawPost, ...]:
    return tuple(sorted(posts, key=lambda post: (post.label, _natural(post.number))))


def _safe(name: str) -> str:
    """A name for the cassette folder; never the name of another corpus."""
    safe = re.sub(r"[^\w.-]", "-", name)
    return f"own-{safe}" if safe in (BUNDLED, TWENTY) else safe


def _natural(number: str) -> tuple[int, str]:
    return (int(number), "") if number.isdecimal() else (1 << 62, number)
