"""The ``newsgauge`` command. Thin: reads options, calls one command's handler, shows `NewsgaugeError` as one line.

Each command is a module of `commands`, imported when it is the one that runs.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from .. import __version__
from .._util.secrets import redact_output
from .._util.wording import did_you_mean
from ..errors import NewsgaugeError, UsageError

#: The commands by purpose; each is a module of `commands` with that name, with `add_options` and `handle`.
_COMMANDS = {
    "start a project": {
        "init": "write evals for your texts and labels",
        "doctor": "what is installed and visible here, and what would work",
    },
    "record answers": {
        "record": "record a whole plan, with many calls at once",
        "models": "list the models of a backend; * marks those that can be tuned",
        "cassettes": "check, show and tidy up recordings",
    },
    "plan and judge": {
        "power": "how many texts it takes to see a difference, and how often gates pass",
        "gates": "check that the last run of this checkout was complete and green",
        "confirm": "hold a variant that was chosen on a sample against fresh texts",
        "score": "score predictions that were made elsewhere",
        "threshold": "find the confidence above which answers are right as often as asked, with a certified bound",
        "merge": "join the results of shards and decide the gates on the whole",
        "baseline": "merge the baselines of two branches",
    },
    "read and compare runs": {
        "report": "write report.html and summary.md of a finished run again",
        "compare": "compare two finished runs text by text, the second against the first",
        "same": "did the model change? compare two recordings of the same prompts, given how answers vary",
        "history": "show from git how each variant's accuracy, cost and limits changed",
        "bisect": "find which lines and settings of a changed prompt moved its score",
        "export": "log a finished run to an MLflow server",
    },
    "tune and try a model": {
        "tune": "tune the model of a variant, or find the one already tuned",
        "classify": "ask a variant for the label of one text",
        "serve": "run the embedded backend, a small Gemini-compatible server",
    },
}


class _ByWish(argparse.HelpFormatter):
    """Help that groups commands by purpose."""

    def _format_action(self, action: argparse.Action) -> str:
        if not isinstance(action, argparse._SubParsersAction):
            return super()._format_action(action)
        shown = []
        self._indent()
        for wish, names in _COMMANDS.items():
            if found := [one for one in action._choices_actions if one.dest in names]:
                shown += [f"\n  {wish}\n", *map(super()._format_action, found)]
        self._dedent()
        return "".join(shown)


_NO_CHOICE = re.compile(r"invalid choice: (['\"])(?P<word>.*?)\1 \(choose from (?P<known>.*)\)")
_NO_OPTION = re.compile(r"unrecognized arguments: (?P<word>--[^\s=]+)")


class _Parser(argparse.ArgumentParser):
    """Asks which command, word or option was meant."""

    def error(self, message: str) -> NoReturn:
        """The message of a usage error."""
        found = _NO_CHOICE.search(message)
        known = [word.strip(" '\"") for word in found["known"].split(",")] if found else ()
        if (unknown := _NO_OPTION.search(message)) and self._subparsers:  # said by the parser of all commands
            commands: Any = self._subparsers._group_actions[0].choices
            found, known = unknown, [name for one in commands.values() for name in one._option_string_actions]
        super().error(message + (did_you_mean(found["word"], known) if found else ""))


def make_parser(command: str | None = None) -> argparse.ArgumentParser:
    """The parser of all commands, or of one of them; what it parses has its handler as ``handler``.

    For a word that is not a command, such as ``--help``: all commands, without their options.
    """
    parser = _Parser(
        prog="newsgauge",
        description="Evaluate how well models classify texts. An evaluation is a pytest run: 'pytest evals'. These "
        "commands start a project, record, judge and compare.",
        epilog="'newsgauge COMMAND --help' shows the options of one.",
        formatter_class=partial(_ByWish, max_help_position=16),
    )
    parser.add_argument("--version", action="version", version=f"newsgauge {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", title="commands")
    helps = {name: text for group in _COMMANDS.values() for name, text in group.items()}
    for name in [command] if command in helps else helps:
        one = commands.add_parser(name, help=helps[name])
        if command is None or command == name:
            module = import_module(f".commands.{name}", __package__)
            module.add_options(one)
            one.set_defaults(handler=module.handle)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit status: 0, 2 for a usage error, 1 for anything else that went wrong."""
    end = redact_output(sys.argv if argv is None else argv)
    if argv is None:  # the program itself: also what Python says at its end
        return _run(sys.argv[1:])
    try:
        return _run(argv)
    finally:
        end()


def _run(argv: list[str]) -> int:
    try:
        options = make_parser(argv[0] if argv else "").parse_args(argv)  # the modules of other commands stay unread
    except SystemExit as end:
        if end.code:
            _forget_verdict(argv)
        raise
    options.argv = argv  # for commands that say how to come back
    try:
        status = int(options.handler(options))
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        # The reader closed the pipe, as `head` does. The rest of the buffer must not cause an error when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (NewsgaugeError, OSError) as error:
        print(f"newsgauge: {_unusable(error) if isinstance(error, OSError) else error}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    except KeyboardInterrupt:
        return 130


def _forget_verdict(argv: list[str]) -> None:
    """A command line that was refused leaves no older verdict in the folder that it was to write one into."""
    command = next((word for word in argv if not word.startswith("-")), "")
    if command not in ("merge", "score"):
        return
    from .commands.deciding import clear_refused

    parser = argparse.ArgumentParser(add_help=False, exit_on_error=False)
    parser.add_argument("--results", default=import_module(f".commands.{command}", __package__).RESULTS)
    with suppress(argparse.ArgumentError, UsageError):
        clear_refused(Path(parser.parse_known_args(argv)[0].results))


def _unusable(error: OSError) -> str:
    """One line for a file that cannot be read or written, for any command."""
    if error.filename is None:
        return str(error)
    from .._util.files import why_unwritable

    return f"{os.fsdecode(error.filename)}: {why_unwritable(error)}"


if __name__ == "__main__":
    sys.exit(main())
