"""``newsgauge init``: evals for a table of texts and labels, recorded on the embedded backend. Never overwrites."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import CorpusError, UsageError

if TYPE_CHECKING:
    from ...corpora.corpus import Corpus
    from ..scaffold import Starter

#: Files that pytest may take its configuration from: where one is there, it is its owner's to change.
_CONFIGURATIONS = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")


def add_init_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``init`` and its options."""
    init = commands.add_parser(
        "init",
        help="write evals for a table of texts and labels",
        description="Writes evals/ (variants, gates, one eval), a CI workflow and pytest's configuration for a csv, "
        "jsonl or parquet file, and records the answers of the embedded backend, which takes seconds and costs "
        "nothing: 'pytest' is green right after. Overwrites nothing.",
    )
    init.add_argument("folder", nargs="?", default=".", metavar="DIR", help="the project (default: this folder)")
    init.add_argument("--csv", metavar="FILE", help="texts and labels (default: a sample of made-up support tickets)")
    init.add_argument(
        "--columns", metavar="NAME=COLUMN,..", help="columns that are not called text, label, id, split, thread"
    )
    init.add_argument(
        "--ci", choices=("github", "gitlab", "none"), default="github", help="workflow to write (default: %(default)s)"
    )
    init.add_argument("--no-record", action="store_true", help="write the files only")
    init.set_defaults(handler=_init)


def _init(options: argparse.Namespace) -> int:
    from ..scaffold import SAMPLE, ignored_files, ini_lines, plan_starter, sample_table

    root = Path(options.folder)
    if root.exists() and not root.is_dir():
        raise UsageError(f"init: expected a folder, {root} is none")
    with sample_table() as sample:
        corpus, columns = _read_table(Path(options.csv) if options.csv else sample, options)
        shown = Path(os.path.relpath(options.csv, root)).as_posix() if options.csv else SAMPLE
        starter = plan_starter(corpus, named=options.csv or SAMPLE, shown=shown, columns=columns, ci=options.ci)
        wanted = dict(starter.files)
        if not options.csv:
            wanted[SAMPLE] = sample.read_text("utf-8")
    configured = [name for name in _CONFIGURATIONS if (root / name).exists()]
    if not configured:
        wanted["pytest.ini"] = "[pytest]\ntestpaths = evals\n" + ini_lines(starter.ini, toml=False)
    ignores = not (root / ".gitignore").exists()
    if ignores:
        wanted[".gitignore"] = ignored_files()
    _write(root, wanted)
    print("\n".join(f"written: {root / path}" for path in sorted(wanted)))
    try:
        return 0 if options.no_record else _record(root, starter, is_configured=bool(configured))
    finally:  # last, as the run before it fills a screen
        if not ignores:
            print(f"to add to {root / '.gitignore'}:\n{_indented(ignored_files())}")
        if configured:
            print(_advice(configured, starter))


def _read_table(path: Path, options: argparse.Namespace) -> tuple[Corpus, str]:
    """The corpus, and its ``--columns``: a table that does not say which rows are train posts is halved."""
    from ...corpora.corpus import find_corpus
    from ...corpora.tables import AUTO_SPLIT, SUFFIXES, parse_columns

    if options.csv is None and options.columns:
        raise UsageError("--columns is about the file of --csv, and none is named")
    if path.suffix not in SUFFIXES or not path.is_file():
        got = f"got {path}" if path.is_file() else f"none at {path}"
        raise UsageError(f"--csv: expected a {', '.join(SUFFIXES)} file with texts and labels, {got}")
    columns = options.columns or ""
    corpus = find_corpus(str(path), bundled=path, columns=columns)
    corpus.posts("test")  # whatever is wrong with the file is told here
    try:
        corpus.posts("train")
    except CorpusError:
        if parse_columns(columns)["split"] != "split":
            raise
        columns = ",".join([*filter(None, [columns]), f"split={AUTO_SPLIT}"])
        corpus = find_corpus(str(path), bundled=path, columns=columns)
    return corpus, columns


def _write(root: Path, wanted: dict[str, str]) -> None:
    there = [str(root / path) for path in wanted if (root / path).exists()]
    if there:
        raise UsageError(f"init overwrites nothing, and these are there: {', '.join(there)}")
    for path, text in wanted.items():
        try:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            with (root / path).open("x", encoding="utf-8", newline="") as file:
                file.write(text)
        except OSError as error:
            raise UsageError(f"init: cannot write {root / path}: {error.strerror or error}") from None


def _advice(configured: list[str], starter: Starter) -> str:
    from ..scaffold import ini_lines

    is_toml = configured[0].endswith(".toml")
    header = {"pyproject.toml": "[tool.pytest]", "setup.cfg": "[tool:pytest]"}.get(configured[0], "[pytest]")
    lines = f"{header}\n{ini_lines(starter.ini, toml=is_toml)}"
    # Under [tool.pytest.ini_options] the same lines mean the same.
    return f"to add to the configuration of pytest, which seems to be {configured[0]}:\n{_indented(lines)}"


def _record(root: Path, starter: Starter, *, is_configured: bool) -> int:
    """Record the embedded backend's answers and their baseline, then run what the user will run."""
    command = [sys.executable, "-m", "pytest", "-p", "newsgauge", "evals"]
    if is_configured:  # not yet with our values
        command += [
            "--rootdir",
            ".",
            *(part for name, value in starter.ini.items() for part in ("-o", f"{name}={value}")),
        ]
    print("recording the embedded backend ...", flush=True)
    recording = [*command, "--record-mode", "once", "--allow-record-in-ci", "--update-baseline"]
    done = subprocess.run(recording, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):  # 1: live, a gate may be undecided
        print(done.stdout + done.stderr, file=sys.stderr)
        print("newsgauge: init: nothing could be recorded; see above", file=sys.stderr)
        return 1
    print("+ pytest evals", flush=True)
    code = subprocess.run(command, cwd=root, check=False).returncode
    print(_NEXT if code == 0 else _RED)
    return 0 if code == 0 else 1


_NEXT = """\
green: these are the embedded backend's answers, not Gemini's. Next:
  read evals/gates.toml, and set the limits that you need
  GEMINI_API_KEY=... pytest evals --backend gemini --variants bare,zero-shot,labels --record-mode once
"""
_RED = """\
red: the files are written, and a gate does not hold on these texts; its line above says which and why. The embedded
backend is a small model: where it learns nothing from your texts, drop its gate from evals/gates.toml.
"""


def _indented(lines: str) -> str:
    return "".join(f"  {line}\n" for line in lines.splitlines()).rstrip()
