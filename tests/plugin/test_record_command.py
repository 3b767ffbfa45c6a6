"""``newsgauge record`` fills cassettes as pytest does: the same lines, each case asked once; it can always go on."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from gemini_emulator.app import App, Options
from gemini_emulator.faults.faults import Fault, FaultPlan
from gemini_emulator.server import EmbeddedServer
from newsgauge.cassettes.audit import audit_file
from newsgauge.cli.main import main
from tests.quick_python import program

FOLDER = Path("cassettes/embedded/bundled")
PLAN = ["record", "--classes", "^sci.(space|med)$", "--posts-per-class", "4"]
N_CASES = 32


def lines(variant: str) -> list[dict[str, Any]]:
    return [json.loads(raw) for raw in (FOLDER / f"{variant}.jsonl").read_text().splitlines()]


def undated(line: dict[str, Any]) -> dict[str, Any]:
    """A line without its dates, and without the digest, which is over them too."""
    provenance = {name: value for name, value in line["provenance"].items() if name != "recorded"}
    body = {name: value for name, value in line["response"]["body"].items() if name != "createTime"}
    return {**line, "provenance": provenance, "digest": "", "response": {**line["response"], "body": body}}


@pytest.fixture
def emptied(project: pytest.Pytester) -> pytest.Pytester:
    """The project as it is before anything is recorded."""
    for path in FOLDER.iterdir():
        path.unlink()
    return project


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> Counter[tuple[str, bytes]]:
    """How often the embedded backend has answered each request, counted in the server."""
    counts: Counter[tuple[str, bytes]] = Counter()
    answer = App._answer

    async def count(self: App, scope: Any, receive: Any) -> Any:
        body = b""

        async def listen() -> Any:
            nonlocal body
            event = await receive()
            body += event.get("body", b"")
            return event

        result = await answer(self, scope, listen)
        if scope["path"].endswith(":generateContent"):
            counts[scope["path"], body] += 1
        return result

    monkeypatch.setattr(App, "_answer", count)
    return counts


@pytest.fixture
def server() -> Iterator[EmbeddedServer]:
    with EmbeddedServer() as running:
        yield running


def test_lines_are_those_that_pytest_records(
    project: pytest.Pytester, server: EmbeddedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    by_pytest = {path.name: [undated(line) for line in lines(path.stem)] for path in FOLDER.iterdir()}
    for path in FOLDER.iterdir():
        path.unlink()
    assert main([*PLAN, "--base-url", server.base_url]) == 0
    assert "32 of 32 planned cases are recorded in cassettes/embedded/bundled" in capsys.readouterr().out
    assert {path.name: [undated(line) for line in lines(path.stem)] for path in FOLDER.iterdir()} == by_pytest
    assert [finding for path in FOLDER.iterdir() for finding in audit_file(path, shown=path.name)] == []
    assert project.runpytest_inprocess("evals").ret == 0


def test_of_every_five_calls_one_is_refused_and_each_case_is_answered_once(
    emptied: pytest.Pytester, answered: Counter[tuple[str, bytes]], capsys: pytest.CaptureFixture[str]
) -> None:
    faults = FaultPlan((Fault("quota-per-minute", probability=0.2, delay_s=0.1),), seed=3)
    with EmbeddedServer(options=Options(faults=faults)) as server:
        assert main([*PLAN, "--base-url", server.base_url, "--rpm", "3000"]) == 0
    assert sum(faults._seen.values()) > N_CASES  # some were refused
    assert len(answered) == N_CASES
    assert set(answered.values()) == {1}
    assert emptied.runpytest_inprocess("evals").ret == 0


def test_what_is_recorded_is_not_asked_again(
    project: pytest.Pytester,
    answered: Counter[tuple[str, bytes]],
    server: EmbeddedServer,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = FOLDER / "system.jsonl"
    before = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(before[:2] + before[3:]))
    assert main([*PLAN, "--base-url", server.base_url]) == 0
    assert answered.total() == 1
    assert undated(lines("system")[2]) == undated(json.loads(before[2]))
    assert main([*PLAN, "--base-url", "http://127.0.0.1:9"]) == 0
    assert "no planned case is without a recording: embedded is asked nothing" in capsys.readouterr().out


def test_once_keeps_a_changed_prompt_and_says_so_and_new_episodes_asks_it(
    project: pytest.Pytester,
    answered: Counter[tuple[str, bytes]],
    server: EmbeddedServer,
    capsys: pytest.CaptureFixture[str],
) -> None:
    variants = Path("evals/variants.toml")
    variants.write_text(variants.read_text().replace("Name the newsgroup", "State the newsgroup"))
    before = (FOLDER / "system.jsonl").read_bytes()
    assert main([*PLAN, "--base-url", server.base_url]) == 1
    said = capsys.readouterr()
    assert "24 of 32 planned cases are recorded" in said.out
    assert said.err.count("variant 'system' changed since it was recorded: system instruction") == 1
    assert (FOLDER / "system.jsonl").read_bytes() == before
    assert answered.total() == 0
    assert main([*PLAN, "--base-url", server.base_url, "--record-mode", "new_episodes"]) == 0
    assert answered.total() == 8
    assert project.runpytest_inprocess("evals", "--variants", "system").ret == 0


def test_a_quota_of_the_day_ends_it_with_what_is_recorded_and_what_to_do(
    emptied: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    faults = FaultPlan((Fault("quota-per-day", every=6, path="gemini"),))
    with EmbeddedServer(options=Options(faults=faults)) as server:
        assert main([*PLAN, "--variants", "bare,tuned", "--base-url", server.base_url, "--concurrency", "1"]) == 1
    said = capsys.readouterr()
    assert "13 of 16 planned cases are recorded" in said.out  # the tuned model has a quota of its own
    assert "3 not recorded, the first" in said.err
    assert "run the same command tomorrow" in said.err
    assert main([*PLAN, "--variants", "bare,tuned"]) == 0


def test_vertex_is_asked_as_pytest_asks_it(
    emptied: pytest.Pytester, server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_VERTEX_BASE_URL", server.base_url)
    vertex = ["--backend", "vertex", "--variants", "bare,labels"]
    assert main([*PLAN, *vertex]) == 0
    folder = Path("cassettes/vertex/bundled")

    def kept() -> dict[str, list[dict[str, Any]]]:
        raw = {path.name: path.read_bytes().splitlines() for path in folder.iterdir()}
        return {name: [undated(json.loads(line)) for line in lines] for name, lines in raw.items()}

    ours = kept()
    for path in folder.iterdir():
        path.unlink()
    assert emptied.runpytest_inprocess("evals", *vertex, "--record-mode", "once").ret == 0
    assert kept() == ours


def test_nobody_there_ends_it_soon_and_says_so(emptied: pytest.Pytester, capsys: pytest.CaptureFixture[str]) -> None:
    nowhere = ["--variants", "bare", "--base-url", "http://127.0.0.1:9", "--retry-deadline", "1"]
    assert main([*PLAN, *nowhere]) == 1
    said = capsys.readouterr()
    assert "0 of 8 planned cases are recorded" in said.out
    assert "ConnectError" in said.err


def test_an_answer_that_is_cut_is_asked_again(
    emptied: pytest.Pytester, answered: Counter[tuple[str, bytes]], capsys: pytest.CaptureFixture[str]
) -> None:
    faults = FaultPlan((Fault("cut-json", every=5), Fault("html", every=7)))
    with EmbeddedServer(options=Options(faults=faults)) as server:
        assert main([*PLAN, "--variants", "system", "--base-url", server.base_url]) == 0
    assert len(lines("system")) == 8
    assert answered.total() > 8
    assert emptied.runpytest_inprocess("evals", "--variants", "system").ret == 0


def test_refusals_for_good_stop_it_early(emptied: pytest.Pytester, capsys: pytest.CaptureFixture[str]) -> None:
    with EmbeddedServer(options=Options(api_key="another")) as server:
        assert main([*PLAN, "--variants", "bare,system,labels", "--base-url", server.base_url]) == 1
    said = capsys.readouterr()
    assert "0 of 24 planned cases are recorded" in said.out
    assert "20 cases in a row went wrong" in said.err


def test_answers_of_another_model_version_are_not_kept_and_no_more_are_paid_for(
    emptied: pytest.Pytester,
    answered: Counter[tuple[str, bytes]],
    server: EmbeddedServer,
    capsys: pytest.CaptureFixture[str],
) -> None:
    variants = Path("evals/variants.toml")
    variants.write_text(variants.read_text().replace("[system]", '[system]\nexpected_model_version = "one-1"'))
    arguments = [*PLAN, "--variants", "system", "--base-url", server.base_url, "--concurrency", "1"]
    assert main(arguments) == 1
    assert "expects model version 'one-1'" in capsys.readouterr().err
    assert not (FOLDER / "system.jsonl").exists()
    assert answered.total() == 3


def test_all_that_is_asked_anew_goes_on_where_it_was_interrupted(
    project: pytest.Pytester, answered: Counter[tuple[str, bytes]], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [*PLAN, "--variants", "bare", "--record-mode", "all", "--concurrency", "1", "--retry-deadline", "0"]
    faults = FaultPlan((Fault("internal", every=4),))
    with EmbeddedServer(options=Options(faults=faults)) as server:
        assert main([*arguments, "--base-url", server.base_url]) == 1
    assert answered.total() == 6
    with EmbeddedServer() as server:
        assert main([*arguments, "--base-url", server.base_url]) == 0
        assert answered.total() == 8
        assert main([*arguments, "--base-url", server.base_url]) == 0
        assert answered.total() == 16


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--variants", "none-such"], "--variants: unknown 'none-such'"),
        (["--base-url", "localhost"], "--base-url: expected http://HOST:PORT"),
        (["--evals", "elsewhere"], "variants.toml"),
    ],
)
def test_mistakes_are_one_line_and_status_2(
    emptied: pytest.Pytester, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main([*PLAN, *arguments]) == 2
    assert said in capsys.readouterr().err


def test_who_does_not_want_to_pay_is_asked_first_and_then_nothing_is_changed(
    project: pytest.Pytester,
    answered: Counter[tuple[str, bytes]],
    server: EmbeddedServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    folder = Path("cassettes/gemini/bundled")
    folder.mkdir(parents=True)
    for path in FOLDER.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    monkeypatch.setenv("GEMINI_API_KEY", "any-key-at-all")
    paid = ["--backend", "gemini", "--variants", "bare", "--posts-per-class", "2", "--record-mode", "rewrite"]
    with monkeypatch.context() as patch:
        patch.setattr("sys.stdin", Terminal("n\n"))
        patch.setattr("sys.stderr", terminal := Terminal())  # as with "| tee record.log"
        assert main([*PLAN, *paid, "--base-url", server.base_url]) == 2
    assert re.search(r"4 times.*ask and pay for it.*not confirmed: nothing was asked", terminal.getvalue(), re.DOTALL)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert answered.total() == 0
    assert main([*PLAN, *paid, "--base-url", server.base_url, "--yes"]) == 0
    assert answered.total() == 4
    assert (folder / "bare.jsonl").read_bytes().count(b"\n") == 4


def test_ci_is_refused(
    emptied: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CI", "true")
    assert main(PLAN) == 2
    assert "--allow-record-in-ci" in capsys.readouterr().err


def start(*arguments: str, command: Sequence[str] = ()) -> subprocess.Popen[str]:
    environment = {key: value for key, value in os.environ.items() if "PYTEST" not in key}
    return subprocess.Popen(
        [*(command or [program("newsgauge")]), *PLAN, *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_lines(path: Path, n: int) -> None:
    for _ in range(600):
        if path.exists() and path.read_bytes().count(b"\n") >= n:
            return
        time.sleep(0.05)
    raise AssertionError(f"{path} never had {n} lines")


@pytest.mark.slow
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -9)])
def test_however_it_ends_what_is_recorded_stays_and_nothing_is_asked_twice(
    emptied: pytest.Pytester, answered: Counter[tuple[str, bytes]], server: EmbeddedServer, number: int, status: int
) -> None:
    arguments = ["--variants", "bare,system,labels", "--base-url", server.base_url]
    process = start(*arguments, "--rpm", "120", "--concurrency", "1")  # two per second
    wait_for_lines(FOLDER / "bare.jsonl", 3)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == status, said
    n_kept = sum(path.read_bytes().count(b"\n") for path in FOLDER.iterdir())
    if number != signal.SIGKILL:
        assert "interrupted; run the same command again to continue" in said
        assert answered.total() == n_kept
    assert main([*PLAN, *arguments]) == 0
    assert len(answered) == 24
    assert answered.total() <= 24 + (number == signal.SIGKILL)  # of a kill: what was answered, and not yet written


@pytest.mark.slow
def test_the_embedded_backend_has_a_process_of_its_own_that_ends_with_it(emptied: pytest.Pytester) -> None:
    real = (sys.executable, "-m", "newsgauge.cli.main")  # its children are those of the process that is started
    process = start("--variants", "bare", "--rpm", "60", command=real)
    wait_for_lines(FOLDER / "bare.jsonl", 1)
    children = [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
    assert children
    process.kill()
    process.communicate(timeout=60)
    for _ in range(200):
        if not any(is_alive(pid) for pid in children):
            break
        time.sleep(0.05)
    assert [pid for pid in children if is_alive(pid)] == []


def is_alive(pid: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
