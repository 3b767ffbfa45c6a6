"""Runs a command and says what it took: wall time, CPU time and peak memory of it and all its children."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: Between two looks at the memory; each stops every process for some milliseconds.
_SAMPLE_S = 1.0
RESULTS = Path(__file__).resolve().parent / "results"


@dataclass(frozen=True)
class Taken:
    """Seconds and bytes. ``memory`` is the largest sum over its processes of what each has for itself (PSS)."""

    wall_s: float
    cpu_s: float
    memory: int
    status: int
    output: str


def run(command: Sequence[str], *, cwd: Path, env: dict[str, str] | None = None) -> Taken:
    """Run to the end. Children count in CPU time once they are waited for, as pytest-xdist's workers are.

    Compiled files are kept, as they usually are: without them pytest compiles all of hypothesis in each process.
    """
    env = {**os.environ, **(env or {})}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    start = time.monotonic()
    with subprocess.Popen(
        command, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        over = threading.Event()
        peak = [0]
        watcher = threading.Thread(target=_watch, args=(process.pid, over, peak))
        watcher.start()
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.monotonic() - start
        over.set()
        watcher.join()
    return Taken(wall, usage.ru_utime + usage.ru_stime, peak[0], process.returncode, output)


def store(name: str, figures: dict[str, Any]) -> Path:
    """Write the figures of one run, with the machine they come from."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    machine = {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
    }
    path.write_text(json.dumps({"machine": machine, **figures}, indent=2) + "\n")
    return path


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _watch(pid: int, over: threading.Event, peak: list[int]) -> None:
    while not over.wait(_SAMPLE_S):
        peak[0] = max(peak[0], sum(_pss(one) for one in _family(pid)))


def _family(pid: int) -> list[int]:
    found = [pid]
    for one in found:
        try:
            for task in Path(f"/proc/{one}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
        except OSError:
            continue  # it ended meanwhile
    return found


def _pss(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


PYTEST = [sys.executable, "-m", "pytest"]
