"""How benchmarks compare two sides, and that the docs hold what they print."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """A module of benchmarks/ by its name."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    for name in ("processes", "replay", "recording"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return importlib.import_module


def side(times: list[float], order: list[str], name: str) -> Callable[[], float]:
    left: Iterator[float] = iter(times)

    def measure() -> float:
        order.append(name)
        return next(left)

    return measure


def test_sides_take_turns_and_a_round_whose_halves_disagree_is_discarded_and_run_again(
    benchmark: Callable[[str], ModuleType],
) -> None:
    order: list[str] = []
    # Warmed up once; then ratios of 1.2 twice, of 2 and 1.2 (discarded), and of 1 and 1.05 on a machine half as fast.
    ours = side([9, 1.2, 1.2, 2.0, 1.2, 2.0, 2.1], order, "a")
    theirs = side([9, 1.0, 1.0, 1.0, 1.0, 2.0, 2.0], order, "b")
    found = benchmark("processes").alternate("x", ours, theirs, rounds=2)
    assert "".join(order) == "ab" + 3 * "abba"
    assert (found.rounds, found.discarded) == (2, 1)
    assert (found.smallest, found.largest) == pytest.approx((1.025, 1.2))
    assert (found.median, found.ours, found.theirs) == pytest.approx((1.1125, 1.625, 1.5))


def test_a_machine_that_never_agrees_with_itself_measures_nothing(benchmark: Callable[[str], ModuleType]) -> None:
    ours = side([1.0, 2.0] * 100, [], "a")
    with pytest.raises(SystemExit, match=r"x: only 0 of 3 rounds agree with themselves"):
        benchmark("processes").alternate("x", ours, lambda: 1.0, rounds=1, warm=False)


def test_two_suites_work_by_turns_slice_by_slice_and_the_rest_runs_when_the_other_has_ended(
    benchmark: Callable[[str], ModuleType], tmp_path: Path
) -> None:
    processes = benchmark("processes")
    commands = []
    for name, n_tests in (("a", 25), ("b", 50)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "pytest.ini").write_text("[pytest]\n")
        (tmp_path / name / "test_it.py").write_text(
            "import pytest\nfrom pathlib import Path\n"
            f"@pytest.mark.parametrize('n', range({n_tests}))\n"
            "def test_it(n):\n"
            f"    with Path('../order.txt').open('a') as file: file.write('{name}')\n"
        )
        commands.append(
            processes.Command(["-q", "-p", "no:newsgauge-guard", "-p", "no:cacheprovider"], tmp_path / name)
        )
    first, second = processes.in_turns(*commands, ours_first=False)
    # The twentieth test of a turn runs when the turn comes back.
    assert (tmp_path / "order.txt").read_text() == 19 * "b" + 19 * "a" + 20 * "b" + 6 * "a" + 11 * "b"
    assert (first.status, second.status) == (0, 0), first.output + second.output
    assert first.output.splitlines()[-1].startswith("25 passed")
    assert 0 < first.cpu_s < 60


@pytest.mark.parametrize(("name", "table"), [("replay", "tables"), ("recording", "table")])
def test_the_page_holds_what_the_benchmark_prints(
    benchmark: Callable[[str], ModuleType], name: str, table: str
) -> None:
    page = (ROOT / "docs" / "performance.md").read_text("utf-8")
    figures = json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text("utf-8"))
    block = page.partition(f"<!-- {name}: printed by benchmarks/{name}.py -->\n")[2].partition("<!-- end of")[0]
    assert block.strip().splitlines() == getattr(benchmark(name), table)(figures)
