"""An installed newsgauge is there for projects that ask, and nowhere else."""

from __future__ import annotations

import sys

import pytest

from newsgauge.pytest_plugin.entry import GUARD, add_guard

ON_ALL = pytest.mark.parametrize("workers", ["0", "2"])
OPTIONS = ("--corpus", "--variants", "--backend", "--record-mode", "--results", "--require-gates")
#: What other projects may call their own options.
CONFTEST = """
def pytest_addoption(parser):
    for name in ("--results", "--backend", "--yes", "--corpus", "--classes", "--columns", "--record-mode"):
        parser.addoption(name)
"""


@pytest.fixture
def foreign(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project that has nothing to do with newsgauge, but an evals folder and options of the same names."""
    pytester.makeconftest(CONFTEST)
    pytester.mkdir("evals")
    pytester.makepyfile(
        test_own="""
        import sys
        import pytest

        @pytest.mark.parametrize("case", [1, 2])
        def test_own(case, request):
            assert request.config.getoption("--results") == "mine"
            loaded = {name for name in sys.modules if name.split(".")[0] == "newsgauge"}
            assert loaded <= {"newsgauge", "newsgauge.pytest_plugin", "newsgauge.pytest_plugin.entry"}
        """
    )
    return pytester


@ON_ALL
def test_a_project_that_does_not_ask_keeps_its_own_options_and_loads_one_small_module(
    foreign: pytest.Pytester, workers: str
) -> None:
    result = foreign.runpytest_subprocess("--results", "mine", "-n", workers)
    result.assert_outcomes(passed=2)


def test_the_help_of_a_project_that_does_not_ask_names_no_option(pytester: pytest.Pytester) -> None:
    shown = pytester.runpytest_inprocess("--help").stdout.str()
    assert "newsgauge:" not in shown
    assert not any(f"  {option}" in shown for option in OPTIONS)


def test_the_help_of_a_project_that_asks_names_the_options(project: pytest.Pytester) -> None:
    shown = project.runpytest_inprocess("--help").stdout.str()
    assert all(f"  {option}" in shown for option in OPTIONS)


def test_an_option_that_is_misspelt_is_answered_with_the_one_that_is_meant(project: pytest.Pytester) -> None:
    said = project.runpytest_inprocess("evals", "--updat-baseline", "--variant=tuned", "--qwxz=1").stderr.str()
    assert "newsgauge: did you mean '--update-baseline'?; did you mean '--variants'?\n" in said
    assert "unrecognized arguments: --updat-baseline --variant=tuned --qwxz=1" in said


def test_an_ini_value_asks_too(project: pytest.Pytester) -> None:
    (project.path / "evals").rename(project.path / "questions")
    (project.path / "pyproject.toml").write_text(
        (project.path / "pyproject.toml").read_text() + 'newsgauge_evals = "questions"\n'
    )
    result = project.runpytest_inprocess("questions", "-k", "gate")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*newsgauge gates*"])


@pytest.mark.parametrize("autoload", [True, False])
@pytest.mark.parametrize("named", ["conftest", "-p newsgauge", "-p newsgauge.pytest_plugin.plugin"])
def test_a_plugin_that_is_also_named_is_loaded_once(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, named: str, autoload: bool
) -> None:
    if not autoload:
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    if named == "conftest":
        project.makeconftest('pytest_plugins = ["newsgauge.pytest_plugin.plugin"]')
    result = project.runpytest_inprocess("evals", "-k", "gate", *([] if named == "conftest" else named.split()))
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*newsgauge gates*"])


@pytest.mark.parametrize("name", ["newsgauge", "newsgauge.pytest_plugin.plugin"])
def test_a_plugin_that_is_switched_off_is_not_there(project: pytest.Pytester, name: str) -> None:
    result = project.runpytest_inprocess("evals", "-p", f"no:{name}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*unrecognized arguments: --classes*"])


def test_two_that_want_one_option_are_told_so_in_one_line(project: pytest.Pytester) -> None:
    project.makeconftest(CONFTEST)
    result = project.runpytest_subprocess("evals")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: newsgauge and another plugin or conftest.py of this project want the same*"])
    result.stderr.no_fnmatch_line("*Traceback*")


@ON_ALL
def test_pytest_recording_and_newsgauge_share_the_record_mode(project: pytest.Pytester, workers: str) -> None:
    # As pytest-recording registers itself and its option, without being it.
    project.makepyfile(
        recording="""
        def pytest_addoption(parser):
            parser.getgroup("recording").addoption(
                "--record-mode", default=None, choices=("once", "new_episodes", "none", "all", "rewrite")
            )
        """
    )
    project.syspathinsert()
    environment = ("-p", "recording", "-n", workers)
    assert project.runpytest_subprocess("evals", *environment).ret == 0
    again = project.runpytest_subprocess("evals", *environment, "--record-mode", "once")
    assert again.ret == 0
    again.stdout.fnmatch_lines(["*recording (mode once)*"])


def test_a_fixture_of_the_same_name_outside_of_the_evals_is_left_alone(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_own="""
        import pytest

        @pytest.mark.parametrize("case", [1, 2])
        @pytest.mark.parametrize("gate", [3])
        def test_own(case, gate):
            assert case < gate
        """
    )
    result = project.runpytest_inprocess("evals", "test_own.py", "-k", "own or gate")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*newsgauge gates*"])


def test_the_value_of_an_option_is_no_path_of_tests(project: pytest.Pytester) -> None:
    # A conftest.py of evals with an option of its own is loaded early only if 'out' is not taken for where tests lie.
    own = "def pytest_addoption(parser):\n    parser.addoption('--own')\n"
    (project.path / "evals" / "conftest.py").write_text(own)
    (project.path / "pyproject.toml").write_text(
        (project.path / "pyproject.toml").read_text() + 'testpaths = ["evals"]\n'
    )
    project.mkdir("out")
    result = project.runpytest_subprocess("--results", "out", "--own=x", "-k", "gate")
    assert result.ret == 0, result.stderr.str()


def test_the_entry_point_imports_nothing_but_pytest() -> None:
    import subprocess

    code = (
        "import pytest, sys; before = set(sys.modules); "
        "import newsgauge.pytest_plugin.entry; print(*set(sys.modules) - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == {"newsgauge", "newsgauge.pytest_plugin", "newsgauge.pytest_plugin.entry"}


def test_a_project_in_a_subfolder_says_how_it_is_run(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]")
    evals = pytester.mkdir("my team") / "evals"
    evals.mkdir()
    (evals / "gates.toml").write_text("")
    (evals / "test_labels.py").write_text("def test_names_its_label(case, prediction): ...")
    (pytester.path / "test_other.py").write_text("def test_other(case): ...")
    result = pytester.runpytest_inprocess()
    assert result.ret == 1
    (line,) = [line for line in result.outlines if line.startswith("newsgauge: ")]
    assert line.endswith("Run it there: cd 'my team' && pytest --rootdir . evals")


def test_the_guard_stays_if_only_its_own_name_is_turned_off() -> None:
    plugins = pytest.PytestPluginManager()
    plugins.set_blocked("newsgauge-guard")
    add_guard(plugins)
    add_guard(plugins)
    assert plugins.is_registered(GUARD)
