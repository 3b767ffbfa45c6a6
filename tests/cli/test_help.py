"""`newsgauge --help` shows each command once, under what it is for."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from newsgauge.cli.main import main, make_parser


def test_each_command_stands_once_under_what_it_is_for() -> None:
    shown = make_parser().format_help().partition("commands:\n")[2].strip("\n")
    blocks = {block.split("\n")[0].strip(): block for block in shown.split("\n\n")}
    listed = [name for block in blocks.values() for name in re.findall(r"^    ([a-z-]+)\b", block, re.MULTILINE)]
    commands = next(action for action in make_parser()._actions if action.dest == "command").choices
    assert commands is not None
    assert sorted(listed) == sorted(commands)
    assert "init" in blocks["start a project"]
    assert "compare" in blocks["read and compare runs"]
    assert "more" not in blocks


@pytest.mark.parametrize("word", ["nan", "inf", "-inf", "1e999", "ten", ""])
def test_no_option_that_takes_a_number_takes_what_is_none(word: str) -> None:
    readers = [
        action.type
        for command in make_parser()._subparsers._group_actions[0].choices.values()
        for action in command._actions
        if callable(action.type) and action.type not in (str, Path)
    ]
    assert len(readers) > 15
    for read in readers:
        with pytest.raises((argparse.ArgumentTypeError, ValueError)):
            read(word)


@pytest.mark.parametrize("price", ["nan", "inf", "-5", "0", "free"])
def test_a_price_that_is_none_is_refused_before_a_job_is_looked_for(
    price: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["tune", "--backend", "vertex", "--max-cost", "1", f"--price={price}"])
    assert caught.value.code == 2
    assert f"argument --price: expected US dollars above 0, got '{price}'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["recrod"], "record"),
        (["cassettes", "chek"], "check"),
        (["record", "--backend", "gemni"], "gemini"),
        (["tune", "--preprocessing", "codelba"], "codelab"),
        (["init", "--ci", "GitHub"], "github"),
        (["record", "--record-mode", "newepisodes"], "new_episodes"),
        (["record", "--varaints", "tuned"], "--variants"),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_a_mistyped_command_choice_or_option_is_asked_about(
    words: list[str], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    assert capsys.readouterr().err.endswith(f"; did you mean {meant!r}?\n")


def test_the_help_of_one_command_shows_that_command_alone() -> None:
    shown = make_parser("init").format_help()
    assert "init" in shown
    assert "compare" not in shown.partition("commands:\n")[2]
