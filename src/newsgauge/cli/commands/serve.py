"""``newsgauge serve``: the embedded backend in the foreground, the same as ``python -m gemini_emulator``."""

from __future__ import annotations

import argparse

from gemini_emulator import command_line

from ...client.embedded import our_errors


def add_serve_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``serve`` and its options."""
    serve = commands.add_parser("serve", help="run the embedded backend, a small Gemini-compatible server")
    command_line.add_options(serve)
    serve.set_defaults(handler=_serve)


def _serve(options: argparse.Namespace) -> int:
    with our_errors():
        command_line.run(options, program="newsgauge")
    return 0
