"""Each decision on a sample is counted once, where it is made: an accepted baseline, a comparison, changed limits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from newsgauge.cli.main import main

LEDGER = Path("evals/baselines/embedded/bundled.decisions.jsonl")


def decisions() -> list[str]:
    return [json.loads(line)["decided"] for line in LEDGER.read_text().splitlines()]


def test_a_baseline_and_a_comparison_are_counted_and_the_header_says_how_often(project: pytest.Pytester) -> None:
    asked = ("evals", "--variants", "labels,tuned")
    assert project.runpytest(*asked, "--update-baseline", "--results", "first").ret == 0
    assert decisions() == ["update-baseline"]
    second = project.runpytest(*asked, "--results", "second")
    assert "this sample has decided" not in second.stdout.str()  # once is what a sample is for
    assert main(["compare", "first", "second"]) == 0
    assert main(["compare", "first", "second"]) == 0  # the same question to the same answers
    assert decisions() == ["update-baseline", "compare"]
    gates = Path("evals/gates.toml")
    gates.write_text(gates.read_text().replace("limit = 0.5", "limit = 0.4"))
    third = project.runpytest(*asked)
    third.stdout.fnmatch_lines(["newsgauge: this sample has decided 3 times; confirm on fresh texts*"])
    assert decisions() == ["update-baseline", "compare", "limits"]
    gates.write_text(gates.read_text().replace("limit = 0.4", "limit = 0.3"))
    fourth = project.runpytest(*asked)
    fourth.stdout.fnmatch_lines(["newsgauge: this sample has decided 4 times; confirm on fresh texts*"])


@pytest.mark.parametrize(
    "damage", [b"<<garbage", b"\xff", b'{"plan": 1, "decided": "", "about": "", "gates": ""}', b"[]"]
)
@pytest.mark.parametrize("is_ci", [False, True])
def test_a_damaged_ledger_is_told_in_a_line_before_anything_is_decided(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, damage: bytes, is_ci: bool
) -> None:
    if is_ci:
        monkeypatch.setenv("CI", "true")
    LEDGER.parent.mkdir(parents=True)
    LEDGER.write_bytes(damage + b"\n")
    done = project.runpytest_subprocess("evals")
    assert done.ret == 4
    (line,) = [one for one in done.errlines if "decisions" in one]
    assert "line 1: expected a decision as JSON; restore it: git checkout" in line
    assert "Traceback" not in done.stderr.str() + done.stdout.str()
    assert not Path(".newsgauge/results/report.html").exists()
