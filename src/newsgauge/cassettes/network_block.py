"""Keeps a replay off the network: while blocked, opening a connection raises `NetworkBlockedError`.

An audit hook sees every connect, name look-up and program start in the interpreter: from any library, sync or async, in
any thread, even if code holds the C-level socket type. A program or subinterpreter cannot be watched, so its start is
refused (`program_starts`). A forked child keeps the block (`blocked_attempts`). Connections from before are replaced
(`earlier_sockets`). Not seen: native code that calls the system directly, other than through ctypes;
`network_namespace` stops that too.

Hooks cannot be removed, so there is one, which does nothing unless a block is active. Socket pairs and pipes have no
network address and stay open: pytest-xdist and asyncio need them.
"""

from __future__ import annotations

import _posixsubprocess
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from .._util.platform import LOOPBACK
from ..errors import NetworkBlockedError
from .blocked_attempts import (
    STARTS_WORKERS,
    STATE,
    after_fork_in_child,
    before_fork,
    called_from,
    hold_threads,
    is_here,
    is_plugins_own,
    refuse,
    take_attempts,
)
from .program_starts import PROGRAM_EVENTS, find_programs, look_at_program

#: Event -> which argument names the other side; None: the log of the system.
_SOCKET_EVENTS = {
    "socket.connect": 1,
    "newsgauge.listen": 0,  # whoever connects to a server is answered
    "socket.sendto": 1,
    "socket.sendmsg": 1,
    "socket.getaddrinfo": 0,
    "socket.gethostbyname": 0,
    "socket.gethostbyaddr": 0,
    "socket.getnameinfo": 0,
    "syslog.syslog": None,
}
_INTERPRETER, _SOCKET = "cpython.PyInterpreterState_New", "socket.__new__"
_SYMBOLS = frozenset({"ctypes.dlsym", "ctypes.dlsym/handle"})
_WATCHED = frozenset({*_SOCKET_EVENTS, *PROGRAM_EVENTS, _INTERPRETER, _SOCKET, "import", *_SYMBOLS})
#: Modules whose own C code connects, or starts subinterpreters: no event tells of it.
_NATIVE = frozenset({"_testcapi", "curl_cffi._wrapper", "uvloop.loop", "zmq.backend.cython._zmq"})
#: Sockets of other families may send without naming the other side, and no event reports it (-1: of a descriptor).
_FAMILIES = frozenset(getattr(socket, name, -1) for name in ("AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK")) | {-1}
#: Functions of C that ctypes may not look up: they connect, send, or start programs.
_C_FUNCTIONS = frozenset(
    (
        *("connect", "send", "sendto", "sendmsg", "sendmmsg", "getaddrinfo", "getaddrinfo_a", "getnameinfo"),
        *("gethostbyname", "gethostbyname2", "gethostbyname_r", "gethostbyaddr", "gethostbyaddr_r"),
        *("res_query", "res_search", "res_nquery", "res_nsearch"),
        *("curl_easy_perform", "curl_multi_perform", "curl_easy_send"),
        *("system", "popen", "posix_spawn", "posix_spawnp", "fork", "vfork", "clone", "clone3"),
        *("execl", "execle", "execlp", "execv", "execve", "execvp", "execvpe", "fexecve", "execveat"),
        *("socket", "syscall", "dlsym", "dlvsym"),
    )
)
_LOOPBACK = frozenset(LOOPBACK)


class _NetworkBlocked:
    """Refuse every connection and program that this process opens, until the block ends."""

    def __enter__(self) -> None:
        if not STATE.installed:
            _install()
        STATE.blocked += 1

    def __exit__(self, *raised: object) -> None:
        STATE.blocked -= 1


class _AttemptsFail:
    """At the end, raise `NetworkBlockedError` for every attempt, even if the code caught the refusal.

    If the code raised an error of its own, that becomes the cause, so an expected failure does not hide an attempt.
    """

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        attempts = take_attempts()
        if attempts and not isinstance(error, NetworkBlockedError):
            raise NetworkBlockedError(attempts) from error


# Entered three times per test: plain objects cost a third of what generators do.
network_blocked = _NetworkBlocked()
attempts_fail = _AttemptsFail()


def start_block(*, allowed: Iterable[str] = (), plugins: Iterable[str] = ()) -> None:
    """Block the whole process until `end_block`, and replace connections that are already open.

    ``allowed`` are host names, addresses or paths of sockets that may be reached all the same; ``plugins`` the
    packages of pytest's installed plugins.
    """
    hosts = frozenset(host.strip().strip("[]").lower() for host in allowed) - {""}
    STATE.allowed = hosts | (_LOOPBACK if hosts & _LOOPBACK else frozenset())
    STATE.plugins = frozenset(plugins)
    STATE.programs = find_programs()
    STATE.attempts.clear()
    network_blocked.__enter__()
    STATE.sockets.set_aside(STATE.allowed)


