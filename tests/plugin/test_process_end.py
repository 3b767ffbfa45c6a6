"""However a process of pytest ends, it is green only with a verdict, and nobody reads an older verdict as its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from newsgauge.cli.main import main
from tests.quick_python import program

RESULTS = Path(".newsgauge/results")


def in_all_ways(names: str, values: Mapping[str, object], workers: str | tuple[str, ...] = "") -> pytest.MarkDecorator:
    """Each value serially, those whose name ends with ``workers`` on two workers, and the first one quietly."""
    ways: list[tuple[str, str, tuple[str, ...]]] = [(key, "serial", ()) for key in values]
    ways += [(key, "-n 2", ("-n", "2")) for key in values if key.endswith(workers)]
    ways.append((next(iter(values)), "-q", ("-q",)))
    cases = [
        pytest.param(values[key], options, id=f"{key}-{way}", marks=pytest.mark.slow if options else ())
        for key, way, options in ways
    ]
    return pytest.mark.parametrize((names, "options"), cases)


@pytest.fixture(scope="session")
def green_results(recorded_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a green run of the recorded project leaves."""
    folder = tmp_path_factory.mktemp("green") / "project"
    shutil.copytree(recorded_project, folder, symlinks=True)
    environment = {key: value for key, value in os.environ.items() if "PYTEST" not in key}
    command = [program("python"), "-m", "pytest", "evals", "-q"]
    subprocess.run(command, cwd=folder, env={**environment, "CI": "true"}, capture_output=True, check=True)
    return folder / RESULTS


@pytest.fixture
def strict(project: pytest.Pytester, green_results: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """The recorded project in CI, after a run that was green."""
    monkeypatch.setenv("CI", "true")
    shutil.rmtree(RESULTS)
    shutil.copytree(green_results, RESULTS)
    assert main(["gates"]) == 0
    return project


def check_red(result: pytest.RunResult) -> None:
    """The exit status says so, the artifact, and the command that CI asks; no older page is taken for this run's."""
    assert result.ret != 0, result.stdout.str()
    gates = json.loads((RESULTS / "gates.json").read_text())
    assert (gates["verdict"], gates["complete"]) == ("RED", False)
    assert not (RESULTS / "summary.md").exists()
    assert not (RESULTS / "report.html").exists()
    assert not (RESULTS / "plan.json").exists()
    assert main(["gates"]) == 1


LEAVES = {
    "sys.exit()": "import sys\nsys.exit()\n",
    "sys.exit(0)": "import sys\nsys.exit(0)\n",
    "raise SystemExit": "raise SystemExit\n",
    "os._exit(0)": "import os\nos._exit(0)\n",
    "exit of pytest": "import pytest\npytest.exit('no key', returncode=0)\n",
    "an error": "import nothing_like_it\n",
    "its option hook leaves": "import sys\n\ndef pytest_addoption(parser):\n    sys.exit(0)\n",
    "its configure hook leaves": "import sys\n\ndef pytest_configure(config):\n    sys.exit(0)\n",
}


CONFTESTS = {
    f"{name} in {place}": (place, text)
    for name, text in LEAVES.items()
    for place in ("conftest.py", "evals/conftest.py")
}


@in_all_ways("conftest", CONFTESTS, workers="evals/conftest.py")
def test_a_conftest_that_leaves_is_red(
    strict: pytest.Pytester, conftest: tuple[str, str], options: tuple[str, ...]
) -> None:
    place, leaves = conftest
    Path(place).write_text(leaves)
    check_red(strict.runpytest_subprocess("evals", *options))


def test_a_conftest_that_leaves_is_told_so_in_one_line(strict: pytest.Pytester) -> None:
    Path("evals/conftest.py").write_text(LEAVES["sys.exit()"])
    result = strict.runpytest_subprocess("evals")
    result.stderr.fnmatch_lines(["ERROR: newsgauge: sys.exit() ended pytest*no gate is decided*"])
    result.stderr.no_fnmatch_line("*Traceback*")


NOT_JUDGING = [
    *("--co", "--no-such-option", "--fixtures", "--fixtures-per-test", "--markers", "--setup-plan"),
    *("-k nothing_of_the_kind", "-p no:newsgauge"),
]


@in_all_ways("arguments", {words: words for words in NOT_JUDGING})
def test_a_run_that_judges_nothing_is_red_and_leaves_no_older_verdict(
    strict: pytest.Pytester, arguments: str, options: tuple[str, ...]
) -> None:
    result = strict.runpytest_subprocess("evals", *arguments.split(), *options)
    assert result.ret != 0
    assert json.loads((RESULTS / "gates.json").read_text())["verdict"] == "RED"
    assert main(["gates"]) == 1


@pytest.mark.parametrize("addopts", ["--co", "--help", "--fixtures", "-k nothing_of_the_kind", "--maxfail=1 --markers"])
def test_options_of_the_environment_turn_no_run_off(
    strict: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, addopts: str
) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", addopts)
    assert strict.runpytest_subprocess("evals").ret != 0
    assert main(["gates"]) == 1


@pytest.mark.parametrize("results", [(), ("--results", "out"), ("--results=out",)], ids=lambda value: " ".join(value))
def test_the_marked_folder_is_the_one_of_the_command_line(strict: pytest.Pytester, results: tuple[str, ...]) -> None:
    folder = Path("out") if results else RESULTS
    assert strict.runpytest_inprocess("evals", *results).ret == 0
    Path("evals/conftest.py").write_text("import nothing_like_it\n")
    for more in ((), ("-p", "no:newsgauge")):
        (folder / "gates.json").write_text('{"complete": true, "verdict": "GREEN"}')
        assert strict.runpytest_subprocess("evals", *results, *more).ret != 0
        assert json.loads((folder / "gates.json").read_text())["complete"] is False


ENDS = {
    "os._exit(0) in a test": "import os\n\ndef test_it():\n    os._exit(0)\n",
    "exit of pytest": "import pytest\n\ndef test_it():\n    pytest.exit('done', returncode=0)\n",
    "exit while collected": "import sys\nsys.exit(0)\n",
    "exit in a test": "import sys\n\ndef test_it():\n    sys.exit(0)\n",
}


@in_all_ways("ends", ENDS)
def test_a_test_that_ends_the_process_is_red(strict: pytest.Pytester, ends: str, options: tuple[str, ...]) -> None:
    Path("evals/test_a.py").write_text(ends)
    assert strict.runpytest_subprocess("evals", *options).ret != 0
    assert json.loads((RESULTS / "gates.json").read_text())["verdict"] == "RED"
    assert main(["gates"]) == 1


def test_ci_is_ci_whatever_a_conftest_does_to_the_environment(strict: pytest.Pytester) -> None:
    Path("conftest.py").write_text('import os\nos.environ.pop("CI")\ncollect_ignore_glob = ["evals/*gates*"]\n')
    result = strict.runpytest_inprocess("evals")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["newsgauge: red: gates not decided: *"])


