"""Read a folder of posts, one file each, into `RawPost` records of one split.

Two layouts: ``<split>/<label>/<file>``, as in the by-date archive, and ``<label>/<file>``, where half of each label's
files are train posts. A label's folder may be a Maildir, whose mails lie in ``cur`` and ``new``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import Path

from .._util.files import LFS_ADVICE, LFS_POINTER
from ..errors import CorpusError
from ..records import RawPost, Split
from .tables import halves

_SPLITS: dict[Split, tuple[str, ...]] = {
    "train": ("train", "20news-bydate-train"),
    "test": ("test", "20news-bydate-test"),
}
_MAILDIR = ("cur", "new")
#: How a mail begins: a header, or what an mbox writes above it.
_IS_MAIL = re.compile(rb"\s*(?:From |[A-Za-z][\w-]*:)")
#: Headers that every mail has one of, among its first lines.
_MAIL_HEADER = re.compile(rb"^(?:from|subject|date|received|message-id|newsgroups|to):", re.IGNORECASE | re.MULTILINE)
_N_LOOKED_AT = 5


def has_splits(folder: Path) -> bool:
    """True if the folder's layout says which posts are train and which are test posts."""
    return any((folder / name).is_dir() for names in _SPLITS.values() for name in names)


def has_labels(folder: Path) -> bool:
    """True if the folder holds a folder per label with a file in it."""
    return any(True for label in _labels(folder) for _ in _files(folder / label))


@cache
def holds_mail(folder: Path) -> bool:
    """True if the first files of each label begin as mails do, with headers; else they are plain texts.

    In the archive's layout any file is a mail, unless it is called ``.txt``.
    """
    roots = [folder / name for names in _SPLITS.values() for name in names if (folder / name).is_dir()] or [folder]
    files = [file for root in roots for label in _labels(root) for file in islice(_files(root / label), _N_LOOKED_AT)]
    n_mails = sum(_begins_as_mail(file) or (roots != [folder] and file.suffix != ".txt") for file in files)
    return 2 * n_mails >= len(files)


def read_folder(folder: Path, split: Split, *, encoding: str = "") -> list[RawPost]:
    """The posts of a split. Raises `CorpusError`."""
    if has_splits(folder):
        root = next((folder / name for name in _SPLITS[split] if (folder / name).is_dir()), None)
        if root is None:
            raise CorpusError(f"corpus {folder}: expected a folder {split!r} with one folder per label, there is none")
        return list(_posts(folder, root, encoding))
    posts = list(_posts(folder, folder, encoding))
    if not posts:
        raise CorpusError(
            f"corpus {folder}: expected train/<label>/<file> and test/<label>/<file>, <label>/<file>, or train and "
            "test tables; found no file in a folder of its own label"
        )
    sides = halves(*zip(*[(post.raw, post.label, post.thread) for post in posts], strict=True))
    return [post for post, side in zip(posts, sides, strict=True) if side == split]


def _posts(folder: Path, root: Path, encoding: str) -> Iterator[RawPost]:
    # Mail is read as latin-1: every byte is a character, so decoding cannot fail; headers say the real charset.
    told = "latin-1" if holds_mail(folder) else encoding or "utf-8-sig"
    for label in _labels(root):
        for path in _files(root / label):
            try:
                data = path.read_bytes()
                if data.startswith(LFS_POINTER):
                    raise CorpusError(f"corpus {folder}: {path}: {LFS_ADVICE}")
                raw = data.decode(told)
            except OSError as error:
                raise CorpusError(f"corpus {folder}: cannot read {path}: {error.strerror}") from error
            except UnicodeDecodeError as error:
                advice = "Name the right one with --encoding" if encoding else "Name its encoding: --encoding cp1252"
                raise CorpusError(
                    f"corpus {folder}: {path}: not readable as {encoding or 'UTF-8'}: byte "
                    f"0x{error.object[error.start]:02x} at {error.start}. {advice}"
                ) from None
            yield RawPost(label.strip(), path.name, raw)


def _labels(root: Path) -> list[str]:
    return sorted(entry.name for entry in os.scandir(root) if entry.is_dir() and not entry.name.startswith((".", "__")))


def _files(folder: Path) -> Iterator[Path]:
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.name in _MAILDIR and entry.is_dir():
            yield from _files(Path(entry.path))
        elif entry.is_file() and not entry.name.startswith("."):
            yield Path(entry.path)


def _begins_as_mail(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError:
        return False  # told when it is read
    return bool(_IS_MAIL.match(head) and _MAIL_HEADER.search(head))
