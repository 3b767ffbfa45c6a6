"""A dozen recordings that stop when decided, through the command line on the embedded backend. Prints a table.

    SCIKIT_LEARN_DATA=FOLDER python benchmarks/until_decided_seeds.py [N_SEEDS]

In a temporary project with a floor and a comparison, the variants ``labels`` and ``system`` of the evals are recorded
for each sample seed until both are decided, on posts of eight groups of 20 Newsgroups. Then: a replay stops at the
same posts; with every second line of the cassettes and the stop file gone, the same command ends in the same stop file
and the same cases. Status 1 if one of them does not.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from newsgauge.cli.main import main as newsgauge
from newsgauge.planning.stops import NAME, decode_stops

ROOT = Path(__file__).resolve().parents[1]
GATES = """
[embedded.20newsgroups.labels]
min_accuracy = { limit = 0.5, reason = "a floor" }
beats = { variant = "system", reason = "a comparison" }
"""
PLAN = ["--corpus", "20newsgroups", "--posts-per-class", "25", "--variants", "system,labels"]


def main(n_seeds: int) -> int:
    faults = 0
    print("seed  variant  stop")
    for seed in range(1, n_seeds + 1):
        with TemporaryDirectory() as folder:
            os.chdir(folder)
            evals, cassettes = Path("evals"), Path("cassettes/embedded/20newsgroups")
            evals.mkdir()
            Path("pytest.ini").write_text("[pytest]\ntestpaths = evals\n")
            (evals / "gates.toml").write_text(GATES)
            for name in ("variants.toml", "test_gates.py"):
                (evals / name).write_text((ROOT / "evals" / name).read_text())
            options = [*PLAN, "--sample-seed", str(seed)]
            record = ["record", *options, "--until-decided"]
            status = quietly(record)
            text = (cassettes / NAME).read_text()
            (stops,) = json.loads(text)["plans"].values()
            for name, stop in decode_stops(stops).items():
                print(f"{seed:4}  {name:7}  {stop.words()}", flush=True)
            replay = ["evals", *options, "-p", "no:cacheprovider"]
            done = subprocess.run(
                [sys.executable, "-m", "pytest", *replay], capture_output=True, text=True, check=False
            )
            said = done.stdout
            same = all(
                f"{name}: {stop.words()}" in " ".join(said.split()) for name, stop in decode_stops(stops).items()
            )
            keys = {path.name: cases(path) for path in cassettes.glob("*.jsonl")}
            for path in cassettes.glob("*.jsonl"):
                path.write_text("".join(path.read_text().splitlines(keepends=True)[::2]))
            (cassettes / NAME).unlink()
            again = quietly(record)
            goes_on = (cassettes / NAME).read_text() == text
            goes_on = goes_on and {path.name: cases(path) for path in cassettes.glob("*.jsonl")} == keys
            if status or again or not same or not goes_on:
                print(f"{seed:4}  record {status}, again {again}, replay stops alike: {same}, goes on alike: {goes_on}")
                faults += 1
            os.chdir(ROOT)
    print(f"{faults} of {n_seeds} seeds at fault")
    return 1 if faults else 0


def quietly(command: list[str]) -> int:
    """The status of a command of newsgauge, whose lines are not shown."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        return newsgauge(command)


def cases(path: Path) -> list[str]:
    """The keys of a cassette, in its order."""
    return [json.loads(line)["key"] for line in path.read_text().splitlines()]


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 12))
