"""Which faults the tests find: a sample of small changes to gates, statistics, the guard of the verdict and cassettes.

    python benchmarks/mutants.py [--area NAME] [--per-area N] [--seed N]

Works on a copy of the checkout. A change makes one comparison, number, operator or truth value another one. It is found
if one of the area's quick tests (those not marked slow) fails, or they take several times as long as usual. The tests
that run the changed line are asked first, the quickest first; if none of them fails, all of the area are. Prints what
no test found, to be read: some changes alter nothing that can be seen. 100 changes take about 25 minutes on two cores.

pytest loads this file too (``-p mutants``), in the first run: it then notes which test runs which line.
"""

from __future__ import annotations

import argparse
import ast
import copy
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from coverage import Coverage, CoverageData

ROOT = Path(__file__).resolve().parents[1]
SRC = "src/newsgauge"
_GUARD = ("run_verdict.py", "session_verdict.py")
_GATE_TESTS = ["tests/gates", *(f"tests/test_{name}.py" for name in ("disturbances", "confidence", "slicing"))]
#: Area -> its files, and the tests that are about it.
AREAS = {
    "gates": (
        [f"{SRC}/gates/*.py"],
        _GATE_TESTS,
    ),
    "statistics": ([f"{SRC}/scoring/stats/*.py"], ["tests/stats", "tests/gates"]),
    "guard": ([f"{SRC}/gates/{name}" for name in _GUARD], ["tests/gates", "tests/plugin/test_matrix.py"]),
    "cassettes": (
        [f"{SRC}/cassettes/*.py"],
        ["tests/cassettes", "tests/test_broken_roads.py", "tests/cli/test_cassettes_command.py"],
    ),
}
#: Configuration of coverage.
TRACED = """[run]
source_pkgs = newsgauge
data_file = traced.data
"""
#: Seconds that pytest takes to start, and how many times as long as usual tests may take.
_START, _SLOWER = 30, 5
_OTHER: dict[type[ast.AST], type[ast.AST]] = {
    **{ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq},
    **{ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And},
    **{ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult},
}


def change(node: ast.AST) -> bool:
    """Make a node another one; False if it is of a kind that stays."""
    if isinstance(node, ast.Compare):
        other = _OTHER.get(type(node.ops[0]))
        if other is not None:
            node.ops[0] = other()  # type: ignore[call-overload]
        return other is not None
    if isinstance(node, ast.BoolOp | ast.BinOp):
        other = _OTHER.get(type(node.op))
        if other is not None:
            node.op = other()  # type: ignore[assignment]
        return other is not None
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        node.value = not node.value
        return True
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        node.value += 1
        return True
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        node.operand = ast.UnaryOp(ast.Not(), node.operand)
        return True
    return False


def places(tree: ast.Module) -> Iterator[int]:
    """The numbers, in the order of `ast.walk`, of what in functions can be changed.

    Not ``strict=True`` of a zip: it can only be seen if something else is wrong.
    """
    inside = {
        id(n) for f in ast.walk(tree) if isinstance(f, ast.FunctionDef) for part in f.body for n in ast.walk(part)
    } - {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.keyword) and n.arg == "strict"}
    for number, node in enumerate(ast.walk(tree)):
        if id(node) in inside and change(copy.deepcopy(node)):
            yield number


def mutate(path: Path, number: int) -> tuple[str, str, range]:
    """The whole changed source; the changed expression with its change; its lines."""
    tree = ast.parse(path.read_text("utf-8"))
    node = list(ast.walk(tree))[number]
    assert isinstance(node, ast.expr)
    lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
    before = ast.unparse(node)
    change(node)
    return ast.unparse(tree), f"{before}  ->  {ast.unparse(node)}", lines


class _Traced:
    """A plugin of pytest: which test (or file or folder, for a fixture of all of it) runs which line, and how long."""

    def __init__(self, traced: Coverage) -> None:
        self._traced = traced
        self._context = ""
        self.seconds: dict[str, float] = {}

    def _switch(self, context: str) -> str:
        before, self._context = self._context, context
        self._traced.switch_context(context)
        return before

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Any:
        """A test with all of its parameters is one."""
        name, start = item.nodeid.partition("[")[0], time.perf_counter()
        self._switch(name)
        found = yield
        self.seconds[name] = self.seconds.get(name, 0) + time.perf_counter() - start
        return found

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Any:
        """What a wider fixture runs once belongs to all tests that may ask for it."""
        before = self._switch(self._context if fixturedef.scope == "function" else fixturedef.baseid or "tests")
        try:
            return (yield)
        finally:
            self._switch(before)

    def pytest_sessionfinish(self) -> None:
        """Keep the times beside the data of coverage."""
        Path("traced.json").write_text(json.dumps(self.seconds))


