"""The plugins that people have beside this one: each run is as green or red as without them, and they get their part.

They are installed into a folder of their own, on the path of these runs only; all else is found where it is.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.quick_python import program

#: Distribution -> the modules of its pytest plugins; some of their names are those of modules of Python.
PLUGINS = {
    "allure-pytest": ["allure_pytest.plugin"],
    "pytest-asyncio": ["pytest_asyncio.plugin"],
    "pytest-check": ["pytest_check.plugin"],
    "pytest-cov": ["pytest_cov.plugin"],
    "pytest-html": ["pytest_metadata.plugin", "pytest_html.fixtures", "pytest_html.plugin"],
    "pytest-json-report": ["pytest_metadata.plugin", "pytest_jsonreport.plugin"],
    "pytest-randomly": ["pytest_randomly"],
    "pytest-recording": ["pytest_recording.plugin"],
    "pytest-rerunfailures": ["pytest_rerunfailures"],
    "pytest-retry": ["pytest_retry.retry_plugin"],
    "pytest-socket": ["pytest_socket"],
    "pytest-sugar": ["pytest_sugar"],
    "pytest-testmon": ["testmon.pytest_testmon"],
    "pytest-timeout": ["pytest_timeout"],
}
#: What makes each of them work.
OPTIONS = {
    "allure-pytest": ["--alluredir=allure"],
    "pytest-asyncio": ["-o", "asyncio_default_fixture_loop_scope=function"],
    "pytest-cov": ["--cov=evals"],
    "pytest-html": ["--html=report.html", "--self-contained-html"],
    "pytest-json-report": ["--json-report", "--json-report-file=report.json"],
    "pytest-randomly": ["--randomly-seed=7"],
    "pytest-recording": ["--block-network"],
    "pytest-rerunfailures": ["--reruns=1"],
    "pytest-retry": ["--retries=1"],
    "pytest-socket": ["--disable-socket"],
    "pytest-sugar": ["--force-sugar"],
    "pytest-testmon": ["--testmon"],
    "pytest-timeout": ["--timeout=120", "--timeout-method=thread"],
}
#: What some of them need beside what is here.
NEEDED = ["allure-python-commons", "pytest-metadata", "termcolor"]
#: Seconds that the installation may take.
PATIENCE_S = 120

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that they are in; skips where they cannot be had."""
    folder = tmp_path_factory.mktemp("plugins") / "site-packages"
    install = [*(sys.executable, "-m", "uv", "pip", "install"), *("-q", "--no-deps", "--target", str(folder))]
    try:
        done = subprocess.run([*install, *PLUGINS, *NEEDED], capture_output=True, text=True, timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        pytest.skip(f"the plugins cannot be installed here: it took more than {PATIENCE_S} seconds")
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        pytest.skip(f"the plugins cannot be installed here: {reason}")
    return folder


def run(plugins: Path, names: list[str], *options: str, python: str = "") -> subprocess.CompletedProcess[str]:
    """The evals, with these plugins and no other."""
    loaded = [name for dist in names for name in PLUGINS[dist]]
    command = [python or program("python"), "-m", "pytest", "evals", "-p", "xdist", "-p", "newsgauge"]
    command += [part for name in dict.fromkeys(loaded) for part in ("-p", name)]
    command += [part for name in names for part in OPTIONS.get(name, [])]
    environment = {key: value for key, value in os.environ.items() if "PYTEST" not in key and key != "CI"}
    environment |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "CI": "true"}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(plugins), os.environ.get("PYTHONPATH"))))
    return subprocess.run([*command, *options], env=environment, capture_output=True, text=True, timeout=300)


@pytest.fixture
def gated(project: pytest.Pytester) -> pytest.Pytester:
    """The recorded project under git; all its variants have a gate, and no line of output depends on a cache."""
    subprocess.run(["git", "init", "-q"], check=True)
    gates = Path("evals/gates.toml")
    gates.write_text(
        f'{gates.read_text()}\n[embedded.bundled.system]\nmax_accuracy = {{ limit = 0.0, reason = "no labels" }}\n'
    )
    return project


def check_results() -> None:
    """What the run left is what it leaves without other plugins."""
    gates = json.loads(Path(".newsgauge/results/gates.json").read_text())
    assert gates["complete"] is True
    assert [gate["gate"] for gate in gates["gates"] if gate["passed"] is not True] == []
    assert 0 < n_wrong() < 32


def n_wrong() -> int:
    """The cases with a wrong label, which are expected failures, as the results say."""
    with Path(".newsgauge/results/results.csv").open(newline="") as file:
        return sum(row["correct"] == "0" for row in csv.DictReader(file))


def check_part(name: str, out: str) -> None:
    """The plugin got what it is there for."""
    if name == "allure-pytest":
        statuses = [json.loads(path.read_text()) for path in Path("allure").glob("*-result.json")]
        wrong = [one for one in statuses if one["status"] == "skipped"]
        assert len(wrong) == n_wrong()
        assert all(" -> " in one["statusDetails"]["message"] for one in wrong)
    elif name == "pytest-json-report":
        summary = json.loads(Path("report.json").read_text())["summary"]
        assert summary["xfailed"] == n_wrong()
    elif name == "pytest-html":
        assert Path("report.html").read_text().count("test_names_its_newsgroup[") >= 32
    elif name == "pytest-testmon":
        assert "testmon: new DB" in out
    elif name == "pytest-cov":
        assert "test_newsgroups.py" in out
    elif name == "pytest-randomly":
        assert "Using --randomly-seed=7" in out


@pytest.mark.parametrize("name", PLUGINS)
def test_the_evals_are_green_beside(plugins: Path, gated: pytest.Pytester, name: str) -> None:
    done = run(plugins, [name])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "INTERNALERROR" not in done.stdout + done.stderr
    check_results()
    check_part(name, done.stdout)


#: pytest-retry and pytest-rerunfailures refuse one another, pytest-cov and pytest-testmon measure with one tool, and
#: pytest-sugar has a terminal of its own.
TOGETHER = [name for name in PLUGINS if name not in ("pytest-retry", "pytest-sugar", "pytest-testmon")]


@pytest.mark.parametrize("options", [[], ["-n", "2"]], ids=["serial", "-n 2"])
def test_the_evals_are_green_beside_all_at_once(plugins: Path, gated: pytest.Pytester, options: list[str]) -> None:
    # Serially in a Python that has imported nothing yet: plugins mind what was imported before them.
    done = run(plugins, TOGETHER, *options, python="" if options else sys.executable)
    assert done.returncode == 0, done.stdout + done.stderr
    check_results()
    for name in TOGETHER:
        check_part(name, done.stdout)


@pytest.mark.parametrize("name", ["pytest-retry", "pytest-rerunfailures", "pytest-check", "pytest-sugar"])
def test_what_is_red_stays_red_beside(plugins: Path, gated: pytest.Pytester, name: str) -> None:
    gates = Path("evals/gates.toml")
    gates.write_text(gates.read_text().replace("limit = 0.5", "limit = 1.0"))
    done = run(plugins, [name])
    assert done.returncode == 1, done.stdout + done.stderr
    assert "INTERNALERROR" not in done.stdout + done.stderr
    decided = {gate["gate"]: gate for gate in json.loads(Path(".newsgauge/results/gates.json").read_text())["gates"]}
    assert decided["tuned"]["passed"] is False
    assert decided["bare"]["passed"] is True
