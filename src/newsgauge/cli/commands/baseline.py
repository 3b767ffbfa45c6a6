"""``newsgauge baseline merge``: merge the baselines of two branches, variant by variant; also git's merge driver."""

from __future__ import annotations

import argparse
import subprocess
from pathlib import Path

from ..._util.files import write_whole
from ...errors import BaselineError, UsageError
from ...gates.baseline_diff import merge_baselines
from ...gates.baseline_file import decode, encode

_DESCRIPTION = """\
Merge a baseline file that two branches changed, variant by variant. With one FILE: one that 'git merge' or 'git rebase'
left in conflict, or merged line by line; its sides are read from git. With three, as git calls a merge driver
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
    texts = _sides(path) if len(names) == 1 else [_text(Path(name)) for name in names]
    before, ours, theirs = (decode(text, shown=str(path)) if text.strip() else None for text in texts)
    if ours is None or theirs is None:
        raise UsageError(
            f"baseline merge: {path}: there is nothing to merge: the file is whole, or git holds no two sides of it. "
            "To write it anew: pytest evals --update-baseline"
        )
    merged, conflicts = merge_baselines(before, ours, theirs)
    write_whole(path, encode(merged), option="baseline merge")
    if conflicts:
        print(
            f"newsgauge: {path}: both branches changed {', '.join(conflicts)}; it is as on our side now. When the "
            "recordings are merged: pytest evals --update-baseline"
        )
        return 1
    print(
        f"newsgauge: {path}: merged, {', '.join(merged.variants)}"
        + (f". Then: git add {path}" if len(names) == 1 else "")
    )
    return 0


def _sides(path: Path) -> list[str]:
    """The file before, ours and theirs: from git's index, the commit being merged, or the last merge.

    '' if git has none. With merge=union git keeps the lines of both sides, and nothing is left in the index.
    """
    if _git(path, "show", f":3:./{path.name}"):
        return [_git(path, "show", f":{stage}:./{path.name}") for stage in (1, 2, 3)]
    if _is_whole(path):
        return ["", "", ""]
    last = _git(path, "rev-list", "--merges", "--full-history", "-n", "1", "HEAD", "--", path.name).strip()
    pairs = [("HEAD", "MERGE_HEAD"), ("HEAD", "CHERRY_PICK_HEAD"), ("HEAD", "REBASE_HEAD"), (f"{last}^1", f"{last}^2")]
    for ours, theirs in pairs:
        if _git(path, "rev-parse", "-q", "--verify", theirs):
            is_merge = theirs not in ("CHERRY_PICK_HEAD", "REBASE_HEAD")
            before = _git(path, "merge-base", ours, theirs).strip() if is_merge else f"{theirs}^"
            return [_git(path, "show", f"{side}:./{path.name}") for side in (before, ours, theirs)]
    return ["", "", ""]


def _is_whole(path: Path) -> bool:
    try:
        decode(path.read_text("utf-8"), shown=str(path))
    except (OSError, UnicodeDecodeError, BaselineError):
        return False
    return True


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
