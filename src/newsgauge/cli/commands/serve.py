"""``newsgauge serve``: the embedded backend in the foreground, the same as ``python -m gemini_emulator``."""

from __future__ import annotations

import argparse

from gemini_emulator import command_line

from ...client.embedded import our_errors


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of ``newsgauge serve``."""
    command_line.add_options(parser)


def handle(options: argparse.Namespace) -> int:
    """Serve until interrupted."""
    with our_errors():
        command_line.run(options, program="newsgauge")
    return 0
