"""Workers of pytest-xdist that do not share the controller's folders: what they found comes home."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest

from newsgauge.errors import UsageError
from newsgauge.planning.plan_file import COMMIT, NO_COMMIT
from newsgauge.pytest_plugin.gate_hooks import GATE_PROPERTY
from newsgauge.pytest_plugin.xdist import Controller, check_worker
from newsgauge.records import Outcome, Prediction, Result
from newsgauge.running.results_log import MAIN, ResultLog


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[list[str]]:
    """Two ``--tx`` specifications: servers on loopback, each with an empty folder of its own."""
    started, specs = [], []
    try:
        for name in ("a", "b"):
            folder = tmp_path / name
            folder.mkdir()
            command = [sys.executable, "-u", "-m", "execnet.script.socketserver", "127.0.0.1:0"]
            server = subprocess.Popen(
                command,
                cwd=folder,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                text=True,
            )
            started.append(server)
            assert server.stdout is not None
            found = re.search(r"Accept loop \('127.0.0.1', (\d+)\)", server.stdout.readline())
            assert found
            specs.append(f"socket=127.0.0.1:{found[1]}//chdir={folder}")
        yield specs
    finally:
        for server in started:
            server.kill()
            server.communicate()


def result(number: int) -> Result:
    said = Prediction("a", Outcome.LABEL, "", 1, 1, "m")
    return Result(f"a-{number}", "plain", "a", said)


def test_a_folder_with_the_controllers_file_is_shared(tmp_path: Path) -> None:
    controller, worker = ResultLog(tmp_path, MAIN), ResultLog(tmp_path, "gw0")
    assert not worker.is_shared
    controller.open()
    assert worker.is_shared


def test_what_a_worker_hands_over_the_controller_reads(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    controller, worker, neighbour = ResultLog(here, MAIN), ResultLog(there, "gw0"), ResultLog(there, "gw1")
    controller.open()
    worker.add(result(1))
    neighbour.add(result(2))
    controller.take_in("gw0", worker.hand_over())
    assert controller.read() == {("a-1", "plain"): result(1)}
    assert neighbour.read() == {("a-2", "plain"): result(2)}  # the neighbour's file is its own to hand over
    controller.take_in("gw1", neighbour.hand_over())
    assert controller.read().keys() == {("a-1", "plain"), ("a-2", "plain")}
    assert not there.exists()
    controller.discard()


def test_a_worker_without_results_hands_over_nothing(tmp_path: Path) -> None:
    assert ResultLog(tmp_path / "none", "gw0").hand_over() == ""


def test_recording_on_other_machines_is_refused(project: pytest.Pytester) -> None:
    places = ("--dist", "load", "--tx", "2*ssh=nowhere.invalid//chdir=/srv/run")
    refused = project.runpytest_inprocess("evals", *places, "--record-mode", "once")
    assert refused.ret == pytest.ExitCode.USAGE_ERROR
    refused.stderr.fnmatch_lines(
        ["*the workers of --tx ssh=nowhere.invalid//chdir=/srv/run would record into folders*"]
    )


def arguments(way: str, project: Path, specs: list[str]) -> list[str]:
    """Where each host has the project: pytest-xdist copies it, or it is there already."""
    if way == "rsync":
        quiet = "ignore:The --rsyncdir:DeprecationWarning"
        places = [str(project / "evals"), "--rsyncdir", str(project), "-W", quiet]
    else:
        for spec in specs:
            shutil.copytree(project, f"{spec.rpartition('=')[2]}/project", symlinks=True)
        specs = [f"{spec}/project" for spec in specs]
        places = ["-o", "testpaths=evals"]
    return [*places, "--dist", "load", *(word for spec in specs for word in ("--tx", spec))]


@pytest.mark.slow
@pytest.mark.parametrize("way", ["rsync", "checkout"])
def test_a_run_on_two_hosts_is_the_run_on_one(project: pytest.Pytester, hosts: list[str], way: str) -> None:
    here = project.path
    there = arguments(way, here, hosts)
    local = project.runpytest_subprocess("evals", "--require-gates", "--results=local")
    assert local.ret == 0
    result = project.runpytest_subprocess(*there, "--require-gates", "--results=remote")
    assert result.ret == 0, result.stdout.str() + result.stderr.str()
    for name in ("results.csv", "gates.json", "scoreboard.json", "flips.csv"):
        assert Path("remote", name).read_bytes() == Path("local", name).read_bytes()
    assert json.loads(Path("remote/gates.json").read_text())["complete"] is True
    for spec in hosts:  # the hosts worked in copies of their own, and left no results there
        copy = Path(spec.rpartition("=")[2], here.name if way == "rsync" else "project")
        assert (copy / "evals").is_dir()
        assert list(copy.glob("remote/.cases-*")) == []
        assert list(copy.glob("remote/*.csv")) == []
    assert list(Path("remote").glob(".cases-*")) == []


class Liar:
    """Stands for a worker on another machine that says PASS of every gate."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for at, (name, value) in enumerate(report.user_properties):
            if name == GATE_PROPERTY:
                report.outcome, report.longrepr = "passed", None
                report.user_properties[at] = (name, json.dumps({**json.loads(str(value)), "finding": "PASS"}))

    @pytest.hookimpl
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        session.config.pluginmanager.get_plugin("newsgauge-judge")._log.has_guests = True


