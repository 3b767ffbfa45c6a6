"""The block in its own process: what it refuses, what it lets pass, and that it holds again after it was lifted."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from contextlib import nullcontext, suppress
from pathlib import Path
from types import FunctionType

import pytest

from newsgauge.cassettes.blocked_attempts import take_attempts
from newsgauge.cassettes.network_block import (
    attempts_fail,
    end_block,
    lifted,
    network_blocked,
    start_block,
)
from newsgauge.errors import NetworkBlockedError


def connect() -> None:
    """To a port that nobody listens on."""
    with socket.socket() as one, pytest.raises(ConnectionRefusedError):
        one.connect(("127.0.0.1", 9))


def is_refused(words: str) -> None:
    with pytest.raises(NetworkBlockedError, match=words):
        connect()


def test_a_connection_is_refused_while_blocked_also_after_the_block_was_lifted_and_not_after_it() -> None:
    connect()
    with network_blocked:
        is_refused("connect to '127.0.0.1'")
        with network_blocked:
            is_refused("connect")
        for _ in range(2):
            with lifted():
                connect()
                with lifted():
                    connect()
                connect()
            is_refused("connect")
        assert take_attempts().count("connect to") == 1  # equal ones are told once
    connect()
    assert take_attempts() == ""


def test_a_thread_from_under_the_block_stays_blocked_where_others_are_not() -> None:
    told: list[bool] = []
    go = threading.Event()

    def run() -> None:
        go.wait(10)
        try:
            connect()
        except NetworkBlockedError:
            told.append(True)
        else:
            told.append(False)

    with network_blocked:
        old = threading.Thread(target=run)
        old.start()
        with lifted():
            go.set()
            new = threading.Thread(target=run)
            old.join()
            new.start()
            new.join()
    assert told == [True, False]
    assert "connect to" in take_attempts()


def test_a_program_is_refused_by_its_name_unless_it_only_tells_of_this_machine() -> None:
    with network_blocked:
        with pytest.raises(NetworkBlockedError, match="start of 'true'"):
            subprocess.run(["true"], check=False)
        with pytest.raises(NetworkBlockedError, match="start of 'true'"):
            os.system("true")
        with pytest.raises(NetworkBlockedError, match="start of 'true'"):
            os.execv("true", ["true"])
        with pytest.raises(NetworkBlockedError, match="start of 'git'"):
            subprocess.run(["git", "status"], check=False)  # a test's; a plugin of pytest may
        for words in (["uname", "-a"], ["uname"], ["file", "-b", "/etc/passwd"]):
            with pytest.raises(NetworkBlockedError, match=f"start of '{words[0]}'"):
                subprocess.run(words, check=False)
        take_attempts()
        if sys.platform == "linux":
            subprocess.run(["uname", "-p"], check=True, stdout=subprocess.DEVNULL)
    assert take_attempts() == ""


def test_a_name_that_is_allowed_is_looked_up_and_connected_to_by_its_addresses_and_no_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.1.2.3", 0))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: found)
    start_block(allowed=["Intern.example "])
    try:
        with socket.socket() as one:
            for name, address in (("intern.example", "10.1.2.3"), ("extern.example", "10.1.2.4")):
                is_allowed = name == "intern.example"
                for event in (("socket.getaddrinfo", name, None), ("socket.connect", one, (address, 80))):
                    with nullcontext() if is_allowed else pytest.raises(NetworkBlockedError, match=f"{name}|{address}"):
                        sys.audit(*event)
        assert take_attempts().count("to 'extern.example'") == 1
    finally:
        end_block()


def test_what_a_forked_child_tries_is_told_to_its_parent_cut_to_what_a_pipe_takes_at_once() -> None:
    long = "x" * 3000
    with network_blocked:
        for host in ("127.0.0.1", long):
            child = os.fork()
            if not child:
                with suppress(NetworkBlockedError):
                    sys.audit("socket.gethostbyname", host)
                os._exit(0)
            os.waitpid(child, 0)
        first, _, second = take_attempts().partition("; ")
    assert first.startswith("gethostbyname to '127.0.0.1': a replay sends nothing")
    assert second.startswith("gethostbyname to 'xxx")
    assert len(second) == 2000


def test_connections_from_before_are_cut_off_while_blocked_and_whole_afterwards() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        accepted, _ = server.accept()
        with accepted:
            start_block()
            try:
                with pytest.raises(OSError, match=r"."):
                    client.sendall(b"leak")
                with lifted():
                    client.sendall(b"lifted ")
                with pytest.raises(OSError, match=r"."):
                    client.sendall(b"leak")
            finally:
                end_block()
            client.sendall(b"after")
            assert accepted.recv(100) == b"lifted after"
    assert take_attempts() == ""


def test_a_plugin_of_pytest_may_read_git_and_nothing_that_only_calls_itself_harmless_starts(tmp_path: Path) -> None:
    (tmp_path / "uname").write_text("#!/bin/sh\n")
    (tmp_path / "uname").chmod(0o755)

    def start(*words: str) -> None:
        subprocess.run(words, capture_output=True, check=False)

    # The same function as code of a module of its own: who calls is known by the module's name.
    run = FunctionType(start.__code__, {"__name__": "pytest_made", "subprocess": subprocess})
    start_block(plugins=["pytest_made", "tests", "_pytest"])
    try:
        run("git", "rev-parse", "--git-dir")
        assert take_attempts() == ""
        for words in (["git", "fetch"], ["git"], ["hg", "status"]):
            with pytest.raises(NetworkBlockedError, match=f"start of '{words[0]}'"):
                run(*words)
        with pytest.raises(NetworkBlockedError, match=r"start of "):
            subprocess.run(["uname", "-p"], check=False, env={"PATH": str(tmp_path)})
    finally:
        end_block()
    take_attempts()


def test_an_attempt_fails_a_test_that_swallowed_its_refusal_and_keeps_the_error_that_it_ended_with() -> None:
    def swallow() -> None:
        with attempts_fail:
            with pytest.raises(NetworkBlockedError):
                connect()
            raise ValueError("its own")

    with network_blocked, pytest.raises(NetworkBlockedError, match="connect") as caught:
        swallow()
    assert isinstance(caught.value.__cause__, ValueError)
    with network_blocked, attempts_fail:
        pass
