"""Turn a user's table into `RawPost` records of both splits: a text and a label per row.

Columns ``text`` and ``label``, optional ``id``, ``split`` (train or test; without it every row is a test post) and
``thread``; other names can be given. The text is not treated as a mail. With ``split=auto`` no column says
which rows are train posts: half of each label's are, drawn by a hash of their text. A folder with a file per split,
``train*.jsonl`` and ``test*.jsonl`` as Hugging Face's datasets are kept, is one table.
"""

from __future__ import annotations

import hashlib
import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import CorpusError
from ..records import RawPost, Split, whole_text
from .table_files import TableFormat, cell_text, kind_of, read_columns

COLUMNS = ("text", "label", "id", "split", "thread")
#: Used instead of a column's name: nothing in the file says which rows are train posts.
AUTO_SPLIT = "auto"
#: Other common names of the two required columns; the first one found is used.
_ALSO_CALLED = {
    "text": ("body", "content", "sentence", "message", "description", "utterance", "review", "question", "input"),
    "label": (
        "label_text",
        "label_name",
        "category",
        "class",
        "intent",
        "topic",
        "target",
        "team",
        "section",
        "output",
    ),
}


def parse_columns(text: str | None) -> dict[str, str]:
    """``text=body,label=group`` as a mapping from our names to the file's. Raises `CorpusError`."""
    names = {name: name for name in COLUMNS}
    for pair in (text or "").split(",") if text else []:
        ours, equals, theirs = (part.strip() for part in pair.partition("="))
        if ours not in COLUMNS or not equals or not theirs:
            raise CorpusError(f"--columns: expected NAME=COLUMN with a name of {', '.join(COLUMNS)}, got {pair!r}")
        names[ours] = theirs
    return names


def split_files(folder: Path) -> dict[Split, list[Path]]:
    """The tables of a folder with one or more per split; empty if it is not such a folder."""
    found: dict[Split, list[Path]] = {"train": [], "test": []}
    for path in sorted(folder.iterdir()):
        for split, files in found.items():
            if path.is_file() and kind_of(path) and path.name.lower().startswith(split):
                files.append(path)
    return found if any(found.values()) else {}


def read_table(path: Path, how: TableFormat) -> dict[Split, list[RawPost]]:
    """The rows of a file, or of a folder's files, by split, in their order. Raises `CorpusError`."""
    columns = how.columns or parse_columns(None)
    files: Sequence[tuple[Path, str | None]] = [(path, None)]
    if path.is_dir():
        of_split = split_files(path)
        # A single split says nothing: its rows are those of any table.
        known = all(of_split.values())
        files = [(file, split if known else None) for split, own in of_split.items() for file in own]
    rows: list[tuple[Path, int, dict[str, str | None]]] = []
    n_before: Counter[str | None] = Counter()
    for file, split in files:
        own = _rows(file, columns, how, in_split=split)
        for n, row in enumerate(own, n_before[split] + 1):
            row["row"] = str(n)  # counted per split, so that a new train row renames no test post
        n_before[split] += len(own)
        rows += [(file, n, row) for n, row in enumerate(own, 1)]
    if columns["split"] == AUTO_SPLIT and not (path.is_dir() and files[0][1]):
        texts, labels, threads = ([row[name] for _, _, row in rows] for name in ("text", "label", "thread"))
        for (_, _, row), side in zip(rows, halves(texts, labels, threads), strict=True):
            row["split"] = side
    return _posts(rows)


