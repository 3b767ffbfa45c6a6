"""Read a table file as text: csv, tsv, JSON lines or parquet, also gzipped, into named columns of values.

Nothing is guessed: a value keeps its text from the file. Knows no labels and no splits.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .._util.files import LFS_ADVICE, is_lfs_pointer
from ..errors import CorpusError

#: The format for each file extension, in any case, also before ``.gz``.
KINDS = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl", ".parquet": "parquet"}
SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")
#: Words for delimiters; the characters themselves mean something else in a shell or an ini file.
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
#: Whole numbers up to here survive a column of floating-point numbers.
_EXACT = 2**53
#: The names of the columns are expected within this many characters.
_HEADER = 2**16


@dataclass(frozen=True, slots=True)
class TableFormat:
    """How to read a table: our names for its columns, its encoding and its delimiter; empty means the default."""

    columns: dict[str, str] = field(default_factory=dict)
    encoding: str = ""
    delimiter: str = ""


def kind_of(path: Path) -> str | None:
    """``csv``, ``tsv``, ``jsonl`` or ``parquet``; None for any other name."""
    return KINDS.get(Path(_without_gz(path)).suffix.lower())


def table_name(path: Path) -> str:
    """The file's name without its extensions."""
    return Path(_without_gz(path)).stem


def read_columns(path: Path, wanted: Collection[str], how: TableFormat) -> tuple[list[str], dict[str, list[Any]]]:
    """The names of all columns, and the values of those that are ``wanted``, row by row.

    A value is None if there is none, a text, or whatever else a JSON or parquet file holds. Raises `CorpusError`.
    """
    kind = kind_of(path)
    if how.delimiter and kind in ("jsonl", "parquet"):
        raise CorpusError(f"--delimiter is about csv and tsv files, and the corpus is {path}")
    if how.encoding and kind == "parquet":
        raise CorpusError(f"--encoding is about csv, tsv and jsonl files, and {path} is parquet, which is UTF-8")
    try:
        if is_lfs_pointer(path):
            raise CorpusError(f"{path}: {LFS_ADVICE}")
        if kind == "parquet":
            return _parquet(path, wanted)
        text = _decode(path, _bytes(path), how.encoding)
        if kind == "jsonl":
            rows = list(_json_rows(path, text))
            names = list(dict.fromkeys(name for row in rows for name in row))
            return names, {name: [row.get(name) for row in rows] for name in wanted if name in names}
        return _csv(path, text, wanted, how.delimiter or ("tab" if kind == "tsv" else "comma"))
    except OSError as error:
        raise CorpusError(f"{path}: not readable: {error.strerror or error}") from None


def check_format(how: TableFormat) -> None:
    """Raise `CorpusError` if the encoding or the delimiter is unknown."""
    if how.delimiter and how.delimiter not in DELIMITERS and how.delimiter not in DELIMITERS.values():
        words = ", ".join(f"{word} ({mark if mark != chr(9) else 'a tab'})" for word, mark in DELIMITERS.items())
        raise CorpusError(f"--delimiter: expected one of {words}; got {how.delimiter!r}")
    try:
        "".encode(how.encoding or "utf-8")
    except (LookupError, ValueError):
        raise CorpusError(f"--encoding: expected an encoding such as utf-8 or cp1252, got {how.encoding!r}") from None


def _without_gz(path: Path) -> str:
    return path.name[:-3] if path.name.lower().endswith(".gz") else path.name


def _bytes(path: Path) -> bytes:
    data = path.read_bytes()
    if not path.name.lower().endswith(".gz"):
        return data
    try:
        return gzip.decompress(data)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise CorpusError(f"{path}: not readable as gzip, so damaged or cut off: {error}") from None


def _decode(path: Path, data: bytes, encoding: str) -> str:
    told = encoding or next((name for bom, name in _BOMS if data.startswith(bom)), "utf-8")
    if told.lower().replace("_", "-") in ("utf-8", "utf8"):
        told = "utf-8-sig"  # a byte order mark is not part of the first name
    try:
        return data.decode(told)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        row = _row_at(path, data[: error.start]) if kind_of(path) != "jsonl" else line
        where = f"line {line}" + (f" (row {row})" if row and row != line else "")
        advice = (
            "Name the right one with --encoding"
            if encoding
            else 'Save the file as "CSV UTF-8", or name its encoding, on Windows often: --encoding cp1252'
        )
        raise CorpusError(
            f"{path}: {where}: not readable as {encoding or 'UTF-8'}: byte 0x{data[error.start]:02x}. {advice}"
        ) from None


def _row_at(path: Path, before: bytes) -> int:
    """The number of the row in which ``before`` ends, counted from 1 below the header."""
    mark = "\t" if kind_of(path) == "tsv" else ","
    text = io.StringIO(before.decode("latin-1") + "x", newline="")
    return sum(bool(row) for row in csv.reader(text, delimiter=mark)) - 1


