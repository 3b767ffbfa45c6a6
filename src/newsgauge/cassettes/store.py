"""One cassette file: the recorded cases of one variant, found by key without reading the others.

An index of byte offsets is built once and kept up to date, so a replayed case costs the same in a file of 100 lines
and of 30,000. Appends take a lock and go out in one write; a line cut by a crash or a full disk is removed before the
next append, and the lines before it are never touched. What the system itself loses (power, a network drive) is not
protected: lines are not synced to the disk one by one.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Collection, Iterator
from contextlib import ExitStack, suppress
from mmap import ACCESS_READ, mmap
from pathlib import Path
from sys import intern

from .._util.files import LFS_ADVICE, LFS_POINTER, exclusive, replace_file
from ..errors import DamagedCassetteError
from .line import FORMAT, Line, call_key, case_of, decode, format_of, number_of, peek_key, says_the_same

_CONFLICT = (b"<<<<<<<", b"=======", b">>>>>>>", b"|||||||")


class _CutLineError(DamagedCassetteError):
    """The file's last line ends early."""


class CassetteFile:
    """The lines of one variant. Reading sees the last line of a key; `finalize` drops the earlier ones."""

    # Of the file whose index it is.
    _inode: int
    _size: int
    _n_lines: int

    def __init__(self, path: Path, *, shown: str | None = None) -> None:
        self.path = path
        #: How messages name the file: relative to the project.
        self.shown = shown or str(path)
        self._index: dict[str, tuple[int, int, int]] | None = None  # key -> offset, length, line number

    def keys(self) -> list[str]:
        """The recorded keys, in the order of the file."""
        return list(self._load())

    def lines(self) -> Iterator[Line]:
        """The line of each key, in the order of the file. Raises `DamagedCassetteError`."""
        for key in self.keys():
            line = self.read(key)
            if line is not None:
                yield line

    def line_number(self, key: str) -> int | None:
        """Where the key's line is, counted from 1."""
        found = self._load().get(key)
        return found[2] if found else None

    def read(self, key: str) -> Line | None:
        """The key's line, or None if there is none. Raises `DamagedCassetteError`."""
        try:
            return self._read(key)
        except DamagedCassetteError:
            if not self._has_changed():
                raise
            self._index = None  # another process put the file in order since its index was read
            return self._read(key)

    def _has_changed(self) -> bool:
        """Whether the file is another one, or has another length, than when its index was read."""
        with suppress(FileNotFoundError):
            now = self.path.stat()
            return self._index is not None and (now.st_ino, now.st_size) != (self._inode, self._size)
        return False

    def _read(self, key: str) -> Line | None:
        found = self._load().get(key)
        if found is None:
            return None
        offset, length, number = found
        # Once per case; an open file object takes three times as long.
        file = os.open(self.path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        try:
            os.lseek(file, offset, os.SEEK_SET)
            raw = os.read(file, length)
        finally:
            os.close(file)
        try:
            line = decode(raw)
        except ValueError as error:
            raise self._damaged(number, f"not a recorded case: {error}") from None
        if line.key != key:
            raise self._damaged(number, "the file changed while it was read")
        return line

    def case(self, key: str) -> list[Line]:
        """The lines of all calls of a case; none if one is absent. Raises `DamagedCassetteError`."""
        first = self.read(key)
        n_calls = 0 if first is None else first.n_calls
        lines = [self.read(call_key(key, number)) for number in range(1, n_calls + 1)]
        return [] if None in lines else [line for line in lines if line is not None]

    def append(self, line: Line) -> None:
        """Add a line, durable against a crash of this process and against other writers. Raises OSError."""
        raw = line.encode()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with exclusive(self.path), self.path.open("ab+") as file:
            end = _drop_cut_line(file.fileno())
            try:
                written = os.write(file.fileno(), raw)
                if written != len(raw):
                    raise OSError(28, "no space left on device")
            except OSError:
                file.truncate(end)
                raise
        if self._index is not None and end == self._size:
            self._n_lines += 1
            self._index[line.key] = (end, len(raw), self._n_lines)
            self._size = end + len(raw)
        else:
            self._index = None  # another process wrote too: read the file again when next asked

    def finalize(
        self, *, keep: Collection[str] | None = None, remove_empty: bool = False, is_over: bool = True
    ) -> bool:
        """Sort the lines by key, keep the last of each, in today's format; True if that changed the file.

        If the last line of a key says the same as its first, the first stays, so the file does not change if the answer
        did not. Not ``is_over``: a recording of everything continues later, and both stay, because the last one shows
        that it was asked. Dropped are lines of posts that are not in ``keep``, and calls that a technique no longer
        makes.

        Written beside the file and moved over it, so that the old file is there until the new one is whole; other
        writers wait. ``remove_empty``: a file without a line left is deleted. Raises `DamagedCassetteError`, OSError.
        """
        if not self.path.exists():
            return False
        with exclusive(self.path):
            self._read_index()
            first = self._first_lines()
            kept = []
            for line in self.lines():
                if keep is None or case_of(line.key) in keep:
                    is_same = line.key in first and says_the_same(first[line.key], line)
                    kept += [first[line.key]] if is_same else []
                    kept += [] if is_same and is_over else [line]
            n_calls = {line.key: line.n_calls for line in kept}
            kept = [line for line in kept if number_of(line.key) <= n_calls.get(case_of(line.key), 0)]
            new = b"".join(line.encode() for line in sorted(kept, key=lambda line: line.key))
            changed = new != self.path.read_bytes()
            if remove_empty and not new:
                self.path.unlink()  # still locked: a process that waits for the file creates a new one
            elif changed:
                replace_file(self.path, new, durable=True)
        self._index = None
        return changed

    def _first_lines(self) -> dict[str, Line]:
        """For each key with several lines, the first one that can be read."""
        index, first, offset = self._load(), {}, 0
        with self.path.open("rb") as file:
            for raw in file:
                key = peek_key(raw)
                if key is not None and key not in first and index[key][0] != offset:
                    with suppress(ValueError):
                        first[key] = decode(raw)
                offset += len(raw)
        return first

    def _load(self) -> dict[str, tuple[int, int, int]]:
        if self._index is None:
            try:
                self._read_index()
            except _CutLineError:  # it may be one that another process is writing: read again when it is done
                with ExitStack() as stack:
                    with suppress(OSError):  # where nobody may write, nobody does
                        stack.enter_context(exclusive(self.path))
                    self._read_index()
        return self._index or {}

    def _read_index(self) -> None:
        index: dict[str, tuple[int, int, int]] = {}
        inode = offset = number = 0
        with suppress(FileNotFoundError), self.path.open("rb") as file:
            inode = os.fstat(file.fileno()).st_ino
            for number, raw in enumerate(file, 1):  # line by line: a file may be larger than all else in memory
                key = peek_key(raw)
                if number == 1 and raw.startswith(LFS_POINTER):
                    raise DamagedCassetteError(f"{self.shown}: {LFS_ADVICE}")
                if raw.startswith(_CONFLICT):
                    raise self._damaged(number, f"a merge conflict that is not resolved: {repr(raw[:40])[1:]}")
                if not raw.endswith(b"\n") and not _is_whole(raw):
                    raise self._damaged(number, "the last line is cut off", _CutLineError)
                if key is None:
                    raise self._damaged(number, _what_is_wrong(raw))
                index[intern(key)] = (offset, len(raw), number)  # all variants have the same keys
                offset += len(raw)
        self._index, self._inode, self._size, self._n_lines = index, inode, offset, number

    def repair(self) -> None:
        """Remove a cut last line, as an interrupted recording leaves it; only before recording goes on."""
        if self.path.exists():
            with exclusive(self.path), self.path.open("ab+") as file:
                _drop_cut_line(file.fileno())
            self._index = None

    def _damaged(
        self, number: int, what: str, kind: type[DamagedCassetteError] = DamagedCassetteError
    ) -> DamagedCassetteError:
        return kind(
            f"{self.shown}:{number}: {what}. Restore it with 'git checkout -- "
            f"{shlex.quote(self.shown)}', or delete the line and record again"
        )


def _what_is_wrong(raw: bytes) -> str:
    found = format_of(raw)
    if found is not None and found > FORMAT:
        return f"format {found} was written by a newer newsgauge than this one, which knows formats up to {FORMAT}"
    return f'expected {{"digest":"...","format":{FORMAT},"key":"...", got ' + repr(raw[:40])[1:]


def _is_whole(raw: bytes) -> bool:
    try:
        return decode(raw).key == peek_key(raw)
    except ValueError:
        return False


def _drop_cut_line(fd: int) -> int:
    """Remove a last line that was cut off; end a whole one that only lacks its newline. Returns the file's new size.

    What a cut line held was never reported as recorded, so nothing is lost that anyone counted on.
    """
    size = os.fstat(fd).st_size
    if not size:
        return 0
    with mmap(fd, size, access=ACCESS_READ) as content:
        end = content.rfind(b"\n") + 1
        cut = content[end:]
    if not cut:
        return size
    if _is_whole(cut):
        os.write(fd, b"\n")  # files to add to are written at their end
        return size + 1
    os.ftruncate(fd, end)
    return end
