"""Whatever happens to the process, the disk or the file: lines that were there stay, and what is damaged is named."""

from __future__ import annotations

import errno
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from pathlib import Path

import pytest

from newsgauge.cassettes.line import decode
from newsgauge.cassettes.store import CassetteFile
from newsgauge.errors import DamagedCassetteError
from tests.cassettes.cassette_lines import make_line

CHILD = Path(__file__).with_name("recording_child.py")
N_KILLS = 50
N_CASES = 500


def fresh(file: CassetteFile) -> CassetteFile:
    return CassetteFile(file.path, shown=file.shown)


@pytest.mark.slow
def test_fifty_kills_lose_at_most_the_case_in_flight_and_damage_nothing(tmp_path: Path) -> None:
    path, count = tmp_path / "cassettes" / "v.jsonl", tmp_path / "calls"
    moments = random.Random(20261123)
    kept: set[str] = set()
    with subprocess.Popen([sys.executable, str(CHILD)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdin is not None
        assert server.stdout is not None

        def read() -> str:
            return server.stdout.readline().decode().strip()

        n_before_total = 0
        for kill in range(N_KILLS + 1):
            before = path.read_bytes() if path.exists() else b""
            server.stdin.write(f"{tmp_path / 'cassettes'} {N_CASES} {count}\n".encode())
            server.stdin.flush()
            pid = 0
            n_new, stop_after = 0, moments.randrange(6)
            timer = None
            while (line := read()) != "over":
                word, _, rest = line.partition(" ")
                if word == "pid":
                    pid = int(rest)
                elif rest not in kept:
                    kept.add(rest)
                    n_new += 1
                if kill < N_KILLS and pid and timer is None and n_new >= stop_after:
                    # Some microseconds to milliseconds into the next case: in the call, in the write, between two.
                    timer = threading.Timer(moments.random() ** 2 * 0.008, os.kill, (pid, signal.SIGKILL))
                    timer.start()
            if timer is not None:
                timer.join()
            after = path.read_bytes() if path.exists() else b""
            whole_before = before[: before.rfind(b"\n") + 1]
            assert after.startswith(whole_before)
            whole = after[: after.rfind(b"\n") + 1].splitlines()
            keys = {decode(raw).key for raw in whole}
            assert len(keys) == len(whole)
            assert kept <= keys
            assert len(keys - kept) <= 1  # written, and killed before it could say so
            kept = keys
            n_before_total += 1
        server.stdin.close()
        assert server.wait(60) == 0
    assert n_before_total == N_KILLS + 1
    assert sorted(kept) == [f"sci.space-{number:04}" for number in range(N_CASES)]
    # Resuming asks only for what is missing: every case once, and once more what was in flight.
    assert N_CASES <= count.stat().st_size <= N_CASES + N_KILLS


def _append_many(path: str, name: str, n: int) -> None:
    file = CassetteFile(Path(path))
    for number in range(n):
        file.append(make_line(f"{name}-{number}", "x" * 5000))


def test_writers_and_a_finalizer_lose_no_line(tmp_path: Path) -> None:
    path = tmp_path / "v.jsonl"
    context = get_context("fork")
    writers = [context.Process(target=_append_many, args=(str(path), name, 60)) for name in "abcd"]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        CassetteFile(path).finalize()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    CassetteFile(path).finalize()
    keys = [decode(raw).key for raw in path.read_bytes().splitlines()]
    assert keys == sorted(f"{name}-{number}" for name in "abcd" for number in range(60))


def _finalize_killed_at(path: str, call: str) -> None:
    def kill(*arguments: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(os, call, kill)
    CassetteFile(Path(path)).finalize(keep={"a-1"})


@pytest.mark.parametrize("call", ["chmod", "fsync", "replace"])
def test_a_kill_while_finalizing_loses_nothing_and_leaves_nothing_that_git_would_add(
    cassette: CassetteFile, call: str
) -> None:
    before = cassette.path.read_bytes()
    child = get_context("fork").Process(target=_finalize_killed_at, args=(str(cassette.path), call))
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    assert cassette.path.read_bytes() == before
    subprocess.run(["git", "init", "-q"], cwd=cassette.path.parent, check=True)
    command = ["git", "add", "--dry-run", "--all", "."]
    added = subprocess.run(command, cwd=cassette.path.parent, capture_output=True, text=True, check=True).stdout
    assert added == f"add '{cassette.path.name}'\n"
    assert fresh(cassette).finalize(keep={"a-1"})
    assert fresh(cassette).keys() == ["a-1"]


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A file system of 64 kB on the folder, where this machine lets us have one."""
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip(f"mounting a file system is not permitted here: {done.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_keeps_what_is_there_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk"):
        file = CassetteFile(tmp_path / "disk" / "v.jsonl")
        ballast = tmp_path / "disk" / "ballast"
        ballast.write_bytes(b"x" * 8192)
        number = -1

        def fill() -> None:
            nonlocal number
            for number in range(1000):
                file.append(make_line(f"a-{number:03}"))

        with pytest.raises(OSError, match=r"[Nn]o space left") as caught:
            fill()
        assert caught.value.errno == errno.ENOSPC
        assert number > 10
        kept = file.path.read_bytes()
        assert [decode(raw).key for raw in kept.splitlines()] == [f"a-{n:03}" for n in range(number)]
        with pytest.raises(OSError, match=r"[Nn]o space left"):
            file.append(make_line("b-1", "x" * 20_000))
        file.path.write_bytes(b"".join(reversed(kept.splitlines(keepends=True))))
        unsorted = file.path.read_bytes()
        with pytest.raises(OSError, match=r"[Nn]o space left"):
            file.finalize()
        assert file.path.read_bytes() == unsorted
        assert sorted(path.name for path in (tmp_path / "disk").iterdir()) == ["ballast", "v.jsonl"]
        ballast.unlink()
        fresh(file).append(make_line("z-1"))
        assert fresh(file).read("z-1") == make_line("z-1")


def test_a_write_that_the_system_cuts_short_is_taken_back(cassette: CassetteFile) -> None:
    before = cassette.path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 100, hard))
    try:
        with pytest.raises(OSError, match=r"."):
            cassette.append(make_line("d-4"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)
    assert cassette.path.read_bytes() == before
    cassette.append(make_line("d-4"))
    assert fresh(cassette).keys() == ["a-1", "b-2", "c-3", "d-4"]


@contextmanager
def not_root() -> Iterator[None]:
    """Whom permissions are for: root is stopped by none."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_folder_that_is_read_only_stops_the_append_and_nothing_else() -> None:
    # Not tmp_path: the folders above that one are closed to everybody else.
    with tempfile.TemporaryDirectory() as name:
        cassette = CassetteFile(Path(name, "cassettes", "v.jsonl"))
        cassette.append(make_line("a-1"))
        before = cassette.path.read_bytes()
        cassette.path.chmod(0o444)
        cassette.path.parent.chmod(0o555)
        Path(name).chmod(0o755)
        with not_root():
            for path in (cassette.path, cassette.path.with_name("new.jsonl")):
                with pytest.raises(PermissionError):
                    CassetteFile(path).append(make_line("d-4"))
            assert fresh(cassette).read("a-1") == make_line("a-1")
        cassette.path.parent.chmod(0o755)
        assert cassette.path.read_bytes() == before


def test_every_flipped_bit_of_a_line_is_found_when_it_is_read(cassette: CassetteFile) -> None:
    whole = cassette.path.read_bytes()
    lines = whole.splitlines(keepends=True)
    start = len(lines[0])
    for at in range(start, start + len(lines[1]) - 1, 7):
        for bit in (0, 3, 6):
            flipped = bytearray(whole)
            flipped[at] ^= 1 << bit
            if flipped[at] in b"\r\n":
                continue  # then there are two lines, which the next test is about
            cassette.path.write_bytes(bytes(flipped))
            reader = fresh(cassette)
            with suppress(DamagedCassetteError):
                # Not damaged for whoever asks for it: it was the key that changed, and its line is no longer found.
                assert reader.read("b-2") is None
            with pytest.raises(DamagedCassetteError, match=r"v\.jsonl:2: "):
                list(reader.lines())


@pytest.mark.parametrize("cut", [b"\n", b"\r\n", b"\n\n"])
def test_a_line_that_is_broken_in_two_is_named(cassette: CassetteFile, cut: bytes) -> None:
    whole = cassette.path.read_bytes()
    middle = whole.index(b'"response"', whole.index(b'"b-2"'))
    cassette.path.write_bytes(whole[:middle] + cut + whole[middle:])
    with pytest.raises(DamagedCassetteError, match=r"cassettes/v\.jsonl:2: expected"):
        fresh(cassette).read("a-1")


@pytest.mark.parametrize("mark", ["<<<<<<< HEAD", "=======", ">>>>>>> other", "||||||| base"])
def test_a_merge_conflict_is_named_as_such(cassette: CassetteFile, mark: str) -> None:
    lines = cassette.path.read_bytes().splitlines(keepends=True)
    cassette.path.write_bytes(b"".join([*lines[:2], mark.encode() + b"\n", lines[2]]))
    with pytest.raises(DamagedCassetteError, match=r"cassettes/v\.jsonl:3: a merge conflict that is not resolved"):
        fresh(cassette).read("a-1")


def test_crlf_is_read_and_mended_by_finalizing(cassette: CassetteFile) -> None:
    whole = cassette.path.read_bytes()
    cassette.path.write_bytes(whole.replace(b"\n", b"\r\n"))
    reader = fresh(cassette)
    assert [line.key for line in reader.lines()] == ["a-1", "b-2", "c-3"]
    assert reader.finalize()
    assert cassette.path.read_bytes() == whole
    assert not reader.finalize()


def test_a_line_of_a_crlf_checkout_that_was_cut_is_removed(cassette: CassetteFile) -> None:
    whole = cassette.path.read_bytes().replace(b"\n", b"\r\n")
    cassette.path.write_bytes(whole[:-50])
    reader = fresh(cassette)
    with pytest.raises(DamagedCassetteError, match=r":3: the last line is cut off"):
        reader.keys()
    reader.repair()
    assert reader.keys() == ["a-1", "b-2"]
