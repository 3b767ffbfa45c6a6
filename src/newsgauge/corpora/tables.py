"""A user's own data: csv, jsonl or parquet with a text and a label a row -> `RawPost` records of both splits.

Columns ``text`` and ``label``, optional ``id``, ``split`` (train or test; without it every row is a test post) and
``thread``; other names can be given. The text is taken as it is: it is no mail. With ``split=auto`` no column says
which rows are train posts: half of each label's are, drawn by a digest of their text.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import CorpusError
from ..records import RawPost, Split

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".csv", ".jsonl", ".parquet")
COLUMNS = ("text", "label", "id", "split", "thread")
#: In the place of a column's name: nothing in the file says which rows are train posts.
AUTO_SPLIT = "auto"


def parse_columns(text: str | None) -> dict[str, str]:
    """``text=body,label=group`` as a mapping from our names to the file's. Raises `CorpusError`."""
    names = {name: name for name in COLUMNS}
    for pair in (text or "").split(",") if text else []:
        ours, equals, theirs = (part.strip() for part in pair.partition("="))
        if ours not in COLUMNS or not equals or not theirs:
            raise CorpusError(f"--columns: expected NAME=COLUMN with a name of {', '.join(COLUMNS)}, got {pair!r}")
        names[ours] = theirs
    return names


def read_table(path: Path, columns: dict[str, str]) -> dict[Split, list[RawPost]]:
    """The rows of the file by split, in the file's order. Raises `CorpusError` with file and row."""
    frame = _read(path)
    for ours in ("text", "label"):
        if columns[ours] not in frame.columns:
            is_one = len(frame.columns) == 1 and any(mark in str(frame.columns[0]) for mark in ";\t|")
            hint = " (commas separate columns)" if is_one else ""
            found = ", ".join(map(repr, frame.columns)) or "none"
            raise CorpusError(
                f"{path}: expected a column {columns[ours]!r}, found {found}{hint}. Name yours: --columns {ours}=COLUMN"
            )
    splits_itself = columns["split"] == AUTO_SPLIT
    for ours in ("id", "split", "thread"):
        if columns[ours] != ours and not (ours == "split" and splits_itself) and columns[ours] not in frame.columns:
            raise CorpusError(f"{path}: --columns: no column {columns[ours]!r} for {ours}")
    values = {ours: _column(frame, theirs) for ours, theirs in columns.items()}
    if splits_itself:
        values["split"] = _half_to_train(values["text"], values["label"], values["thread"])
    posts: dict[Split, list[RawPost]] = {"train": [], "test": []}
    seen: dict[tuple[str, str], int] = {}
    for row, (text, label, number, split, thread) in enumerate(zip(*values.values(), strict=True), 1):
        where = f"{path}: row {row}"
        if text is None or label is None:
            raise CorpusError(f"{where}: expected a text and a label, {'text' if text is None else 'label'} is empty")
        if split is None:
            split = "test"
        if split not in ("train", "test"):
            raise CorpusError(f"{where}: expected split 'train' or 'test', got {split!r}")
        number = str(row) if number is None else number
        earlier = seen.setdefault((split, f"{label}-{number}"), row)
        if earlier != row:
            raise CorpusError(f"{where}: id {number!r} of label {label!r} was already used in row {earlier}")
        posts[split].append(RawPost(label, number, text, thread))
    return posts


def _half_to_train(texts: list[str | None], labels: list[str | None], threads: list[str | None]) -> list[str | None]:
    """``train`` or ``test`` for each row. Equal texts of a label, and its rows of one thread, lie on one side.

    The draw looks at the texts alone: the order of the rows does not matter.
    """
    keys = [
        None if text is None or label is None else (label, f"thread:{thread}" if thread else text)
        for text, label, thread in zip(texts, labels, threads, strict=True)
    ]
    ranked: dict[str, list[tuple[str, str]]] = {}
    for key in sorted(
        {key for key in keys if key}, key=lambda key: hashlib.sha256(key[1].encode("utf-8", "surrogatepass")).digest()
    ):
        ranked.setdefault(key[0], []).append(key)
    train = {key for ours in ranked.values() for key in ours[: len(ours) // 2]}
    return ["train" if key in train else "test" for key in keys]


def _read(path: Path) -> pd.DataFrame:
    import pandas as pd  # 0.4 s: only for a corpus in a table

    try:
        if path.suffix == ".csv":
            return pd.read_csv(path, dtype=str, keep_default_na=False, na_values=[""], encoding="utf-8")
        if path.suffix == ".jsonl":
            return pd.DataFrame(list(_json_rows(path)))  # pandas' own reader guesses types and names no line
        return pd.read_parquet(path)
    except ImportError:
        raise CorpusError(f"{path}: reading parquet needs pyarrow: pip install 'newsgauge[parquet]'") from None
    except pd.errors.EmptyDataError:
        raise CorpusError(f"{path}: expected rows with a text and a label, the file is empty") from None
    except (OSError, ValueError, UnicodeDecodeError, pd.errors.ParserError) as error:
        detail = " ".join(str(error).split())[:200]
        raise CorpusError(f"{path}: not readable as {path.suffix[1:]} in UTF-8: {detail}") from None


def _json_rows(path: Path) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(path.read_text("utf-8").split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise CorpusError(f"{path}:{number}: expected an object of JSON: {error}") from None
        if not isinstance(row, dict):
            raise CorpusError(f"{path}:{number}: expected an object of JSON, got {line[:40]!r}")
        yield row


def _column(frame: pd.DataFrame, name: str) -> list[str | None]:
    """A column as text; empty cells, and all cells of an absent column, are None."""
    if name not in frame.columns:
        return [None] * len(frame)
    values: list[Any] = frame[name].tolist()
    return [None if value is None or value != value or str(value) == "" else str(value) for value in values]
