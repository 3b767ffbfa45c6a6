"""Keeps a replay off the network: while blocked, opening a connection raises `NetworkBlockedError`.

An audit hook sees every connect, name look-up and start of a program of the interpreter, from any library, sync or
async, in any thread, also of those that hold the C-level socket type. A program that is started cannot be watched, so
it is refused too; a forked child keeps the hook. Not seen: native code that calls the system by itself.

Hooks cannot be removed, so there is one, asleep unless a block is on. Sockets between processes of this machine that
have no network address (AF_UNIX, pipes) stay open: pytest-xdist and asyncio need them.
"""

from __future__ import annotations

import sys
from typing import Any

from ..errors import NetworkBlockedError

#: Event -> which argument names the other side.
_SOCKET_EVENTS = {
    "socket.connect": 1,
    "socket.sendto": 1,
    "socket.sendmsg": 1,
    "socket.getaddrinfo": 0,
    "socket.gethostbyname": 0,
    "socket.gethostbyaddr": 0,
    "socket.getnameinfo": 0,
}
_PROGRAM_EVENTS = frozenset({"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn"})


class _State:
    installed = False
    blocked = 0
    attempts: list[str] = []  # noqa: RUF012  # one list for the process, as there is one hook


class _NetworkBlocked:
    """Refuse every connection and program that this process opens, until the block ends."""

    def __enter__(self) -> None:
        if not _State.installed:
            sys.addaudithook(_hook)
            _State.installed = True
        _State.blocked += 1
        _State.attempts.clear()

    def __exit__(self, *raised: object) -> None:
        _State.blocked -= 1


class _AttemptsFail:
    """Raise `NetworkBlockedError` at the end for what was tried meanwhile, also if the code swallowed the refusal.

    An error of the code's own is its cause then; so an expected failure does not hide an attempt.
    """

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if not _State.attempts:
            return
        attempts = _take_attempts()
        if not isinstance(error, NetworkBlockedError):
            raise NetworkBlockedError(attempts) from error


# Entered four times a test: plain objects cost a third of what generators do.
network_blocked = _NetworkBlocked()
attempts_fail = _AttemptsFail()


def _take_attempts() -> str:
    attempts = "; ".join(dict.fromkeys(_State.attempts))
    _State.attempts.clear()
    return attempts


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if not _State.blocked:
        return
    if event in _SOCKET_EVENTS:
        target = args[_SOCKET_EVENTS[event]]
        is_address = event in ("socket.connect", "socket.sendto", "socket.sendmsg")
        if target is None or (is_address and isinstance(target, (str, bytes))):
            return  # a connected socket sends on; or AF_UNIX
        host = target[0] if isinstance(target, tuple) else target
        _refuse(
            f"{event.removeprefix('socket.')} to {host!r}: a replay sends nothing to any network. "
            "To ask the service, run with --record-mode new_episodes"
        )
    elif event in _PROGRAM_EVENTS:
        _refuse(
            f"start of {args[0]!r}: a replay starts no program from a test of the evals folder, as nobody could see "
            "what that sends. Start it in a test that lies elsewhere"
        )


def _refuse(message: str) -> None:
    _State.attempts.append(message)
    raise NetworkBlockedError(message)
