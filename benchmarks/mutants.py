"""Which faults the tests find: a sample of small changes to gates, statistics, the guard of the verdict and cassettes.

    python benchmarks/mutants.py [--area NAME] [--per-area N] [--seed N]

Works on a copy of the checkout. A change makes one comparison, number, operator or truth value another one. It is found
if one of the area's quick tests (those not marked slow) fails, or they take several times as long as usual. Of these
are asked, until one fails, those that run the changed line, then the others of their files and those that start
processes: the rest does not come near it.
Prints what no test found, to be read: some changes alter nothing that can be seen.

pytest loads this file too (``-p mutants``): in a first run it notes which test runs which line, then it runs tests for
one change after the other without being started again.
"""

from __future__ import annotations

import argparse
import ast
import copy
import functools
import gc
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import pytest
from coverage import Coverage, CoverageData

ROOT = Path(__file__).resolve().parents[1]
SRC = "src/newsgauge"
_GUARD = ("run_verdict", "session_verdict")
_GATE_TESTS = ["tests/gates", *(f"tests/test_{name}.py" for name in ("disturbances", "confidence", "slicing"))]
#: Area -> its files, and the tests that are about it.
AREAS = {
    "gates": (
        [f"{SRC}/gates/*.py"],
        _GATE_TESTS,
    ),
    "statistics": ([f"{SRC}/scoring/stats/*.py"], ["tests/stats"]),
    "guard": (
        [f"{SRC}/gates/{name}.py" for name in _GUARD],
        [*(f"tests/gates/test_{name}.py" for name in _GUARD), "tests/plugin/test_matrix.py"],
    ),
    "cassettes": (
        [f"{SRC}/cassettes/*.py"],
        ["tests/cassettes", "tests/test_broken_roads.py", "tests/cli/test_cassettes_command.py"],
    ),
}
#: Configuration of coverage.
TRACED = """[run]
include = src/newsgauge/gates/*,src/newsgauge/scoring/stats/*,src/newsgauge/cassettes/*
data_file = traced.data
"""
#: What Python says if a test starts a process.
_STARTS = ("subprocess.Popen", "os.fork", "os.posix_spawn", "newsgauge.fork_exec")
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
        self._seconds: dict[str, float] = {}
        self._starters: set[str] = set()
        sys.addaudithook(lambda event, _: self._starters.add(self._context) if event in _STARTS else None)

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
        self._switch("")
        self._seconds[name] = self._seconds.get(name, 0) + time.perf_counter() - start
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
        """Keep the times, and who starts processes, beside the data of coverage."""
        Path("traced.json").write_text(json.dumps([self._seconds, sorted(self._starters - {""})]))


class _Served:
    """A plugin of pytest: collects tests once, then runs some for each changed file, in a copy of the process.

    A function that is there gets the code of the changed file, and a process that a test starts reads that file.
    """

    def __init__(self, asked: int, told: int) -> None:
        self._asked, self._told = asked, told
        self._is_copy = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Answer each line of JSON with 1 if the tests pass, else with 0."""
        tests: dict[str, list[pytest.Item]] = {}
        for item in session.items:
            tests.setdefault(item.nodeid.partition("[")[0], []).append(item)
        with os.fdopen(self._asked) as asked:
            for line in asked:
                file, names, patience = json.loads(line)
                copy_of_us = os.fork()
                if not copy_of_us:
                    self._run_as_copy(file, [item for name in names for item in tests[name]])
                os.write(self._told, b"1" if _ends_well(copy_of_us, patience) else b"0")
        return True

    def _run_as_copy(self, file: str, items: Sequence[pytest.Item]) -> None:
        os.setpgid(0, 0)
        self._is_copy = True
        try:
            put_in_place(file)
            for item, following in zip(items, [*items[1:], None], strict=True):
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        except BaseException:
            os._exit(1)
        os._exit(0)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One failed test is enough."""
        if self._is_copy and report.failed:
            os._exit(1)


def put_in_place(file: str) -> None:
    """Give the functions of a module the code that its file has now, and empty all caches of functions."""
    codes: dict[str, CodeType] = {}
    new = [compile(Path(file).read_text("utf-8"), file, "exec", dont_inherit=True)]
    for code in new:
        codes[code.co_qualname] = code
        new += [one for one in code.co_consts if isinstance(one, CodeType)]
    for one in gc.get_objects():
        if isinstance(one, FunctionType) and one.__code__.co_filename == file and "<" not in one.__code__.co_qualname:
            one.__code__ = codes[one.__code__.co_qualname]
        elif isinstance(one, functools._lru_cache_wrapper):
            one.cache_clear()


def _ends_well(process: int, patience: float) -> bool:
    """Whether it ends with status 0 within so many seconds; then nothing of its group is left."""
    end = time.monotonic() + patience
    ended, status = 0, 1
    while not ended and time.monotonic() < end:
        ended, status = os.waitpid(process, os.WNOHANG)
        time.sleep(0.02)
    with suppress(ProcessLookupError):  # a change may leave children behind that never end
        os.killpg(process, signal.SIGKILL)
    if not ended:
        os.waitpid(process, 0)
    return bool(ended) and status == 0


