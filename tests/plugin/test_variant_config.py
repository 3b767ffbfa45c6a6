"""A variant's `config` on the whole road: refused in one line, named where it makes a recording stale, recorded."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

import newsgauge
from newsgauge.cassettes.line import decode

VARIANTS = Path("evals/variants.toml")
BARE = Path("cassettes/embedded/bundled/bare.jsonl")


def configure(text: str) -> None:
    VARIANTS.write_text(VARIANTS.read_text().replace("[bare]\n", f"[bare]\n{text}\n"))


def test_an_unknown_field_is_a_usage_error(project: pytest.Pytester) -> None:
    configure("config = { temprature = 0.0 }")
    result = project.runpytest_inprocess("evals", "--variants", "bare")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*[[]bare]: config: unknown field 'temprature'; known: *temperature*"])


def test_a_new_config_is_stale_by_name_and_replays_once_recorded(project: pytest.Pytester) -> None:
    configure('config = { temperature = 0.0, thinking_config = { thinking_level = "minimal" } }')
    stale = project.runpytest_inprocess("evals", "--variants", "bare")
    assert stale.ret == 1
    assert "generation config (temperature): recorded nothing, now 0.0" in " ".join(stale.stdout.str().split())
    recorded = project.runpytest_inprocess("evals", "--variants", "bare", "--record-mode", "new_episodes")
    assert recorded.ret == 0, recorded.stdout.str()
    bodies = [json.loads(line)["request"]["body"] for line in BARE.read_text().splitlines()]
    assert {body["generationConfig"]["temperature"] for body in bodies} == {0.0}
    assert project.runpytest_inprocess("evals", "--variants", "bare").ret == 0


def test_what_a_cleanup_changed_is_counted_and_the_answer_stays(project: pytest.Pytester) -> None:
    lines = [decode(raw) for raw in BARE.read_bytes().splitlines(keepends=True)]
    label = lines[0].key.rpartition("-")[0]
    candidate = {"content": {"parts": [{"text": f"**{label}**."}]}, "finishReason": "STOP"}
    answer = {**lines[0].answer, "candidates": [candidate]}
    BARE.write_bytes(b"".join(line.encode() for line in [replace(lines[0], answer=answer), *lines[1:]]))
    strict = project.runpytest_inprocess("evals", "--variants", "bare")
    assert "cleaned up" not in strict.stdout.str()
    configure('answer_cleanup = ["markup", "final-stop"]')
    project.runpytest_inprocess("evals", "--variants", "bare").stdout.fnmatch_lines(["answers*cleaned up", "bare * 1"])
    rows = newsgauge.load_run(Path(".newsgauge/results")).results_frame().set_index("id")
    assert rows.loc[lines[0].key, ["prediction", "raw"]].tolist() == [label, f"**{label}**."]
