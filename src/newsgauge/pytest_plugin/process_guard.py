"""Guards a pytest process that runs evals: if anything ends it before its verdict, it is red.

Enters: pytest's configuration, before any conftest.py is imported. The judge leaves its verdict in ``VERDICT``. What
no plugin can see (another plugin that ends Python while it is imported, ``os.execv``) `newsgauge gates` sees.
"""

from __future__ import annotations

import glob
import json
import os
import sys
import tempfile
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from _pytest.junitxml import xml_key  # pytest has no public name for it

if TYPE_CHECKING:
    from ..gates.session_verdict import SessionVerdict

#: Where the results of this run go; only there if the run is about evals.
RESULTS: pytest.StashKey[Path] = pytest.StashKey()
#: The temporary folder of the results, where the usual one cannot be written.
MOVED: pytest.StashKey[Path] = pytest.StashKey()
#: Whether this was CI before any code of the project could change the environment.
_CI: pytest.StashKey[bool] = pytest.StashKey()
#: The verdict of the run.
VERDICT: pytest.StashKey[SessionVerdict] = pytest.StashKey()
#: What pytest writes into junit.xml, kept until the exit status of the process is known.
JUNIT: pytest.StashKey[Any] = pytest.StashKey()
_USUAL_RESULTS = ".newsgauge/results"
#: The files in which people and programs read a verdict.
_VERDICTS = ("gates.json", "report.html", "summary.md", "plan.json")
_UNFINISHED = "pytest was started here and came to no verdict: it ended before its gates were decided"


@contextmanager
def refusing_exit(config: pytest.Config) -> Iterator[None]:
    """While conftests are imported, an exit with status 0 is an error."""
    try:
        yield
    except SystemExit as leaving:
        if leaving.code or RESULTS not in config.stash:
            raise
        raise pytest.UsageError(
            "newsgauge: sys.exit() ended pytest while it loaded its plugins and conftest.py files: nothing was asked "
            "and no gate is decided. To leave evals out, run other paths; to skip them, use pytest.skip()"
        ) from None


def begin(config: pytest.Config, known: Namespace, args: Sequence[str], *, loaded: bool) -> None:
    """Mark the verdict that an older run left, if this run is about evals. Raises `pytest.UsageError`.

    ``known``: what the parser made of ``args``; ``loaded``: it knows newsgauge's options.
    """
    if _help_is_asked_for(config):
        return
    paths = known.file_or_dir
    if not loaded:  # values of newsgauge's options look like paths
        paths = [path for path in paths if os.path.exists(path.partition("::")[0])]
    if not touches_evals(config, paths or _usual_paths(config)):
        return
    folder = config.rootpath / (known.results if loaded else _results_of(args))
    if loaded and not any(arg.partition("=")[0] == "--results" for arg in args):
        folder = _writable(config, folder)
    config.stash[RESULTS] = folder
    are_gates_required(config)  # remembers whether this is CI
    try:
        _mark_as_older(folder)
    except OSError as error:
        from .._util.files import why_unwritable

        raise pytest.UsageError(
            f"newsgauge: --results: cannot mark the older verdict in {folder}: {why_unwritable(error, '--results')}"
        ) from None
    _watch_exit(config)


def _writable(config: pytest.Config, folder: Path) -> Path:
    """The usual folder; a new temporary one if it cannot be written, as on a read-only checkout.

    Not if an older run left its verdict there: that could not be marked, and would be read as this run's.
    """
    from .._util.files import is_writable

    if hasattr(config, "workerinput") or is_writable(folder) or any((folder / name).exists() for name in _VERDICTS):
        return folder
    config.stash[MOVED] = Path(tempfile.mkdtemp(prefix="newsgauge-"))
    return config.stash[MOVED]


def settle(config: pytest.Config, status: int, error: BaseException | None = None) -> int:
    """The exit status of the process: never 0 if the verdict is red, or if gates are required and there is none.

    Whoever sets another status once the verdict stands, or ends pytest by an ``error``, is in gates.json and in the
    report too.
    """
    if RESULTS not in config.stash or hasattr(config, "workerinput"):
        return status
    verdict, red = config.stash.get(VERDICT, None), ""
    if verdict is None and not status:
        if are_gates_required(config):
            red = "no gate was decided in this run; where that is meant, say --no-require-gates"
    elif verdict is not None and not verdict.is_green:
        red = "" if status else verdict.headline
    elif status and (verdict is not None or _says_green(config.stash[RESULTS])):
        how = type(error).__name__ if error else f"status {status}"
        red = f"pytest ended with {how} once the gates were decided"
        _overrule(config.stash[RESULTS], red, status)
    if red:
        sys.stderr.write(f"newsgauge: red: {red}\n")
        status = status or int(pytest.ExitCode.TESTS_FAILED)
    if status:
        _fail_in_junit(config, red or "\n".join(verdict.reasons if verdict is not None else (_UNFINISHED,)))
    return status


