"""What the network block knows of its process: whether it holds here, who calls, and what was attempted.

A forked child keeps the block, and reports its attempts to its parent.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NoReturn

from ..errors import NetworkBlockedError
from .earlier_sockets import EarlierSockets, frames

#: pytest-xdist starts its workers, or connects to those elsewhere, from here.
STARTS_WORKERS = "xdist.workermanage"
#: The most that a forked child reports of an attempt: a pipe takes this much in one piece.
_MAX_REPORT_BYTES = 2000


@dataclass
class State:
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


STATE = State()


def is_here() -> bool:
    """Whether the block is active for this thread now."""
    if getattr(STATE.passing, "is_on", False):
        return False
    if STATE.blocked and not STATE.lifts:
        return True
    return threading.current_thread() in STATE.held


def take_attempts() -> str:
    """The attempts since the last call, '' if none."""
    if STATE.reports is not None:
        with suppress(BlockingIOError):  # all read
            while told := os.read(STATE.reports[0], 65536):
                STATE.attempts += told.decode("utf-8", "replace").splitlines()
    if not STATE.attempts:
        return ""
    attempts = "; ".join(dict.fromkeys(STATE.attempts))
    STATE.attempts.clear()
    return attempts


def refuse(message: str) -> NoReturn:
    """Note the attempt, and raise `NetworkBlockedError`."""
    if STATE.is_child and STATE.reports is not None:
        with_end = message.encode("utf-8", "replace")[:_MAX_REPORT_BYTES] + b"\n"
        with suppress(OSError):  # refused all the same
            os.write(STATE.reports[1], with_end)
    else:
        STATE.attempts.append(message)
    raise NetworkBlockedError(message)


def _callers() -> Iterator[str]:
    """The names of the callers' modules up to the hook of pytest that they are part of, the nearest first."""
    for frame in frames():
        name = str(frame.f_globals.get("__name__", ""))
        if name.startswith("pluggy."):
            return
        if not name.startswith("newsgauge."):
            yield name


def called_from(*modules: str) -> bool:
    """Whether one of these modules is among the callers."""
    return any(name in modules for name in _callers())


def is_plugins_own(*, among: Collection[str] = ("socket", "threading"), prefix: str = "pytest") -> bool:
    """Whether the callers are plugins of pytest, and ``among`` them modules of the standard library.

    Without a ``prefix`` also a plugin that is a library, such as anyio, which calls what it is given.
    """
    packages = {name.partition(".")[0] for name in _callers()} - set(among)
    return bool(packages) and all(one in STATE.plugins and one.startswith(prefix) for one in packages)


def hold_threads() -> None:
    """Keep the other threads of now blocked, whatever comes."""
    STATE.held = weakref.WeakSet(set(threading.enumerate()) - {threading.current_thread()})


def before_fork() -> None:
    """Open the pipe by which children report."""
    if (STATE.blocked or STATE.held) and STATE.reports is None and not STATE.is_child:
        STATE.reports = os.pipe()
        for end in STATE.reports:
            os.set_blocking(end, False)


def after_fork_in_child() -> None:
    """What was attempted before is the parent's to tell."""
    STATE.is_child = True
    STATE.attempts.clear()
