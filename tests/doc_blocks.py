"""The code blocks of a page of docs, and how each kind is tried: run, loaded, or its options checked.

HTML comments right above a block say what is special about it:

- ``<!-- not run: WHY -->``: it needs what a test has not; the options of its commands are still checked.
- ``<!-- needs: 20 Newsgroups -->``, ``<!-- needs: PROGRAM -->``: it runs where that is on the machine.
- ``<!-- status: 1 -->``: its last command is to end with this status instead of 0.
- ``<!-- write: FILE -->``, ``<!-- add to: FILE -->``, ``<!-- replace in: FILE -->``: the block is that file's content,
  its new end, or the new text of one of its tables.
- ``<!-- command: NAME -->``: one of the README's two commands, which CI runs.

In a ``console`` block lines after a ``$ command`` are what it prints, in order; ``...`` stands for anything.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
#: What the pages call a running `newsgauge serve`; while they are tried, another port stands in its place.
SERVER = "http://127.0.0.1:8642"
_FENCE = re.compile(r"((?:^<!-- [^\n]+ -->\n)*)^```([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_RULE = re.compile("={5,}")  # as wide as the terminal
_BEFORE_A_COMMAND = ("do", "then", "if", "until", "while", "!", "time")
_MARK = re.compile(r"<!-- ([a-z][a-z ]*): (.+) -->")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block; ``marks`` are the comments above it."""

    where: str
    language: str
    text: str
    marks: Mapping[str, str]


def pages() -> list[Path]:
    """README, CONTRIBUTING and all of docs."""
    return [path for name in ("README.md", "CONTRIBUTING.md") if (path := ROOT / name).is_file()] + sorted(
        (ROOT / "docs").rglob("*.md")
    )


def blocks(page: Path) -> list[Block]:
    """All fenced blocks of a page, in its order."""
    text = page.read_text("utf-8")
    return [
        Block(
            where=f"{page.relative_to(ROOT)}:{text[: found.start(2)].count(chr(10)) + 1}",
            language=found[2],
            text=found[3],
            marks=dict(_MARK.findall(found[1])),
        )
        for found in _FENCE.finditer(text)
    ]


def prose(page: Path) -> str:
    """A page without its blocks."""
    return _FENCE.sub("", page.read_text("utf-8"))


def shown_commands(block: Block) -> list[tuple[str, list[str]]]:
    """The commands of a ``console`` block, each with the lines that it is said to print."""
    found: list[tuple[str, list[str]]] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif found and found[-1][0].endswith("\\"):
            found[-1] = (f"{found[-1][0]}\n{line}", [])
        else:
            assert found, f"{block.where}: a console block begins with '$ command'"
            found[-1][1].append(line)
    return found


def commands_of(script: str) -> Iterator[list[str]]:
    """The words of each ``newsgauge`` and ``pytest`` command of a shell script, the program's name first."""
    script = re.sub(r"(^|\s)#\s.*$", "", re.sub(r"\\\n\s*", " ", script), flags=re.MULTILINE)
    lexer = shlex.shlex(re.sub(r"^\$ ", "", script, flags=re.MULTILINE), posix=True, punctuation_chars=";&|()\n")
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t", True, ""
    words: list[str] = []
    for word in [*lexer, ";"]:
        if not set(word) <= set(";&|()\n"):
            words.append(word)
            continue
        while words and (words[0] in _BEFORE_A_COMMAND or re.match(r"[A-Z_]+=", words[0])):
            del words[0]
        if words and words[0] in ("newsgauge", "pytest"):
            yield list(takewhile(lambda one: not re.match(r"\d?[<>]", one), words))
        words = []