def _csv(path: Path, text: str, wanted: Collection[str], delimiter: str) -> tuple[list[str], dict[str, list[Any]]]:
    first, _, rest = text.partition("\n")
    if first.lower().startswith("sep=") and len(first.rstrip("\r")) == 5:  # Excel's own note to itself
        delimiter, text = first[4], rest
    csv.field_size_limit(max(len(text), csv.field_size_limit()))
    mark = DELIMITERS.get(delimiter, delimiter)
    _check_delimiter(path, text, wanted, mark)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
    rows: list[list[str]] = []
    try:
        names = [name.strip() for name in next(reader, [])]
        for row in reader:
            if len(row) > len(names) and any(row[len(names) :]):
                raise CorpusError(
                    f"{path}: row {len(rows) + 1}: expected {len(names)} fields as in the first line, got {len(row)}: "
                    f"a field with a {'tab' if mark == chr(9) else mark!r} in it needs quotes around it"
                )
            if any(row):
                rows.append(row)
    except csv.Error as error:
        raise CorpusError(
            f"{path}: row {len(rows) + 1}: not readable as {kind_of(path)}: {error} (line {reader.line_num}). "
            'Quotes in a field are doubled, as in "say ""yes"" here", and the field stands in quotes'
        ) from None
    if not names:
        raise CorpusError(f"{path}: expected rows with a text and a label, the file is empty")
    twice = sorted(name for name in set(wanted) if names.count(name) > 1)
    if twice:
        raise CorpusError(f"{path}: two columns are called {twice[0]!r}; rename one")
    places = {name: names.index(name) for name in wanted if name in names}
    return names, {name: [row[place] if place < len(row) else None for row in rows] for name, place in places.items()}


def _check_delimiter(path: Path, text: str, wanted: Collection[str], mark: str) -> None:
    """Raise `CorpusError` if another delimiter splits the first line better: more of our columns, or more fields."""

    def columns(mark: str) -> tuple[int, int]:
        names = [name.strip() for name in next(csv.reader(io.StringIO(text[:_HEADER], newline=""), delimiter=mark), [])]
        return len(set(names) & set(wanted)), len(names)

    best = max((mark, *DELIMITERS.values()), key=columns)  # ours, if none is better
    if best != mark:
        other = next(word for word, own in DELIMITERS.items() if own == best)
        raise CorpusError(
            f"{path}: expected columns separated by {_word(mark)}, found the first line {text.splitlines()[0][:80]!r}. "
            f"Add --delimiter {other}"
        )


def _word(mark: str) -> str:
    return next((f"{word}s" for word, own in DELIMITERS.items() if own == mark), repr(mark))


def _json_rows(path: Path, text: str) -> Iterator[dict[str, Any]]:
    # Numbers stay as written: 1344800117571260417 and 1.50 are valid ids.
    decoder = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=lambda _: None)
    lines: Iterator[tuple[int, str]] = enumerate(text.split("\n"), 1)
    if text.lstrip().startswith("["):
        lines = iter([(1, text)])
    for number, line in lines:
        if not line.strip():
            continue
        try:
            found = decoder.decode(line.strip())
        except ValueError as error:
            raise CorpusError(f"{path}:{number}: expected an object of JSON: {error}") from None
        for row in found if isinstance(found, list) else [found]:
            if not isinstance(row, dict):
                raise CorpusError(f"{path}:{number}: expected an object of JSON, got {line[:40]!r}")
            yield row


def _parquet(path: Path, wanted: Collection[str]) -> tuple[list[str], dict[str, list[Any]]]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise CorpusError(f"{path}: reading parquet needs pyarrow: pip install 'newsgauge[parquet]'") from None
    try:
        schema = pyarrow.parquet.read_schema(path)
        table = pyarrow.parquet.read_table(path, columns=[name for name in wanted if name in schema.names])
    except (ValueError, pyarrow.ArrowException) as error:
        raise CorpusError(f"{path}: not readable as parquet: {' '.join(str(error).split())[:200]}") from None
    classes = _class_names(schema.metadata or {})
    values = {}
    for name in table.column_names:
        names, cells = classes.get(name), table.column(name).to_pylist()
        values[name] = [names[cell] for cell in cells] if names and _are_numbers(cells, len(names)) else cells
    return list(schema.names), values


def _class_names(metadata: dict[bytes, bytes]) -> dict[str, list[str]]:
    """The names for the numbers of a column, as Hugging Face's datasets write them into a parquet file."""
    try:
        features = json.loads(metadata.get(b"huggingface", b"{}"))["info"]["features"]
        return {name: list(one["names"]) for name, one in features.items() if one.get("_type") == "ClassLabel"}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _are_numbers(cells: list[Any], n: int) -> bool:
    return all(isinstance(cell, int) and 0 <= cell < n for cell in cells)


def cell_text(value: Any) -> str | None:
    """A value as its text in the file; None if there is none. Raises `ValueError` for a value that is not a text.

    A column of whole numbers with a gap becomes floating-point, so 7.0 means 7.
    """
    if value is None or isinstance(value, str):
        return value or None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        if value != value:
            return None
        if value.is_integer() and abs(value) > _EXACT:
            raise ValueError(f"{value!r} is a floating-point number that lost digits; save whole numbers or text")
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, list | tuple | dict | bytes):
        raise ValueError(f"expected a text or a number, got {type(value).__name__} {str(value)[:40]}")
    return str(value)
