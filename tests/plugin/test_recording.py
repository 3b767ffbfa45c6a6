"""Recording asks only for what the mode says, keeps what was there, and leaves files that read well in a diff."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from gemini_emulator.app import Options
from gemini_emulator.server import EmbeddedServer

CASSETTES = Path("cassettes/embedded/bundled")


def lines(variant: str) -> list[dict[str, object]]:
    return [json.loads(raw) for raw in (CASSETTES / f"{variant}.jsonl").read_text().splitlines()]


def test_lines_are_sorted_by_key_and_single(project: pytest.Pytester) -> None:
    for variant in ("bare", "system", "labels", "tuned"):
        keys = [line["key"] for line in lines(variant)]
        assert len(keys) == 8
        assert keys == sorted(set(keys))  # type: ignore[type-var]


def test_once_records_only_the_missing_line(project: pytest.Pytester) -> None:
    path = CASSETTES / "system.jsonl"
    before = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(before[:2] + before[3:]))
    limit = '\n[embedded.bundled.system.max_latency_ms]\np95 = 60_000\nreason = "people wait"\n'
    Path("evals/gates.toml").write_text(Path("evals/gates.toml").read_text() + limit)
    live = project.runpytest_inprocess("evals", "--variants", "system", "--record-mode", "once")
    assert live.ret == 0
    results = Path(".newsgauge/results/results.csv")
    took = [row["latency_ms"] for row in csv.DictReader(results.read_text().splitlines())]
    assert [float(ms) > 0 for ms in took if ms] == [True]  # one call was live
    live.stdout.re_match_lines([r"latency of live calls: system p50 \d+ ms, p95 \d+ ms, n = 1"])
    live.stdout.re_match_lines([r"PASS  system-latency: latency p95 \d+ ms, n = 1; limit: at most 60,000 ms.*"])
    project.runpytest_inprocess("evals", "--variants", "system").stdout.no_fnmatch_line("*latency*")
    after = path.read_bytes().splitlines(keepends=True)
    assert after[:2] + after[3:] == before[:2] + before[3:]
    assert json.loads(after[2])["key"] == json.loads(before[2])["key"]


def test_once_refuses_a_changed_prompt_and_new_episodes_records_it(project: pytest.Pytester) -> None:
    variants = Path("evals/variants.toml")
    variants.write_text(variants.read_text().replace("Name the newsgroup", "State the newsgroup"))
    before = (CASSETTES / "system.jsonl").read_bytes()
    assert project.runpytest_inprocess("evals", "--variants", "system", "--record-mode", "once").ret == 1
    assert (CASSETTES / "system.jsonl").read_bytes() == before
    assert project.runpytest_inprocess("evals", "--variants", "system", "--record-mode", "new_episodes").ret == 0
    assert len(lines("system")) == 8
    assert project.runpytest_inprocess("evals", "--variants", "system").ret == 0


def test_recordings_of_two_preprocessings_live_apart(project: pytest.Pytester) -> None:
    before = (CASSETTES / "system.jsonl").read_bytes()
    codelab = ["evals", "--variants", "system", "--preprocessing", "codelab"]
    result = project.runpytest_inprocess(*codelab)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*bundled+codelab/system.jsonl: no recording of *--preprocessing codelab --variants*"])
    assert project.runpytest_inprocess(*codelab, "--record-mode", "once").ret == 0
    assert project.runpytest_inprocess(*codelab).ret == 0
    assert (CASSETTES / "system.jsonl").read_bytes() == before
    assert project.runpytest_inprocess("evals", "--variants", "system").ret == 0


def test_rewrite_drops_what_is_not_planned_and_all_keeps_it(project: pytest.Pytester) -> None:
    narrow = ["evals", "--variants", "system", "--posts-per-class", "2", "--record-mode"]
    assert project.runpytest_inprocess(*narrow, "all").ret == 0
    assert len(lines("system")) == 8
    assert project.runpytest_inprocess(*narrow, "rewrite").ret == 0
    assert len(lines("system")) == 4


def test_a_cut_last_line_is_removed_before_recording_goes_on(project: pytest.Pytester) -> None:
    path = CASSETTES / "bare.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    assert project.runpytest_inprocess("evals", "--variants", "bare", "--record-mode", "once").ret == 0
    assert path.read_bytes().splitlines()[:7] == whole.splitlines()[:7]
    assert len(lines("bare")) == 8


@pytest.mark.slow
def test_two_workers_record_each_case_once(project: pytest.Pytester) -> None:
    for path in CASSETTES.iterdir():
        path.unlink()
    result = project.runpytest_subprocess("evals", "-n", "2", "--record-mode", "once")
    assert result.ret == 0, result.stdout.str()
    assert [len(lines(variant)) for variant in ("bare", "system", "labels", "tuned")] == [8] * 4


def test_no_post_text_no_key_and_no_address_is_kept(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "AIza-planted-key")
    assert project.runpytest_inprocess("evals", "--record-mode", "all").ret == 0
    posts = [path.read_bytes().decode("latin-1") for path in Path("fixtures/bundled/test").glob("sci.*/*")]
    sentences = {line for post in posts for line in post.splitlines() if len(line) > 40}
    for path in CASSETTES.iterdir():
        text = path.read_text()
        assert "planted" not in text
        assert "x-goog" not in text
        assert "127.0.0.1" not in text
        assert not [sentence for sentence in sentences if sentence in text]


def test_a_folder_that_cannot_be_written_is_refused_before_the_first_call(project: pytest.Pytester) -> None:
    for path in CASSETTES.iterdir():
        path.unlink()
    CASSETTES.rmdir()
    CASSETTES.write_text("a file where a folder should be")
    result = project.runpytest_inprocess("evals", "--record-mode", "once")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--record-mode once: cannot write to *cassettes/embedded/bundled*"])


def test_the_embedded_backend_is_named_whoever_was_believed_to_be_asked(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    with EmbeddedServer() as server:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", server.base_url)
        monkeypatch.setenv("GEMINI_API_KEY", "any")
        asked = ["evals", "--backend", "gemini", "--variants", "system"]
        for mode in ("once", "none"):
            result = project.runpytest_inprocess(*asked, "--record-mode", mode)
            result.stdout.fnmatch_lines(["gemini (newsgauge's own small model, not Gemini) on bundled: *"])
    assert "Gemini Developer API" not in Path(".newsgauge/results/summary.md").read_text()


def test_a_service_that_refuses_every_call_is_told_once_with_the_number_of_cases(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    with EmbeddedServer(options=Options(api_key="the right one")) as server:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", server.base_url)
        monkeypatch.setenv("GEMINI_API_KEY", "a wrong one")
        result = project.runpytest_inprocess(
            "evals", "--backend", "gemini", "--variants", "system", "--record-mode", "once"
        )
    assert result.parseoutcomes()["errors"] == 8
    result.stdout.fnmatch_lines(
        ["system *0/8*", "newsgauge: no answer to 8 cases of system: gemini-3.5-flash-lite: 400 INVALID_ARGUMENT: *"]
    )
    result.stdout.no_fnmatch_line("*was part of this run*")
