"""``newsgauge init``: evals for texts and labels, recorded on the embedded backend. Never overwrites."""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
from pathlib import Path

from ..._util.option_values import says_yes
from ..._util.pytest_ini import FILES, find_table
from ...client.embedded import check_installed
from ...errors import UsageError
from ..own_data import copy_into, find_data, repository_of, warnings_about
from ..scaffold import SAMPLE, Starter, attribute_lines, ignored_files, ini_lines, plan_starter, sample_table

_TABLES = {"pyproject.toml": "tool.pytest", "setup.cfg": "tool:pytest"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of ``newsgauge init``."""
    parser.description = (
        "Write evals/ (variants, gates, one eval), a CI workflow and pytest's configuration for a csv, "
        "tsv, jsonl or parquet file or a folder with a folder of mails or texts per label, and record the answers of "
        "the embedded backend, which takes seconds and costs nothing. After that 'pytest' is green. No file is "
        "overwritten."
    )
    parser.add_argument("folder", nargs="?", default=".", metavar="DIR", help="the project (default: this folder)")
    parser.add_argument(
        "--data",
        "--csv",
        metavar="PATH",
        help="texts and labels: a table, a folder <label>/<file> or <split>/<label>/<file>, or a folder with train and "
        "test tables (default: a sample of made-up support tickets)",
    )
    parser.add_argument(
        "--columns", metavar="NAME=COLUMN,..", help="columns that are not called text, label, id, split, thread"
    )
    parser.add_argument("--encoding", metavar="NAME", help="encoding of the table or the text files (default: utf-8)")
    parser.add_argument(
        "--delimiter", metavar="WORD", help="what separates the columns of a csv file: semicolon, tab, pipe"
    )
    parser.add_argument("--copy", action="store_true", help="keep a copy of the data in the project's folder data/")
    parser.add_argument(
        "--ci", choices=("github", "gitlab", "none"), default="github", help="workflow to write (default: %(default)s)"
    )
    parser.add_argument("--no-record", action="store_true", help="write the files only")


def handle(options: argparse.Namespace) -> int:
    """Write the files and record; 0 if that went well, else 1."""
    root = Path(options.folder)
    if root.exists() and not root.is_dir():
        raise UsageError(f"init: expected a folder, {root} is not one")
    if not options.no_record:
        check_installed("init")
    with sample_table() as sample:
        corpus, table = find_data(Path(options.data) if options.data else sample, options)
        repository = repository_of(root)
        outside = options.data is not None and not Path(options.data).resolve().is_relative_to(repository)
        copied = f"data/{Path(options.data).resolve().name}" if outside and _wants_copy(options) else ""
        shown = copied or (Path(os.path.relpath(options.data, root)).as_posix() if options.data else SAMPLE)
        starter = plan_starter(corpus, named=options.data or SAMPLE, shown=shown, table=table, ci=options.ci)
        wanted = dict(starter.files)
        if not options.data:
            wanted[SAMPLE] = sample.read_text("utf-8")
    configured = [name for name in FILES if (root / name).exists()]
    file, section, _ = find_table(root) or ("".join(configured[:1]), "", {})
    if not configured:
        wanted["pytest.ini"] = "[pytest]\ntestpaths = evals\n" + ini_lines(starter.ini, toml=False)
    attributes = attribute_lines(shown, is_folder=corpus.path is not None and corpus.path.is_dir())
    git_files = {".gitignore": ignored_files(), ".gitattributes": attributes}
    to_add = {name: _absent(root / name, text) for name, text in git_files.items() if (root / name).exists()}
    wanted |= {name: text for name, text in git_files.items() if name not in to_add}
    if copied:
        copy_into(root / copied, Path(options.data))
    _write(root, wanted)
    print("\n".join(f"written: {root / path}" for path in sorted([*wanted, *filter(None, [copied])])))
    print("".join(f"warning: {line}\n" for line in warnings_about(corpus)), end="")
    try:
        return 0 if options.no_record else _record(root, starter, is_configured=bool(configured))
    finally:  # last, as the run before it fills a screen
        if options.no_record:
            print("next, in the project: pytest evals --record-mode once --update-baseline")
        for name, lines in to_add.items():
            if lines:
                print(f"to add to {root / name}:\n{_indented(lines)}")
        if configured:
            print(_advice(root, file, section, starter))
        if options.ci != "none" and repository != root.resolve():
            inside = root.resolve().relative_to(repository).as_posix()
            print(
                f"note: CI reads its workflows at the root of the repository only, {repository}. Move those written "
                f"above there, let their steps run in {inside} (GitHub: 'defaults: run: working-directory') and put it "
                "before the paths of their artifacts"
            )
        if outside and not copied:
            print(
                f"note: {options.data} is outside the repository, where CI will not find it. Put it into the "
                f"project and name it in pytest's configuration and in cassettes/PLANS.toml; 'newsgauge init --copy' "
                "does both for a new project"
            )


def _absent(path: Path, text: str) -> str:
    """The lines that the file lacks, with the comments; empty if it holds them all."""
    there, lines = path.read_text("utf-8", "replace").splitlines(), text.splitlines()
    absent = [line for line in lines if line not in there and not line.startswith("#")]
    return "".join(f"{line}\n" for line in lines if line in absent or (line.startswith("#") and absent))


def _wants_copy(options: argparse.Namespace) -> bool:
    if options.copy or options.no_record or not sys.stdin.isatty():
        return bool(options.copy)
    return says_yes(f"{options.data} is outside the repository, where CI will not find it. Copy it to data/?")


def _write(root: Path, wanted: dict[str, str]) -> None:
    there = [str(root / path) for path in wanted if (root / path).exists()]
    if there:
        raise UsageError(f"init overwrites nothing, and these are there: {', '.join(there)}")
    written: list[Path] = []
    for path, text in wanted.items():
        try:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            with (root / path).open("x", encoding="utf-8", newline="") as file:
                written.append(root / path)
                file.write(text)
        except OSError as error:
            for one in written:  # so that the same command can be run again
                one.unlink(missing_ok=True)
            raise UsageError(f"init: cannot write {root / path}: {error.strerror or error}") from None


def _advice(root: Path, file: str, table: str, starter: Starter) -> str:
    lines = ini_lines(starter.ini, toml=file.endswith(".toml"))
    if not table:
        lines = f"[{_TABLES.get(file, 'pytest')}]\n{lines}"
    return f"to add to {root / file}{f', below its line [{table}]' if table else ''}:\n{_indented(lines)}"


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
    folder = "" if root.resolve() == Path.cwd() else f"  cd {shlex.quote(str(root))}\n"
    print(_NEXT.format(folder=folder) if code == 0 else _RED)
    return 0 if code == 0 else 1


_NEXT = """\
green: these are the embedded backend's answers, not Gemini's. Next:
{folder}  add a prompt of your own to evals/variants.toml; 'pytest --record-mode once' records it
  set the limits that you need in evals/gates.toml; 'pytest --update-baseline' accepts the answers
  GEMINI_API_KEY=... pytest evals --backend gemini --variants bare,zero-shot,labels --record-mode once"""
_RED = """\
red: the files are written, but a gate does not hold on these texts; its line above says which and why. The embedded
backend is a small model: if it learns nothing from your texts, drop its gate from evals/gates.toml.
"""


def _indented(lines: str) -> str:
    return "".join(f"  {line}\n" for line in lines.splitlines()).rstrip()
