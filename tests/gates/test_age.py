"""Recordings may grow old: `max_age_days` counts whole days from the oldest recorded answer of the plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from newsgauge.cassettes.asked_again import note_asked
from newsgauge.cassettes.line import decode
from newsgauge.errors import GatesError
from newsgauge.gates.age_gate import AgeGate, day_of
from newsgauge.gates.gate import Ages, Evidence, decide
from newsgauge.gates.gates_file import load_gates
from newsgauge.running.plans_file import oldest_recordings

Make = Callable[..., Evidence]
GATE = AgeGate("v-age", "v", 90, "models move")
CASSETTES = Path(__file__).parents[2] / "cassettes" / "embedded" / "bundled"


def aged(made: Make, oldest: date | None, today: date = date(2026, 6, 30)) -> Evidence:
    days = {} if oldest is None else {"v": oldest}
    return replace(made(4, {"v": range(4)}), ages=Ages(today, days, "record --variants {variant}"))


@pytest.mark.parametrize(("oldest", "finding"), [(date(2026, 4, 1), "PASS"), (date(2026, 3, 31), "FAIL")])
def test_ninety_days_are_kept_on_the_ninetieth_day(made: Make, oldest: date, finding: str) -> None:
    verdict = decide(GATE, aged(made, oldest))
    assert verdict.finding == finding
    assert f"recorded on {oldest}" in verdict.reasons[0]
    assert ("Renew: record --variants v" in verdict.reasons[0]) == (finding == "FAIL")


def test_an_answer_of_a_day_to_come_does_not_pass(made: Make) -> None:
    verdict = decide(GATE, aged(made, date(2026, 7, 1)))
    assert verdict.finding == "FAIL"
    assert "recorded on 2026-07-01, which is after today, 2026-06-30: a clock is wrong" in verdict.reasons[0]
    assert decide(GATE, aged(made, date(2026, 6, 30))).finding == "PASS"


def test_an_age_that_nobody_knows_does_not_pass(made: Make) -> None:
    for evidence in (aged(made, None), replace(aged(made, None), ages=None)):
        verdict = decide(GATE, evidence)
        assert verdict.finding == "FAIL"
        assert "no recording of v is here" in verdict.reasons[0]


def test_a_time_that_cannot_be_read_is_too_old(made: Make) -> None:
    assert decide(GATE, aged(made, day_of("yesterday"))).finding == "FAIL"
    assert day_of("2026-06-30T10:00:00Z") == date(2026, 6, 30)


def test_a_backends_age_holds_for_each_variant_and_for_no_other_backend(tmp_path: Path) -> None:
    path = tmp_path / "gates.toml"
    path.write_text('[gemini]\nmax_age_days = 90\n[vertex]\nmax_age_days = { limit = 1, reason = "r" }\n')
    found = {name: load_gates(path, backend=name, corpus="any", known=("a", "b")) for name in ("gemini", "vertex")}
    assert found["gemini"] == (AgeGate("a-age", "a", 90), AgeGate("b-age", "b", 90))
    assert found["vertex"] == (AgeGate("a-age", "a", 1, "r"), AgeGate("b-age", "b", 1, "r"))
    assert load_gates(path, backend="embedded", corpus="any", known=("a", "b")) == ()


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "true", '"90"', "{ limit = 0, reason = 'r' }"])
def test_an_age_that_is_no_number_of_days_is_refused(tmp_path: Path, value: str) -> None:
    path = tmp_path / "gates.toml"
    path.write_text(f"[gemini]\nmax_age_days = {value}\n")
    with pytest.raises(GatesError, match=r"\[gemini\]: max_age_days: expected a whole number of days from 1"):
        load_gates(path, backend="embedded", corpus="any", known=("a",))


def test_the_oldest_of_the_plans_posts_counts_and_no_other(tmp_path: Path) -> None:
    lines = [decode(raw) for raw in (CASSETTES / "bare.jsonl").read_bytes().splitlines(keepends=True)[:3]]
    days = ("2024-01-01", "2026-02-02", "2025-03-03")
    dated = [
        replace(line, provenance={**line.provenance, "recorded": f"{day}T00:00:00Z"})
        for line, day in zip(lines, days, strict=True)
    ]
    (tmp_path / "bare.jsonl").write_bytes(b"".join(line.encode() for line in dated))
    posts = {line.key for line in lines[1:]}
    assert oldest_recordings(tmp_path, dict.fromkeys(["bare", "system"], posts)) == {"bare": "2025-03-03T00:00:00Z"}
    note_asked(tmp_path, "bare", posts, "2026-09-09T00:00:00Z")
    assert oldest_recordings(tmp_path, {"bare": posts}) == {"bare": "2026-09-09T00:00:00Z"}
    assert oldest_recordings(tmp_path, {"bare": {*posts, lines[0].key}}) == {"bare": "2024-01-01T00:00:00Z"}
    (tmp_path / "ASKED.json").write_text('{"bare": [1]}')
    assert oldest_recordings(tmp_path, {"bare": posts}) == {"bare": "2025-03-03T00:00:00Z"}
