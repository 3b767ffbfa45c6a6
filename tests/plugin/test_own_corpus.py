"""A project says once what it asks about: the ini values of a corpus of its own."""

from __future__ import annotations

import shutil

import pytest

from newsgauge.cli.main import main

ROWS = "".join(
    f'"{word} number {n}",{label}\n' for label, word in (("good news", "hurrah"), ("bad", "alas")) for n in range(8)
)


@pytest.fixture
def tickets(project: pytest.Pytester) -> pytest.Pytester:
    """The project asks about a csv file whose columns have other names; nothing of it is recorded yet."""
    (project.path / "data").mkdir()
    (project.path / "data" / "tickets.csv").write_text("body,team\n" + ROWS)
    (project.path / "evals" / "gates.toml").write_text("")
    (project.path / "pyproject.toml").write_text(
        """
[tool.pytest]
strict = true
filterwarnings = ["error"]
addopts = ["-p", "no:cacheprovider"]
newsgauge_corpus = "data/tickets.csv"
newsgauge_columns = "text=body,label=team,split=auto"
newsgauge_posts_per_class = "3"
"""
    )
    return project


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_run_without_options_asks_about_the_projects_own_corpus(tickets: pytest.Pytester, workers: str) -> None:
    result = tickets.runpytest_subprocess("evals", "--record-mode", "once", "-n", workers)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["newsgauge: corpus tickets, 3 texts of each of 2 labels = 6 texts*"])
    again = tickets.runpytest_subprocess("evals", "-n", workers)
    assert again.ret == 0
    assert (tickets.path / "cassettes" / "embedded" / "tickets" / "labels.jsonl").read_text().count("\n") == 6


def test_another_corpus_puts_the_projects_columns_and_number_aside(tickets: pytest.Pytester) -> None:
    result = tickets.runpytest_inprocess("evals", "--corpus", "bundled", "--classes", "^sci.(space|med)$", "--co")
    result.stdout.fnmatch_lines(["*corpus bundled, 10 posts of each of 2 labels*"])


def test_a_command_that_records_again_names_only_what_the_project_does_not_say(tickets: pytest.Pytester) -> None:
    result = tickets.runpytest_inprocess("evals", "--posts-per-class", "2", "--variants", "bare")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*pytest evals --posts-per-class 2 --variants bare --record-mode new_episodes*"])
    result = tickets.runpytest_inprocess("evals", "--variants", "bare")
    result.stdout.fnmatch_lines(["*pytest evals --variants bare --record-mode new_episodes*"])


def test_a_path_is_one_from_the_rootdir(tickets: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tickets.path / "evals")
    result = tickets.runpytest_inprocess("--co", "--rootdir", str(tickets.path))
    result.stdout.fnmatch_lines(["*corpus tickets, 3 texts*"])


@pytest.mark.parametrize("corpus", ["bundled", "20newsgroups", "ticket"])
def test_gates_on_a_corpus_that_the_project_has_not_are_a_usage_error(tickets: pytest.Pytester, corpus: str) -> None:
    (tickets.path / "fixtures" / "bundled").unlink()
    shutil.rmtree(tickets.path / "cassettes")
    gate = 'min_accuracy = { limit = 0.5, reason = "r" }\n'
    (tickets.path / "evals" / "gates.toml").write_text(f"[embedded.{corpus}.tuned]\n{gate}")
    result = tickets.runpytest_inprocess("evals")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*gates.toml: [[]embedded.{corpus}[]]: unknown corpus; known here: tickets"])


@pytest.mark.parametrize("change", ["a word", "a conftest", "code", "an option"])
def test_what_a_verdict_rests_on_is_seen_by_who_checks_the_artifact(
    tickets: pytest.Pytester, capsys: pytest.CaptureFixture[str], change: str
) -> None:
    (tickets.path / "evals" / "gates.toml").write_text(
        '[embedded.tickets.labels]\nmax_error_rate = { limit = 0, reason = "r" }\n'
    )
    assert tickets.runpytest_inprocess("evals", "--record-mode", "once").ret == 0
    assert tickets.runpytest_inprocess("evals").ret == 0
    assert main(["gates"]) == 0
    file = {
        "a word": "data/tickets.csv",
        "a conftest": "conftest.py",
        "code": "evals/deep/helper.py",
        "an option": "evals/services.toml",
    }[change]
    path = tickets.path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(path.read_text().replace("hurrah number 7", "hurrah number 8") if path.exists() else "# new\n")
    capsys.readouterr()
    assert main(["gates"]) == 1
    assert f"{file} (" in capsys.readouterr().out
