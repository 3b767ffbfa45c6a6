"""What a run leaves to search for garbage at its end, and what it still finds."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest

#: At the end of the process: whether hypothesis was imported, and whether what the run kept is left alone.
AT_END = """
import atexit, gc, sys

@atexit.register
def say():
    print("hypothesis" in sys.modules, gc.get_freeze_count() > 10_000, file=sys.stderr)
"""
CYCLE = """
import pytest

class Lost:
    def __init__(self):
        self.itself = self
    def __del__(self):
        raise RuntimeError("raised by garbage")

@pytest.fixture(autouse=True, scope="session")
def lost():
    yield
    Lost()
"""
STATISTICS = "--hypothesis-show-statistics"


@pytest.mark.parametrize("options", [(), (STATISTICS,)])
def test_a_process_that_is_all_pytest_searches_once_and_imports_hypothesis_only_where_it_is_used(
    project: pytest.Pytester, options: tuple[str, ...]
) -> None:
    project.makeconftest(AT_END)
    command = [sys.executable, "-m", "pytest", "evals", "-q", *options]
    done = subprocess.run(command, cwd=project.path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert done.stderr.split() == [str(bool(options)), "True"]
    assert ("Hypothesis Statistics" in done.stdout) is bool(options)


def test_what_garbage_raises_at_the_end_is_told(project: pytest.Pytester) -> None:
    project.makeconftest(CYCLE)
    result = project.runpytest_subprocess("evals", "-q")
    assert result.ret != 0
    assert "raised by garbage" in result.stdout.str() + result.stderr.str()


def test_a_program_that_calls_pytest_finds_its_settings_and_objects_as_they_were(project: pytest.Pytester) -> None:
    before = gc.get_threshold(), gc.get_freeze_count()
    result = project.runpytest_inprocess("evals", "-q")
    assert result.ret == 0
    assert (gc.get_threshold(), gc.get_freeze_count()) == before
