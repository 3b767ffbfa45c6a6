"""Lets two runs of pytest take turns: a plugin for `processes.in_turns`. One waits while the other works.

A turn is the start, a slice of tests, or the end. So whatever slows the machine for longer than a slice slows both.
Both run on one core, as cores may differ. The start is left out of what is measured: before it collects its tests, a
run says how much CPU time it took so far.
"""

from __future__ import annotations

import os
import struct
import time
from contextlib import suppress
from typing import Any

import pytest

_TESTS_IN_A_TURN = 20
_MINE, _OTHERS, _START = map(int, os.environ["TURNS"].split(","))
_started = 0

if hasattr(os, "sched_setaffinity"):  # on Linux
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
os.read(_MINE, 1)


@pytest.hookimpl(tryfirst=True)
def pytest_collection() -> None:
    """From here on CPU time counts."""
    os.write(_START, struct.pack("d", time.process_time()))


def pytest_runtest_protocol(item: Any) -> None:
    """After a slice of tests, let the other go on."""
    global _started
    _started += 1
    if _started % _TESTS_IN_A_TURN == 0:
        with suppress(BrokenPipeError):  # the other has ended
            os.write(_OTHERS, b".")
        os.read(_MINE, 1)
