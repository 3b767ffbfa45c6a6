"""Hides secrets in all that this process prints or logs: its standard streams and the records of `logging`.

The streams and handlers stay the objects that they are; only what goes through them changes. What is written to a file
descriptor past them (C code, `os.write`) is not seen.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Any, TextIO

from .secrets import hide_secrets


def redact_output() -> Callable[[], None]:
    """Begin; what is returned undoes it."""
    streams = {id(stream): stream for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__) if stream}
    undo = [_redact_stream(stream) for stream in streams.values()]
    undo.append(_redact_logging())

    def end() -> None:
        for one in reversed(undo):
            one()

    return end


def _redact_stream(stream: TextIO) -> Callable[[], None]:
    original = stream.write

    def write(text: str) -> int:
        return original(hide_secrets(text) if isinstance(text, str) else text)

    try:
        stream.write = write  # type: ignore[method-assign]
    except AttributeError:  # a stream of somebody's own, with slots
        return lambda: None

    def end() -> None:
        if stream.__dict__.get("write") is write:
            del stream.write

    return end


def _redact_logging() -> Callable[[], None]:
    original = logging.Handler.format

    def format(self: logging.Handler, record: logging.LogRecord) -> Any:
        text = original(self, record)
        return hide_secrets(text) if isinstance(text, str) else text

    logging.Handler.format = format  # type: ignore[method-assign]

    def end() -> None:
        if logging.Handler.format is format:
            logging.Handler.format = original  # type: ignore[method-assign]

    return end
