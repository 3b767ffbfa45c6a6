"""Which faults the tests find: a sample of small changes to gates, statistics, the guard of the verdict and cassettes.

    python benchmarks/mutants.py [--area NAME] [--per-area N] [--seed N]

Works on a copy of the checkout. A change makes one comparison, number, operator or truth value another one. It is found
if one of the area's quick tests (those not marked slow) fails, or they take ten times as long as usual. Prints what no
test found, to be read: some changes alter nothing that can be seen.
"""

from __future__ import annotations

import argparse
import ast
import copy
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

from coverage import CoverageData

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
#: Configuration of coverage: which test ran which line.
TRACED = """[run]
dynamic_context = test_function
source_pkgs = newsgauge
data_file = traced.data
"""
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


def run_tests(folder: Path, tests: Sequence[str], timeout: float | None, *, traced: bool = False) -> bool:
    """Whether they pass. ``traced``: `tests_of_lines` can say afterwards which of them ran which line."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "PYTHON"))}
    environment |= {"PYTHONPATH": str(folder / "src"), "PYTHONDONTWRITEBYTECODE": "1", "CI": "true"}
    command = ["-m", "pytest", "-q", "-x", "-m", "not slow", "-p", "no:cacheprovider", *tests]
    if traced:
        (folder / "traced.ini").write_text(TRACED)
        command = ["-m", "coverage", "run", "--rcfile=traced.ini", *command]
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


def tests_of_lines(folder: Path) -> dict[tuple[str, int], set[str]]:
    """File and line -> the tests that ran it in pytest's own process."""
    data = CoverageData(str(folder / "traced.data"))
    data.read()
    found: dict[tuple[str, int], set[str]] = {}
    for file in data.measured_files():
        for line, contexts in data.contexts_by_lineno(file).items():
            for module, _, test in (context.rpartition(".") for context in contexts if context):
                found.setdefault((file, line), set()).add(f"{module.replace('.', '/')}.py::{test}")
    return found


def is_found(folder: Path, tests: list[str], near: set[str], usual: float) -> bool:
    """Whether a test fails: first those that ran the changed line, then all of the area, as some start processes."""
    return (bool(near) and not run_tests(folder, sorted(near), 10 * usual)) or not run_tests(folder, tests, 10 * usual)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--area", choices=AREAS, action="append")
    parser.add_argument("--per-area", type=int, default=25)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "checkout"
        listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for name in listed.splitlines():
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, folder / name)
        for area in options.area or AREAS:
            patterns, tests = AREAS[area]
            files = sorted(file for pattern in patterns for file in folder.glob(pattern))
            sites = [(file, number) for file in files for number in places(ast.parse(file.read_text("utf-8")))]
            start = time.perf_counter()
            if not run_tests(folder, tests, None, traced=True):
                sys.exit(f"{area}: its tests fail without any change")
            usual = time.perf_counter() - start
            ran = tests_of_lines(folder)
            chosen = random.Random(options.seed).sample(sites, min(options.per_area, len(sites)))
            survivors = []
            for file, number in chosen:
                whole = file.read_text("utf-8")
                text, what, lines = mutate(file, number)
                near = set().union(*(ran.get((str(file), line), set()) for line in lines))
                file.write_text(text, "utf-8")
                if not is_found(folder, tests, near, usual):
                    survivors.append(f"{file.relative_to(folder)}:{lines.start}: {what}")
                file.write_text(whole, "utf-8")
            print(
                f"{area}: {len(chosen) - len(survivors)} of {len(chosen)} found, {len(sites)} could be made", flush=True
            )
            for survivor in survivors:
                print(f"  {survivor}", flush=True)


if __name__ == "__main__":
    main()
