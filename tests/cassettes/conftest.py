"""Files of cassettes as tests need them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from newsgauge.cassettes.line import Line, decode
from newsgauge.cassettes.recorder import Recorder, RecordMode
from newsgauge.cassettes.store import CassetteFile
from tests.cassettes.cassette_lines import make_line


@pytest.fixture
def write_cassette(tmp_path: Path) -> Callable[..., Path]:
    """Writes cassettes/gemini/own/v.jsonl below a temporary folder from lines, or raw bytes."""

    def write(*lines: Line | bytes) -> Path:
        path = tmp_path / "cassettes" / "gemini" / "own" / "v.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(line if isinstance(line, bytes) else line.encode() for line in lines))
        return path

    return write


@pytest.fixture
def cassette(write_cassette: Callable[..., Path]) -> CassetteFile:
    """Three lines: a-1, b-2, c-3."""
    return CassetteFile(write_cassette(*(make_line(key) for key in ("a-1", "b-2", "c-3"))), shown="cassettes/v.jsonl")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "gemini" / "own"


@pytest.fixture
def open_recorder(folder: Path) -> Iterator[Callable[..., Recorder]]:
    opened: list[Recorder] = []

    def make(mode: RecordMode = "none", **more: Any) -> Recorder:
        opened.append(
            Recorder(folder, mode=mode, backend="gemini", shown="cassettes", rerecord="record {}".format, **more)
        )
        return opened[-1]

    yield make
    for one in opened:
        one.close()


@pytest.fixture
def lines(folder: Path) -> Callable[[], list[Line]]:
    def read() -> list[Line]:
        path = folder / "v.jsonl"
        return [decode(raw) for raw in path.read_bytes().splitlines(keepends=True)] if path.exists() else []

    return read