def test_what_workers_elsewhere_decided_is_decided_again_from_the_files_here(project: pytest.Pytester) -> None:
    gates = Path("evals/gates.toml")
    assert "limit = 0.5" in gates.read_text()
    gates.write_text(gates.read_text().replace("limit = 0.5", "limit = 0.99", 1))
    result = project.runpytest_inprocess("evals", "-q", plugins=[Liar()])
    assert result.ret == 1
    found = json.loads(Path(".newsgauge/results/gates.json").read_text())
    assert found["verdict"] == "RED"
    assert "FAIL" in {one["finding"] for one in found["gates"]}
    assert any(reason.startswith("gates failed: ") for reason in found["reasons"])


def test_a_worker_of_another_version_refuses() -> None:
    facts = {"newsgauge": "0.0.1"}
    run = SimpleNamespace(made_by="0.0.2", describe=dict, prompts={}, inputs={})
    config = SimpleNamespace(rootpath="here", option=SimpleNamespace())
    with pytest.raises(UsageError, match=r"something else than its controller: newsgauge \(0\.0\.2, not 0\.0\.1\)"):
        check_worker(config, {"newsgauge_facts": facts}, run)  # type: ignore[arg-type]


@pytest.mark.parametrize(("there", "refuses"), [("3f2a", False), ("77b0", True), (NO_COMMIT, False)])
def test_a_worker_at_another_commit_refuses_if_it_has_git(there: str, refuses: bool) -> None:
    facts = {"newsgauge": "1", COMMIT: "3f2a"}
    run = SimpleNamespace(made_by="1", describe=dict, prompts={}, inputs={COMMIT: there})
    config = SimpleNamespace(rootpath="here", option=SimpleNamespace())
    refusal = pytest.raises(UsageError, match=r"commit \(77b0, not 3f2a\)") if refuses else nullcontext()
    with refusal:
        check_worker(config, {"newsgauge_facts": facts}, run)  # type: ignore[arg-type]


class _Node:
    """A worker of pytest-xdist."""

    gateway = SimpleNamespace(spec="ssh=host")


def test_a_worker_that_dies_before_it_can_work_ends_the_run_and_one_that_dies_later_does_not() -> None:
    error = "Traceback\n  File ...\nModuleNotFoundError: No module named 'nothing' (from conftest.py)\n"
    controller = Controller(ResultLog(Path(), MAIN), Path(), {}, required=True, compact=False)
    with pytest.raises(pytest.UsageError, match="ssh=host: this worker could not start: ModuleNotFoundError: No mod"):
        controller.pytest_testnodedown(_Node(), error)
    ready = _Node()
    controller.pytest_testnodeready(ready)
    controller.pytest_testnodedown(ready, error)


OLDER = {
    "gates.toml": ("evals/gates.toml", "limit = 0.5", "limit = 0.1", "evals/gates.toml ("),
    "prompt": ("evals/variants.toml", "Name the newsgroup", "Say the newsgroup", "prompt or model of system ("),
    "cassette": ("cassettes/embedded/bundled/bare.jsonl", "\n", "\n\n", "cassettes/embedded/bundled/bare.jsonl ("),
    "eval": ("evals/test_gates.py", "if not verdict.passed", "if False", "evals/test_gates.py ("),
}


@pytest.mark.slow
@pytest.mark.parametrize(("path", "old", "new", "said"), OLDER.values(), ids=OLDER)
def test_a_host_in_another_state_refuses_to_work(
    project: pytest.Pytester, hosts: list[str], path: str, old: str, new: str, said: str
) -> None:
    there = arguments("checkout", project.path, hosts)
    other = Path(hosts[1].rpartition("=")[2], "project", path)
    assert old in other.read_text()
    other.write_text(other.read_text().replace(old, new))
    result = project.runpytest_subprocess(*there, "--require-gates", "--results=remote")
    assert result.ret != 0
    shown = result.stdout.str() + result.stderr.str()
    assert "newsgauge: " in shown
    assert "this worker would run something else than its controller: " in shown
    assert said in shown
    assert json.loads(Path("remote/gates.json").read_text())["verdict"] == "RED"


@pytest.mark.parametrize("options", [(), pytest.param(("-n", "2"), marks=pytest.mark.slow)], ids=["serial", "-n 2"])
def test_what_a_killed_run_left_is_not_counted_where_its_id_comes_again(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    monkeypatch.setenv("CI", "true")
    left = Path(".newsgauge/results/.cases-nightly")
    left.mkdir(parents=True, exist_ok=True)
    cassette = Path("cassettes/embedded/bundled/tuned.jsonl")
    keys = [json.loads(line)["key"] for line in cassette.read_text().splitlines()]
    log = ResultLog(left, "gw0")
    for key in keys:  # right answers of an older run, as items
        label = key.rpartition("-")[0]
        log.add(Result(key, "tuned", label, Prediction(label, Outcome.LABEL, "", 1, 1, "m")))
    log.close()
    cassette.unlink()
    result = project.runpytest_subprocess("evals", "--testrunuid", "nightly", *options)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["UNANSWERED  tuned: 0 of 8 cases of tuned have an answer"])
