"""``newsgauge power --until-decided``: what is printed is what the boundaries do."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from scipy.stats import binom

from newsgauge.cli.main import main
from tests.quick_python import program

ROOT = Path(__file__).resolve().parents[2]
DROPS = ("system", "labels", "described", "few-shot", "tuned")
PLAN = ("power", "--until-decided", "--min-accuracy", "0.80", "--posts", "400")


def test_the_printed_boundaries_keep_their_error_rates(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*PLAN, "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    (gate,) = plan["gates"]
    assert (gate["gate"], gate["limit"], gate["looks"][-1]["n"]) == ("min_accuracy", 0.8, 400)
    # By plain recursion over the counts that are still open, at a truth on the limit.
    state, before, passed, failed = {0: 1.0}, 0, 0.0, 0.0
    for look in gate["looks"]:
        n = look["n"] - before
        before = look["n"]
        steps = [float(binom.pmf(k, n, 0.8)) for k in range(n + 1)]
        reached: dict[int, float] = {}
        for count, chance in state.items():
            for k, step in enumerate(steps):
                reached[count + k] = reached.get(count + k, 0.0) + chance * step
        up = look["pass_at"] if look["pass_at"] is not None else before + 1
        down = look["fail_at"] if look["fail_at"] is not None else -1
        passed += sum(chance for count, chance in reached.items() if count >= up)
        failed += sum(chance for count, chance in reached.items() if count <= down)
        state = {count: chance for count, chance in reached.items() if down < count < up}
    assert 0.03 < passed <= 0.05
    assert 0.03 < failed <= 0.05


def test_the_table_says_what_is_saved_in_calls_and_dollars(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*PLAN, "--truth", "0.9", "--cost", "0.01"]) == 0
    out = capsys.readouterr().out
    row = next(line for line in out.splitlines() if line.startswith("    90.0%")).split()
    passed, calls, cost, saved = float(row[1].rstrip("%")), int(row[4]), float(row[6][1:]), float(row[7][1:])
    assert passed > 99.9
    assert cost == pytest.approx(calls * 0.01, abs=0.01)
    assert cost + saved == pytest.approx(4.0, abs=0.01)
    assert "At worst all 400 calls are made, for $4.00." in out
    # By the binomial distribution: at 80%, 334 or more of 400 are right in 4.3%, and 306 or fewer in 4.8%.
    assert (
        "PASS from 334 and FAIL up to 305 correct answers of 400; in a full run PASS from 334 and FAIL up to 306."
        in out
    )


def test_a_gates_file_gives_its_rates_leads_and_drops(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    gates = str(ROOT / "evals" / "gates.toml")
    # Without --posts it is the project's own plan: 10 posts of each of 8 labels.
    monkeypatch.chdir(ROOT)
    assert main(["power", "--until-decided", gates, "--json", "--cost", "0.01", "--truth", "0.3,-0.3"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["posts"] == 80
    found = {gate["gate"].removeprefix("embedded.bundled."): gate for gate in plan["gates"]}
    kinds = {name: (gate["metric"], gate["in_gates"], gate["worst"]["calls"]) for name, gate in found.items()}
    assert kinds == {
        "bare": ("max_accuracy", 0.05, 80),
        "tuned": ("min_accuracy", 0.5, 80),
        "tuned-beats-system": ("beats", 0.2, 160),
        "tuned-beats-labels": ("beats", 0.0, 160),
        **{
            f"{name}-baseline": ("max_drop", -0.1, 80)
            for name in ("system", "labels", "described", "few-shot", "tuned")
        },
    }
    assert found["bare"]["limit"] == pytest.approx(0.95)
    for gate in plan["gates"]:
        assert [look["posts"] for look in gate["looks"]] == list(range(8, 81, 8))
        assert gate["worst"]["cost"] == pytest.approx(gate["worst"]["calls"] / 100)
        assert all(one["cost"] == pytest.approx(one["calls"] / 100) for one in gate["expected"])
    # A lead of nothing: each flip is a gain with probability 1/2, and of 8 flips none fewer than all prove it.
    lead = found["tuned-beats-labels"]
    assert (lead["limit"], lead["looks"][-1]["n"], lead["looks"][-1]["pass_at"]) == (0.5, 8, 7)
    assert [round(one["truth"], 1) for one in lead["expected"]] == [0.3, -0.3]
    assert lead["expected"][0]["pass"] == pytest.approx(lead["expected"][1]["fail"])
    # A drop of 30 points is more than 10, whatever flips.
    assert found["tuned-baseline"]["expected"][1]["fail"] > 0.95


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--posts", "10"], "expected --min-accuracy P or a gates.toml, got neither"),
        (["--min-accuracy", "80", "--posts", "10"], "--min-accuracy: expected a number above 0 and below 1, got '80'"),
        (["--min-accuracy", "0.8"], "--posts: expected a whole number from 1 to 20,000, got None"),
        (["--min-accuracy", "0.8", "--posts", "0"], "--posts: expected a whole number from 1 to 20,000, got '0'"),
        (["--min-accuracy", "0.8", "--posts", "9", "--looks", "x"], "--looks: expected a whole number"),
        (["--min-accuracy", "0.8", "--posts", "9", "--truth", "0.8,2"], "--truth: expected a number above 0"),
        (
            ["--min-accuracy", "0.8", "--posts", "9", "--cost", "-1"],
            "--cost: expected a number from 0 to below 1e+06",
        ),
        (["--min-accuracy", "0.8", "--posts", "9", "--labels", "10"], "--labels: expected a whole number from 1 to 9"),
        (["none.toml", "--posts", "9"], "none.toml: expected the limits to hold, there is no such file"),
    ],
)
def test_what_makes_no_plan_is_refused(
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["power", "--until-decided", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_reader_that_has_enough_is_no_error() -> None:
    command = [program("python"), "-m", "newsgauge.cli.main", *PLAN, "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()
