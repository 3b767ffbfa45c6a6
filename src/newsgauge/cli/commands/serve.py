"""``newsgauge serve``: the embedded backend in the foreground."""

from __future__ import annotations

import argparse
import ipaddress
import sys
from pathlib import Path

from .training_options import positive


def add_serve_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``serve`` and its options."""
    serve = commands.add_parser("serve", help="run the embedded backend, a small Gemini-compatible server")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    serve.add_argument("--port", type=int, default=8642, help="port to listen on; 0: any free (default: %(default)s)")
    serve.add_argument(
        "--state",
        type=Path,
        metavar="DIR",
        help="keep tuned models, jobs and uploads here (default: in memory, until the server stops)",
    )
    serve.add_argument("--api-key", metavar="KEY", help="let in only calls with this key (default: any key or none)")
    serve.add_argument("--faults", type=Path, metavar="FILE", help="TOML file of faults to answer with (default: none)")
    serve.add_argument(
        "--rpm", type=positive, metavar="N", help="calls of a model let through in any minute (default: all)"
    )
    serve.set_defaults(handler=_serve)


def _serve(options: argparse.Namespace) -> int:
    # The web server is not needed for --help.
    from gemini_emulator.app import Options
    from gemini_emulator.faults.fault_file import load_faults
    from gemini_emulator.server import ServeOptions, serve

    if not _is_loopback(options.host):
        asks = "asks for no key" if options.api_key is None else "speaks plain HTTP"
        print(
            f"newsgauge: warning: {options.host} can be reached from other machines, and this server {asks}",
            file=sys.stderr,
        )
    app_options = Options(
        api_key=options.api_key,
        rpm=options.rpm,
        faults=None if options.faults is None else load_faults(options.faults),
    )
    serve(options.host, options.port, ServeOptions(state=options.state, app=app_options))
    return 0


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
