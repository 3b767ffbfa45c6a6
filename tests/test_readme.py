"""The README promises two commands, which CI runs. What else it shows is tried by test_docs.py."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

from newsgauge.variants.variants_file import load_variants

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def commands() -> dict[str, str]:
    return dict(re.findall(r"<!-- command: (\w+) -->\n```sh\n(.+?)\n```", README, re.DOTALL))


def test_there_are_exactly_two_commands_of_one_line() -> None:
    assert commands().keys() == {"evals", "tests"}
    for command in commands().values():
        assert "\n" not in command
        assert command.startswith("python3 -m venv .venv && . .venv/bin/activate && pip install ")
    assert commands()["evals"].endswith("&& pytest evals")
    assert commands()["tests"].endswith("&& pytest -n 2")


def test_what_the_commands_install_exists() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    for command in commands().values():
        words = shlex.split(command)
        assert (ROOT / words[words.index("-c") + 1]).is_file()
        assert all(extra in extras for extra in re.findall(r"\.\[(\w+)\]", command))


def test_the_shown_scoreboard_is_that_of_the_committed_variants() -> None:
    shown = re.findall(r"^(\S+)\s+80\s", README, re.MULTILINE)
    assert shown == list(load_variants(ROOT / "evals" / "variants.toml"))


def test_ci_runs_the_test_command() -> None:
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    assert "command: tests" in script
    assert 'eval "$command"' in script
