"""Keeps a replay off the network: while blocked, opening a connection raises `NetworkBlockedError`.

An audit hook sees every connect, name look-up and program start in the interpreter: from any library, sync or async, in
any thread, even if code holds the C-level socket type. A program or subinterpreter cannot be watched, so its start is
refused. A forked child keeps the block, and reports its attempts to its parent. Connections from before are replaced
(`earlier_sockets`). Not seen: native code that calls the system directly, other than through ctypes;
`network_namespace` stops that too.

Hooks cannot be removed, so there is one, which does nothing unless a block is active. Socket pairs and pipes have no
network address and stay open: pytest-xdist and asyncio need them.
"""

from __future__ import annotations

import _posixsubprocess
import os
import shutil
import socket
import subprocess
import sys
import threading
import weakref
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from .._util.platform import LOOPBACK
from ..errors import NetworkBlockedError
from .earlier_sockets import EarlierSockets, frames

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
_PROGRAM_EVENTS = {
    "subprocess.Popen": 0,
    "os.system": 0,
    "os.exec": 0,
    "os.posix_spawn": 0,
    "os.spawn": 1,
    "os.startfile": 0,
    "_winapi.CreateProcess": 1,
    "newsgauge.fork_exec": 0,
}
_INTERPRETER, _SOCKET = "cpython.PyInterpreterState_New", "socket.__new__"
_SYMBOLS = frozenset({"ctypes.dlsym", "ctypes.dlsym/handle"})
_WATCHED = frozenset({*_SOCKET_EVENTS, *_PROGRAM_EVENTS, _INTERPRETER, _SOCKET, "import", *_SYMBOLS})
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
#: Programs that only report facts about this machine to libraries: trio and ctypes look for libraries, the
#: platform module for the processor and for Python's own file (pytest-benchmark), joblib for its cores.
_PYTHON = os.path.realpath(sys.executable)
_HARMLESS = frozenset({("/sbin/ldconfig", "-p"), ("uname", "-p"), ("lscpu", "--parse=core"), ("file", "-b", _PYTHON)})
#: The git commands that an installed pytest plugin may run: they read the checkout and use no network.
_READS_GIT = frozenset(
    (
        *("branch", "cat-file", "describe", "diff", "log", "ls-files", "merge-base", "rev-list", "rev-parse"),
        *("show", "status"),
    )
)
#: pytest-xdist starts its workers, or connects to those elsewhere, from here.
_STARTS_WORKERS = "xdist.workermanage"
#: From where pools of processes start theirs; scikit-learn's ``n_jobs`` comes by the first.
_POOLS = ("joblib.externals.loky.backend.popen_loky_posix", "multiprocessing.util", "multiprocessing.popen_fork")
_LOOPBACK = frozenset(LOOPBACK)
#: The most that a forked child reports of an attempt: a pipe takes this much in one piece.
_MAX_REPORT_BYTES = 2000


@dataclass
class _State:
    """Of the process, as there is one hook."""

    installed: bool = False
    blocked: int = 0
    lifts: int = 0
    attempts: list[str] = field(default_factory=list)
    #: Threads that stay blocked while the block is lifted, or after it: they were started under it.
    held: weakref.WeakSet[threading.Thread] = field(default_factory=weakref.WeakSet)
    allowed: frozenset[str] = frozenset()
    #: Top-level packages of pytest's installed plugins: they may talk to their own processes on loopback, and read git.
    plugins: frozenset[str] = frozenset()
    #: Where the harmless programs are: found before any code of the project could put others in their place.
    programs: dict[str, str | None] = field(default_factory=dict)
    sockets: EarlierSockets = field(default_factory=EarlierSockets)
    #: The ends of a pipe, from forked children to their parent.
    reports: tuple[int, int] | None = None
    is_child: bool = False
    passing: threading.local = field(default_factory=threading.local)


_STATE = _State()


