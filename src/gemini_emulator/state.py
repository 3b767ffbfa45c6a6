"""What the server remembers: resources as JSON documents and their blobs, in one SQLite file or in memory.

Every change is one transaction, so that a kill -9 leaves the state before it or after it. Blobs are JSON,
uploaded bytes or NumPy arrays; nothing is ever unpickled.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import StartError, StorageError

FILE_NAME = "endpoint.sqlite"
_SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE resources (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL, name TEXT NOT NULL, document TEXT NOT NULL, UNIQUE (kind, name)
);
CREATE TABLE blobs (
    kind TEXT NOT NULL, name TEXT NOT NULL, part TEXT NOT NULL, data BLOB NOT NULL,
    PRIMARY KEY (kind, name, part)
);
"""


class State:
    """Documents by kind and name, in the order of their creation. Safe to use from several threads.

    What changes the state raises `StorageError` if the disk does not take it.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """Open or create ``folder``; None keeps everything in memory. Raises `StartError`."""
        self._lock = threading.RLock()
        where = ":memory:" if folder is None else str(folder / FILE_NAME)
        try:
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(where, check_same_thread=False, timeout=0.5, isolation_level=None)
            # Exclusive: two servers with one state would train each other's models.
            self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("BEGIN IMMEDIATE")
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                for statement in _SCHEMA.split(";"):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version={_SCHEMA_VERSION}")
            self._db.execute("COMMIT")
        except sqlite3.OperationalError as error:
            hint = "another server uses it" if "locked" in str(error) else str(error)
            raise StartError(f"--state {folder}: cannot open {FILE_NAME}: {hint}") from None
        except (OSError, sqlite3.DatabaseError) as error:
            raise StartError(
                f"--state {folder}: expected a folder with this server's {FILE_NAME}, or none yet: {error}"
            ) from None
        if version not in (0, _SCHEMA_VERSION):
            self._db.close()
            raise StartError(
                f"--state {folder}: {FILE_NAME} has format {version}, this version reads {_SCHEMA_VERSION}; "
                "choose another folder"
            )

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """One transaction, whole or not at all. Raises `StorageError`."""
        try:
            with self._lock, self._db:
                self._db.execute("BEGIN IMMEDIATE")
                yield
        except sqlite3.OperationalError as error:
            raise StorageError(
                f"the server cannot store this ({error}): free space on the disk of its --state, then ask again"
            ) from error

    def close(self) -> None:
        """Write everything out; the state cannot be used afterwards."""
        with self._lock:
            self._db.close()

    def create(
        self, kind: str, name: str, document: dict[str, Any], *, blobs: Mapping[str, bytes] | None = None
    ) -> bool:
        """Store a new document with its blobs. False if the name is taken."""
        with self._changing():
            try:
                self._db.execute(
                    "INSERT INTO resources (kind, name, document) VALUES (?, ?, ?)",
                    (kind, name, json.dumps(document)),
                )
            except sqlite3.IntegrityError:
                return False
            self._put_blobs(kind, name, blobs)
        return True

    def update(
        self, kind: str, name: str, document: dict[str, Any], *, blobs: Mapping[str, bytes] | None = None
    ) -> bool:
        """Replace a document, and the blobs that are given. False if it is gone."""
        with self._changing():
            changed = self._db.execute(
                "UPDATE resources SET document = ? WHERE kind = ? AND name = ?",
                (json.dumps(document), kind, name),
            ).rowcount
            if changed:
                self._put_blobs(kind, name, blobs)
        return bool(changed)

    def get(self, kind: str, name: str) -> dict[str, Any] | None:
        """One document, or None."""
        with self._lock:
            row = self._db.execute(
                "SELECT document FROM resources WHERE kind = ? AND name = ?", (kind, name)
            ).fetchone()
        return None if row is None else json.loads(row[0])

    def list(self, kind: str, *, prefix: str = "") -> list[dict[str, Any]]:
        """All documents of a kind whose names begin with ``prefix``, newest last."""
        with self._lock:
            rows = self._db.execute(
                "SELECT document FROM resources WHERE kind = ? AND substr(name, 1, ?) = ? ORDER BY number",
                (kind, len(prefix), prefix),
            ).fetchall()
        return [json.loads(row[0]) for row in rows]

    def blob(self, kind: str, name: str, part: str) -> bytes | None:
        """One blob, or None."""
        with self._lock:
            row = self._db.execute(
                "SELECT data FROM blobs WHERE kind = ? AND name = ? AND part = ?", (kind, name, part)
            ).fetchone()
        return None if row is None else bytes(row[0])

    def delete(self, kind: str, name: str) -> bool:
        """Forget a document and its blobs. False if there was none."""
        with self._changing():
            self._db.execute("DELETE FROM blobs WHERE kind = ? AND name = ?", (kind, name))
            gone = self._db.execute("DELETE FROM resources WHERE kind = ? AND name = ?", (kind, name)).rowcount
        return bool(gone)

    def next_number(self) -> int:
        """A number that no resource of this state has had."""
        with self._lock:
            row = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'resources'").fetchone()
        return (row[0] if row else 0) + 1

    def _put_blobs(self, kind: str, name: str, blobs: Mapping[str, bytes] | None) -> None:
        for part, data in (blobs or {}).items():
            self._db.execute("INSERT OR REPLACE INTO blobs VALUES (?, ?, ?, ?)", (kind, name, part, data))