def _rows(
    path: Path, columns: dict[str, str], how: TableFormat, *, in_split: str | None
) -> list[dict[str, str | None]]:
    """Each row by our names, as text, without blanks around the label."""
    names, values = read_columns(path, columns.values(), how)
    for ours in ("text", "label"):
        if columns[ours] not in names:
            found = ", ".join(map(repr, names)) or "none"
            open_ones = [f"{one}={columns[one] if columns[one] in names else 'COLUMN'}" for one in ("text", "label")]
            others = [f"{one}={columns[one]}" for one in ("id", "split", "thread") if columns[one] != one]
            hint = ",".join([guess_columns(names, columns) or ",".join(open_ones), *others])
            raise CorpusError(
                f"{path}: expected a column {columns[ours]!r}, found {found}. Name yours: --columns {shlex.quote(hint)}"
            )
    for ours in ("id", "split", "thread"):
        if columns[ours] not in (ours, *names) and (ours, columns[ours]) != ("split", AUTO_SPLIT):
            raise CorpusError(f"{path}: --columns: no column {columns[ours]!r} for {ours}")
    if "slice" in columns and columns["slice"] not in names:
        raise CorpusError(f"{path}: no column {columns['slice']!r} to slice by; found {', '.join(map(repr, names))}")
    n_rows = len(values[columns["text"]])
    cells = {ours: _texts(path, ours, values.get(theirs, [None] * n_rows)) for ours, theirs in columns.items()}
    if in_split:
        cells["split"] = [in_split] * n_rows
    return [dict(zip(cells, row, strict=True)) for row in zip(*cells.values(), strict=True)]


def _texts(path: Path, ours: str, values: list[Any]) -> list[str | None]:
    found = []
    for row, value in enumerate(values, 1):
        try:
            text = cell_text(value)
        except ValueError as error:
            raise CorpusError(f"{path}: row {row}: {ours}: {error}") from None
        if text is not None and ours in ("label", "split", "slice"):
            text = text.strip()
        if text is not None and ours != "text":
            text = whole_text(text)
        found.append(text if text and not text.isspace() else None)
    return found


def _posts(rows: list[tuple[Path, int, dict[str, str | None]]]) -> dict[Split, list[RawPost]]:
    posts: dict[Split, list[RawPost]] = {"train": [], "test": []}
    seen: dict[tuple[str, str], str] = {}
    given = {(cells["label"], cells["id"]) for _, _, cells in rows}
    for path, row, cells in rows:
        text, label, split = cells["text"], cells["label"], cells["split"] or "test"
        where = f"{path}: row {row}"
        if text is None or label is None:
            raise CorpusError(f"{where}: expected a text and a label, {'text' if text is None else 'label'} is empty")
        if split not in ("train", "test"):
            raise CorpusError(f"{where}: expected split 'train' or 'test', got {split!r}")
        number = cells["id"] or str(cells["row"])
        if cells["id"] is None and (label, number) in given:
            number = f"row-{number}"
        earlier = seen.setdefault((split, f"{label}-{number}"), where)
        if earlier is not where:
            told = "row " + earlier.rpartition("row ")[2] if earlier.startswith(f"{path}: ") else earlier
            raise CorpusError(f"{where}: id {number!r} of label {label!r} was already used in {told}")
        posts["train" if split == "train" else "test"].append(
            RawPost(label, number, text, cells["thread"], cells.get("slice"))
        )
    return posts


def guess_columns(names: Sequence[str], columns: dict[str, str]) -> str:
    """``text=body,label=team`` for columns with other common names; '' if a required one is not found."""
    lower = {name.casefold(): name for name in reversed(names)}
    found = []
    for ours, others in _ALSO_CALLED.items():
        if columns[ours] in names:
            if columns[ours] != ours:
                found.append(f"{ours}={columns[ours]}")
            continue
        theirs = next((lower[other] for other in (ours, *others) if other in lower), None)
        if theirs is None:
            return ""
        found.append(f"{ours}={theirs}")
    return ",".join(found)


def halves(texts: Sequence[str | None], labels: Sequence[str | None], threads: Sequence[str | None]) -> list[Split]:
    """``train`` or ``test`` for each row. Equal texts of a label, and its rows of one thread, stay on one side.

    The draw uses only the texts: neither the order of the rows nor line endings matter.
    """
    keys = [
        None if text is None or label is None else (label, f"thread:{thread}" if thread else text.replace("\r\n", "\n"))
        for text, label, thread in zip(texts, labels, threads, strict=True)
    ]
    ranked: dict[str, list[tuple[str, str]]] = {}
    for key in sorted(
        {key for key in keys if key}, key=lambda key: hashlib.sha256(key[1].encode("utf-8", "surrogatepass")).digest()
    ):
        ranked.setdefault(key[0], []).append(key)
    train = {key for ours in ranked.values() for key in ours[: len(ours) // 2]}
    return ["train" if key in train else "test" for key in keys]
