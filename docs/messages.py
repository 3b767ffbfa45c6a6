"""Every error message of the code, under its cause: the end of ``docs/troubleshooting.md``.

``python docs/messages.py`` writes it; with ``--check`` it fails if the page lists other messages. A message is the
first argument of an error of the tree in ``newsgauge/errors.py``; ``...`` stands for its values.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import re
import sys
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from newsgauge import errors

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "src" / "newsgauge"
PAGE = Path(__file__).with_name("troubleshooting.md")
START = "<!-- Below: made by 'python docs/messages.py' from the code. Do not edit by hand. -->\n"
#: Errors of the tree, and those by which argparse and pytest report a usage error.
NAMES = {name for name, value in vars(errors).items() if inspect.isclass(value)} | {"UsageError", "ArgumentTypeError"}
CAUSES = tomllib.loads(PAGE.with_name("causes.toml").read_text("utf-8"))["cause"]


def messages() -> Iterator[tuple[str, str]]:
    """The module and text of every message."""
    for path in sorted(SOURCES.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and node.args and ast.unparse(node.func).rpartition(".")[2] in NAMES:
                text = text_of(node.args[0])
                if re.search(r"[a-z]{3}", text):
                    yield path.relative_to(SOURCES).as_posix(), text


def text_of(node: ast.expr) -> str:
    """A text as the code builds it, ``...`` for each value."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return text_of(node.left) + text_of(node.right)
    return "..."


def shown(text: str) -> str:
    """A message as the page shows it."""
    text = re.sub(r"\.{4,}|(\.\.\. ?)+\.\.\.", "...", " ".join(text.split()))
    return f"``{text}``" if "`" in text else f"`{text}`"


def section() -> str:
    """The list of all messages, a heading per cause."""
    found: dict[str, set[str]] = {cause["title"]: set() for cause in CAUSES}
    for module, text in messages():
        cause = next(one for one in CAUSES if any(fnmatch(module, glob) for glob in one["modules"]))
        found[cause["title"]].add(shown(text))
    lines = [START, "## All messages, by their cause\n", "`...` stands for a value.\n"]
    for cause in CAUSES:
        if texts := sorted(found[cause["title"]]):
            lines += [f"#### {cause['title']}\n", f"{cause['about']}\n", *(f"- {text}" for text in texts), ""]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Write the end of the page, or compare it; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only")
    options = parser.parse_args(arguments)
    page = PAGE.read_text("utf-8")
    head = page.partition(START)[0]
    made = head + section()
    if options.check and page != made:
        print(f"{PAGE.name}: the code has other messages; run 'python docs/messages.py'", file=sys.stderr)
        return 1
    if not options.check:
        PAGE.write_text(made, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
