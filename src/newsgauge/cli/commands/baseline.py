"""``newsgauge baseline merge``: merge the baselines of two branches, variant by variant; also git's merge driver."""

from __future__ import annotations

import argparse
import shlex
import subprocess
from contextlib import suppress
from pathlib import Path

from ..._util.files import lines_of_both, write_whole
from ..._util.pytest_ini import evals_command
from ...errors import BaselineError, UsageError
from ...gates.baseline_diff import merge_baselines
from ...gates.baseline_file import Baseline, decode, encode

_DESCRIPTION = """\
Merge a baseline file that two branches changed, variant by variant. With one FILE: one that 'git merge' or 'git rebase'
left in conflict, merged line by line, or committed with its conflict marks. With three, as git calls a merge driver
(%O %A %B): before, ours, theirs; the result goes into the second. Status 1: both sides changed the same variant, and
its answers are ours until 'pytest evals --update-baseline' has replayed the merged recordings. As a merge driver:
  git config merge.newsgauge-baseline.driver 'newsgauge baseline merge %O %A %B'
with 'evals/baselines/** merge=newsgauge-baseline' in .gitattributes.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of ``newsgauge baseline``."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    merge = actions.add_parser(
        "merge",
        help="merge a baseline file that two branches changed",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    merge.add_argument("files", metavar="FILE", nargs="+", help="a file in conflict, or the files before, ours, theirs")


def handle(options: argparse.Namespace) -> int:
    """Merge and write; 1 if both sides changed the same variant."""
    names: list[str] = options.files
    if len(names) not in (1, 3):
        raise UsageError(
            f"baseline merge: expected a file in conflict, or three: before, ours, theirs; got {len(names)}"
        )
    path = Path(names[0] if len(names) == 1 else names[1])
    merged, conflicts = _of_conflict(path) if len(names) == 1 else _merge([_text(Path(name)) for name in names], path)
    write_whole(path, encode(merged), option="baseline merge")
    if conflicts:
        lost = [name for name in conflicts if name in merged.variants and not merged.answers(name)]
        now = f"no answer to {', '.join(lost)} is left in it" if lost else "it is as on our side now"
        print(
            f"newsgauge: {path}: both branches changed {', '.join(conflicts)}; {now}. When the "
            f"recordings are merged: {evals_command(Path())} --update-baseline"
        )
        return 1
    print(
        f"newsgauge: {path}: merged, {', '.join(merged.variants)}"
        + (f". Then: git add {shlex.quote(str(path))}" if len(names) == 1 else "")
    )
    return 0


def _merge(texts: list[str], path: Path) -> tuple[Baseline, tuple[str, ...]]:
    """The merge of the file before, ours and theirs."""
    before, ours, theirs = (decode(text, shown=str(path)) if text.strip() else None for text in texts)
    if ours is None or theirs is None:
        raise UsageError(f"baseline merge: {path}: expected the sides of two branches, one is empty")
    return merge_baselines(before, ours, theirs)


def _of_conflict(path: Path) -> tuple[Baseline, tuple[str, ...]]:
    """The merge of what is in conflict: by git's three sides, else by the lines of both that the file itself holds.

    Lines that a rebase or an older merge left in a commit are known from the file alone. What both sides changed is as
    on our side if git still knows the merge, else it is without an answer. Raises `UsageError`.
    """
    if _git(path, "show", f":3:./{path.name}"):
        return _merge([_git(path, "show", f":{stage}:./{path.name}") for stage in (1, 2, 3)], path)
    text = _text(path)
    both = lines_of_both(text)
    with suppress(BaselineError):
        whole = decode(both, shown=str(path))
        if both == text:
            raise UsageError(
                f"baseline merge: {path}: there is nothing to merge: the file is whole. To write it again: pytest "
                "evals --update-baseline"
            )
        return whole, ()
    found = decode(both, shown=str(path), rewriting=True)
    lost = [name for name in found.variants if not found.answers(name)]
    last = _git(path, "rev-list", "--merges", "--full-history", "-n", "1", "HEAD", "--", path.name).strip()
    for ours, theirs in (("HEAD", "MERGE_HEAD"), (f"{last}^1", f"{last}^2")):
        before = _git(path, "merge-base", ours, theirs).strip()
        sides = [_git(path, "show", f"{side}:./{path.name}") for side in (before, ours, theirs)]
        with suppress(BaselineError, UsageError):
            merged, conflicts = _merge(sides, path)
            # An older merge than the one whose lines these are knows nothing of what came later.
            if set(lost) <= set(conflicts) and all(
                merged.variants.get(name) == one for name, one in found.variants.items() if name not in lost
            ):
                return merged, conflicts
    if not lost:
        raise UsageError(
            f"baseline merge: {path}: both branches drew other texts, and git no longer knows the sides. When "
            f"variants.toml and the recordings are merged: {evals_command(Path())} --update-baseline"
        )
    return found, tuple(lost)


def _git(path: Path, *command: str) -> str:
    """Git's output in the file's folder; '' if it fails."""
    try:
        done = subprocess.run(["git", *command], cwd=path.parent, capture_output=True, encoding="utf-8", check=False)
    except OSError:
        return ""  # no git, or no folder
    return done.stdout if done.returncode == 0 else ""


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"baseline merge: cannot read {path}: {error}") from None
