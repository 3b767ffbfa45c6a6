"""Recording from a service that costs money: what is said before the first call, and that no call is made twice.

The service is a fake one on loopback, found as the SDK finds a proxy; it counts its calls.
"""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from newsgauge.cassettes.line import decode
from newsgauge.client.answers import read_usage
from newsgauge.running.plans_file import oldest_recordings
from tests.plugin.fake_service import VERSION, FakeService

CASSETTES = Path("cassettes/gemini/bundled")
KEY = "AI" + "zaSyPlanted-0123456789abcdefghijklmnop"
RECORD = ["evals", "--backend", "gemini", "--variants", "bare,system", "--record-mode"]
USAGE_ERROR = pytest.ExitCode.USAGE_ERROR


@pytest.fixture
def service(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeService]:
    with FakeService() as service:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", service.url)
        monkeypatch.setenv("GEMINI_API_KEY", KEY)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.setenv(name, "127.0.0.1")
        yield service


def test_a_recording_through_a_gateway_is_replayed_without_it(
    project: pytest.Pytester, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", f"{service.url}/team-7/gemini")
    assert project.runpytest_inprocess(*RECORD, "once").ret == 0
    assert {path.partition("/v1")[0] for path, _ in service.calls} == {"/team-7/gemini"}
    assert "team-7" not in (CASSETTES / "bare.jsonl").read_text()
    for other in (f"{service.url}/another", ""):
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", other)
        assert project.runpytest_inprocess(*RECORD, "none").ret == 0
    assert len(service.calls) == 16


def keys(variant: str) -> list[str]:
    return [json.loads(raw)["key"] for raw in (CASSETTES / f"{variant}.jsonl").read_text().splitlines()]


def test_the_header_says_how_many_calls_and_tokens_before_they_are_made(
    project: pytest.Pytester, service: FakeService
) -> None:
    result = project.runpytest_inprocess(*RECORD, "once")
    assert result.ret == 0
    asks = "newsgauge: recording asks gemini 16 times: bare 8, system 8"
    result.stdout.fnmatch_lines(
        [asks, "newsgauge: recording about * tokens in (4 characters a token, an estimate), out unlimited *"]
    )
    assert len(service.calls) == 16
    # 43 characters of system instruction make the second half of the calls larger: 8 times 11 tokens at the most.
    chars = sum(
        len(part["text"])
        for _, body in service.calls
        for content in [*json.loads(body)["contents"], json.loads(body).get("systemInstruction", {"parts": []})]
        for part in content["parts"]
    )
    said = next(line for line in result.outlines if "tokens in" in line)
    assert chars / 4 <= int(said.split()[3].replace(",", "")) <= chars / 4 + 16


def test_the_cost_is_shown_beside_the_forecast(project: pytest.Pytester, service: FakeService) -> None:
    result = project.runpytest_inprocess(*RECORD, "once")
    result.stdout.fnmatch_lines(["newsgauge: recording assumed per answer: * tokens *(bare, system)"])
    # 16 answers of 100 tokens in and 3 out, at $0.30 and $2.50 a million.
    assert VERSION == "gemini-3.5-flash-lite-001"
    cost = "newsgauge: 16 answers took 1,600 tokens in and 48 out; cost: 0.0006 USD, the forecast was about 0.00?? USD"
    result.stdout.fnmatch_lines([cost])
    again = project.runpytest_inprocess(*RECORD, "once")
    assert "answers took" not in again.stdout.str()


@pytest.mark.parametrize("road", ["option", "ini", "newsgauge record"])
def test_a_budget_that_the_forecast_passes_stops_it_before_the_first_call(
    project: pytest.Pytester, service: FakeService, road: str
) -> None:
    if road == "newsgauge record":
        plan = ["--backend", "gemini", "--variants", "bare,system", "--max-cost", "0.0001"]
        result = project.run("newsgauge", "record", *plan)
        assert result.ret == 2
    else:
        budget = ["--max-cost", "0.0001"] if road == "option" else ["-o", "newsgauge_max_cost=0.0001"]
        result = project.runpytest_inprocess(*RECORD, "once", *budget)
        assert result.ret == USAGE_ERROR
    result.stderr.fnmatch_lines(["*--max-cost 0.0001: this is forecast to cost about 0.* USD; nothing was asked*"])
    assert service.calls == []


@pytest.mark.parametrize("road", ["pytest", "newsgauge record"])
def test_a_recording_stops_before_its_budget_is_passed_and_keeps_what_was_paid(
    project: pytest.Pytester, service: FakeService, road: str
) -> None:
    # 100 tokens in and 1,003 out at $0.30 and $2.50 a million: $0.0025375 an answer, where $0.00007 was expected.
    service.thoughts = 1_000
    if road == "pytest":
        result = project.runpytest_inprocess(*RECORD, "once", "--max-cost", "0.01")
        assert result.ret == pytest.ExitCode.INTERRUPTED
        result.stdout.fnmatch_lines(["*--max-cost 0.01: 0.0076 USD are spent, and the next call could pass it*"])
    else:
        options = ["--posts-per-class", "4", "--classes", "^sci.(space|med)$", "--max-cost", "0.01"]
        result = project.run("newsgauge", "record", "--backend", "gemini", "--variants", "bare,system", *options)
        assert result.ret == 1
        result.stderr.fnmatch_lines(["*13 not recorded, *--max-cost 0.01: 0.0076 USD are spent*"])
    assert len(service.calls) == 3
    assert sum(len(path.read_text().splitlines()) for path in CASSETTES.iterdir()) == 3


@pytest.mark.slow
@pytest.mark.parametrize("dist", ["load", "worksteal"])
def test_workers_keep_one_budget_together(project: pytest.Pytester, service: FakeService, dist: str) -> None:
    service.thoughts = 1_000  # $0.0025375 an answer: four cost more than the budget
    result = project.runpytest_subprocess(*RECORD, "once", "--max-cost", "0.01", "-n", "2", "--dist", dist)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*--max-cost 0.01: 0.0076 USD are spent, and the next call could pass it*"])
    assert len(service.calls) == 3
    assert sum(len(path.read_text().splitlines()) for path in CASSETTES.iterdir()) == 3


UNCOUNTED: dict[str, Callable[[dict[str, Any]], object]] = {
    "no counts": lambda answer: answer.pop("usageMetadata"),
    "negative counts": lambda answer: answer.update(usageMetadata={"promptTokenCount": -100, "totalTokenCount": -1}),
}


@pytest.mark.parametrize("change", UNCOUNTED.values(), ids=UNCOUNTED)
def test_answers_whose_tokens_nobody_counted_use_up_the_budget_like_the_dearest(
    project: pytest.Pytester, service: FakeService, change: Callable[[dict[str, Any]], object]
) -> None:
    def changed(body: str, answer: dict[str, Any]) -> dict[str, Any]:
        if len(service.calls) > 8:
            change(answer)
        return answer

    service.changed, service.thoughts = changed, 1_000  # $0.0025375 an answer, eleven within 0.03
    result = project.runpytest_inprocess(*RECORD, "once", "--max-cost", "0.03")
    assert (result.ret, len(service.calls)) == (pytest.ExitCode.INTERRUPTED, 11)
    result.stdout.fnmatch_lines(["*cost: at least 0.02?? USD, as the service counted no tokens of 3 answers*"])


def test_counts_that_are_texts_are_counted() -> None:
    texts = {"promptTokenCount": "100", "candidatesTokenCount": "3", "thoughtsTokenCount": "many"}
    assert read_usage(texts)[:3] == (100, 3, 0)


def changed_lines(before: bytes) -> list[str]:
    now = (CASSETTES / "bare.jsonl").read_bytes()
    return [json.loads(raw)["key"] for raw in now.splitlines() if raw not in before.splitlines()]


@pytest.mark.parametrize("road", ["pytest", "newsgauge record"])
def test_asking_everything_anew_changes_no_line_but_those_whose_answers_changed(
    project: pytest.Pytester, service: FakeService, road: str
) -> None:
    plan = ["--backend", "gemini", "--variants", "bare", "--posts-per-class", "4", "--classes", "^sci.(space|med)$"]

    def ask(mode: str, *more: str) -> pytest.RunResult:
        if road == "pytest":
            return project.runpytest_inprocess("evals", *plan, "--record-mode", mode, *more)
        return project.run("newsgauge", "record", *plan, "--record-mode", mode, *more)

    assert ask("once").ret == 0
    path = CASSETTES / "bare.jsonl"
    lines = [decode(raw) for raw in path.read_bytes().splitlines()]
    old = {"recorded": "2025-01-01T00:00:00Z", "newsgauge": "0.1", "sdk": "google-genai 1.0"}
    path.write_bytes(b"".join(replace(one, provenance={**one.provenance, **old}).encode() for one in lines))
    before = path.read_bytes()
    for mode in ("all", "rewrite"):
        result = ask(mode)
        assert (result.ret, path.read_bytes() == before) == (0, True)
        result.stdout.fnmatch_lines(["*8 answers took 800 tokens in and 24 out; cost: 0.0003 USD*"])
    assert len(service.calls) == 24
    oldest = oldest_recordings(CASSETTES, {"bare": {line.key for line in lines}})["bare"]
    assert oldest > "2026"

    service.changed = lambda body, answer: {**answer, "modelVersion": "new"} if len(service.calls) == 29 else answer
    limits = ["--concurrency", "1"] if road == "newsgauge record" else []
    assert ask("all", *limits).ret == 0
    assert len(changed_lines(before)) == 1


def test_an_interrupted_recording_of_everything_asks_nothing_twice_and_changes_no_equal_line(
    project: pytest.Pytester, service: FakeService
) -> None:
    command = ["newsgauge", "record", "--backend", "gemini", "--variants", "bare", "--posts-per-class", "4"]
    command += ["--classes", "^sci.(space|med)$", "--record-mode"]
    assert project.run(*command, "once").ret == 0
    before = (CASSETTES / "bare.jsonl").read_bytes()
    service.thoughts = 1_000
    assert project.run(*command, "all", "--max-cost", "0.006").ret == 1  # two dear answers, and it stops
    assert len(service.calls) == 10
    service.thoughts = 0
    assert project.run(*command, "all").ret == 0
    assert len(service.calls) == 16
    assert len(changed_lines(before)) == 2


def test_a_budget_that_is_kept_changes_nothing(project: pytest.Pytester, service: FakeService) -> None:
    assert project.runpytest_inprocess(*RECORD, "once", "--max-cost", "0.01").ret == 0
    assert len(service.calls) == 16


@pytest.mark.parametrize("budget", ["0", "-1", "inf", "much"])
def test_a_budget_that_is_none_is_refused(project: pytest.Pytester, service: FakeService, budget: str) -> None:
    assert project.runpytest_inprocess(*RECORD, "once", f"--max-cost={budget}").ret == USAGE_ERROR
    assert project.runpytest_inprocess(*RECORD, "once", "-o", f"newsgauge_max_cost={budget}").ret == USAGE_ERROR
    assert service.calls == []


def test_a_retired_model_is_named_in_the_header(project: pytest.Pytester) -> None:
    variants = Path("evals/variants.toml")
    variants.write_text(variants.read_text().replace("gemini-3.5-flash-lite", "models/gemini-1.5-flash-002"))
    result = project.runpytest_inprocess("evals", "--collect-only")
    result.stdout.fnmatch_lines(["newsgauge: warning: *bare*: gemini-1.5-flash-002 is retired since 2025-09-29*"])


def test_resuming_asks_only_for_what_is_missing(project: pytest.Pytester, service: FakeService) -> None:
    assert project.runpytest_inprocess(*RECORD, "once").ret == 0
    path = CASSETTES / "system.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2] + lines[5:7]) + lines[7][:200])
    service.calls.clear()
    result = project.runpytest_inprocess(*RECORD, "once")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["newsgauge: recording asks gemini 4 times: system 4"])
    assert len(service.calls) == 4
    assert path.read_bytes().splitlines(keepends=True)[:2] == lines[:2]
    assert len(keys("system")) == 8
    service.calls.clear()
    again = project.runpytest_inprocess(*RECORD, "once")
    again.stdout.fnmatch_lines(["newsgauge: recording no planned case is without a recording: gemini is asked nothing"])
    assert service.calls == []


