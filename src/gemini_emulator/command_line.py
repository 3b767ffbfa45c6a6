"""The command line: options in, a server in the foreground. Imports the web server only when one is started."""

from __future__ import annotations

import argparse
import ipaddress
import sys
from pathlib import Path
from typing import NoReturn

from .errors import EmulatorError, OptionError
from .wire.keys import without_keys

DESCRIPTION = "Speak the Gemini REST API on this machine, without key or network. Answers come from a small model."


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options: where to listen, what to keep, which key to accept, which faults to make."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8642, help="port to listen on; 0: any free (default: %(default)s)")
    parser.add_argument(
        "--state",
        type=Path,
        metavar="DIR",
        help="keep tuned models, jobs and uploads here (default: in memory, until the server stops)",
    )
    parser.add_argument("--api-key", metavar="KEY", help="let in only calls with this key (default: any key or none)")
    parser.add_argument(
        "--faults", type=Path, metavar="FILE", help="TOML file of faults to answer with (default: none)"
    )
    parser.add_argument(
        "--rpm", type=_positive, metavar="N", help="calls of a model let through in any minute (default: all)"
    )


def run(options: argparse.Namespace, *, program: str) -> None:
    """Serve until SIGTERM or Ctrl-C. Raises `EmulatorError`."""
    from .app import Options
    from .faults.fault_file import load_faults
    from .server import ServeOptions, serve

    if not _is_loopback(options.host):
        asks = "asks for no key" if options.api_key is None else "speaks plain HTTP"
        print(
            f"{program}: warning: {options.host} can be reached from other machines, and this server {asks}",
            file=sys.stderr,
        )
    faults = None if options.faults is None else load_faults(options.faults)
    app = Options(api_key=options.api_key, rpm=options.rpm, faults=faults)
    serve(options.host, options.port, ServeOptions(state=options.state, app=app))


def main(argv: list[str] | None = None) -> int:
    """``python -m gemini_emulator``; returns the exit status: 0, 2 for a wrong option, 1 for a failed start."""
    program = "gemini_emulator"
    parser = _Parser(prog=f"python -m {program}", description=DESCRIPTION)
    add_options(parser)
    options = parser.parse_args(argv)
    try:
        run(options, program=program)
    except ModuleNotFoundError as error:
        print(
            f"{program}: needs {error.name}, which is not installed: pip install 'newsgauge[embedded]'", file=sys.stderr
        )
        return 1
    except EmulatorError as error:
        print(f"{program}: {without_keys(str(error))}", file=sys.stderr)
        return 2 if isinstance(error, OptionError) else 1
    except KeyboardInterrupt:
        return 130
    return 0


class _Parser(argparse.ArgumentParser):
    """Quotes no key that stands where an option was expected."""

    def error(self, message: str) -> NoReturn:
        """The message of a usage error."""
        super().error(without_keys(message))


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, got {text!r}")
    return int(text)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
