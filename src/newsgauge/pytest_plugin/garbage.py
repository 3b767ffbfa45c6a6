"""Spares a run most of the search for garbage: what it makes, above all items and reports, it keeps to its end."""

from __future__ import annotations

import gc

import pytest

from .network_guard import owns_process

#: New objects between two searches, and between two that go through all objects.
_EVERY, _NEVER = 5_000, 1_000_000
#: pytest searches as often at its end, for what is only found once other garbage has gone.
_SEARCHES_AT_END = 5


def search_rarely(config: pytest.Config) -> None:
    """Search only new objects from now on, until pytest ends."""
    usual = gc.get_threshold()
    gc.set_threshold(_EVERY, usual[1], _NEVER)
    config.add_cleanup(lambda: gc.set_threshold(*usual))


def search_last(config: pytest.Config) -> None:
    """Search all objects until there is no more garbage; pytest and Python, which will do it again, then find few.

    Not if a program has called pytest, because its objects live on.
    """
    if not owns_process(config):
        return
    for _ in range(_SEARCHES_AT_END):
        if not gc.collect():
            break
    gc.freeze()
