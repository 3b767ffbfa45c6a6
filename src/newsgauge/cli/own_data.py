"""What ``newsgauge init`` must know about a user's data: how to read it, where it is, what looks wrong in it."""

from __future__ import annotations

import argparse
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

from ..corpora.corpus import Corpus, find_corpus
from ..corpora.preprocessing import clean, plain
from ..corpora.suspect_labels import find_suspect_texts, labels_written_alike, texts_of
from ..corpora.table_files import DELIMITERS, SUFFIXES, TableFormat, kind_of, read_columns
from ..corpora.tables import AUTO_SPLIT, guess_columns, parse_columns, split_files
from ..errors import CorpusError, UsageError

#: How many texts under two labels are listed; the report of a run lists them all.
_SHOWN = 5


def find_data(path: Path, options: argparse.Namespace) -> tuple[Corpus, dict[str, str]]:
    """The corpus, and the options that read it. Columns with other common names are recognised.

    If the data does not say which texts are train texts, half of them become so. Raises `UsageError` if it cannot be
    read.
    """
    if options.data is None and any((options.columns, options.encoding, options.delimiter)):
        raise UsageError("--columns, --encoding and --delimiter are about the file of --data, and none is named")
    if not path.is_dir() and not (path.is_file() and kind_of(path)):
        got = f"got {path}" if path.exists() else f"none at {path}"
        raise UsageError(f"--data: expected a {', '.join(SUFFIXES)} file or a folder with texts and labels, {got}")
    delimiter = next((word for word, mark in DELIMITERS.items() if mark == options.delimiter), options.delimiter)
    table = {"columns": options.columns, "encoding": options.encoding, "delimiter": delimiter}
    name = str(path.absolute()) if path.is_dir() else str(path)  # a folder may be called as a known corpus
    corpus = find_corpus(name, bundled=path, **table)
    if corpus.is_table:
        table["columns"] = options.columns or _guessed_columns(path, corpus.how)
        corpus = find_corpus(name, bundled=path, **table)
    corpus.posts("test")  # whatever is wrong with the data is reported here
    try:
        corpus.posts("train")
    except CorpusError:
        if not corpus.is_table or parse_columns(table["columns"])["split"] != "split":
            raise
        table["columns"] = ",".join([*filter(None, [table["columns"]]), f"split={AUTO_SPLIT}"])
        corpus = find_corpus(name, bundled=path, **table)
    return corpus, {name: value for name, value in table.items() if value}


def _guessed_columns(path: Path, how: TableFormat) -> str:
    """Names for columns not called text and label, or with a better alternative: label_text beside numbers."""
    first = path if path.is_file() else next(file for files in split_files(path).values() for file in files)
    names, _ = read_columns(first, (), how)
    better = next((name for name in ("label_text", "label_name") if name in names), "label")
    guess = guess_columns(names, {"text": "text", "label": better})
    if guess:
        print(f"columns: {guess} (another choice: --columns)")
    return guess


def warnings_about(corpus: Corpus) -> list[str]:
    """A line for each thing that looks wrong with the labels."""
    texts = texts_of(corpus, clean if corpus.is_mail else plain)
    lines = [
        f"labels that differ only in how they are written are classes of their own: {', '.join(map(repr, group))}"
        for group in labels_written_alike(one.label for one in texts)
    ]
    if suspect := find_suspect_texts(texts):
        n_exact = sum(one.is_exact for one in suspect)
        lines.append(
            f"texts that appear under two labels, so one of them is wrong: {n_exact}; nearly the same texts: "
            f"{len(suspect) - n_exact}"
        )
        lines += [f"  {one}" for one in suspect[:_SHOWN]]
        lines += [f"  and {len(suspect) - _SHOWN} more"] * (len(suspect) > _SHOWN)
    return lines


def repository_of(root: Path) -> Path:
    """The git repository around the project; the project's own folder if there is none."""
    there = next((folder for folder in (root.resolve(), *root.resolve().parents) if folder.is_dir()), Path())
    try:
        told = subprocess.run(
            ["git", "rev-parse", "--show-toplevel"], cwd=there, capture_output=True, text=True, check=False
        ).stdout.strip()
    except OSError:
        told = ""  # no git
    return Path(told).resolve() if told else root.resolve()


def copy_into(target: Path, source: Path) -> None:
    """Copy a table or a folder to a path that does not exist yet. Raises `UsageError`."""
    if target.exists():
        raise UsageError(f"init overwrites nothing, and {target} is there")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy(source, target)
    except OSError as error:
        with suppress(OSError):  # it was not there before
            shutil.rmtree(target) if target.is_dir() else target.unlink()
        raise UsageError(f"init: cannot copy {source} to {target}: {error.strerror or error}") from None
