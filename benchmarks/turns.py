"""Lets two runs of pytest take turns: a plugin for `processes.in_turns`. One waits while the other works.

A turn is the start, a slice of tests, or the end. So whatever slows the machine for longer than a slice slows both.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

_TESTS_IN_A_TURN = 20
_MINE, _OTHERS = map(int, os.environ["TURNS"].split(","))
_started = 0

os.read(_MINE, 1)


def pytest_runtest_protocol(item: Any) -> None:
    """After a slice of tests, let the other go on."""
    global _started
    _started += 1
    if _started % _TESTS_IN_A_TURN == 0:
        with suppress(BrokenPipeError):  # the other has ended
            os.write(_OTHERS, b".")
        os.read(_MINE, 1)
