"""What evals leave beside cases, counted tokens and curves: recorded once, replayed, shown, never of another run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from newsgauge.cassettes.line import decode
from tests.quick_python import program

EVALS = Path(__file__).resolve().parents[2] / "evals"
RESULTS = Path(".newsgauge/results")
FOLDERS = Path("cassettes/embedded")
TUNING = ("-k", "loss or case or names or counted")


@pytest.fixture(scope="module")
def with_exhibits(recorded_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small project with the evals that leave something, recorded once."""
    folder = tmp_path_factory.mktemp("exhibits") / "project"
    shutil.copytree(recorded_project, folder, symlinks=True)
    for name in ("test_token_counts.py", "test_tuning.py"):
        shutil.copy(EVALS / name, folder / "evals" / name)
    environment = {key: value for key, value in os.environ.items() if key != "CI" and "PYTEST" not in key}
    command = [program("python"), "-m", "pytest", "evals", *TUNING, "--record-mode", "once"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture
def exhibiting(with_exhibits: Path, project: pytest.Pytester) -> pytest.Pytester:
    for name in ("evals", "cassettes"):
        shutil.copytree(with_exhibits / name, project.path / name, dirs_exist_ok=True)
    return project


def left(name: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text())
    return value


def test_a_replay_counts_from_cassettes_of_their_own_and_shows_it(exhibiting: pytest.Pytester) -> None:
    result = exhibiting.runpytest_inprocess("evals", *TUNING)
    assert result.ret == 0
    plan = json.loads((RESULTS / "scoreboard.json").read_text())["run"]["plan"]
    counts = {row["variant"]: row for row in left("token_counts")["variants"]}
    assert left("token_counts")["plan"] == left("loss_curve")["plan"] == plan
    assert set(counts) == {"bare", "system", "labels", "tuned"}
    assert {row["n"] for row in counts.values()} == {4}  # two posts of each of two labels
    assert (counts["bare"]["counted"], counts["bare"]["used"]) == (counts["tuned"]["counted"], counts["tuned"]["used"])
    assert counts["bare"]["most_beyond"] == counts["tuned"]["most_beyond"] == 0
    # "Name the newsgroup this mail was posted to.": pieces of at most six letters: Name the newsgr oup this mail was
    # posted to . - ten of them.
    assert counts["system"]["least_beyond"] == counts["system"]["most_beyond"] == 10
    losses = left("loss_curve")["losses"]
    # 24 posts of each of two labels in batches of 16, three epochs: 3 steps an epoch.
    assert [(loss["step"], loss["epoch"]) for loss in losses] == [(n, (n + 2) // 3) for n in range(1, 10)]
    assert losses[0]["mean_loss"] == pytest.approx(0.693, abs=0.1)  # untrained, between two labels: ln 2
    page = (RESULTS / "report.html").read_text("utf-8")
    assert "Mean loss of 9 steps" in page
    assert "Counted before asking" in page


@pytest.mark.slow
def test_two_workers_leave_what_one_leaves(exhibiting: pytest.Pytester) -> None:
    exhibiting.runpytest_subprocess("evals", *TUNING)
    alone = left("token_counts"), left("loss_curve")
    assert exhibiting.runpytest_subprocess("evals", *TUNING, "-n", "2").ret == 0
    assert (left("token_counts"), left("loss_curve")) == alone


def test_a_count_that_is_not_what_was_used_fails_by_name(exhibiting: pytest.Pytester) -> None:
    path = FOLDERS / "bundled+count-tokens" / "bare.jsonl"
    first, *others = (decode(raw) for raw in path.read_bytes().splitlines())
    changed = replace(first, answer={"totalTokens": first.answer["totalTokens"] - 5})
    path.write_bytes(b"".join(line.encode() for line in (changed, *others)))
    result = exhibiting.runpytest_inprocess("evals", "-k", "counted")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*bare: [[]0, 5[]] tokens beyond the contents*"])


def test_without_a_recording_the_command_is_named(exhibiting: pytest.Pytester) -> None:
    shutil.rmtree(FOLDERS / "bundled+count-tokens")
    shutil.rmtree(FOLDERS / "bundled+training")
    result = exhibiting.runpytest_inprocess("evals", "-k", "counted or loss")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "*bundled+count-tokens/bare.jsonl: no recording of *--variants bare,system,labels,tuned --record-mode*",
            "*bundled+training/tuned.jsonl: no recording of training*--record-mode new_episodes*",
        ]
    )


def test_a_loss_of_another_training_is_stale(exhibiting: pytest.Pytester) -> None:
    variants = Path("evals/variants.toml")
    variants.write_text(variants.read_text().replace("epochs = 3", "epochs = 2"))
    result = exhibiting.runpytest_inprocess("evals", "-k", "loss")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*'tuned' changed since it was recorded: model: recorded *tunedModels/newsgauge-*"])
    assert not (RESULTS / "loss_curve.json").exists()


def test_what_an_older_run_left_does_not_outlive_the_start_of_the_next(exhibiting: pytest.Pytester) -> None:
    exhibiting.runpytest_inprocess("evals", "-k", "counted or loss")
    assert (RESULTS / "token_counts.json").exists()
    exhibiting.runpytest_inprocess("evals", "-k", "bare", "--no-require-gates")
    assert not (RESULTS / "token_counts.json").exists()
    assert not (RESULTS / "loss_curve.json").exists()