def end_block() -> None:
    """End what `start_block` began; threads that were started meanwhile stay blocked."""
    STATE.sockets.give_back()
    hold_threads()
    network_blocked.__exit__()
    STATE.allowed = STATE.plugins = frozenset()


@contextmanager
def lifted() -> Iterator[None]:
    """No block for this thread and those that it starts: for code that is not part of the evals."""
    if not STATE.blocked:
        yield
        return
    hold_threads()
    opened = STATE.sockets.connected()
    STATE.sockets.give_back()
    STATE.lifts += 1
    try:
        yield
    finally:
        STATE.lifts -= 1
        STATE.sockets.set_aside(STATE.allowed, but=opened)


def _install() -> None:
    sys.addaudithook(_hook)
    STATE.installed = True
    STATE.programs = STATE.programs or find_programs()  # a recording has no block of the whole process
    original = _posixsubprocess.fork_exec

    def fork_exec(*arguments: Any) -> int:
        # No audit event tells of it, and multiprocessing and loky call it without subprocess.
        sys.audit("newsgauge.fork_exec", *arguments[:2])
        return original(*arguments)

    _posixsubprocess.fork_exec = fork_exec
    if getattr(subprocess, "_fork_exec", None) is original:
        subprocess._fork_exec = fork_exec  # type: ignore[attr-defined]
    listen_itself = socket.socket.listen

    def listen(self: socket.socket, *backlog: int) -> None:
        # No audit event tells of it either.
        sys.audit("newsgauge.listen", self.getsockname())
        listen_itself(self, *backlog)

    socket.socket.listen = listen  # type: ignore[assignment, method-assign]
    start = threading.Thread.start

    def start_thread(self: threading.Thread) -> None:
        # A thread that stays blocked starts threads that stay blocked.
        if STATE.held and threading.current_thread() in STATE.held:
            STATE.held.add(self)
        start(self)

    threading.Thread.start = start_thread  # type: ignore[method-assign]
    os.register_at_fork(before=before_fork, after_in_child=after_fork_in_child)


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if event not in _WATCHED or not (STATE.blocked or STATE.held) or not is_here():
        return
    if event in _SOCKET_EVENTS:
        _look_at_socket(event, args)
    elif event in PROGRAM_EVENTS:
        look_at_program(event, args)
    elif event == _INTERPRETER:
        refuse("start of a subinterpreter: a replay starts none, as nobody could see what it sends")
    elif event == _SOCKET:
        if args[1] not in _FAMILIES:
            refuse(f"socket of the family {args[1]}: a replay opens none, as it sends without naming the other side")
    elif event == "import":
        if args[0] in _NATIVE:
            refuse(f"import of {args[0]}: a replay imports none of its kind, as nobody could see what its C code sends")
    elif str(args[1]).lstrip("_").removeprefix("libc_").lower() in _C_FUNCTIONS:
        refuse(f"use of {args[1]}() of the C library: a replay sends nothing to any network, and starts no program")


def _look_at_socket(event: str, args: tuple[Any, ...]) -> None:
    at = _SOCKET_EVENTS[event]
    target = "syslog" if at is None else args[at]
    if target is None or (event == "socket.connect" and args[0].family == getattr(socket, "AF_NETLINK", None)):
        return  # a connected socket sends on, this machine as a server; or the kernel of this machine
    host = target[0] if isinstance(target, tuple) and target else target
    shown = host.decode("utf-8", "replace") if isinstance(host, (bytes, bytearray)) else host
    name = str(shown).lower().partition("%")[0]
    if name in STATE.allowed:
        if event == "socket.getaddrinfo":
            _allow_addresses(name)
    elif not (called_from(STARTS_WORKERS) or (name in _LOOPBACK and is_plugins_own())):
        refuse(
            f"{event.rpartition('.')[2]} to {shown!r}: a replay sends nothing to any network. "
            "To ask the service, run with --record-mode new_episodes"
        )


def _allow_addresses(name: str) -> None:
    """A name that is allowed is looked up, and connected to by one of its addresses."""
    STATE.passing.is_on = True
    try:
        found = {str(address[4][0]) for address in socket.getaddrinfo(name, None)}
    except OSError:
        return  # the look-up itself will say
    finally:
        STATE.passing.is_on = False
    STATE.allowed |= found
