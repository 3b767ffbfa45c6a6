"""A cassette file finds a line by its key, survives what crashes leave, and loses nothing that was whole."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from threading import Barrier, Event, Thread

import pytest

from newsgauge._util.files import exclusive
from newsgauge.cassettes.line import Line, decode
from newsgauge.cassettes.store import CassetteFile
from newsgauge.errors import DamagedCassetteError


def line(key: str, answer: str = "sci.space") -> Line:
    return Line(key, "POST", "/v1/models/m:generateContent", {"a": 1}, 200, {}, {"text": answer}, {"backend": "b"})


@pytest.fixture
def file(tmp_path: Path) -> CassetteFile:
    file = CassetteFile(tmp_path / "sub" / "v.jsonl", shown="cassettes/v.jsonl")
    for key in ("c-3", "a-1", "b-2"):
        file.append(line(key))
    return file


def fresh(file: CassetteFile) -> CassetteFile:
    return CassetteFile(file.path, shown=file.shown)


def test_a_line_reads_back_as_it_was() -> None:
    assert decode(line("a-1").encode()) == line("a-1")


def test_lines_are_found_by_key_by_the_writer_and_by_others(file: CassetteFile) -> None:
    for reader in (file, fresh(file)):
        assert list(reader.keys()) == ["c-3", "a-1", "b-2"]
        assert reader.read("a-1") == line("a-1")
        assert reader.line_number("b-2") == 3
        assert reader.read("d-4") is None


def test_a_writer_that_is_alone_reads_its_file_once(file: CassetteFile, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(file.keys()) == 3
    monkeypatch.setattr(file, "_read_index", lambda: pytest.fail("it was read again"))
    for number, key in enumerate(("d-4", "e-5"), 4):
        file.append(line(key))
        assert (file.read(key), file.line_number(key)) == (line(key), number)


def test_a_file_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert list(CassetteFile(tmp_path / "none.jsonl").keys()) == []


def test_the_last_line_of_a_key_wins_and_finalizing_keeps_only_that(file: CassetteFile) -> None:
    file.append(line("a-1", "rec.autos"))
    assert file.read("a-1") == line("a-1", "rec.autos")
    file.finalize()
    assert [decode(raw) for raw in file.path.read_bytes().splitlines()] == [
        line("a-1", "rec.autos"),
        line("b-2"),
        line("c-3"),
    ]
    file.finalize(keep={"b-2"})
    assert list(fresh(file).keys()) == ["b-2"]


def test_two_writers_see_each_others_lines(file: CassetteFile) -> None:
    other = fresh(file)
    assert len(other.keys()) == 3
    file.append(line("d-4"))
    other.append(line("e-5"))
    file.append(line("f-6"))
    assert sorted(file.keys()) == sorted({*other.keys(), "f-6"}) == ["a-1", "b-2", "c-3", "d-4", "e-5", "f-6"]
    assert file.read("e-5") == line("e-5")
    other.finalize()  # each line is somewhere else now, in a file of the same size
    assert [file.read(key) for key in ("a-1", "f-6")] == [line("a-1"), line("f-6")]


@pytest.mark.parametrize("cut", [2, 10, 60])
def test_a_cut_last_line_is_named_and_repaired_without_touching_the_others(file: CassetteFile, cut: int) -> None:
    whole = file.path.read_bytes()
    file.path.write_bytes(whole[:-cut])
    with pytest.raises(DamagedCassetteError, match=r"cassettes/v\.jsonl:3: the last line is cut off"):
        fresh(file).keys()
    fresh(file).append(line("d-4"))
    assert fresh(file).read("c-3") == line("c-3")
    assert list(fresh(file).keys()) == ["c-3", "a-1", "d-4"]


def test_a_reader_waits_for_the_writer_of_a_line_that_is_half_there(file: CassetteFile) -> None:
    raw, is_half_there = line("d-4").encode(), Event()

    def write() -> None:
        with exclusive(file.path), file.path.open("ab", buffering=0) as stream:
            stream.write(raw[:30])
            is_half_there.set()
            reading.wait()
            stream.write(raw[30:])

    reading = Barrier(2)
    other = fresh(file)
    read_index = other._read_index

    def read_once_and_let_the_writer_go_on() -> None:
        try:
            read_index()
        except DamagedCassetteError:
            other._read_index = read_index  # type: ignore[method-assign]
            reading.wait()
            raise

    other._read_index = read_once_and_let_the_writer_go_on  # type: ignore[method-assign]
    writer = Thread(target=write)
    writer.start()
    is_half_there.wait()
    assert other.keys() == ["c-3", "a-1", "b-2", "d-4"]
    writer.join()


def test_a_last_line_that_only_lacks_its_newline_is_whole(file: CassetteFile) -> None:
    file.path.write_bytes(file.path.read_bytes()[:-1])
    assert fresh(file).read("b-2") == line("b-2")
    fresh(file).append(line("d-4"))
    assert list(fresh(file).keys()) == ["c-3", "a-1", "b-2", "d-4"]


def test_a_full_disk_leaves_whole_lines(file: CassetteFile, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    before, write = file.path.read_bytes(), os.write
    monkeypatch.setattr(os, "write", lambda fd, raw: write(fd, raw[:20]))
    with pytest.raises(OSError, match="no space left"):
        file.append(line("d-4"))
    assert file.path.read_bytes() == before
    file.path.write_bytes(before[:-1])  # its last line only lacks its newline
    with pytest.raises(OSError, match="no space left"):
        file.append(line("d-4"))
    assert file.path.read_bytes() == before


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            b'"key":"a-1"',
            b'"kez":"a-1"',
            r'v\.jsonl:2: expected {"digest":"\.\.\.","format":2,"key":"\.\.\.", got \'{"digest":"',
        ),
        (
            b'"format":2,"key":"a-1"',
            b'"format":9,"key":"a-1"',
            r"v\.jsonl:2: format 9 was written by a newer newsgauge",
        ),
        (b'{"digest":', b'version https://git-lfs.github.com/spec/v1\n{"digest":', r"v\.jsonl: a pointer of Git LFS"),
        (b'{"digest":', b'<<<<<<< HEAD\n{"digest":', r"v\.jsonl:1: a merge conflict that is not resolved"),
    ],
)
def test_a_line_of_another_kind_is_named(file: CassetteFile, old: bytes, new: bytes, message: str) -> None:
    file.path.write_bytes(file.path.read_bytes().replace(old, new))
    with pytest.raises(DamagedCassetteError, match=message):
        fresh(file).read("c-3")


def test_a_flipped_byte_inside_a_line_is_named_when_it_is_read(file: CassetteFile) -> None:
    raw = file.path.read_bytes()
    at = raw.index(b'"request"', raw.index(b'"a-1"'))
    file.path.write_bytes(raw[: at + 9] + b";" + raw[at + 10 :])
    assert fresh(file).read("b-2") == line("b-2")
    with pytest.raises(DamagedCassetteError, match=r"v\.jsonl:2: not a recorded case"):
        fresh(file).read("a-1")


def test_a_checkout_with_crlf_still_reads(file: CassetteFile) -> None:
    file.path.write_bytes(file.path.read_bytes().replace(b"\n", b"\r\n"))
    assert fresh(file).read("b-2") == line("b-2")
    reader = fresh(file)
    reader.finalize()
    assert b"\r" not in file.path.read_bytes()


def test_a_line_that_says_the_same_again_gives_way_to_the_first_one_when_all_was_asked(cassette: CassetteFile) -> None:
    before = cassette.path.read_bytes()
    (old,) = [line for line in cassette.lines() if line.key == "b-2"]
    again = replace(old, provenance={**old.provenance, "recorded": "2030-01-01T00:00:00Z"})
    cassette.append(again)
    cassette.finalize(is_over=False)
    assert [json.loads(raw)["key"] for raw in cassette.path.read_bytes().splitlines()] == ["a-1", "b-2", "b-2", "c-3"]
    assert cassette.read("b-2") == again
    cassette.finalize()
    assert cassette.path.read_bytes() == before
    cassette.append(replace(again, answer={**old.answer, "modelVersion": "another"}))
    cassette.finalize(is_over=False)
    assert len(list(cassette.lines())) == cassette.path.read_bytes().count(b"\n") == 3


def test_a_damaged_line_of_an_unchanged_file_is_looked_for_once(
    file: CassetteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.path.write_bytes(file.path.read_bytes().replace(b'{"text":"sci.space"}', b'{"text":"sci.spade"}', 1))
    reader, indexed = fresh(file), 0
    read_index = reader._read_index

    def count() -> None:
        nonlocal indexed
        indexed += 1
        read_index()

    monkeypatch.setattr(reader, "_read_index", count)
    assert reader.keys() == ["c-3", "a-1", "b-2"]
    for _ in range(3):
        with pytest.raises(DamagedCassetteError, match=r"v\.jsonl:1: not a recorded case"):
            reader.read("c-3")
    assert indexed == 1