class _NetworkBlocked:
    """Refuse every connection and program that this process opens, until the block ends."""

    def __enter__(self) -> None:
        if not _STATE.installed:
            _install()
        _STATE.blocked += 1

    def __exit__(self, *raised: object) -> None:
        _STATE.blocked -= 1


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
    _STATE.allowed = hosts | (_LOOPBACK if hosts & _LOOPBACK else frozenset())
    _STATE.plugins = frozenset(plugins)
    _STATE.programs = _find_programs()
    _STATE.attempts.clear()
    network_blocked.__enter__()
    _STATE.sockets.set_aside(_STATE.allowed)


def end_block() -> None:
    """End what `start_block` began; threads that were started meanwhile stay blocked."""
    _STATE.sockets.give_back()
    _hold_threads()
    network_blocked.__exit__()
    _STATE.allowed = _STATE.plugins = frozenset()


@contextmanager
def lifted() -> Iterator[None]:
    """No block for this thread and those that it starts: for code that is not part of the evals."""
    if not _STATE.blocked:
        yield
        return
    _hold_threads()
    opened = _STATE.sockets.connected()
    _STATE.sockets.give_back()
    _STATE.lifts += 1
    try:
        yield
    finally:
        _STATE.lifts -= 1
        _STATE.sockets.set_aside(_STATE.allowed, but=opened)


def take_attempts() -> str:
    """The attempts since the last call, '' if none."""
    if _STATE.reports is not None:
        with suppress(BlockingIOError):  # all read
            while told := os.read(_STATE.reports[0], 65536):
                _STATE.attempts += told.decode("utf-8", "replace").splitlines()
    if not _STATE.attempts:
        return ""
    attempts = "; ".join(dict.fromkeys(_STATE.attempts))
    _STATE.attempts.clear()
    return attempts


def _find_programs() -> dict[str, str | None]:
    return {name: shutil.which(name) for name in ("git", *(words[0] for words in _HARMLESS))}


def _install() -> None:
    sys.addaudithook(_hook)
    _STATE.installed = True
    _STATE.programs = _STATE.programs or _find_programs()  # a recording has no block of the whole process
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
        if _STATE.held and threading.current_thread() in _STATE.held:
            _STATE.held.add(self)
        start(self)

    threading.Thread.start = start_thread  # type: ignore[method-assign]
    os.register_at_fork(before=_before_fork, after_in_child=_after_fork_in_child)


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if event not in _WATCHED or not (_STATE.blocked or _STATE.held) or not _is_here():
        return
    if event in _SOCKET_EVENTS:
        _look_at_socket(event, args)
    elif event in _PROGRAM_EVENTS:
        _look_at_program(event, args)
    elif event == _INTERPRETER:
        _refuse("start of a subinterpreter: a replay starts none, as nobody could see what it sends")
    elif event == _SOCKET:
        if args[1] not in _FAMILIES:
            _refuse(f"socket of the family {args[1]}: a replay opens none, as it sends without naming the other side")
    elif event == "import":
        if args[0] in _NATIVE:
            _refuse(
                f"import of {args[0]}: a replay imports none of its kind, as nobody could see what its C code sends"
            )
    elif str(args[1]).lstrip("_").removeprefix("libc_").lower() in _C_FUNCTIONS:
        _refuse(f"use of {args[1]}() of the C library: a replay sends nothing to any network, and starts no program")


def _is_here() -> bool:
    """Whether the block is active for this thread now."""
    if getattr(_STATE.passing, "is_on", False):
        return False
    if _STATE.blocked and not _STATE.lifts:
        return True
    return threading.current_thread() in _STATE.held


def _look_at_socket(event: str, args: tuple[Any, ...]) -> None:
    at = _SOCKET_EVENTS[event]
    target = "syslog" if at is None else args[at]
    if target is None or (event == "socket.connect" and args[0].family == getattr(socket, "AF_NETLINK", None)):
        return  # a connected socket sends on, this machine as a server; or the kernel of this machine
    host = target[0] if isinstance(target, tuple) and target else target
    shown = host.decode("utf-8", "replace") if isinstance(host, (bytes, bytearray)) else host
    name = str(shown).lower().partition("%")[0]
    if name in _STATE.allowed:
        if event == "socket.getaddrinfo":
            _allow_addresses(name)
    elif not (_called_from(_STARTS_WORKERS) or (name in _LOOPBACK and _is_plugins_own())):
        _refuse(
            f"{event.rpartition('.')[2]} to {shown!r}: a replay sends nothing to any network. "
            "To ask the service, run with --record-mode new_episodes"
        )