FAKES = {
    "sets the exit status": "def pytest_sessionfinish(session):\n    session.exitstatus = 0\n",
    "sets it last": (
        "import pytest\n\n@pytest.hookimpl(wrapper=True, tryfirst=True)\ndef pytest_sessionfinish(session):\n"
        "    yield\n    session.exitstatus = 0\n"
    ),
    "leaves at the end": "import sys\n\ndef pytest_unconfigure(config):\n    sys.exit(0)\n",
    "leaves when finished": (
        "import pytest\n\ndef pytest_sessionfinish(session):\n    pytest.exit('fine', returncode=0)\n"
    ),
    "has the last word": (
        "import pytest\n\n@pytest.hookimpl(wrapper=True, tryfirst=True)\ndef pytest_cmdline_main():\n"
        "    yield\n    return 0\n"
    ),
    "leaves at exit": "import atexit, os\natexit.register(os._exit, 0)\n",
}


@in_all_ways("fake", FAKES, workers=("status", "exit"))
def test_a_red_run_that_somebody_calls_a_success_stays_red(
    strict: pytest.Pytester, fake: str, options: tuple[str, ...]
) -> None:
    Path("evals/test_a.py").write_text("def test_it():\n    assert False\n")
    Path("conftest.py").write_text(fake)
    assert strict.runpytest_subprocess("evals", *options).ret != 0
    assert json.loads((RESULTS / "gates.json").read_text())["verdict"] == "RED"
    assert main(["gates"]) == 1


LATE = {
    "another status": (FAKES["sets it last"].replace("exitstatus = 0", "exitstatus = 7"), 7, "status 7"),
    "an error at the end": ("def pytest_unconfigure(config):\n    raise RuntimeError\n", 1, "RuntimeError"),
    "an error in the summary": ("def pytest_terminal_summary():\n    raise RuntimeError\n", 1, "RuntimeError"),
}


EXITS = {
    "at exit": "import atexit, os\natexit.register(os._exit, 3)\n",
    "in the summary": "import os\n\ndef pytest_terminal_summary():\n    os._exit(3)\n",
    "at the end": "import os\n\ndef pytest_unconfigure():\n    os._exit(3)\n",
}


