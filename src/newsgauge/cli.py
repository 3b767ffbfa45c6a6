"""The ``newsgauge`` command. Thin: reads options, calls one function, turns `NewsgaugeError` into one line."""

from __future__ import annotations

import argparse
import ipaddress
import sys

from . import __version__
from .errors import NewsgaugeError
from .planning_cli import add_power_command
from .report_cli import add_report_commands


def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit status: 0, 2 for a usage error, 1 for anything else that went wrong."""
    parser = argparse.ArgumentParser(
        prog="newsgauge",
        description="How well Gemini model variants name the newsgroup a post came from. Evaluations themselves are "
        "pytest runs: 'pytest evals'.",
    )
    parser.add_argument("--version", action="version", version=f"newsgauge {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serve = commands.add_parser("serve", help="run the embedded backend, a small Gemini-compatible server")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    serve.add_argument("--port", type=int, default=8642, help="port to listen on; 0: any free (default: %(default)s)")
    add_power_command(commands)
    add_report_commands(commands)
    options = parser.parse_args(argv)
    if options.command != "serve":
        return int(options.handler(options))
    try:
        return _serve(options.host, options.port)
    except NewsgaugeError as error:
        print(f"newsgauge: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _serve(host: str, port: int) -> int:
    from .endpoint.server import serve  # the web server is not needed for --help

    if not _is_loopback(host):
        print(
            f"newsgauge: warning: {host} can be reached from other machines, and this server asks for no key",
            file=sys.stderr,
        )
    serve(host, port)
    return 0


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