class Shell:
    """A folder in which blocks run: this environment's programs first, no key, no CI, no way to any network.

    ``tools`` are folders whose programs go before those of the environment. Where ``is_bare``, no 20 Newsgroups either:
    what runs must not need it, nor change with it.
    """

    def __init__(self, folder: Path, *, server: str = SERVER, is_bare: bool = True, tools: Sequence[str] = ()) -> None:
        self.folder = folder
        self._place = folder
        self._server = server
        unset = ("CI", "GITHUB_STEP_SUMMARY", "GITHUB_ACTIONS", "FORCE_COLOR")
        secret = ("GOOGLE_", "GEMINI_", "PYTEST", "COV_", "HYPOTHESIS")
        kept = {key: value for key, value in os.environ.items() if key not in unset and not key.startswith(secret)}
        nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
        here = dict.fromkeys(("no_proxy", "NO_PROXY"), "127.0.0.1,localhost")
        self._environment = {
            **kept,
            **nowhere,
            **here,
            "PATH": os.pathsep.join(map(str, (*tools, Path(sys.executable).parent, os.environ["PATH"]))),
            **({"SCIKIT_LEARN_DATA": str(folder / "no-data")} if is_bare else {}),
            # The properties of preprocessing are no matter of the docs, and take a third of a run.
            "PYTEST_ADDOPTS": "--ignore=evals/test_preprocessing.py",
            "HYPOTHESIS_PROFILE": "dev",
            "COLUMNS": "100",
            "NO_COLOR": "1",
        }

    def run(self, script: str, *, where: str, status: int = 0) -> str:
        """What a script of bash printed. Fails where it ends with another status. ``cd FOLDER`` alone stays."""
        if found := re.fullmatch(r"cd (\S+)", script):
            self._place = (self._place / found[1]).resolve()
            assert self._place.is_dir(), f"{where}: {script}"
            return ""
        return self._run(["bash", "-euo", "pipefail", "-c", script.replace(SERVER, self._server)], where, status)

    def run_python(self, program: str, *, where: str) -> str:
        """What a program printed."""
        return self._run([sys.executable, "-c", program.replace(SERVER, self._server)], where, 0)

    def _run(self, words: list[str], where: str, status: int) -> str:
        done = subprocess.run(
            words,
            cwd=self._place,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        said = done.stdout.replace(self._server, SERVER)
        assert done.returncode == status, f"{where}: status {done.returncode}, expected {status}\n{words[-1]}\n{said}"
        return said


def try_block(block: Block, shell: Shell) -> None:
    """Run, load or write a block, as its language and marks say."""
    status = int(block.marks.get("status", "0"))
    is_file = _write_file(block, shell.folder)
    if block.language == "sh":
        shell.run(block.text, where=block.where, status=status)
    elif block.language == "console":
        shown = shown_commands(block)
        for number, (command, lines) in enumerate(shown, 1):
            said = shell.run(command, where=block.where, status=status if number == len(shown) else 0)
            check_shown(lines, said, where=f"{block.where}: {command}")
    elif block.language == "python" and not is_file:
        if "def test_" in block.text:
            (shell.folder / "evals" / "test_of_the_docs.py").write_text(block.text, "utf-8")
            shell.run("pytest -q evals/test_of_the_docs.py --no-require-gates --no-report", where=block.where)
            (shell.folder / "evals" / "test_of_the_docs.py").unlink()
        else:
            shell.run_python(block.text, where=block.where)
    elif block.language == "toml" and not is_file:
        load_toml(block, shell.folder)


def _write_file(block: Block, folder: Path) -> bool:
    name = next((block.marks[mark] for mark in ("write", "add to", "replace in") if mark in block.marks), None)
    if name is None:
        return False
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    there = path.read_text("utf-8") if path.is_file() else ""
    if "add to" in block.marks:
        text = f"{there}\n{block.text}" if there else block.text
    elif "replace in" in block.marks:
        head = re.escape(block.text.splitlines()[0])
        text, n = re.subn(rf"^{head}\n(?:(?!\[).*\n)*", lambda _: block.text, there, flags=re.MULTILINE)
        assert n == 1, f"{block.where}: {name} has {n} of {head}"
    else:
        text = block.text
    path.write_text(text, "utf-8")
    return True


def check_shown(lines: list[str], said: str, *, where: str) -> None:
    """The shown lines are those that were printed, but for what ``...`` stands for. No lines: nothing is claimed."""
    if not lines:
        return
    printed = [_RULE.sub("=====", line.rstrip()) for line in said.splitlines()]
    at, may_skip = 0, False
    for line in (_RULE.sub("=====", line.rstrip()) for line in lines):
        if line == "...":
            may_skip = True
            continue
        pattern = re.compile(".*".join(map(re.escape, line.split("..."))))
        places = range(at, len(printed) if may_skip else min(at + 1, len(printed)))
        place = next((number for number in places if pattern.fullmatch(printed[number])), None)
        assert place is not None, f"{where}\nis said to print\n{line}\nafter line {at} of\n{said}"
        at, may_skip = place + 1, False
    rest = "\n".join(printed[at:]).strip()
    assert may_skip or not rest, f"{where}\nprints more than is shown:\n{rest}"


SHIPPED = ROOT / "src" / "newsgauge" / "cassettes" / "services.toml"


def load_toml(block: Block, folder: Path) -> None:
    """Read a snippet with the loader of the file that it is about."""
    from gemini_emulator.faults.fault_file import load_faults
    from newsgauge.cassettes.services import read_services
    from newsgauge.gates.gates_file import load_gates
    from newsgauge.variants.checks import short_name
    from newsgauge.variants.disturbances import DISTURBANCES
    from newsgauge.variants.variants_file import load_variants

    tables = tomllib.loads(block.text)
    path = folder / "snippet.toml"
    path.write_text(block.text, "utf-8")
    from newsgauge.scoring.slices import load_slicings

    slicings = load_slicings(path) if tables.pop("slices", None) else {}
    if "fault" in tables:
        load_faults(path)
    elif slicings and not tables:
        pass
    elif set(tables) <= {"embedded", "gemini", "vertex", "elsewhere"}:
        known = {*load_variants(ROOT / "evals" / "variants.toml"), *_named(tables)}
        page = (ROOT / block.where.partition(":")[0]).read_text("utf-8")
        own = [short_name(one) for one in re.findall(r'"(\w+:\w+)"', page)]  # functions that the page lists
        known |= {f"{variant}+{under}" for variant in known for under in (*DISTURBANCES, *own)}
        found = [
            gate
            for backend, corpora in tables.items()
            for corpus in corpora
            for gate in load_gates(path, backend=backend, corpus=corpus, known=known)
        ]
        assert found, block.where
    elif set(tables) <= {"tool"} or set(tables) <= {"plan", "eval"}:
        pass
    elif all(isinstance(table, dict) and {"path", "like"} & table.keys() for table in tables.values()):
        read_services(path, read_services(SHIPPED, {}))
    elif all(isinstance(table, dict) and "about" in table for table in tables.values()):
        load_variants(path)
    else:  # keys of a variant: each by itself, as a page may show several ways to say one
        for line in block.text.strip().splitlines():
            path.write_text(f'[shown]\nabout = "x"\nmodel = "m"\ncontents = "{{post}}"\n{line}\n', "utf-8")
            load_variants(path)


def _named(tables: Mapping[str, Mapping[str, Mapping[str, object]]]) -> set[str]:
    corpora = [table for backend in tables.values() for table in backend.values() if isinstance(table, dict)]
    return {variant for variants in corpora for variant in variants}
