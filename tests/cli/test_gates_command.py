"""``newsgauge gates`` is green for a complete run of this checkout that passed, and for nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from newsgauge.cli.main import main
from newsgauge.gates.findings import Limit
from newsgauge.gates.limits_gate import LimitsGate
from newsgauge.gates.run_verdict import BaselinePlace, Guard
from newsgauge.planning.plan_file import RunPlan, read_inputs
from newsgauge.planning.sampling import Plan
from newsgauge.records import Outcome, Post, Prediction, Result
from newsgauge.scoring.scores import Verdict
from newsgauge.scoring.stats.decisions import Finding

FIRST, SECOND = "1" * 40, "2" * 40
RESULTS = Path(".newsgauge/results")


def commit(name: str) -> None:
    Path(".git/refs/heads").mkdir(parents=True, exist_ok=True)
    Path(".git/HEAD").write_text("ref: refs/heads/main\n")
    Path(".git/refs/heads/main").write_text(f"{name}\n")


@pytest.fixture
def green(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The results of two posts asked of one variant, whose gate passed, at the first commit."""
    monkeypatch.chdir(tmp_path)
    commit(FIRST)
    Path("evals").mkdir()
    Path("evals/gates.toml").write_text("limits\n")
    posts = tuple(Post(f"a-{i}", "a", "text") for i in range(2))
    plan = Plan("made", ".", None, 0, False, "clean", ("a",), posts)
    run = RunPlan(
        plan=plan,
        part=plan,
        shard=None,
        backend="embedded",
        mode="none",
        asked={"plain": "x"},
        prompts={"plain": "x"},
        n_whole_set=2,
        inputs=read_inputs(Path(), ["evals/gates.toml"]),
    )
    gate = LimitsGate("plain", "plain", (Limit("min_accuracy", 0.5, "made so"),))
    nowhere = BaselinePlace(Path("none"), "none", None, updating=False)
    guard = Guard(run, (gate,), results=RESULTS, required=True, baseline=nowhere)
    guard.start()
    guard.add(Verdict("plain", "plain", Finding.PASS, ("held",)))
    said = Prediction("a", Outcome.LABEL, "", 1, 1, "newsgauge-embedded-1")
    guard.conclude({(post.id, "plain"): Result(post.id, "plain", "a", said) for post in posts})
    return RESULTS


def changed(**values: object) -> None:
    path = RESULTS / "gates.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def not_passed() -> None:
    gates = json.loads((RESULTS / "gates.json").read_text())["gates"]
    changed(gates=[{**gates[0], "passed": False}])


def test_a_complete_run_of_this_commit_is_green(green: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gates", str(green)]) == 0
    assert main(["gates"]) == 0
    assert "newsgauge: GREEN: 1 of 1 gates passed, of 2 cases" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda: (RESULTS / "gates.json").unlink(), "no gates.json: no run of pytest evals left its results there"),
        (lambda: (RESULTS / "gates.json").write_text("{"), "not the verdict of a run (JSON"),
        (lambda: (RESULTS / "gates.json").write_text("[]"), "not the verdict of a run (Attr"),
        (lambda: (RESULTS / "gates.json").write_text("{}"), "gates.json holds no verdict"),
        (lambda: changed(verdict="RED"), "gates.json says so"),
        (lambda: changed(verdict="RED", reasons=["a test failed"]), "red: a test failed"),
        (lambda: changed(complete=False), "not every planned gate was decided"),
        (lambda: changed(n_cases_not_run=1), "1 of 2 planned cases did not run"),
        (lambda: changed(gates=[]), "gates that did not pass: none is there"),
        (not_passed, "gates that did not pass: plain"),
        (lambda: changed(run={"shard": "1/2"}), "shard 1/2 decides no gate"),
        (lambda: changed(inputs=None), "not the verdict of a run"),
        (lambda: changed(inputs={}), "holds predictions that newsgauge score judged, not a run; run pytest evals"),
        (lambda: commit(SECOND), f"the run was made at commit {FIRST}, this checkout is at {SECOND}"),
        (lambda: Path("evals/gates.toml").write_text("other limits\n"), "changed since the run: evals/gates.toml ("),
        (lambda: Path("evals/gates.toml").unlink(), "changed since the run: evals/gates.toml ((no file), not "),
        (
            lambda: (RESULTS / "results.csv").write_text(
                (RESULTS / "results.csv").read_text().replace(",a,", ",b,", 1)
            ),
            "results.csv is not the file that the run wrote",
        ),
    ],
)
def test_anything_else_is_red_and_says_why(
    green: Path, capsys: pytest.CaptureFixture[str], change: Callable[[], object], said: str
) -> None:
    change()
    assert main(["gates", str(green)]) == 1
    out = capsys.readouterr().out
    assert "newsgauge: red: " in out
    assert said in out


def test_other_line_endings_of_a_checkout_are_the_same_file(green: Path) -> None:
    Path("evals/gates.toml").write_bytes(b"limits\r\n")
    assert main(["gates", str(green)]) == 0


@pytest.mark.parametrize("kind", ["packed", "detached", "worktree"])
def test_the_commit_is_found_however_git_keeps_it(green: Path, kind: str) -> None:
    if kind == "packed":
        Path(".git/refs/heads/main").unlink()
        Path(".git/packed-refs").write_text(f"# pack-refs\n{FIRST} refs/heads/main\n{SECOND} refs/heads/other\n")
    elif kind == "detached":
        Path(".git/HEAD").write_text(f"{FIRST}\n")
    else:
        Path(".git").rename("git")
        Path("git/worktrees/one").mkdir(parents=True)
        Path("git/worktrees/one/HEAD").write_text("ref: refs/heads/main\n")
        Path("git/worktrees/one/commondir").write_text("../..\n")
        Path(".git").write_text("gitdir: git/worktrees/one\n")
    assert main(["gates", str(green)]) == 0
