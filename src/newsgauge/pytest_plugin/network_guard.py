"""Hooks that keep a replay off the network: no test of the evals folder reaches any, none swallows the refusal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ..cassettes.network_block import attempts_fail, network_blocked
from ..client.clients import import_sdk


class Offline:
    """Registered where a run replays. ``evals`` is the folder whose tests are meant."""

    def __init__(self, evals: Path) -> None:
        self._evals = evals
        self._known: dict[Path, bool] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Import the SDK before the block is on: what it imports may start programs, to find libraries."""
        if any(self._is_meant(item) for item in session.items):
            import_sdk()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """In a replay no test of the evals folder reaches any network."""
        if not self._is_meant(item):
            return (yield)
        with network_blocked:
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Iterator[None]:
        """A fixture that tried to leave the machine fails its test."""
        if not self._is_meant(item):
            return (yield)
        with attempts_fail:
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        """A test that tried to leave the machine fails, also where its code took the refusal for an answer."""
        if not self._is_meant(item):
            return (yield)
        with attempts_fail:
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Iterator[None]:
        """What a fixture tries at its end counts too."""
        if not self._is_meant(item):
            return (yield)
        with attempts_fail:
            return (yield)

    def _is_meant(self, item: pytest.Item) -> bool:
        # Asked four times a test, and there are few files.
        known = self._known.get(item.path)
        if known is None:
            known = self._known[item.path] = item.path.is_relative_to(self._evals)
        return known
