"""A command that the tool prints works as printed: in a project made by init, and in the checkout."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from newsgauge.cli.main import main
from tests.plugin.fake_service import FakeService
from tests.quick_python import program
from tests.test_docs import why_refused

ROOT = Path(__file__).resolve().parents[1]
_COMMAND = r"(?:newsgauge (?!:|COMMAND)|pytest evals)[^'\n.;]*"
_QUOTED = re.compile(rf"'({_COMMAND})'")
#: The words with which messages announce a command; a text in quotes is part of it.
_ANNOUNCED = re.compile(
    rf"(?:Run|Come back|Get one|Get it|Look at it|Evaluate it|Ask it|in full): +({_COMMAND}(?:'[^']*')?)"
)
_PRINTED = re.compile(r"(?:^\s*|: +)((?:GEMINI_API_KEY=\S+ )?(?:newsgauge [a-z]|pytest evals)[^\n]*)$", re.MULTILINE)


def texts() -> Iterator[str]:
    """Every text of the sources, with a 7 for each value in it, and nothing for options that are added to a word."""
    for path in (ROOT / "src").rglob("*.py"):
        waiting: list[ast.AST] = [ast.parse(path.read_text("utf-8"))]
        while waiting:
            node = waiting.pop()
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
            elif isinstance(node, ast.JoinedStr):
                parts = "".join(str(part.value) if isinstance(part, ast.Constant) else "\0" for part in node.values)
                yield re.sub("--backend \0", "--backend vertex", re.sub(r"(?<=\w)\0+", "", parts)).replace("\0", "7")
            else:
                waiting += ast.iter_child_nodes(node)


def announced() -> list[str]:
    found = {command for text in texts() for command in _QUOTED.findall(text) + _ANNOUNCED.findall(text)}
    return sorted({command.split(", or")[0].split(", ")[0].strip() for command in found})


def test_commands_are_found() -> None:
    assert len(announced()) > 10
    assert "newsgauge cassettes finalize" in announced()


@pytest.mark.parametrize("command", announced())
def test_a_command_in_a_message_is_one_that_the_parsers_take(
    command: str, pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str]
) -> None:
    words = shlex.split(command)
    assert why_refused(words, pytestconfig, capsys) is None


class Project:
    """A folder in which commands are run as a user's shell runs them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        here = (Path(program("newsgauge")).parent, Path(sys.executable).parent, os.environ["PATH"])
        path = os.pathsep.join(map(str, here))
        dropped = ("PYTEST", "GEMINI", "GOOGLE", "CI")
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith(dropped)}
        self.environment |= {"PATH": path, "COLUMNS": "300"}

    def run(self, command: str, *, status: tuple[int, ...] = (0,)) -> str:
        done = subprocess.run(
            ["bash", "-c", command], cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode in status, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def printed(self, command: str, *, status: tuple[int, ...] = (0,)) -> list[str]:
        """The commands that a command prints."""
        return list(dict.fromkeys(_PRINTED.findall(self.run(command, status=status))))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, str]:
    """A project that init made of a table with uneven labels, columns of other names and a blank in its path."""
    folder = tmp_path_factory.mktemp("a project")
    rows = [
        {"body": f"{label} text number {n} about {label}", "team": label}
        for label, size in (("billing", 30), ("log in", 14), ("other", 8))
        for n in range(size)
    ]
    (folder / "my data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    project = Project(folder)
    said = project.run("newsgauge init --data 'my data.jsonl'")
    return project, said


@pytest.mark.slow
def test_the_next_steps_of_init_run(made: tuple[Project, str]) -> None:
    project, said = made
    commands = [command for command in _PRINTED.findall(said) if "GEMINI_API_KEY" in command]
    assert commands
    for command in commands:  # it would be paid for: as far as it gets without asking
        assert "tests collected" in project.run(f"{command} --collect-only -q")


@pytest.mark.slow
def test_what_tune_prints_runs(made: tuple[Project, str]) -> None:
    project, _ = made
    commands = project.printed("newsgauge tune")
    assert [command.split()[0] for command in commands] == ["pytest", "newsgauge"]
    # The same corpus named in full is the same corpus.
    commands += project.printed("newsgauge tune --corpus 'my data.jsonl' --columns text=body,label=team,split=auto")
    for command in dict.fromkeys(commands):
        project.run(command)


@pytest.mark.slow
def test_the_command_of_a_stale_message_makes_it_green(made: tuple[Project, str]) -> None:
    project, _ = made
    variants = project.folder / "evals" / "variants.toml"
    before = variants.read_text()
    try:
        variants.write_text(before.replace("Which label fits", "Which one fits"))
        (command, *_) = project.printed("pytest evals --variants zero-shot -q", status=(1,))
        assert "--record-mode new_episodes" in command
        project.run(f"{command} --update-baseline")
        project.run("pytest evals --variants zero-shot")
    finally:
        variants.write_text(before)
        project.run("pytest evals --variants zero-shot --record-mode new_episodes --update-baseline")


@pytest.mark.slow
@pytest.mark.parametrize(("workflow", "job"), [("github.yml", "replay"), ("gitlab.yml", "replay")])
def test_the_steps_of_the_workflow_gate_every_recorded_plan(made: tuple[Project, str], workflow: str, job: str) -> None:
    """What a service in the place of Gemini answered is gated as what the embedded backend did."""
    project, _ = made
    text = (ROOT / "src" / "newsgauge" / "cli" / "templates" / workflow).read_text("utf-8")
    found = yaml.safe_load(text)
    steps = found["jobs"][job]["steps"] if "jobs" in found else [{"run": step} for step in found[job]["script"]]
    scripts = [step["run"] for step in steps if "newsgauge cassettes plans" in step.get("run", "")]
    assert len(scripts) == 1
    plan = "pytest evals --backend gemini --posts-per-class 2 --sample-seed 3 --variants labels"
    key = "GEMINI_API_KEY=any GOOGLE_GEMINI_BASE_URL"
    plans = project.folder / "cassettes" / "PLANS.toml"
    before = plans.read_text()
    with FakeService() as service:
        service.changed = lambda body, answer: json.loads(json.dumps(answer).replace("sci.med", named(body)))
        project.run(f"{key}={service.url} {plan} --record-mode once --update-baseline --no-report")
        script = f"set -e\n{scripts[0]}"
        said = project.run(script)
        assert "+ pytest evals\n" in said
        assert f"+ {plan}\n" in said
        service.changed = lambda body, answer: json.loads(json.dumps(answer).replace("sci.med", "other"))
        record = plan.replace("pytest evals", "newsgauge record")
        project.run(f"{key}={service.url} {record} --record-mode all --yes")
    said = project.run(script, status=(1,))
    assert "FAIL  labels: accuracy 33.3% of 6" in said  # a third of the texts are 'other'
    assert "newsgauge: GREEN: 8 of 8 gates passed" in said  # the embedded backend's are as they were
    assert "RED" in (project.folder / ".newsgauge/results/2/summary.md").read_text()
    shutil.rmtree(project.folder / "cassettes" / "gemini")
    plans.write_text(before)


def named(body: str) -> str:
    """The label that a text of `made` names."""
    text = json.loads(body)["contents"][0]["parts"][0]["text"]
    return next(label for label in ("billing", "log in", "other") if label in text)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["newsgauge doctor", "newsgauge cassettes check", "newsgauge record"])
def test_what_other_commands_print_runs(made: tuple[Project, str], command: str) -> None:
    project, _ = made
    for printed in project.printed(command):
        project.run(f"{printed} --collect-only" if printed.startswith("pytest") else printed)


@pytest.mark.slow
def test_classify_needs_no_tune_before_it_on_the_embedded_backend(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("evals", "fixtures"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", ".hypothesis"))
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        assert main(["classify", "The shuttle reached orbit"]) == 0
        said = capfd.readouterr()
        assert said.out.startswith("sci.space")
    assert "training on" not in said.err  # the second time it is there


def test_classify_says_how_to_get_a_model_where_training_is_paid_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("evals", "fixtures"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", ".hypothesis"))
    monkeypatch.chdir(tmp_path)
    assert main(["classify", "x", "--backend", "vertex"]) == 2
    assert "Get one: newsgauge tune --backend vertex --bucket gs://BUCKET" in capsys.readouterr().err
    words = ["classify", "a text", "--backend", "gemini", "--base-url", "http://127.0.0.1:9"]
    assert main(words) == 2
    printed = "newsgauge classify --backend gemini --base-url http://127.0.0.1:9 --variant bare 'a text'"
    assert printed in capsys.readouterr().err
