"""What pytest loads wherever newsgauge is installed: only the ini values, unless a project asks for more.

A project asks for more with ``variants.toml`` or ``gates.toml`` in ``evals/`` under its rootdir (if the other file is
missing, a run has to say so), or by naming a folder in the ini value ``newsgauge_evals``. Only then are the plugin's
options, fixtures and hooks there, so that an installed newsgauge costs another project's runs nothing and takes no
option names from them. Imports nothing but pytest.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

_PLUGIN = "newsgauge.pytest_plugin.plugin"
#: The entry point of `GUARD`: one of its own, so that ``-p no:newsgauge`` leaves it there.
_GUARD = "newsgauge-guard"


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """The ini values: known in every project, so that ``strict`` configurations may hold them."""
    add_ini(parser)
    add_guard(pluginmanager)


def add_ini(parser: pytest.Parser) -> None:
    """Ini values. An empty folder of evals stands for ``evals``, and asks for nothing."""
    parser.addini("newsgauge_evals", "folder of variants.toml, gates.toml and the eval files (evals)", default="")
    parser.addini("newsgauge_cassettes", "folder of the cassettes", default="cassettes")
    parser.addini(
        "newsgauge_corpus", "what is asked about without --corpus; a path from the rootdir (bundled)", default=""
    )
    parser.addini("newsgauge_backend", "who is asked without --backend (embedded)", default="")
    parser.addini("newsgauge_columns", "the --columns of newsgauge_corpus", default="")
    parser.addini("newsgauge_encoding", "the --encoding of newsgauge_corpus (utf-8)", default="")
    parser.addini("newsgauge_delimiter", "the --delimiter of newsgauge_corpus (comma)", default="")
    parser.addini("newsgauge_unit", "what messages and reports call a text, such as ticket", default="")
    parser.addini("newsgauge_posts_per_class", "the --posts-per-class of newsgauge_corpus (10)", default="")
    parser.addini("newsgauge_sample", "the --sample of newsgauge_corpus", default="")
    parser.addini("newsgauge_api_version", "the --api-version of recordings", default="")
    parser.addini(
        "newsgauge_allow_hosts", "hosts, addresses and sockets that a replay may reach (none)", type="args", default=()
    )
    parser.addini("newsgauge_max_cost", "the --max-cost of recordings, in US dollars", default="")
    parser.addini("newsgauge_bundled", "folder of the bundled corpus", default="fixtures/bundled")


def add_guard(plugins: pytest.PytestPluginManager) -> None:
    """Register the guard if its entry point was not loaded: plugins that are named by hand, older installations.

    With ``-p no:newsgauge-guard`` too: only without either plugin is there no guard.
    """
    if not plugins.is_registered(GUARD):
        plugins.register(GUARD, None if plugins.is_blocked(_GUARD) else _GUARD)


class ProcessGuard:
    """Runs first in a pytest process: loads the plugin, and marks an older verdict."""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_load_initial_conftests(
        self, early_config: pytest.Config, parser: pytest.Parser, args: list[str]
    ) -> Iterator[None]:
        """Load the plugin if the project asks for it: the rootdir is known here, and options are still being collected.

        Before any conftest.py is imported, the verdict of an older run is marked as such.
        """
        plugins = early_config.pluginmanager
        if not _is_wanted(early_config) and not plugins.hasplugin(_PLUGIN):
            return (yield)
        from .._util.secrets import hide_secrets
        from .network_guard import guard_replay
        from .process_guard import RESULTS, begin, refusing_exit
        from .redaction import redact_run

        known, loaded = early_config.known_args_namespace, False
        try:
            try:
                if plugins.hasplugin("newsgauge"):
                    plugins.import_plugin(_PLUGIN)
                    # As pytest does after loading plugins: a value of --results is no path of tests.
                    known = parser.parse_known_args(args)
                    early_config.known_args_namespace.file_or_dir = known.file_or_dir
                loaded = plugins.hasplugin(_PLUGIN)
            finally:
                begin(early_config, known, args, loaded=loaded)
            network = None
            if loaded and RESULTS in early_config.stash:
                redact_run(early_config)
                network = guard_replay(early_config, known)
            with refusing_exit(early_config):
                result = yield
            plugins.register(StatusGuard(), "newsgauge-status")
            if network is not None:
                network.check_conftests()
            if loaded:
                _suggest_options(parser, args)
            return result
        except pytest.UsageError as error:
            error.args = tuple(hide_secrets(str(one)) for one in error.args)  # it may quote the command line
            raise
        except ValueError as error:
            if not str(error).startswith(("option names", "option dest")):
                raise
            raise pytest.UsageError(
                f"newsgauge and another plugin or conftest.py of this project want the same option: {error}. "
                "Rename the other one, or run its tests with -p no:newsgauge"
            ) from None

    @pytest.hookimpl
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
        """Say how to run a project in a subfolder: from another rootdir its fixtures are missing."""
        failed = () if config.pluginmanager.hasplugin(_PLUGIN) else terminalreporter.stats.get("error", ())
        folders = {(config.rootpath / report.nodeid.partition("::")[0]).parent for report in failed}
        for evals in sorted(folders):
            if any((evals / name).is_file() for name in ("variants.toml", "gates.toml")):
                shown = Path(os.path.relpath(evals.parent, config.rootpath)).as_posix()
                terminalreporter.write_line(
                    f"newsgauge: {shown} is a project of its own, and pytest's rootdir is {config.rootpath}. Run it "
                    f"there: cd {shlex.quote(shown)} && pytest --rootdir . {evals.name}",
                    yellow=True,
                )


class StatusGuard:
    """Registered after the first conftest.py files, so that none of their hooks has the last word."""

    def __init__(self) -> None:
        self._process = os.getpid()

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """End a process that a test forked and did not end, before it writes any file: it is not the run."""
        if os.getpid() != self._process:
            os._exit(1)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_cmdline_main(
        self, config: pytest.Config
    ) -> Generator[None, int | pytest.ExitCode | None, int | pytest.ExitCode | None]:
        """Set the exit status last, whatever other plugins did to it."""
        from .process_guard import RESULTS, settle

        try:
            status = yield
        except BaseException as error:
            if not isinstance(error, SystemExit) or error.code or RESULTS not in config.stash:
                settle(config, 1, error)
                raise
            status = 0
        return settle(config, status or 0)


def _suggest_options(parser: pytest.Parser, args: list[str]) -> None:
    """If pytest is going to refuse an option, its message says which one may be meant."""
    from .._util.wording import did_you_mean

    unknown = [arg.partition("=")[0] for arg in parser.parse_known_and_unknown_args(args)[1]]
    known = [one for one in parser.optparser._option_string_actions if len(one) > len("--nf")] if unknown else ()
    found = [guess for option in unknown if (guess := did_you_mean(option, known))]
    if found:
        parser.extra_info["newsgauge"] = "".join(found).removeprefix("; ")


GUARD = ProcessGuard()


def _is_wanted(config: pytest.Config) -> bool:
    evals, named = config.rootpath / "evals", ""
    with suppress(ValueError):  # with -p no:newsgauge no ini value is known
        named = config.getini("newsgauge_evals")
    return bool(named) or any((evals / name).is_file() for name in ("variants.toml", "gates.toml"))
