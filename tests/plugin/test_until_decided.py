"""A recording that stops when its gates are decided: a replay stops there too, and whatever does not fit is red."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from newsgauge.cli.main import main
from newsgauge.gates.baseline_file import load_baseline
from newsgauge.planning.stops import NAME, load_stops, save_stops
from newsgauge.records import Result
from newsgauge.running.run import Run

FOLDER = Path("cassettes/embedded/bundled")
PLAN = ["--posts-per-class", "12", "--variants", "labels"]
RECORD = ["record", "--classes", "^sci.(space|med)$", *PLAN]
UNTIL = [*RECORD, "--until-decided", "--looks", "6"]
IN_PYTEST = ["--record-mode", "once", "--until-decided", "--looks", "6", "--allow-record-in-ci"]
GATES = """
[embedded.bundled.labels]
min_accuracy = { limit = 0.25, reason = "half of guessing between two" }
max_off_list_rate = { limit = 0.0, reason = "held by its value" }
"""


@pytest.fixture
def stopped(project: pytest.Pytester, capsys: pytest.CaptureFixture[str]) -> pytest.Pytester:
    """The project, with one variant recorded until its floor was decided."""
    for path in FOLDER.iterdir():
        path.unlink()
    Path("evals/gates.toml").write_text(GATES)
    assert main(UNTIL) == 0
    said = capsys.readouterr().out
    assert re.search(r"newsgauge: labels: PASS after 12 of 24 \(look 3 of 6\), 12 calls and about .* USD saved", said)
    return project


def stop_of() -> tuple[str, str]:
    """The digest of the plan, and the text of the file."""
    text = (FOLDER / NAME).read_text()
    return next(iter(json.loads(text)["plans"])), text


def replay(project: pytest.Pytester, *options: str) -> tuple[int, str]:
    """The status and what was said. Rows of the false-green matrix: what the run leaves is as green as it was."""
    done = project.runpytest_inprocess("evals", *PLAN, "--require-gates", *options)
    path = Path(".newsgauge/results/gates.json")
    left = json.loads(path.read_text()) if path.exists() else {"verdict": "RED"}
    if "--shard" not in options:
        assert left["verdict"] == ("RED" if done.ret else "GREEN")
        assert done.ret or (left["complete"], left["n_cases_not_run"]) == (True, 0)
    return int(done.ret), "\n".join([*done.outlines, *done.errlines])


def test_a_replay_stops_where_the_recording_did(stopped: pytest.Pytester, capsys: pytest.CaptureFixture[str]) -> None:
    assert len((FOLDER / "labels.jsonl").read_text().splitlines()) == 12
    status, said = replay(stopped)
    assert status == 0
    assert "labels: PASS after 12 of 24 (look 3 of 6), 12 calls saved" in said
    assert "its interval is a repeated" in said
    plan = json.loads(Path(".newsgauge/results/plan.json").read_text())
    assert plan["stops"]["labels"]["n"] == 12
    score = json.loads(Path(".newsgauge/results/scoreboard.json").read_text())["variants"]["labels"]
    assert score["n_planned"] == score["n"] == 12
    low, high = score["after_stopping_95"]
    assert low < score["wilson_95"][0]
    assert high > score["wilson_95"][1]
    assert main(["gates"]) == 0


def test_what_is_recorded_decides_without_a_question_and_is_counted_up_to_the_stop(
    stopped: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(UNTIL) == 0
    said, heard = capsys.readouterr()
    assert "newsgauge: nothing was asked: what is recorded decides" in said
    assert "12 of 12 planned cases are recorded" in said
    assert "cases" not in heard  # no progress of nothing
    assert main(RECORD) == 0
    capsys.readouterr()
    assert main(UNTIL) == 0
    said, heard = capsys.readouterr()
    assert "no planned case is without a recording: embedded is asked nothing" in said
    assert "24 of 24 planned cases are recorded" in said
    assert "cases" not in heard


def test_two_workers_record_up_to_the_same_stops(stopped: pytest.Pytester) -> None:
    text = stop_of()[1]
    (FOLDER / NAME).unlink()
    (FOLDER / "labels.jsonl").unlink()
    # The other variant stops earlier, and comes later in the file.
    Path("evals/gates.toml").write_text(
        f"{GATES}\n[embedded.bundled.system]\nmax_accuracy = {{ limit = 0.9, reason = 'r' }}"
    )
    status, said = replay(stopped, "-n", "2", *IN_PYTEST, "--variants", "labels,system")
    assert status == 0
    assert "newsgauge: system: PASS after 8 of 24 (look 2 of 6), 16 calls saved" in said
    assert "newsgauge: labels: PASS after 12 of 24 (look 3 of 6), 12 calls saved" in said
    (stops,) = json.loads((FOLDER / NAME).read_text())["plans"].values()
    assert [*stops] == ["labels", "system"]
    assert stops["labels"] == next(iter(json.loads(text)["plans"].values()))["labels"]
    assert len((FOLDER / "labels.jsonl").read_text().splitlines()) == 12


def test_a_changed_prompt_stops_by_its_own_answers(
    stopped: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(RECORD) == 0  # the whole plan
    path = Path("evals/variants.toml")
    path.write_text(path.read_text().replace("Name one", "Choose one"))
    status, said = replay(stopped, *IN_PYTEST)
    assert status == 4
    assert "variant 'labels' changed since it was recorded" in said
    capsys.readouterr()
    assert main([*UNTIL, "--record-mode", "new_episodes"]) == 0
    n_asked = int(re.search(r"(\d+) of 24 \(look", capsys.readouterr().out)[1])
    assert n_asked < 24
    status, said = replay(stopped)
    assert status == 0
    assert f"labels: PASS after {n_asked} of 24" in said


def test_an_interrupted_recording_goes_on_to_the_same_stop(stopped: pytest.Pytester) -> None:
    text, cassette = stop_of()[1], FOLDER / "labels.jsonl"
    whole = cassette.read_text().splitlines(keepends=True)
    (FOLDER / NAME).unlink()
    cassette.write_text("".join(whole[::2]))
    assert replay(stopped)[0] == 1
    assert replay(stopped, *IN_PYTEST)[0] == 0
    assert stop_of()[1] == text
    assert [json.loads(line)["key"] for line in cassette.read_text().splitlines()] == [
        json.loads(line)["key"] for line in whole
    ]


def test_a_stop_that_was_edited_is_red(stopped: pytest.Pytester) -> None:
    plan, text = stop_of()
    (FOLDER / NAME).write_text(text.replace('"n": 12', '"n": 16'))
    status, said = replay(stopped)
    assert status == 4
    assert f"{FOLDER / NAME}: expected what 'newsgauge record --until-decided' wrote, but it was changed since" in said
    (FOLDER / NAME).write_text(text)
    # Also with a digest that fits: the answers say where the stop is.
    save_stops(FOLDER, plan, {"labels": replace(load_stops(FOLDER, plan)["labels"], n=8, look=2)})
    status, said = replay(stopped)
    assert status == 1
    assert "by the answers recorded it would not have stopped, and the stop says PASS after 8 of 24" in said
    (FOLDER / NAME).unlink()
    status, said = replay(stopped)
    assert status == 1
    assert "labels: 12 of 24 cases of labels have an answer" in said


def test_a_recording_that_goes_further_or_less_far_is_red(
    stopped: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    cassette, text = FOLDER / "labels.jsonl", stop_of()[1]
    before = cassette.read_text()
    cassette.write_text("".join(before.splitlines(keepends=True)[:-1]))
    status, said = replay(stopped)
    assert status == 1
    assert "11 of 12 cases of labels have an answer" in said
    cassette.write_text(before)
    # Recorded without stopping, the plan is whole and nothing is left of the stop.
    assert main(RECORD) == 0
    assert not (FOLDER / NAME).exists()
    assert replay(stopped)[0] == 0
    (FOLDER / NAME).write_text(text)
    status, said = replay(stopped)
    assert status == 1
    assert "newsgauge: red: labels: its recording goes 12 posts beyond its stop after 12" in said
    capsys.readouterr()
    assert main(UNTIL) == 0
    assert "labels: PASS after 24 of 24 (look 6 of 6)" in capsys.readouterr().out
    assert replay(stopped)[0] == 0


@pytest.mark.parametrize(
    ("gates", "reason"),
    [
        (GATES.replace("0.25", "0.26"), "its recording stopped when min_accuracy 0.25 was decided, and the gates now "),
        (f"{GATES}min_macro_f1 = {{ limit = 0.1, reason = 'r' }}", "labels (min_macro_f1) can be decided on the whole"),
        (
            "[embedded.bundled.bare]\nmax_accuracy = { limit = 0.5, reason = 'r' }",
            "no gate sets a floor, a ceiling, a lead",
        ),
    ],
)
def test_a_stop_is_valid_for_its_own_limits_alone(stopped: pytest.Pytester, gates: str, reason: str) -> None:
    Path("evals/gates.toml").write_text(gates)
    status, said = replay(stopped)
    assert status == 1
    assert f"newsgauge: red: labels: {reason}" in said or f"labels: its recording stopped early, but {reason}" in said


def test_both_sides_of_a_comparison_are_asked_until_it_is_decided(
    project: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    both = ["--posts-per-class", "12", "--variants", "labels,system"]
    gates = 'beats = {{ variant = "system", by_at_least = {}, reason = "it knows the labels" }}\n'
    Path("evals/gates.toml").write_text(GATES + gates.format(0.1))
    assert main([*UNTIL, *both]) == 0
    ends = re.findall(r"(\w+): PASS after (\d+) of 24", capsys.readouterr().out)
    assert {name for name, _ in ends} == {"labels", "system"}
    n = int(ends[0][1])
    assert n < 24
    assert ends[1][1] == ends[0][1]
    status, said = replay(project, *both)
    assert status == 0
    assert f"PASS at look {n // 4} of 6, after {n} of 24 posts, sequential exact test at the lead" in " ".join(
        said.split()
    )
    # Every shard knows the stops, and their results come to the same.
    for number in ("1", "2"):
        assert replay(project, *both, "--shard", f"{number}/2", "--results", f"part-{number}")[0] == 0
    capsys.readouterr()
    assert main(["merge", "part-1", "part-2", "--results", "whole"]) == 0
    merged = " ".join(capsys.readouterr().out.split())
    assert "GREEN: 2 of 2 gates passed" in merged
    assert f"PASS at look {n // 4} of 6, after {n} of 24 posts, sequential exact test at the lead" in merged
    assert (Path("whole") / "results.csv").read_text() == Path(".newsgauge/results/results.csv").read_text()
    # Without the other side the comparison is left out, and what it took to decide it stays.
    assert replay(project, "--variants", "labels")[0] == 0
    Path("evals/gates.toml").write_text(GATES + gates.format(0.2))
    status, said = replay(project, *both)
    assert status == 1
    assert "stopped when labels-beats-system 0.1, min_accuracy 0.25 was decided, and the gates now ask" in said


def test_a_baseline_of_a_stopped_run_holds_what_was_asked(stopped: pytest.Pytester) -> None:
    assert replay(stopped, "--update-baseline")[0] == 0
    baseline = load_baseline(Path("evals/baselines/embedded/bundled.json"), shown="")
    assert baseline is not None
    assert len(baseline.answers("labels")) == 12
    assert baseline.drawn_by["stopped"] == {"labels": 12}
    status, said = replay(stopped)
    assert status == 0
    assert "PASS  labels-baseline: 12 of 12 answers" in said


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--until-decided", "--batch"], "--until-decided and --batch: a batch is asked as a whole"),
        (["--until-decided", "--record-mode", "all"], "expected --record-mode once or new_episodes"),
        (["--looks", "5"], "--looks: expected with --until-decided"),
        (["--until-decided", "--repeats", "3"], "it asks each post 3 times, and repeats are not independent answers"),
        (
            ["--until-decided", "--variants", "system"],
            "system: no gate sets a floor, a ceiling, a lead or a drop of it",
        ),
    ],
)
def test_what_cannot_stop_early_is_refused_in_words(
    stopped: pytest.Pytester, capsys: pytest.CaptureFixture[str], options: list[str], reason: str
) -> None:
    del stopped
    assert main([*RECORD, *options]) == 2
    assert reason in capsys.readouterr().err


def test_an_answer_is_replayed_once_however_often_it_is_looked(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    del project
    Path("evals/gates.toml").write_text(GATES)
    looked: list[str] = []
    look_up = Run._looked_up

    def counted(self: Run, post: Result, variant: object) -> object:
        looked.append(post.id)  # type: ignore[attr-defined]
        return look_up(self, post, variant)  # type: ignore[arg-type]

    monkeypatch.setattr(Run, "_looked_up", counted)
    assert main(UNTIL) == 0
    assert len(looked) == len(set(looked)) == 12
