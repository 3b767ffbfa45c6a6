"""Numbers on a command line."""

from __future__ import annotations

import argparse


def positive(text: str) -> int:
    """A whole number from 1; for the ``type`` of an option."""
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, got {text!r}")
    return int(text)
