"""The commit that a checkout is at, read from git's own files: no program is started."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path


def commit_of(folder: Path) -> str | None:
    """The full hash of HEAD; None outside of a checkout, or where git keeps it in a form that is not read here."""
    with suppress(OSError, UnicodeDecodeError, IndexError):
        for place in (folder.absolute(), *folder.absolute().parents):
            git = place / ".git"
            if git.is_file():  # a worktree, or a submodule
                git = place / git.read_text("utf-8").removeprefix("gitdir:").strip()
            if git.is_dir():
                return _head(git)
    return None


def _head(git: Path) -> str | None:
    head = (git / "HEAD").read_text("utf-8").strip()
    if not head.startswith("ref:"):
        return head
    name = head.removeprefix("ref:").strip()
    common = git / "commondir"
    shared = git / common.read_text("utf-8").strip() if common.is_file() else git
    for place in (git, shared):
        if (place / name).is_file():
            return (place / name).read_text("utf-8").strip()
    for line in (shared / "packed-refs").read_text("utf-8").splitlines():
        if line.endswith(f" {name}"):
            return line.split()[0]
    return None
