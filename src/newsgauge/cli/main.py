"""The ``newsgauge`` command. Thin: reads options, calls one command's handler, shows `NewsgaugeError` as one line.

Each command is a module of `commands`; what a command needs is imported when it runs.
"""

from __future__ import annotations

import argparse
import sys

from .. import __version__
from ..errors import NewsgaugeError, UsageError
from .commands.cassettes import add_cassettes_command
from .commands.classify import add_classify_command
from .commands.doctor import add_doctor_command
from .commands.init import add_init_command
from .commands.merge import add_merge_command
from .commands.models import add_models_command
from .commands.power import add_power_command
from .commands.record import add_record_command
from .commands.report import add_report_commands
from .commands.serve import add_serve_command
from .commands.tune import add_tune_command


def make_parser() -> argparse.ArgumentParser:
    """The parser of all commands; what it parses has its handler as ``handler``."""
    parser = argparse.ArgumentParser(
        prog="newsgauge",
        description="How well Gemini model variants name the newsgroup a post came from. Evaluations themselves are "
        "pytest runs: 'pytest evals'.",
    )
    parser.add_argument("--version", action="version", version=f"newsgauge {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    add_init_command(commands)
    add_doctor_command(commands)
    add_serve_command(commands)
    add_models_command(commands)
    add_classify_command(commands)
    add_tune_command(commands)
    add_power_command(commands)
    add_cassettes_command(commands)
    add_record_command(commands)
    add_report_commands(commands)
    add_merge_command(commands)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit status: 0, 2 for a usage error, 1 for anything else that went wrong."""
    options = make_parser().parse_args(argv)
    options.argv = sys.argv[1:] if argv is None else argv  # for commands that say how to come back
    try:
        return int(options.handler(options))
    except NewsgaugeError as error:
        print(f"newsgauge: {error}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