@in_all_ways("leaves", EXITS, workers=("status", "exit"))
def test_a_green_run_that_leaves_with_another_status_left_no_green_file(
    strict: pytest.Pytester, leaves: str, options: tuple[str, ...]
) -> None:
    Path("conftest.py").write_text(leaves)
    assert strict.runpytest_subprocess("evals", *options).ret == 3
    assert json.loads((RESULTS / "gates.json").read_text())["verdict"] == "RED"
    assert "GREEN" not in (RESULTS / "summary.md").read_text() if (RESULTS / "summary.md").exists() else True
    assert main(["gates"]) == 1


@pytest.mark.parametrize("late", LATE)
def test_what_ends_a_green_run_in_red_is_in_every_artifact(
    strict: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, late: str
) -> None:
    conftest, status, how = LATE[late]
    Path("conftest.py").write_text(conftest)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "steps.md")
    result = strict.runpytest_subprocess("evals", "--junitxml=junit.xml")
    assert result.ret == status
    why = f"pytest ended with {how} once the gates were decided"
    assert f"newsgauge: red: {why}" in result.stderr.str()
    gates = json.loads((RESULTS / "gates.json").read_text())
    assert (gates["verdict"], gates["exit_status"], gates["ended"]) == ("RED", status, why)
    assert main(["gates"]) == 1
    assert 'failures="1"' in Path("junit.xml").read_text()
    for page in (RESULTS / "summary.md", RESULTS / "report.html", Path("steps.md"), Path("junit.xml")):
        assert why in page.read_text()


def test_a_forked_child_may_leave_as_it_likes(strict: pytest.Pytester) -> None:
    Path("evals/test_a.py").write_text(
        "import os\n\ndef test_it():\n    child = os.fork()\n    if not child:\n        os._exit(0)\n"
        "    assert os.waitpid(child, 0)[1] == 0\n\n"
        # One that goes on to the end of the session judges nothing, and writes nothing.
        "def test_copy():\n    child = os.fork()\n    assert not child or os.waitpid(child, 0)[1] != 0\n"
        "    assert not os.path.exists('junit.xml')\n"
    )
    assert strict.runpytest_subprocess("evals", "--junitxml=junit.xml").ret == 0


def test_after_a_run_in_this_process_os_exit_is_its_own(project: pytest.Pytester) -> None:
    leave = os._exit
    project.runpytest_inprocess("evals", "--co")
    Path("evals/conftest.py").write_text(LEAVES["sys.exit()"])
    project.runpytest_inprocess("evals")
    assert os._exit is leave


def test_other_tests_of_the_project_leave_the_verdict_alone(strict: pytest.Pytester) -> None:
    strict.makepyfile(test_own="def test_own():\n    pass\n")
    assert strict.runpytest_subprocess("test_own.py", "--rootdir", ".").ret == 0
    assert main(["gates"]) == 0
    assert (RESULTS / "report.html").exists()


def test_to_look_without_ci_is_allowed(project: pytest.Pytester) -> None:
    for options in (("--co",), ("--fixtures",), ("--markers",), ("--help",)):
        assert project.runpytest_inprocess("evals", *options).ret == 0


def test_help_is_given_in_ci_and_leaves_the_verdict_alone(strict: pytest.Pytester) -> None:
    assert strict.runpytest_subprocess("evals", "--help").ret == 0
    assert main(["gates"]) == 0


def test_the_report_of_the_older_run_is_kept_under_another_name(strict: pytest.Pytester) -> None:
    page = (RESULTS / "report.html").read_bytes()
    strict.runpytest_subprocess("evals", "--co")
    assert (RESULTS / "older-report.html").read_bytes() == page
    assert strict.runpytest_subprocess("evals").ret == 0
    assert not (RESULTS / "older-report.html").exists()


@pytest.mark.parametrize("way", ["the link is the root", "the evals are a link"])
@pytest.mark.parametrize(
    "leaves", [LEAVES["sys.exit()"], LEAVES["os._exit(0)"], "import socket\nsocket.gethostbyname('a.b')\n"]
)
def test_behind_links_a_run_is_guarded_all_the_same(
    strict: pytest.Pytester,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    way: str,
    leaves: str,
) -> None:
    link = tmp_path_factory.mktemp("links") / "link"
    arguments: tuple[str, ...] = ("evals",)
    if way == "the evals are a link":
        Path("evals").rename("real")
        Path("evals").symlink_to("real")
    else:
        link.symlink_to(Path.cwd())
        arguments = ("evals", "--rootdir", str(link))
    assert strict.runpytest_subprocess(*arguments).ret == 0
    Path("evals/conftest.py").write_text(leaves)
    check_red(strict.runpytest_subprocess(*arguments))
