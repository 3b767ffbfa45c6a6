"""Green means that every planned gate was decided from every planned case, however the run was started or broken off.

The truth about each run is worked out here, from its files, and not taken from the plugin's own word.
"""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

VARIANTS = ("bare", "system", "labels", "tuned")
GATES = {"bare", "labels", "tuned", "tuned-beats-bare", *(f"{variant}-baseline" for variant in VARIANTS)}
N_CASES = 32
ARTIFACT = Path(".newsgauge/results/gates.json")
BASELINE = Path("evals/baselines/embedded/bundled.json")
CASSETTES = Path("cassettes/embedded/bundled")


def check(result: pytest.RunResult, *, green: bool) -> None:
    """The exit status is the expected one, and ``complete`` is true only where every gate and case was there."""
    artifact = json.loads(ARTIFACT.read_text())
    decided = {gate["gate"] for gate in artifact["gates"] if gate["finding"] is not None}
    passed = {gate["gate"] for gate in artifact["gates"] if gate["passed"] is True}
    assert artifact["complete"] is (decided == GATES and n_answers() == N_CASES)
    if result.ret == 0:
        assert passed == GATES
        assert artifact["complete"] is True
        assert artifact["n_cases_not_run"] == 0
    assert (result.ret == 0) is green, result.stdout.str()


def n_answers() -> int:
    path = ARTIFACT.with_name("results.csv")
    if not path.exists():  # the run died before it could conclude
        return 0
    with path.open(newline="") as file:
        return sum(row["outcome"] != "" for row in csv.DictReader(file))


@pytest.mark.parametrize(
    ("options", "green"),
    [
        (["-n", "0"], True),
        (["-k", "gate"], False),  # the gates are decided, but no case ran as a test of its own
        (["-k", "gate or newsgroup"], True),
        (["-k", "nothing_of_the_kind"], False),
        (["-m", "case"], False),
        (["--deselect", "evals/test_gates.py::test_gate[tuned]"], False),
        (["--deselect", "evals/test_gates.py::test_gate[bare-baseline]"], False),
        (["--ignore", "evals/test_gates.py"], False),
        (["--ignore", "evals/test_newsgroups.py"], False),
        (["-p", "no:terminal"], True),
    ],
    ids=lambda value: " ".join(value) or "plain" if isinstance(value, list) else "",
)
def test_options_that_choose_tests_never_make_green_wrong(
    strict_project: pytest.Pytester, options: list[str], green: bool
) -> None:
    check(strict_project.runpytest_inprocess("evals", *options), green=green)


def with_cache() -> None:
    config = Path("pyproject.toml")
    config.write_text(config.read_text().replace('"-p", "no:cacheprovider", ', ""))


def edit(path: str | Path, old: str, new: str) -> None:
    text = Path(path).read_text()
    assert old in text
    Path(path).write_text(text.replace(old, new))


def without_a_class() -> None:
    for path in CASSETTES.iterdir():
        path.write_text("".join(line for line in path.read_text().splitlines(True) if '"key":"sci.med' not in line))


def corpus_without_a_class() -> None:
    bundled = Path("fixtures/bundled")
    there = bundled.resolve()
    bundled.unlink()
    shutil.copytree(there, bundled)
    for split in ("train", "test"):
        shutil.rmtree(bundled / split / "sci.med")


def corpus_with_a_changed_post() -> None:
    bundled = Path("fixtures/bundled")
    there = bundled.resolve()
    bundled.unlink()
    shutil.copytree(there, bundled)
    for post in (bundled / "test" / "sci.space").iterdir():
        post.write_bytes(post.read_bytes() + b"\nOne line more.\n")


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda: Path("evals/test_gates.py").unlink(), id="missing gate tests"),
        pytest.param(lambda: Path("evals/test_newsgroups.py").unlink(), id="missing case tests"),
        pytest.param(without_a_class, id="one class missing in the cassettes"),
        pytest.param(corpus_without_a_class, id="one class missing in the corpus"),
        pytest.param(corpus_with_a_changed_post, id="changed posts"),
        pytest.param(lambda: edit("evals/gates.toml", "limit = 0.5", "limit = 1.0"), id="raised floor"),
        pytest.param(lambda: edit(BASELINE, '"sci.space"', '"sci.med"'), id="changed baseline"),
        pytest.param(lambda: Path("evals/gates.toml").write_text(""), id="emptied gates"),
        pytest.param(
            lambda: edit("evals/test_gates.py", "if not verdict.passed", "if verdict.passed"),
            id="a gate test that fails",
        ),
        pytest.param(
            lambda: edit(
                "evals/test_newsgroups.py", "= pytest.mark.case", "= [pytest.mark.case, pytest.mark.skip('later')]"
            ),
            id="skipped cases",
        ),
        pytest.param(
            lambda: edit("evals/test_gates.py", "    if not", "    pytest.skip('later')\n    if not"),
            id="skipped gates",
        ),
        pytest.param(
            lambda: edit("evals/test_gates.py", "    if not", "    pytest.xfail('known')\n    if not"),
            id="excused gates",
        ),
        pytest.param(
            lambda: Path("evals/test_none.py").write_text(
                "import pytest\n\n@pytest.mark.parametrize('x', [])\ndef test_x(x):\n    pass\n"
            ),
            id="empty parameter set",
        ),
        pytest.param(lambda: Path("evals/test_broken.py").write_text("import nothing_like_it\n"), id="import error"),
    ],
)
def test_whatever_is_missing_or_changed_is_red(strict_project: pytest.Pytester, damage: Callable[[], object]) -> None:
    damage()
    result = strict_project.runpytest_inprocess("evals")
    assert result.ret != 0
    artifact = json.loads(ARTIFACT.read_text())
    passed = {gate["gate"] for gate in artifact["gates"] if gate["passed"] is True}
    assert not (artifact["complete"] and passed == GATES and artifact["n_cases_not_run"] == 0)


