"""Files: read a user's TOML, write results atomically, hold a lock.

The commit of a checkout is read from git's own files: no program is started.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import stat
import tomllib
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import UsageError

try:
    import fcntl  # all that only POSIX has stands here, with its replacement elsewhere
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

#: The first bytes of a Git LFS pointer, which replaces a file whose content is kept elsewhere.
LFS_POINTER = b"version https://git-lfs.github.com/spec/"
LFS_ADVICE = (
    "a pointer of Git LFS in the place of the content, which is not lost. Get it: git lfs pull (in a workflow: "
    "actions/checkout with lfs: true)"
)


def is_lfs_pointer(path: Path) -> bool:
    """True if the file is a Git LFS pointer instead of its content. Raises OSError."""
    with path.open("rb") as file:
        return file.read(len(LFS_POINTER)) == LFS_POINTER


def lines_of_both(text: str) -> str:
    """The text without the marks of a merge that git could not do: what both sides have, not what was before."""
    text = re.sub(r"^\|{7}(?: .*)?\n(?:.*\n)*?(?=={7}$)", "", text, flags=re.MULTILINE)
    return re.sub(r"^(?:<{7}|={7}|>{7})(?: .*)?\n", "", text, flags=re.MULTILINE)


def has_line(path: Path, line: str) -> bool:
    """True if the file is there and holds this line."""
    try:
        return line in path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return False


def attribute_line(path: str) -> str:
    """The line of .gitattributes by which git changes no line ending in a file, or in a folder (``name/**``)."""
    name = path.removesuffix("/**")
    pattern = re.sub(r"([\\*?\[\]]|^[#!])", r"\\\1", name) + path[len(name) :]
    quoted = json.dumps(pattern, ensure_ascii=False) if re.search(r'[\s"\\]', pattern) else pattern
    return f"{quoted} -text"


def read_toml(path: Path, *, expected: str, error: type[UsageError] = UsageError, shown: str = "") -> dict[str, Any]:
    """The tables of the file. Raises ``error`` if it is absent (naming what was ``expected``) or not TOML.

    The mark of UTF-8 that some editors begin a file with is no part of it.
    """
    where = shown or str(path)
    try:
        return tomllib.loads(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        raise error(f"{where}: expected {expected}, there is no such file") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise error(f"{where}: not readable as TOML: {problem}") from None


@contextmanager
def locked(path: Path, *, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the lock of ``path``, a file that is made for it; ``on_wait`` is called once before waiting. OSError."""
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", UserWarning
        )  # a system without fcntl and msvcrt: the file's existence is the lock
        import filelock  # 20 ms, and no replay takes a lock

    path.parent.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(path)
    try:
        lock.acquire(blocking=False)
    except filelock.Timeout:
        on_wait()
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Lock the file for the block; a process that waited sees what the one before it wrote. Raises OSError.

    POSIX locks the file itself, which is created for it. Elsewhere a temporary file beside it is the lock.
    """
    if fcntl is None:
        with locked(path.with_name(f".{path.name}.lock")):
            yield
        return
    while True:
        with path.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if _is_at(file.fileno(), path):
                yield
                return


def _is_at(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), os.stat(path))
    except FileNotFoundError:
        return False


def write_json(path: Path, value: Any, *, seal: bool = False) -> None:
    """Write indented JSON atomically. NaN, which JSON does not have, becomes null. ``seal``: see `sealed`."""
    text = json.dumps(_without_nan(value), indent=2, allow_nan=False) + "\n"
    write_whole(path, sealed(text) if seal else text)


_SEAL = ',\n  "digest": "'


def sealed(text: str) -> str:
    """An object of indented JSON with a hash of its text as the last entry, so that whoever reads it sees a change."""
    body = text.removesuffix("\n}\n")
    return f'{body}{_SEAL}{hashlib.sha256(body.encode()).hexdigest()[:16]}"\n}}\n'


def is_sealed(path: Path) -> bool:
    """Whether the file is as `sealed` left it; the line endings of any system will do. OSError."""
    text = path.read_text("utf-8", "replace")
    return text == sealed(text.rpartition(_SEAL)[0] + "\n}\n")


def _without_nan(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_nan(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(one) for one in value]
    return None if value != value else value


def replace_file(path: Path, data: str | bytes, *, durable: bool = False) -> None:
    """Write a temporary file and rename it: a reader sees the old content or the new one. Raises OSError.

    The permissions stay those of the old file; a new one has those of the umask. A link to a file stays one: what it
    leads to is replaced. ``durable``: sync the data to disk before the rename. A killed process leaves its temporary
    file in a folder of its own, which git ignores.
    """
    is_there = path.is_file()
    mode = stat.S_IMODE(path.stat().st_mode) if is_there else None
    place = Path(os.path.realpath(path)) if is_there else path
    place.parent.mkdir(parents=True, exist_ok=True)
    folder = place.with_name(f".unfinished-{uuid.uuid4().hex}")
    beside, ignored = folder / "file", folder / ".gitignore"
    try:
        folder.mkdir()
        ignored.write_text("*\n")
        with open(beside, "xb", opener=partial(os.open, mode=0o600 if mode is not None else 0o666)) as file:
            if mode is not None:
                with suppress(OSError):  # a file system that knows no permissions
                    os.chmod(beside, mode)
            file.write(data.encode("utf-8", "backslashreplace") if isinstance(data, str) else data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(beside, place)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None  # names the file, not the temporary one
    finally:
        for one in (beside, ignored):
            with suppress(OSError):
                one.unlink()
        with suppress(OSError):
            folder.rmdir()


def write_whole(path: Path, text: str | bytes, *, option: str = "--results") -> None:
    """Write the file atomically. If that fails, raise a `UsageError` that names the option."""
    try:
        replace_file(path, text)
    except OSError as error:
        is_file = isinstance(error, FileExistsError | NotADirectoryError)
        why = f"{path.parent} is no folder" if is_file else why_unwritable(error, option)
        raise UsageError(f"{option}: cannot write {path}: {why}") from None


def why_unwritable(error: OSError, option: str = "") -> str:
    """``Permission denied; make the file ...``: the system's error, and how to make the file writable."""
    way_out = "make the file and its folder writable, or work on a copy"
    if option == "--results":
        way_out = "name a folder that can be written: --results DIR"
    is_denied = error.errno in (errno.EACCES, errno.EPERM, errno.EROFS)
    return f"{error.strerror or error}{f'; {way_out}' if is_denied else ''}"


def is_writable(folder: Path) -> bool:
    """Whether files can be written into this folder, or it can be made. Writes nothing."""
    there = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def commit_of(folder: Path) -> str | None:
    """The full hash of HEAD; None outside of a checkout, or if git keeps it in a form that is not read here."""
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
