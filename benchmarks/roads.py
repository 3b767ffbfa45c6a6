"""Which files of newsgauge a case passes: replayed, decided by a gate, recorded.

    python benchmarks/roads.py [--names]

A replayed case and a gate are watched in an ordinary run, from the fixture that asks (``prediction``, ``verdict``) to
its value; the second case is counted, as the first one opens what all others share. A recorded case is the whole of
``newsgauge record`` for one post. Prints the number of files per road; with ``--names`` the files too.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

NOTE = """
import inspect, json, os, sys, threading
from pathlib import Path
from newsgauge import records

HOME = str(Path(records.__file__).parent) + os.sep
seen = set()


def note(frame, event, argument):
    code = frame.f_code  # of a function: modules and classes that are only defined are not passed
    if event == "call" and code.co_filename.startswith(HOME) and code.co_flags & inspect.CO_OPTIMIZED:
        seen.add(frame.f_code.co_filename[len(HOME):])
"""

WATCH_FIXTURE = """
import pytest

n = 0


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_fixture_setup(fixturedef):
    global n
    n += fixturedef.argname == {fixture!r}
    if fixturedef.argname != {fixture!r} or n != {nth}:
        return (yield)
    sys.setprofile(note)
    try:
        return (yield)
    finally:
        sys.setprofile(None)
        Path({out!r}).write_text(json.dumps(sorted(seen)))
"""

WATCH_COMMAND = """
from newsgauge.cli.main import main

threading.setprofile(note)
sys.setprofile(note)
try:
    status = main({arguments!r})
finally:
    sys.setprofile(None)
assert status == 0, status
Path({out!r}).write_text(json.dumps(sorted(seen)))
"""

PLAN = ["--variants", "labels", "--posts-per-class", "1"]


def of_a_fixture(fixture: str, nth: int) -> list[str]:
    """The files that the ``nth`` value of a fixture passes in a replay."""
    with tempfile.TemporaryDirectory() as name:
        out = Path(name, "files.json")
        Path(name, "watch_roads.py").write_text(NOTE + WATCH_FIXTURE.format(fixture=fixture, nth=nth, out=str(out)))
        command = [sys.executable, "-m", "pytest", "-q", "-p", "watch_roads", "-p", "no:cacheprovider"]
        command += ["evals/test_newsgroups.py", "evals/test_gates.py", "--results", name, "--no-report", *PLAN]
        return run(
            command, out, {**os.environ, "PYTHONPATH": os.pathsep.join([name, os.environ.get("PYTHONPATH", "")])}
        )


def of_a_recording() -> list[str]:
    """The files that ``newsgauge record`` passes for one post."""
    with tempfile.TemporaryDirectory() as name:
        out = Path(name, "files.json")
        arguments = ["record", *PLAN, "--classes", "sci.space", "--cassettes", name, "--allow-record-in-ci"]
        code = NOTE + WATCH_COMMAND.format(arguments=arguments, out=str(out))
        return run([sys.executable, "-c", code], out, dict(os.environ))


def run(command: list[str], out: Path, environment: dict[str, str]) -> list[str]:
    """What the command noted in ``out``."""
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if not out.exists():
        raise SystemExit(f"{command}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return list(json.loads(out.read_text("utf-8")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--names", action="store_true", help="name the files")
    with_names = parser.parse_args().names
    roads = {
        "a replayed case": of_a_fixture("prediction", 2),
        "a gate": of_a_fixture("verdict", 1),
        "a recorded case": of_a_recording(),
    }
    for road, files in roads.items():
        print(f"{road}: {len(files)} files")
        if with_names:
            print("".join(f"  {file}\n" for file in files), end="")


if __name__ == "__main__":
    main()