def test_stopping_at_the_first_failure_decides_nothing_and_says_so(strict_project: pytest.Pytester) -> None:
    Path("evals/test_a.py").write_text("def test_a():\n    assert False\n")
    check(strict_project.runpytest_inprocess("evals", "-x"), green=False)
    assert json.loads(ARTIFACT.read_text())["complete"] is False


def test_a_rerun_of_what_failed_last_is_red_until_all_cases_ran(strict_project: pytest.Pytester) -> None:
    with_cache()
    edit("evals/gates.toml", "limit = 0.5", "limit = 1.0")
    check(strict_project.runpytest_inprocess("evals"), green=False)
    edit("evals/gates.toml", "limit = 1.0", "limit = 0.5")
    check(strict_project.runpytest_inprocess("evals", "--lf"), green=False)  # one gate, no case
    check(strict_project.runpytest_inprocess("evals"), green=True)


def test_without_the_plugin_nothing_is_green(strict_project: pytest.Pytester) -> None:
    shutil.rmtree(".newsgauge", ignore_errors=True)
    result = strict_project.runpytest_inprocess("evals", "-p", "no:newsgauge.pytest_plugin.plugin")
    assert result.ret != 0
    assert not ARTIFACT.exists()


@pytest.mark.parametrize("file", ["evals/gates.toml", "evals/variants.toml"])
def test_a_missing_file_stops_the_run_and_leaves_no_older_verdict(strict_project: pytest.Pytester, file: str) -> None:
    ARTIFACT.parent.mkdir(parents=True, exist_ok=True)
    ARTIFACT.write_text('{"complete": true}')  # of an older run
    Path(file).unlink()
    assert strict_project.runpytest_inprocess("evals").ret == pytest.ExitCode.USAGE_ERROR
    assert not ARTIFACT.exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        "-n 1",
        "-n 2",
        "-n 4",
        "-n 2 --dist loadscope",
        "-n 2 --dist loadfile",
        "-n 2 --dist worksteal",
    ],
)
def test_any_way_to_share_the_work_decides_everything(strict_project: pytest.Pytester, options: str) -> None:
    check(strict_project.runpytest_subprocess("evals", *options.split()), green=True)


@pytest.mark.slow
def test_a_crashed_worker_is_red(strict_project: pytest.Pytester) -> None:
    Path("evals/test_a_crash.py").write_text("import os\n\ndef test_crash():\n    os._exit(9)\n")
    check(strict_project.runpytest_subprocess("evals", "-n", "2"), green=False)


@pytest.mark.slow
def test_a_worker_that_dies_in_a_gate_leaves_it_undecided_or_decided_by_another(
    strict_project: pytest.Pytester,
) -> None:
    edit(
        "evals/test_gates.py",
        "    if not",
        "    import os\n    os._exit(9) if gate.name == 'tuned' else None\n    if not",
    )
    check(strict_project.runpytest_subprocess("evals", "-n", "2"), green=False)
    artifact = json.loads(ARTIFACT.read_text())
    assert artifact["complete"] is False


#: Runs a failed test a second time, as pytest-rerunfailures does: what failed first is reported with another outcome.
RERUNS = """
from _pytest.runner import runtestprotocol

def pytest_runtest_protocol(item, nextitem):
    for is_last in (False, True):
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        is_last = is_last or not any(report.failed for report in reports)
        for report in reports:
            if report.failed and not is_last:
                report.outcome = "rerun"
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        if is_last:
            return True
        item._initrequest()

def pytest_report_teststatus(report):
    return ("rerun", "R", "RERUN") if report.outcome == "rerun" else None
"""
FIRST_TIME = """
    try:
        open("seen", "x").close()
    except FileExistsError:
        pass
    else:
        raise AssertionError("the first time")
"""


@pytest.mark.parametrize("options", [[], pytest.param(["-n", "2"], marks=pytest.mark.slow)], ids=["serial", "-n 2"])
@pytest.mark.parametrize(
    ("change", "n_again", "green"),
    [
        pytest.param(lambda: None, 0, True, id="nothing fails"),
        pytest.param(
            lambda: edit("evals/test_gates.py", "    if not", f"{FIRST_TIME}    if not"), 1, True, id="a gate, once"
        ),
        pytest.param(
            lambda: edit("evals/test_newsgroups.py", "    if pred", f"{FIRST_TIME}    if pred"),
            1,
            True,
            id="a case, once",
        ),
        pytest.param(lambda: edit("evals/gates.toml", "limit = 0.5", "limit = 1.0"), 1, False, id="a gate, twice"),
        # 16 cases, and the 8 gates about them.
        pytest.param(without_a_class, 24, False, id="cases without a recording, twice"),
    ],
)
def test_what_fails_and_is_run_again_is_judged_by_the_last_time(
    strict_project: pytest.Pytester, change: Callable[[], object], n_again: int, green: bool, options: list[str]
) -> None:
    conftest = Path("conftest.py")
    conftest.write_text((conftest.read_text() if conftest.exists() else "") + RERUNS)
    change()
    run = strict_project.runpytest_subprocess if options else strict_project.runpytest_inprocess
    result = run("evals", *options)
    check(result, green=green)
    assert result.parseoutcomes().get("rerun", 0) == n_again
