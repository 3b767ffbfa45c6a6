"""Runs a command and says what it took: wall time, CPU time and peak memory of it and all its children.

`alternate` compares two sides in rounds that a busy machine slows alike; `in_turns` two runs of pytest, slice by slice.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: Between two looks at the memory; each stops every process for some milliseconds.
_SAMPLE_S = 1.0
RESULTS = Path(__file__).resolve().parent / "results"
PYTEST = [sys.executable, "-m", "pytest"]

#: The halves of a round that differ by more say something about the machine.
MAX_DISAGREEMENT = 0.10


@dataclass(frozen=True)
class Ratio:
    """Of the rounds whose halves agree: the median, smallest and largest ratio, and the medians of both sides."""

    median: float
    smallest: float
    largest: float
    ours: float
    theirs: float
    rounds: int
    discarded: int


def alternate(
    name: str, ours: Callable[[], float], theirs: Callable[[], float], *, rounds: int = 5, warm: bool = True
) -> Ratio:
    """Measure ours, theirs, theirs, ours (ABBA) in each round (`in_rounds`), so that a busier machine hurts both.

    ``warm``: each side once before, so that what has to be compiled is.
    """
    if warm:
        ours(), theirs()

    def half(ours_first: bool) -> tuple[float, float]:
        if ours_first:
            return ours(), theirs()
        their = theirs()
        return ours(), their

    return in_rounds(name, half, rounds=rounds)


def in_rounds(name: str, half: Callable[[bool], tuple[float, float]], *, rounds: int) -> Ratio:
    """Measure both sides twice in each round: ``half`` is told whether ours begins, and returns what both took.

    A round whose halves differ by more than 10% is discarded, and another run for it, up to three times as many.
    """
    kept: list[tuple[float, float]] = []
    n_discarded = 0
    while len(kept) < rounds:
        (first, their_first), (second, their_second) = half(True), half(False)
        halves = first / their_first, second / their_second
        both = (first + second) / 2, (their_first + their_second) / 2
        said = f"... {name}: {both[0]:.3f} against {both[1]:.3f}: {both[0] / both[1]:.3f}"
        if max(halves) / min(halves) > 1 + MAX_DISAGREEMENT:
            n_discarded += 1
            said += f", discarded: its halves are {halves[0]:.3f} and {halves[1]:.3f}"
        else:
            kept.append(both)
        print(said, flush=True)
        if n_discarded > 2 * rounds:
            sys.exit(f"{name}: only {len(kept)} of {len(kept) + n_discarded} rounds agree with themselves")
    ratios = sorted(one / other for one, other in kept)
    our_median, their_median = (statistics.median(side) for side in zip(*kept, strict=True))
    median = statistics.median(ratios)
    return Ratio(median, ratios[0], ratios[-1], our_median, their_median, len(kept), n_discarded)


def ratio_table(rows: Mapping[str, tuple[Ratio, str]]) -> list[str]:
    """A table of Markdown: what was compared -> its ratio, and the unit of both sides."""
    lines = ["| | median | smallest to largest | both sides | rounds |", "|---|---|---|---|---|"]
    for name, (one, unit) in rows.items():
        spread, both = f"{one.smallest:.2f} to {one.largest:.2f}", f"{one.ours:.3g} and {one.theirs:.3g} {unit}"
        discarded = f", {one.discarded} discarded" if one.discarded else ""
        lines.append(f"| {name} | {one.median:.2f} | {spread} | {both} | {one.rounds}{discarded} |")
    return lines


def write_block(page: Path, name: str, lines: Sequence[str]) -> None:
    """Put these lines into a page, between its two marks of this name."""
    first, last = f"<!-- {name}: printed by benchmarks/{name}.py -->\n", f"<!-- end of {name} -->\n"
    head, mark, rest = page.read_text("utf-8").partition(first)
    if not mark or last not in rest:
        sys.exit(f"{page}: expected a line {first.strip()!r}, and further down {last.strip()!r}")
    page.write_text("\n".join([head + first, *lines, "", last]) + rest.partition(last)[2], "utf-8")


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
    start = time.monotonic()
    with subprocess.Popen(
        command, cwd=cwd, env=_compiling(env or {}), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        over = threading.Event()
        peak = [0]
        watcher = threading.Thread(target=_watch, args=(process.pid, over, peak))
        watcher.start()
        output = process.stdout.read()
        cpu = _wait(process)
        wall = time.monotonic() - start
        over.set()
        watcher.join()
    return Taken(wall, cpu, peak[0], process.returncode, output)


def _compiling(more: Mapping[str, str]) -> dict[str, str]:
    """The environment of a measured process."""
    env = {**os.environ, **more}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    return env


def _wait(process: subprocess.Popen[Any]) -> float:
    """Wait for its end; the CPU seconds of it and of the children that it waited for."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime


@dataclass(frozen=True)
class Command:
    """A run of pytest: its arguments, and the folder to start it in."""

    arguments: Sequence[str]
    cwd: Path


def run_pytest(command: Command) -> Taken:
    """`run` of it."""
    return run([*PYTEST, *command.arguments], cwd=command.cwd)


def in_turns(ours: Command, theirs: Command, *, ours_first: bool) -> tuple[Taken, Taken]:
    """Run both at once, but only one at a time: each works for a slice of its tests, then the other (turns.py).

    ``cpu_s`` begins with the collection of tests. ``wall_s`` and ``memory`` are 0: neither means anything here.
    """
    path = os.pathsep.join([str(RESULTS.parent), os.environ.get("PYTHONPATH", "")])
    pipes = os.pipe(), os.pipe()
    with ExitStack() as stack:
        outputs = [stack.enter_context(tempfile.TemporaryFile("w+")) for _ in pipes]
        starts = [stack.enter_context(tempfile.TemporaryFile()) for _ in pipes]
        processes = []
        for number, command in enumerate((ours, theirs)):
            ends = pipes[number][0], pipes[1 - number][1], starts[number].fileno()
            process = subprocess.Popen(
                [*PYTEST, "-p", "turns", *command.arguments],
                cwd=command.cwd,
                env=_compiling({"PYTHONPATH": path, "TURNS": ",".join(map(str, ends))}),
                pass_fds=ends,
                stdout=outputs[number],
                stderr=subprocess.STDOUT,
            )
            processes.append(process)
        os.write(pipes[0 if ours_first else 1][1], b".")
        for end in (*pipes[0], *pipes[1]):
            os.close(end)
        taken = []
        for process, output, start in zip(processes, outputs, starts, strict=True):
            cpu = _wait(process)
            output.seek(0)
            start.seek(0)
            before = start.read()  # nothing from a run that never came so far
            cpu -= struct.unpack("d", before)[0] if before else 0.0
            taken.append(Taken(0.0, cpu, 0, process.returncode, output.read()))
    return taken[0], taken[1]


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