def pytest_configure(config: pytest.Config) -> None:
    """Trace, if coverage does."""
    if (traced := Coverage.current()) is not None:
        config.pluginmanager.register(_Traced(traced))


def run_tests(folder: Path, tests: Sequence[str], timeout: float | None, *, traced: bool = False) -> bool:
    """Whether they pass. ``traced``: `Trace` can read afterwards which of them ran which line."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "PYTHON"))}
    paths = os.pathsep.join(str(folder / part) for part in ("src", "benchmarks"))
    environment |= {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1", "CI": "true"}
    command = ["-m", "pytest", "-q", "-x", "-m", "not slow", "-p", "no:cacheprovider", *tests]
    if traced:
        (folder / "traced.ini").write_text(TRACED)
        command = ["-m", "coverage", "run", "--rcfile=traced.ini", *command, "-p", "mutants"]
    # A group of its own: a change may leave children behind that never end.
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return process.wait(timeout) == 0
    except subprocess.TimeoutExpired:
        return False
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


class Trace:
    """Of a traced run: the tests that ran a line in pytest's own process, and how long tests take."""

    def __init__(self, folder: Path) -> None:
        self.seconds: dict[str, float] = json.loads((folder / "traced.json").read_text("utf-8"))
        data = CoverageData(str(folder / "traced.data"))
        data.read()
        self._ran = {file: data.contexts_by_lineno(file) for file in data.measured_files()}

    def tests(self, wheres: Sequence[str]) -> list[str]:
        """The tests of files and folders, the quickest first."""
        found = {
            one
            for one in self.seconds
            if any(one == where or one.startswith((f"{where}/", f"{where}::")) for where in wheres)
        }
        return sorted(found, key=self.seconds.__getitem__)

    def ran(self, file: Path, lines: range) -> list[str]:
        """The tests that ran one of the lines, the quickest first."""
        contexts = self._ran.get(str(file), {})
        return self.tests(sorted({one for line in lines for one in contexts.get(line, ()) if one}))

    def patience(self, tests: Sequence[str]) -> float:
        """Seconds after which these tests are said to hang."""
        return _START + _SLOWER * sum(self.seconds[one] for one in tests)


def is_found(folder: Path, trace: Trace, tests: Sequence[str], near: Sequence[str]) -> bool:
    """Whether a test fails: first of those that ran the changed line, then of all, as some start processes."""
    own = [one for one in near if one in set(tests)]
    return any(part and not run_tests(folder, part, trace.patience(part)) for part in (own, tests))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--area", choices=AREAS, action="append")
    parser.add_argument("--per-area", type=int, default=25)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    areas = options.area or list(AREAS)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "checkout"
        listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for name in listed.splitlines():
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, folder / name)
        if not run_tests(folder, sorted({one for area in areas for one in AREAS[area][1]}), None, traced=True):
            sys.exit("the tests fail without any change")
        trace = Trace(folder)
        for area in areas:
            patterns, tests = AREAS[area][0], trace.tests(AREAS[area][1])
            files = sorted(file for pattern in patterns for file in folder.glob(pattern))
            sites = [(file, number) for file in files for number in places(ast.parse(file.read_text("utf-8")))]
            chosen = random.Random(options.seed).sample(sites, min(options.per_area, len(sites)))
            n_found = 0
            for file, number in chosen:
                whole = file.read_text("utf-8")
                text, what, lines = mutate(file, number)
                file.write_text(text, "utf-8")
                if is_found(folder, trace, tests, trace.ran(file, lines)):
                    n_found += 1
                else:
                    print(f"  {file.relative_to(folder)}:{lines.start}: {what}", flush=True)
                file.write_text(whole, "utf-8")
            print(f"{area}: {n_found} of {len(chosen)} found, {len(sites)} could be made", flush=True)


if __name__ == "__main__":
    main()
