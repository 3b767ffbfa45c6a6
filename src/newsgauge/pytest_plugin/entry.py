"""What pytest loads wherever newsgauge is installed: it registers the ini values, and nothing else, unless asked.

A project asks by having ``variants.toml`` or ``gates.toml`` in ``evals/`` under its rootdir (one may have got lost, and
a run has to tell), or by naming a folder in the ini value ``newsgauge_evals``. Only then are the plugin's options,
fixtures and hooks there, so that an installed newsgauge costs another project's runs nothing and takes no option names
from them. Imports nothing but pytest.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

_PLUGIN = "newsgauge.pytest_plugin.plugin"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The ini values: known in every project, so that ``strict`` configurations may hold them."""
    add_ini(parser)


def add_ini(parser: pytest.Parser) -> None:
    """Ini values. An empty folder of evals stands for ``evals``, and asks for nothing."""
    parser.addini("newsgauge_evals", "folder of variants.toml, gates.toml and the eval files (evals)", default="")
    parser.addini("newsgauge_cassettes", "folder of the cassettes", default="cassettes")
    parser.addini(
        "newsgauge_corpus", "what is asked about without --corpus; a path from the rootdir (bundled)", default=""
    )
    parser.addini("newsgauge_columns", "the --columns of newsgauge_corpus", default="")
    parser.addini("newsgauge_encoding", "the --encoding of newsgauge_corpus (utf-8)", default="")
    parser.addini("newsgauge_delimiter", "the --delimiter of newsgauge_corpus (comma)", default="")
    parser.addini("newsgauge_posts_per_class", "the --posts-per-class of newsgauge_corpus (10)", default="")
    parser.addini("newsgauge_sample", "the --sample of newsgauge_corpus", default="")
    parser.addini("newsgauge_bundled", "folder of the bundled corpus", default="fixtures/bundled")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser, args: list[str]
) -> Iterator[None]:
    """Load the plugin for a project that asks: the rootdir is known here, and options are still being collected."""
    plugins = early_config.pluginmanager
    if not _is_wanted(early_config):
        return (yield)
    try:
        plugins.import_plugin(_PLUGIN)
        # As pytest does after loading plugins: a value of --results is no path of tests.
        known = parser.parse_known_args(args)
        early_config.known_args_namespace.file_or_dir = known.file_or_dir
        return (yield)
    except ValueError as error:
        if not str(error).startswith(("option names", "option dest")):
            raise
        raise pytest.UsageError(
            f"newsgauge and another plugin or conftest.py of this project want the same option: {error}. "
            "Rename the other one, or run its tests with -p no:newsgauge"
        ) from None


def _is_wanted(config: pytest.Config) -> bool:
    evals = config.rootpath / "evals"
    return bool(config.getini("newsgauge_evals")) or any(
        (evals / name).is_file() for name in ("variants.toml", "gates.toml")
    )