def _allow_addresses(name: str) -> None:
    """A name that is allowed is looked up, and connected to by one of its addresses."""
    _STATE.passing.is_on = True
    try:
        found = {str(address[4][0]) for address in socket.getaddrinfo(name, None)}
    except OSError:
        return  # the look-up itself will say
    finally:
        _STATE.passing.is_on = False
    _STATE.allowed |= found


def _look_at_program(event: str, args: tuple[Any, ...]) -> None:
    program = args[_PROGRAM_EVENTS[event]]
    words = args[1] if len(args) > 1 and isinstance(args[1], (list, tuple)) else ()
    programs: list[Any] = [program]
    if event == "newsgauge.fork_exec":
        words, programs = args
    if _is_harmless(event, *([os.fsdecode(one) for one in of if not isinstance(one, int)] for of in (words, programs))):
        return
    if _called_from(_STARTS_WORKERS):
        return
    if isinstance(program, (list, tuple)):
        program = program[0] if program else ""
    shown = os.fsdecode(program) if isinstance(program, bytes | os.PathLike) else program
    way_out = "Start it in a test outside of the evals folder, or before the run"
    if _called_from(*_POOLS):
        way_out = (
            "For work side by side use n_jobs=1, threads (joblib's backend 'threading'), or the start method 'fork'"
        )
    _refuse(f"start of {shown!r}: a replay starts no program, as nobody could see what that sends. {way_out}")


def _is_harmless(event: str, words: list[str], programs: list[str]) -> bool:
    """Whether a program only reports facts about this machine or its checkout; the first of ``programs`` runs."""
    if tuple(words) not in _HARMLESS and not (
        len(words) > 1
        and words[0] == "git"
        and words[1] in _READS_GIT
        and _is_plugins_own(among=sys.stdlib_module_names, prefix="")
    ):
        return False
    if event == "subprocess.Popen":  # what it does next is an event too, and names the file
        return programs == words[:1]
    return next((one for one in programs if os.access(one, os.X_OK)), "") == (_STATE.programs.get(words[0]) or "")


def _callers() -> Iterator[str]:
    """The names of the callers' modules up to the hook of pytest that they are part of, the nearest first."""
    for frame in frames():
        name = str(frame.f_globals.get("__name__", ""))
        if name.startswith("pluggy."):
            return
        if not name.startswith("newsgauge."):
            yield name


def _called_from(*modules: str) -> bool:
    return any(name in modules for name in _callers())


def _is_plugins_own(*, among: Collection[str] = ("socket", "threading"), prefix: str = "pytest") -> bool:
    """Whether the callers are plugins of pytest, and ``among`` them modules of the standard library.

    Without a ``prefix`` also a plugin that is a library, such as anyio, which calls what it is given.
    """
    packages = {name.partition(".")[0] for name in _callers()} - set(among)
    return bool(packages) and all(one in _STATE.plugins and one.startswith(prefix) for one in packages)


def _refuse(message: str) -> None:
    if _STATE.is_child and _STATE.reports is not None:
        with_end = message.encode("utf-8", "replace")[:_MAX_REPORT_BYTES] + b"\n"
        with suppress(OSError):  # refused all the same
            os.write(_STATE.reports[1], with_end)
    else:
        _STATE.attempts.append(message)
    raise NetworkBlockedError(message)


def _hold_threads() -> None:
    _STATE.held = weakref.WeakSet(set(threading.enumerate()) - {threading.current_thread()})


def _before_fork() -> None:
    if (_STATE.blocked or _STATE.held) and _STATE.reports is None and not _STATE.is_child:
        _STATE.reports = os.pipe()
        for end in _STATE.reports:
            os.set_blocking(end, False)


def _after_fork_in_child() -> None:
    _STATE.is_child = True
    _STATE.attempts.clear()
