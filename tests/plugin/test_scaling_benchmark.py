"""benchmarks/scaling.py reads what a recorded run left: its tokens, its cassettes, its results."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "scaling.py"


def scaling(project: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), ".newsgauge/results", *more]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)


def cells(output: str, table: str, row: str) -> list[str]:
    lines = output.partition(f"\n{table}")[2].partition("\n\n")[0].splitlines()
    return next(line for line in lines if line.startswith(row)).removeprefix(row).split()


def test_tokens_and_bytes_are_those_of_the_run(recorded_project: Path) -> None:
    done = scaling(recorded_project, "--posts", "2000000", "--again", "cassettes", "--rpm", "1000")
    assert (done.returncode, done.stderr) == (0, "")
    assert "computed: 2,000,000 posts x 4 variants = 8,000,000 calls" in done.stdout
    with (recorded_project / ".newsgauge/results/results.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["variant"] == "labels"]
    mean = sum(int(row["input_tokens"]) for row in rows) / 8
    assert cells(done.stdout, "Tokens", "labels")[1] == f"{2 * mean:,.1f}"
    cassette = (recorded_project / "cassettes/embedded/bundled/labels.jsonl").read_bytes()
    assert cells(done.stdout, "Cassettes", "labels")[0] == f"{len(cassette) / 8:,.0f}"
    # The same bytes again add no more than an empty commit, some 150 bytes; there are 32 lines.
    assert int(cells(done.stdout, "Cassettes", "added when recorded anew")[0]) < 10
    # 8,000,000 calls at 1,000 a minute are 133.3 hours
    assert cells(done.stdout, "Time", "yours")[:2] == ["5.6", "days"]


def test_tokens_of_the_embedded_model_are_not_shown_as_the_services(recorded_project: Path) -> None:
    output = scaling(recorded_project).stdout
    assert "Tokens, counted by the embedded model" in output
    assert cells(output, "Money", "newsgauge-embedded-base-2")[:2] == ["no", "price"]
    assert cells(output, "Money", "gemini-2.5-flash-lite")[-3:-1] == ["no", "price"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--cassettes", "elsewhere"), "newsgauge: elsewhere/embedded/bundled/bare.jsonl: expected the cassette"),
        (("--posts", "0"), "error: expected --posts, --rpm, --tpm, --rpd and --enqueued above 0"),
        (("--enqueued", "5"), "error: expected --rpm, --tpm or --rpd beside --enqueued"),
    ],
)
def test_what_is_wrong_is_one_line(recorded_project: Path, more: tuple[str, ...], said: str) -> None:
    done = scaling(recorded_project, *more)
    assert done.returncode == 2
    assert said in done.stderr.splitlines()[-1]
