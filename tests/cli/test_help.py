"""`newsgauge --help` shows each command once, under what it is for."""

from __future__ import annotations

import re

from newsgauge.cli.main import make_parser


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


def test_the_help_of_one_command_shows_that_command_alone() -> None:
    shown = make_parser("init").format_help()
    assert "init" in shown
    assert "compare" not in shown.partition("commands:\n")[2]