def test_new_episodes_counts_and_asks_what_changed_as_well(project: pytest.Pytester, service: FakeService) -> None:
    assert project.runpytest_inprocess(*RECORD, "once").ret == 0
    variants = Path("evals/variants.toml")
    variants.write_text(variants.read_text().replace("Name the newsgroup", "State the newsgroup"))
    service.calls.clear()
    refused = project.runpytest_inprocess(*RECORD, "once")
    assert (refused.ret, service.calls) == (1, [])
    result = project.runpytest_inprocess(*RECORD, "new_episodes")
    result.stdout.fnmatch_lines(["newsgauge: recording asks gemini 8 times: system 8"])
    assert (result.ret, len(service.calls)) == (0, 8)


@pytest.mark.slow
def test_four_workers_ask_and_write_every_case_exactly_once(project: pytest.Pytester, service: FakeService) -> None:
    result = project.runpytest_subprocess(*RECORD, "once", "-n", "4")
    assert result.ret == 0, result.stdout.str()
    assert len(service.calls) == 16
    assert set(Counter(body for _, body in service.calls).values()) == {1}
    assert [len(keys(variant)) for variant in ("bare", "system")] == [8, 8]
    assert keys("bare") == sorted(set(keys("bare")))


@pytest.mark.parametrize("options", [[], ["-n", "2"]], ids=["alone", "workers"])
def test_ci_refuses_to_record_unless_told(
    project: pytest.Pytester, service: FakeService, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    monkeypatch.setenv("CI", "true")
    result = project.runpytest_subprocess(*RECORD, "once", *options)
    assert result.ret == USAGE_ERROR
    result.stderr.fnmatch_lines(["*--record-mode once: CI is set*--allow-record-in-ci*"])
    assert service.calls == []


def test_ci_records_where_told(project: pytest.Pytester, service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "1")
    result = project.runpytest_inprocess(*RECORD, "once", "--allow-record-in-ci", "--no-require-gates")
    assert (result.ret, len(service.calls)) == (0, 16)


def test_ci_refuses_the_embedded_backend_too(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    result = project.runpytest_inprocess("evals", "--record-mode", "all")
    assert result.ret == USAGE_ERROR


def test_a_file_that_is_not_whole_is_refused_before_the_first_call(
    project: pytest.Pytester, service: FakeService
) -> None:
    CASSETTES.mkdir(parents=True)
    (CASSETTES / "system.jsonl").write_text("<<<<<<< HEAD\n")
    result = project.runpytest_inprocess(*RECORD, "once")
    assert result.ret == USAGE_ERROR
    result.stderr.fnmatch_lines(["*system.jsonl:1: a merge conflict that is not resolved*"])
    assert service.calls == []


def test_a_disk_without_room_is_refused_before_the_first_call(
    project: pytest.Pytester, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    from newsgauge.recording import preflight

    used = shutil.disk_usage(".")
    monkeypatch.setattr(preflight.shutil, "disk_usage", lambda path: used._replace(free=1000))  # type: ignore[attr-defined]
    result = project.runpytest_inprocess(*RECORD, "once")
    assert result.ret == USAGE_ERROR
    result.stderr.fnmatch_lines(["*--record-mode once: * has 1,000 bytes free, and this recording may take *"])
    assert service.calls == []


def on_a_terminal(arguments: list[str], answer: str) -> tuple[int, str]:
    """Run pytest on a terminal of its own, type the answer when it is asked for, return status and output."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", *arguments], stdin=slave, stdout=slave, stderr=slave, close_fds=True
    )
    os.close(slave)
    output, answered, deadline = b"", False, time.monotonic() + 120
    while time.monotonic() < deadline:
        if not select.select([master], [], [], 0.2)[0]:
            continue
        try:
            piece = os.read(master, 65536)
        except OSError:  # the other side is closed
            break
        if not piece:
            break
        output += piece
        if b"[y/N]" in output and not answered:
            os.write(master, answer.encode())
            answered = True
    os.close(master)
    return process.wait(30), output.decode()


@pytest.mark.slow
@pytest.mark.parametrize(("answer", "n_calls"), [("y\n", 16), ("n\n", 0), ("\n", 0)], ids=["yes", "no", "return"])
def test_on_a_terminal_it_asks_first(project: pytest.Pytester, service: FakeService, answer: str, n_calls: int) -> None:
    status, output = on_a_terminal([*RECORD, "once"], answer)
    assert "newsgauge: asks gemini 16 times: bare 8, system 8" in output
    assert "newsgauge: ask and pay for it? [y/N]" in output
    assert status == (0 if n_calls else USAGE_ERROR)
    assert ("not confirmed: nothing was asked" in output) == (n_calls == 0)
    assert len(service.calls) == n_calls


@pytest.mark.slow
def test_yes_and_the_embedded_backend_ask_nothing(project: pytest.Pytester, service: FakeService) -> None:
    status, output = on_a_terminal([*RECORD, "once", "--yes"], "n\n")
    assert (status, "[y/N]" in output, len(service.calls)) == (0, False, 16)
    status, output = on_a_terminal(["evals", "--variants", "bare", "--record-mode", "all"], "n\n")
    assert (status, "[y/N]" in output) == (0, False)


PIN = 'model = "gemini-3.5-flash-lite"\nexpected_model_version = {pin}\nsystem_instruction = "Name the'


def pin_system(pin: str) -> None:
    path = Path("evals/variants.toml")
    plain = 'model = "gemini-3.5-flash-lite"\nsystem_instruction = "Name the'
    assert plain in path.read_text()
    path.write_text(path.read_text().replace(plain, PIN.replace("{pin}", pin)))


@pytest.mark.parametrize("pin", [f'"{VERSION}"', f'{{ gemini = "{VERSION}" }}', '{ vertex = "other" }'])
def test_the_expected_version_is_kept(project: pytest.Pytester, service: FakeService, pin: str) -> None:
    pin_system(pin)
    result = project.runpytest_inprocess(*RECORD, "once")
    assert result.ret == 0
    assert len(keys("system")) == 8
    assert "variants.toml expects" not in result.stdout.str()


def test_another_version_is_red_when_recording_and_not_kept(project: pytest.Pytester, service: FakeService) -> None:
    pin_system('"gemini-3.5-flash-lite-002"')
    result = project.runpytest_inprocess(*RECORD, "once")
    assert result.ret == 1
    assert result.parseoutcomes()["errors"] == 8
    result.stdout.fnmatch_lines(
        [f"*system.jsonl: sci.* was answered but not kept: variant 'system' expects * '{VERSION}' answered*"]
    )
    assert not (CASSETTES / "system.jsonl").exists()
    assert len(keys("bare")) == 8


def test_another_version_is_named_when_replaying(project: pytest.Pytester, service: FakeService) -> None:
    assert project.runpytest_inprocess(*RECORD, "once").ret == 0
    pin_system('"gemini-3.5-flash-lite-002"')
    result = project.runpytest_inprocess("evals", "--backend", "gemini", "--variants", "bare,system")
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [f"newsgauge: system: 8 answers are of model version '{VERSION}', and variants.toml expects '*-002'"]
    )


@pytest.mark.parametrize("pin", ["3", "{ gemini = 3 }", '{ openai = "x" }'])
def test_a_wrong_pin_is_a_usage_error(project: pytest.Pytester, pin: str) -> None:
    pin_system(pin)
    assert project.runpytest_inprocess("evals").ret == USAGE_ERROR
