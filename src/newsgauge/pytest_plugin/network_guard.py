"""Hooks that keep a replay off the network, from before the first conftest.py is imported to the end of the process.

Tests of other folders in the same session are not part of the replay: while one runs or is imported, the block is
lifted for its thread.
"""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from ..cassettes.blocked_attempts import take_attempts
from ..cassettes.network_block import attempts_fail, end_block, lifted, start_block
from ..client.clients import import_sdk
from ..errors import UsageError
from .options import evals_folder

#: The name of the plugin that keeps a replay off the network.
NETWORK_GUARD = "newsgauge-network-guard"
_OWNS_PROCESS: pytest.StashKey[bool] = pytest.StashKey()


def _package_of(plugin: object) -> str:
    """The top-level package of a plugin that was named with ``-p`` and is installed; '' for any other."""
    file = getattr(plugin, "__file__", None) or ""
    installed = {"site-packages", "dist-packages"} & set(Path(file).parts)
    return str(getattr(plugin, "__name__", "")).partition(".")[0] if installed else ""


class NetworkGuard:
    """The hooks of each process of a run that replays. Registered before any conftest.py is imported."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._evals = evals_folder(config).resolve()
        self._known: dict[Path, bool] = {}
        self._left = ""
        self._is_on = True
        self._owns_process = owns_process(config)
        dists = config.pluginmanager.list_plugin_distinfo()
        plugins = {plugin.__name__.partition(".")[0] for plugin, _ in dists if hasattr(plugin, "__name__")}
        plugins |= {_package_of(plugin) for plugin in config.pluginmanager.get_plugins()} - {""}
        start_block(allowed=config.getini("newsgauge_allow_hosts"), plugins=plugins)
        config.add_cleanup(self._end)  # after all hooks of all plugins, whatever happens until then

    def check_conftests(self) -> None:
        """Raise `UsageError` for attempts of a conftest.py at its import, even if it caught the refusal."""
        attempts = take_attempts()
        if attempts:
            raise pytest.UsageError(f"newsgauge: a conftest.py, when it was imported: {attempts}")

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        """Import the SDK without the block, because its imports may start programs to find libraries."""
        option = self._config.option
        is_controller = getattr(option, "dist", "no") != "no" and not hasattr(self._config, "workerinput")
        if not option.collectonly and not is_controller:
            with lifted():
                import_sdk()

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Make sure that no file of the evals folder reaches a network at its import, or hides the refusal."""
        if not self._is_meant(collector.path) and collector.path.resolve() not in self._evals.parents:
            with lifted():
                return (yield)
        report = yield
        attempts = take_attempts()
        if attempts and report.passed:
            report.outcome = "failed"
            report.longrepr = f"{collector.nodeid}, when it was imported: {attempts}"
        return report

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Lift the block for tests of other folders."""
        if self._is_meant(item.path):
            return (yield)
        with lifted():
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Iterator[None]:
        """A fixture that tried to leave the machine fails its test."""
        with self._failing(item):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        """A test that tried to leave the machine fails, even if its code caught the refusal."""
        with self._failing(item):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Iterator[None]:
        """Attempts in a fixture's teardown count too."""
        with self._failing(item):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        """Attempts of a thread after the last test make the run red."""
        done = yield
        self._left = take_attempts()
        return done

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Make the run red if an attempt belongs to no test."""
        if self._left and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name attempts outside of any test."""
        if self._left:
            terminalreporter.write_line(f"newsgauge: red: after the last test: {self._left}", red=True, bold=True)
        later = take_attempts()
        if later:
            terminalreporter.write_line(f"newsgauge: refused at the end of the run: {later}")

    def _failing(self, item: pytest.Item) -> AbstractContextManager[None]:
        return attempts_fail if self._is_meant(item.path) else nullcontext()

    def _is_meant(self, path: Path) -> bool:
        # Asked four times a test, and there are few files.
        known = self._known.get(path)
        if known is None:
            known = self._known[path] = path.resolve().is_relative_to(self._evals)
        return known

    def stop(self) -> None:
        """End the block: the run turned out to be no replay."""
        self._config.pluginmanager.unregister(self)
        if self._is_on:
            self._is_on = False
            end_block()

    def _end(self) -> None:
        # A process that ends now has handlers, threads and objects of the evals left to end.
        if self._is_on and not self._owns_process:
            self._is_on = False
            end_block()


def guard_replay(config: pytest.Config, option: Any) -> NetworkGuard | None:
    """Block the network if this run of evals is a replay; called before any conftest.py is imported.

    ``option`` are the options as far as they are known by then.
    """
    if option.record_mode not in (None, "none"):
        return None
    if option.network_namespace:
        from ..cassettes.network_namespace import leave_network

        try:
            leave_network()
        except UsageError as error:
            raise pytest.UsageError(f"newsgauge: {error}") from None
    guard = NetworkGuard(config)
    config.pluginmanager.register(guard, NETWORK_GUARD)
    return guard


def owns_process(config: pytest.Config) -> bool:
    """Whether this process does nothing but run pytest: not if a program calls `pytest.main`.

    Decided by who asks first, before any conftest.py is imported.
    """
    if _OWNS_PROCESS not in config.stash:
        config.stash[_OWNS_PROCESS] = _is_called_by_pytest()
    return config.stash[_OWNS_PROCESS]


def _is_called_by_pytest() -> bool:
    frame = sys._getframe()
    while frame.f_back is not None and frame.f_code.co_name != "_prepareconfig":
        frame = frame.f_back
    while frame.f_back is not None and frame.f_globals.get("__name__") == "_pytest.config":
        if frame.f_code.co_name.endswith("console_main"):
            return True
        frame = frame.f_back
    return frame.f_globals.get("__name__") == "__channelexec__"  # a worker of pytest-xdist