def _fail_in_junit(config: pytest.Config, why: str) -> None:
    """Write a red run without a failed test into junit.xml as one: some CI systems read nothing else."""
    from .._util.secrets import hide_secrets

    xml: Any = config.stash.get(JUNIT, None) or config.stash.get(xml_key, None)
    if hasattr(xml, "suite_start") and not xml.stats["failure"] + xml.stats["error"]:
        case = xml.node_reporter("newsgauge")
        case.attrs.update(classname="newsgauge", name="verdict")
        case._add_simple("failure", "the run is red", hide_secrets(why))
        with suppress(OSError):
            xml.pytest_sessionfinish()


def are_gates_required(config: pytest.Config) -> bool:
    """What the command line itself says; else whether a file does, or this is CI. Its controller tells a worker."""
    from .._util.platform import is_ci

    said = getattr(config.option, "require_gates", None)
    is_told = hasattr(config, "workerinput") or "--no-require-gates" in config.invocation_params.args
    if said is not None and (said or is_told):
        return bool(said)
    return config.stash.setdefault(_CI, is_ci())


def evals_name(config: pytest.Config) -> str:
    """What the ini value calls the folder of evals."""
    with suppress(ValueError):  # with -p no:newsgauge no ini value is known
        return str(config.getini("newsgauge_evals") or "evals")
    return "evals"


def touches_evals(config: pytest.Config, arguments: Sequence[str]) -> bool:
    """True if one of the paths of the command line lies in the evals folder, or holds it, by whatever links."""
    evals = Path(os.path.realpath(config.rootpath / evals_name(config)))
    for argument in arguments:
        path = Path(os.path.realpath(config.invocation_params.dir / argument.partition("::")[0]))
        if path == evals or path in evals.parents or evals in path.parents:
            return True
    return False


def _usual_paths(config: pytest.Config) -> list[str]:
    """What pytest collects if no path is given."""
    here = config.invocation_params.dir
    found = [path for name in config.getini("testpaths") for path in glob.glob(name, root_dir=here, recursive=True)]
    return found if found and os.path.samefile(here, config.rootpath) else [str(here)]


def _results_of(args: Sequence[str]) -> str:
    """The value of --results, before the parser knows the option."""
    found = _USUAL_RESULTS
    for number, arg in enumerate(args):
        name, is_joined, value = arg.partition("=")
        if name == "--results":
            found = value if is_joined else "".join(args[number + 1 : number + 2])
    return found


def _mark_as_older(folder: Path) -> None:
    """Invalidate the files of an older run: whatever happens next, gates.json says red.

    The report stays for people, under another name. Without a plan.json nothing is joined by newsgauge merge.
    """
    from .._util.files import replace_file

    with suppress(FileNotFoundError):
        os.replace(folder / "report.html", folder / "older-report.html")
    for name in ("summary.md", "plan.json"):
        (folder / name).unlink(missing_ok=True)
    gates = folder / "gates.json"
    if gates.exists():
        text = {"run": {}, "verdict": "RED", "reasons": [_UNFINISHED], "complete": False, "gates": []}
        replace_file(gates, json.dumps(text, indent=2) + "\n")


def _watch_exit(config: pytest.Config) -> None:
    """`os._exit` in this process (not in one that was forked from it) ends it as its verdict says, or makes that red.

    Without a verdict, or with a red one, 0 becomes 1; any other status makes a green one red. If pytest is the program,
    that holds to its end: also in what `atexit` runs.
    """
    leave, process = os._exit, os.getpid()
    is_program = list(config.invocation_params.args) == sys.argv[1:]

    def leave_red(status: int) -> NoReturn:
        if os.getpid() != process:
            leave(status)
        verdict = config.stash.get(VERDICT, None)
        is_green = verdict is not None and verdict.is_green
        try:
            if status and is_green:
                _overrule(config.stash[RESULTS], f"os._exit({status}) ended pytest once the gates were decided", status)
            elif not status and not is_green:
                os.write(2, b"newsgauge: red: os._exit(0) ended pytest before its verdict, or after a red one\n")
                status = 1
        finally:
            leave(status)

    def put_back() -> None:
        if not is_program:
            os._exit = leave

    os._exit = leave_red
    config.add_cleanup(put_back)


def _help_is_asked_for(config: pytest.Config) -> bool:
    """By the command line itself: an option in the environment, or in a file, is nobody's wish to read."""
    return not {"-h", "--help", "--version", "-V", "-VV"}.isdisjoint(config.invocation_params.args)


def _says_green(folder: Path) -> bool:
    """Whether this run wrote that it is green, though it failed before its judge could say so."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        return bool(json.loads((folder / "gates.json").read_text("utf-8"))["verdict"] == "GREEN")
    return False


def _overrule(folder: Path, red: str, status: int) -> None:
    """Write into the results folder that the run is red after all."""
    from ..errors import UsageError
    from ..report.publishing import append_step_summary, render
    from ..results.result_files import overrule_gates

    with suppress(UsageError):
        overrule_gates(folder, red, exit_status=status)
        if (folder / "report.html").exists():
            append_step_summary(render(folder))