def pytest_configure(config: pytest.Config) -> None:
    """Trace, if coverage does; else serve."""
    if (traced := Coverage.current()) is not None:
        config.pluginmanager.register(_Traced(traced))
    elif "MUTANTS" in os.environ:
        config.pluginmanager.register(_Served(*map(int, os.environ.pop("MUTANTS").split())))


def start_pytest(
    folder: Path, tests: Sequence[str], first: Sequence[str], pipes: Sequence[int]
) -> subprocess.Popen[bytes]:
    """pytest with this file as a plugin, started by the words ``first``."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "PYTHON"))}
    paths = os.pathsep.join(str(folder / part) for part in ("src", "benchmarks"))
    environment |= {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1", "CI": "true"}
    if pipes:
        environment["MUTANTS"] = " ".join(map(str, pipes))
    with (folder / "pytest.txt").open("w") as said:
        return subprocess.Popen(
            [sys.executable, "-m", *first, "-p", "mutants", "-q", "-x", "-m", "not slow", *tests],
            cwd=folder,
            env=environment,
            pass_fds=pipes,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )


class Trace:
    """A first run of all tests: which of them ran a line in pytest's own process, and how long each takes."""

    def __init__(self, folder: Path, tests: Sequence[str]) -> None:
        (folder / "traced.ini").write_text(TRACED)
        if start_pytest(folder, tests, ("coverage", "run", "--rcfile=traced.ini", "-m", "pytest"), ()).wait():
            sys.exit(f"the tests fail without any change: {(folder / 'pytest.txt').read_text()[-2000:]}")
        self.seconds: dict[str, float]
        self.seconds, self.starters = json.loads((folder / "traced.json").read_text("utf-8"))
        data = CoverageData(str(folder / "traced.data"))
        data.read()
        self._ran = {file: data.contexts_by_lineno(file) for file in data.measured_files()}

    def tests(self, wheres: Collection[str]) -> list[str]:
        """The tests of files and folders, in the order of the run."""
        return [
            one
            for one in self.seconds
            if any(one == where or one.startswith((f"{where}/", f"{where}::")) for where in wheres)
        ]

    def ran(self, file: Path, lines: range) -> list[str]:
        """The tests that ran one of the lines: those of the quickest file first, and of a file the quickest."""
        contexts = self._ran.get(str(file), {})
        found = self.tests({one for line in lines for one in contexts.get(line, ()) if one})
        of_file: dict[str, float] = {}
        for one in found:
            of_file[one.partition("::")[0]] = of_file.get(one.partition("::")[0], 0) + self.seconds[one]
        return sorted(
            found, key=lambda one: (of_file[one.partition("::")[0]], one.partition("::")[0], self.seconds[one])
        )


class Server:
    """A pytest that has all tests collected, see `_Served`."""

    def __init__(self, folder: Path, trace: Trace, tests: Sequence[str]) -> None:
        self._trace = trace
        (asked, ask), (self._answer, answer) = os.pipe(), os.pipe()
        self._process = start_pytest(folder, tests, ("pytest",), (asked, answer))
        os.close(asked)
        os.close(answer)
        self._ask = os.fdopen(ask, "w")

    def passes(self, file: Path, tests: Sequence[str]) -> bool:
        """Whether tests pass with what the file holds now, and in no more than several times their usual time."""
        patience = _START + _SLOWER * sum(self._trace.seconds[one] for one in tests)
        print(json.dumps([str(file), tests, patience]), file=self._ask, flush=True)
        answer = os.read(self._answer, 1)
        if not answer:
            sys.exit("pytest ended early")
        return answer == b"1"

    def close(self) -> None:
        """Let it end."""
        self._ask.close()
        self._process.wait()


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
        everything = sorted({one for area in areas for one in AREAS[area][1]})
        trace = Trace(folder, everything)
        server = Server(folder, trace, everything)
        for area in areas:
            patterns, tests = AREAS[area][0], trace.tests(AREAS[area][1])
            files = sorted(file for pattern in patterns for file in folder.glob(pattern))
            sites = [(file, number) for file in files for number in places(ast.parse(file.read_text("utf-8")))]
            chosen = random.Random(options.seed).sample(sites, min(options.per_area, len(sites)))
            n_found = 0
            for file, number in chosen:
                whole = file.read_text("utf-8")
                text, what, lines = mutate(file, number)
                near = [one for one in trace.ran(file, lines) if one in tests]
                file.write_text(text, "utf-8")
                wider = {*(one.partition("::")[0] for one in near), *trace.starters}
                rest = [one for one in trace.tests(wider) if one in tests and one not in near]
                if all(server.passes(file, some) for some in (near, rest)):
                    print(f"  {file.relative_to(folder)}:{lines.start}: {what}", flush=True)
                else:
                    n_found += 1
                file.write_text(whole, "utf-8")
            print(f"{area}: {n_found} of {len(chosen)} found, {len(sites)} could be made", flush=True)
        server.close()


if __name__ == "__main__":
    main()
