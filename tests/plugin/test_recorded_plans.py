"""A recording writes its plan into PLANS.toml, so that check knows its lines and CI replays them."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import pytest

from newsgauge.cli.main import main

ROWS = "".join(
    f'"{word} number {n}",{label}\n' for label, word in (("good news", "hurrah"), ("bad", "alas")) for n in range(16)
)


@pytest.fixture
def tickets(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    shutil.rmtree(project.path / "cassettes")
    (project.path / "cassettes").mkdir()
    (project.path / "data").mkdir()
    (project.path / "data" / "tickets.csv").write_text("body,team\n" + ROWS)
    (project.path / "evals" / "gates.toml").write_text("")
    (project.path / "pyproject.toml").write_text(
        """
[tool.pytest]
filterwarnings = ["error"]
addopts = ["-p", "no:cacheprovider"]
newsgauge_corpus = "data/tickets.csv"
newsgauge_columns = "text=body,label=team,split=auto"
newsgauge_posts_per_class = "3"
"""
    )
    monkeypatch.chdir(project.path)
    return project


def plans(project: pytest.Pytester) -> list[dict[str, object]]:
    path = project.path / "cassettes" / "PLANS.toml"
    return list(tomllib.loads(path.read_text())["plan"]) if path.exists() else []


TABLE = {"corpus": "data/tickets.csv", "columns": "text=body,label=team,split=auto"}


def test_a_recording_adds_its_plan_once_and_a_part_of_it_adds_none(
    tickets: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("evals", "--record-mode", "once")
    result = tickets.runpytest_inprocess(*options, "--variants", "labels,bare")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["newsgauge: cassettes/PLANS.toml: added the plan of embedded/tickets: bare, labels"])
    first = {"about": "pytest evals --variants bare,labels", **TABLE, "posts_per_class": 3, "variants": "bare,labels"}
    assert plans(tickets) == [first]
    tickets.runpytest_inprocess(*options, "--variants", "labels", "--posts-per-class", "2")
    assert plans(tickets) == [first]
    tickets.runpytest_inprocess(*options, "--variants", "labels", "--posts-per-class", "5", "--sample-seed", "4")
    about = "pytest evals --posts-per-class 5 --sample-seed 4 --variants labels"
    second = {"about": about, **TABLE, "posts_per_class": 5, "sample_seed": 4, "variants": "labels"}
    assert plans(tickets) == [first, second]
    capsys.readouterr()
    assert main(["cassettes", "check"]) == 0
    assert main(["cassettes", "plans"]) == 0
    assert f"{first['about']}\n{about}\n" in capsys.readouterr().out
    for command in (str(first["about"]), about):
        assert tickets.runpytest_inprocess(*command.split()[1:]).ret == 0


def test_folders_of_other_names_stand_in_every_command(
    tickets: pytest.Pytester, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tickets.path / "evals").rename(tickets.path / "my checks")
    (tickets.path / "cassettes").rename(tickets.path / "tapes")
    with (tickets.path / "pyproject.toml").open("a") as file:
        file.write('newsgauge_evals = "my checks"\nnewsgauge_cassettes = "tapes"\n')
    missing = tickets.runpytest_inprocess("my checks", "--variants", "labels", "--no-report")
    command = "pytest 'my checks' --variants labels --record-mode new_episodes"
    missing.stdout.fnmatch_lines([f"*Record it: {command}*"])
    assert main(["record", "--variants", "labels", "--again", "blocked", "--yes"]) == 0
    assert "newsgauge: score them: pytest 'my checks' --variants labels\n" in capsys.readouterr().out
    assert main(["cassettes", "check"]) == 0
    assert main(["cassettes", "plans"]) == 0
    said = capsys.readouterr().out
    assert "pytest 'my checks' --variants labels\n" in said
    monkeypatch.chdir(tickets.path.parent)
    folder = f"{tickets.path.name}/my checks"
    assert main(["cassettes", "verify", "--root", tickets.path.name]) == 0
    (tickets.path / "tapes" / "embedded" / "tickets" / "labels.jsonl").unlink()
    above = tickets.runpytest_inprocess(folder, "--variants", "labels", "--no-report")
    above.stdout.fnmatch_lines([f"*Record it: pytest '{folder}' --variants labels --record-mode new_episodes*"])


def test_a_throw_away_and_cassettes_elsewhere_add_no_plan(tickets: pytest.Pytester) -> None:
    before = plans(tickets)
    options = ("evals", "--record-mode", "once", "--variants", "labels")
    assert tickets.runpytest_inprocess(*options, "--no-plan").ret == 0
    assert tickets.runpytest_inprocess(*options, "--posts-per-class", "2", "--cassettes", "other").ret == 0
    assert plans(tickets) == before


def test_a_damaged_plans_file_is_left_alone_and_reported(tickets: pytest.Pytester) -> None:
    path = Path(tickets.path / "cassettes" / "PLANS.toml")
    path.write_text("[[plan")
    result = tickets.runpytest_inprocess("evals", "--record-mode", "once", "--variants", "labels")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["newsgauge: PLANS.toml: the plan of this recording was not added: *not readable*"])
    assert path.read_text() == "[[plan"


def test_newsgauge_record_adds_its_plan_too(tickets: pytest.Pytester, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["record", "--variants", "labels"]) == 0
    assert "added the plan of embedded/tickets: labels" in capsys.readouterr().out
    assert plans(tickets)[0]["variants"] == "labels"


def test_the_backend_can_be_said_in_the_configuration(tickets: pytest.Pytester) -> None:
    path = tickets.path / "pyproject.toml"
    path.write_text(f'{path.read_text()}newsgauge_backend = "gemini"\n')
    result = tickets.runpytest_inprocess("evals", "--co", "--variants", "labels")
    result.stdout.fnmatch_lines(["newsgauge: backend gemini, replaying cassettes/gemini/tickets"])
    result = tickets.runpytest_inprocess("evals", "--co", "--variants", "labels", "--backend", "embedded")
    result.stdout.fnmatch_lines(["newsgauge: backend embedded, replaying cassettes/embedded/tickets"])
    path.write_text(path.read_text().replace('"gemini"', '"gemeni"'))
    result = tickets.runpytest_inprocess("evals", "--co")
    result.stderr.fnmatch_lines(["*newsgauge_backend: expected embedded, gemini, vertex, got 'gemeni'"])
