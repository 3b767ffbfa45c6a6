"""Refuses programs while the network is blocked, as nobody could see what they send; but for a few that are harmless.

Those report facts about this machine or its checkout, and are known by their words and by where they are.
"""

from __future__ import annotations

import os
import shutil
import sys
from typing import Any

from .blocked_attempts import STARTS_WORKERS, STATE, called_from, is_plugins_own, refuse

#: Event -> which argument names the program.
PROGRAM_EVENTS = {
    "subprocess.Popen": 0,
    "os.system": 0,
    "os.exec": 0,
    "os.posix_spawn": 0,
    "os.spawn": 1,
    "os.startfile": 0,
    "_winapi.CreateProcess": 1,
    "newsgauge.fork_exec": 0,
}
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
#: From where pools of processes start theirs; scikit-learn's ``n_jobs`` comes by the first.
_POOLS = ("joblib.externals.loky.backend.popen_loky_posix", "multiprocessing.util", "multiprocessing.popen_fork")


def find_programs() -> dict[str, str | None]:
    """Where the harmless ones are."""
    return {name: shutil.which(name) for name in ("git", *(words[0] for words in _HARMLESS))}


def look_at_program(event: str, args: tuple[Any, ...]) -> None:
    """Refuse the program of an audit event, unless it is harmless or a worker of pytest-xdist."""
    program = args[PROGRAM_EVENTS[event]]
    words = args[1] if len(args) > 1 and isinstance(args[1], (list, tuple)) else ()
    programs: list[Any] = [program]
    if event == "newsgauge.fork_exec":
        words, programs = args
    if _is_harmless(event, *([os.fsdecode(one) for one in of if not isinstance(one, int)] for of in (words, programs))):
        return
    if called_from(STARTS_WORKERS):
        return
    if isinstance(program, (list, tuple)):
        program = program[0] if program else ""
    shown = os.fsdecode(program) if isinstance(program, bytes | os.PathLike) else program
    way_out = "Start it in a test outside of the evals folder, or before the run"
    if called_from(*_POOLS):
        way_out = (
            "For work side by side use n_jobs=1, threads (joblib's backend 'threading'), or the start method 'fork'"
        )
    refuse(f"start of {shown!r}: a replay starts no program, as nobody could see what that sends. {way_out}")


def _is_harmless(event: str, words: list[str], programs: list[str]) -> bool:
    """Whether a program only reports facts about this machine or its checkout; the first of ``programs`` runs."""
    if tuple(words) not in _HARMLESS and not (
        len(words) > 1
        and words[0] == "git"
        and words[1] in _READS_GIT
        and is_plugins_own(among=sys.stdlib_module_names, prefix="")
    ):
        return False
    if event == "subprocess.Popen":  # what it does next is an event too, and names the file
        return programs == words[:1]
    return next((one for one in programs if os.access(one, os.X_OK)), "") == (STATE.programs.get(words[0]) or "")
