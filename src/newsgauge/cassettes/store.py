"""One cassette file: the recorded cases of one variant, found by key without reading the others.

An index of byte offsets is built once and kept up to date, so a replayed case costs the same in a file of 100 lines
and of 30,000. Appends take a lock and go out in one write; a line cut by a crash or a full disk is removed before the
next append, and the lines before it are never touched.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Collection
from pathlib import Path

from ..errors import DamagedCassetteError
from .line import Line, decode, peek_key


class CassetteFile:
    """The lines of one variant. Reading sees the last line of a key; `finalize` drops the earlier ones."""

    def __init__(self, path: Path, *, shown: str | None = None) -> None:
        self.path = path
        #: How messages name the file: relative to the project.
        self.shown = shown or str(path)
        self._index: dict[str, tuple[int, int, int]] | None = None  # key -> offset, length, line number
        self._size = 0
        self._n_lines = 0

    def keys(self) -> Collection[str]:
        """The recorded keys, in the order of the file."""
        return self._load().keys()

    def line_number(self, key: str) -> int | None:
        """Where the key's line is, counted from 1."""
        found = self._load().get(key)
        return found[2] if found else None

    def read(self, key: str) -> Line | None:
        """The key's line, or None where there is none. Raises `DamagedCassetteError`."""
        found = self._load().get(key)
        if found is None:
            return None
        offset, length, number = found
        with self.path.open("rb") as file:
            file.seek(offset)
            raw = file.read(length)
        try:
            line = decode(raw)
        except ValueError as error:
            raise self._damaged(number, f"not a recorded case: {error}") from None
        if line.key != key:
            raise self._damaged(number, "the file changed while it was read")
        return line

    def append(self, line: Line) -> None:
        """Add a line, durable against a crash of this process and against other writers. Raises OSError."""
        raw = line.encode()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
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

    def finalize(self, *, keep: Collection[str] | None = None) -> None:
        """Sort the lines by key and keep the last of each; with ``keep``, drop the keys that are not in it.

        Written beside the file and moved over it, so that the old file is there until the new one is whole.
        """
        if not self.path.exists():
            return
        wanted = sorted(key for key in self._load() if keep is None or key in keep)
        data = self.path.read_bytes()
        assert self._index is not None
        lines = [data[offset : offset + length] for offset, length, _ in (self._index[key] for key in wanted)]
        new = b"".join(raw.rstrip(b"\r\n") + b"\n" for raw in lines)
        if new != data:
            with tempfile.NamedTemporaryFile(dir=self.path.parent, prefix=".", delete=False) as file:
                file.write(new)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(file.name, self.path.stat().st_mode & 0o777)
            os.replace(file.name, self.path)
        self._index = None

    def _load(self) -> dict[str, tuple[int, int, int]]:
        if self._index is not None:
            return self._index
        index: dict[str, tuple[int, int, int]] = {}
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            data = b""
        offset = number = 0
        for number, raw in enumerate(data.splitlines(keepends=True), 1):
            key = peek_key(raw)
            if not raw.endswith(b"\n") and not _is_whole(raw):
                raise self._damaged(number, "the last line is cut off")
            if key is None:
                raise self._damaged(number, 'expected {"format":1,"key":"...", got ' + repr(raw[:40])[1:])
            index[key] = (offset, len(raw), number)
            offset += len(raw)
        self._index, self._size, self._n_lines = index, offset, number
        return index

    def repair(self) -> None:
        """Remove a cut last line, as an interrupted recording leaves it; only before recording goes on."""
        if self.path.exists():
            with self.path.open("rb+") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                _drop_cut_line(file.fileno())
            self._index = None

    def _damaged(self, number: int, what: str) -> DamagedCassetteError:
        return DamagedCassetteError(
            f"{self.shown}:{number}: {what}. Restore it with 'git checkout -- {self.shown}', "
            "or delete the line and record again"
        )


def _is_whole(raw: bytes) -> bool:
    try:
        return decode(raw).key == peek_key(raw)
    except ValueError:
        return False


def _drop_cut_line(fd: int) -> int:
    """Remove a last line that was cut off; end a whole one that only lacks its newline. Returns the file's new size.

    What a cut line held was never reported as recorded, so nothing is lost that anyone counted on.
    """
    size = end = os.fstat(fd).st_size
    while end > 0:
        start = max(0, end - 65536)
        newline = os.pread(fd, end - start, start).rfind(b"\n")
        if newline >= 0:
            end = start + newline + 1
            break
        end = start
    if end < size:
        if _is_whole(os.pread(fd, size - end, end)):
            os.pwrite(fd, b"\n", size)
            return size + 1
        os.ftruncate(fd, end)
    return end
