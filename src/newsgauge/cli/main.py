"""The ``newsgauge`` command. Thin: reads options, calls one command's handler, shows `NewsgaugeError` as one line.

Each command is a module of `commands`, imported when it is the one that runs.
"""

from __future__ import annotations

import argparse
import os
import sys
from functools import partial
from importlib import import_module

from .. import __version__
from .._util.secrets import redact_output
from ..errors import NewsgaugeError, UsageError

#: Each command: the module of `commands` that adds it, and by which function.
_COMMANDS = {
    "init": ("init", "add_init_command"),
    "doctor": ("doctor", "add_doctor_command"),
    "serve": ("serve", "add_serve_command"),
    "models": ("models", "add_models_command"),
    "classify": ("classify", "add_classify_command"),
    "tune": ("tune", "add_tune_command"),
    "power": ("power", "add_power_command"),
    "cassettes": ("cassettes", "add_cassettes_command"),
    "record": ("record", "add_record_command"),
    "report": ("report", "add_report_commands"),
    "compare": ("report", "add_report_commands"),
    "same": ("same", "add_same_command"),
    "confirm": ("confirm", "add_confirm_command"),
    "bisect": ("bisect", "add_bisect_command"),
    "history": ("history", "add_history_command"),
    "merge": ("merge", "add_merge_command"),
    "threshold": ("threshold", "add_threshold_command"),
    "score": ("score", "add_score_command"),
    "gates": ("gates", "add_gates_command"),
    "baseline": ("baseline", "add_baseline_command"),
    "export": ("export", "add_export_command"),
}
#: What --help shows together: what one wants, and the commands for it. Others come last.
_WISHES = {
    "start a project": ("init", "doctor"),
    "record answers": ("record", "models", "cassettes"),
    "plan and judge": ("power", "gates", "confirm", "score", "threshold", "merge", "baseline"),
    "read and compare runs": ("report", "compare", "same", "history", "bisect", "export"),
    "tune and try a model": ("tune", "classify", "serve"),
}


class _ByWish(argparse.HelpFormatter):
    """Help whose commands stand under what they are for."""

    def _format_action(self, action: argparse.Action) -> str:
        if not isinstance(action, argparse._SubParsersAction):
            return super()._format_action(action)
        left = {one.dest: one for one in action._choices_actions}
        shown = []
        self._indent()
        for wish, names in [*_WISHES.items(), ("more", tuple(left))]:
            found = [left.pop(name) for name in names if name in left]
            if found:
                shown += [f"\n  {wish}\n", *map(super()._format_action, found)]
        self._dedent()
        return "".join(shown)


def make_parser(command: str | None = None) -> argparse.ArgumentParser:
    """The parser of all commands, or of one of them; what it parses has its handler as ``handler``."""
    parser = argparse.ArgumentParser(
        prog="newsgauge",
        description="Evaluate how well models classify texts. An evaluation is a pytest run: 'pytest evals'. These "
        "commands start a project, record, judge and compare.",
        epilog="'newsgauge COMMAND --help' shows the options of one.",
        formatter_class=partial(_ByWish, max_help_position=16),
    )
    parser.add_argument("--version", action="version", version=f"newsgauge {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", title="commands")
    wanted = [_COMMANDS[command]] if command in _COMMANDS else _COMMANDS.values()
    for module, add in dict.fromkeys(wanted):
        getattr(import_module(f".commands.{module}", __package__), add)(commands)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit status: 0, 2 for a usage error, 1 for anything else that went wrong."""
    end = redact_output()
    if argv is None:  # the program itself: also what Python says at its end
        return _run(sys.argv[1:])
    try:
        return _run(argv)
    finally:
        end()


def _run(argv: list[str]) -> int:
    options = make_parser(argv[0] if argv else None).parse_args(argv)  # the modules of other commands stay unread
    options.argv = argv  # for commands that say how to come back
    try:
        status = int(options.handler(options))
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        # Who reads has enough, as `head` does. What is left in the buffer must not complain when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (NewsgaugeError, OSError) as error:
        print(f"newsgauge: {_unusable(error) if isinstance(error, OSError) else error}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    except KeyboardInterrupt:
        return 130


def _unusable(error: OSError) -> str:
    """A line for a file that cannot be read or written, of whatever command."""
    if error.filename is None:
        return str(error)
    advice = "; make the file and its folder writable, or work on a copy" if isinstance(error, PermissionError) else ""
    return f"{os.fsdecode(error.filename)}: {error.strerror}{advice}"


if __name__ == "__main__":
    sys.exit(main())
