"""A project says once what it asks about: the ini values of a corpus of its own."""

from __future__ import annotations

import pytest

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
