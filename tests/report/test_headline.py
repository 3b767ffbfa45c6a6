"""The verdict of a session, told by the report as gates.json holds it: never green where anything failed."""

from __future__ import annotations

from typing import Any

import pytest

from newsgauge.gates.session_verdict import encode_verdict, session_verdict
from newsgauge.report.findings import headline


def gates(complaints: list[str], *, failed: tuple[str, ...] = (), **facts: Any) -> dict[str, Any]:
    return encode_verdict(session_verdict(complaints, failed=failed, n_failed=len(failed), exit_status=0, **facts))


@pytest.mark.parametrize(
    ("value", "word", "line"),
    [
        (gates([], n_gates=6, n_passed=6, complete=True), "green", "GREEN: 6 of 6 gates passed"),
        (
            gates([], failed=("a", "b", "c"), n_gates=6, n_passed=6, complete=True),
            "red",
            "RED: 6 of 6 gates passed, but 3 tests failed: a, b, c",
        ),
        (
            gates(["gates failed: x"], n_gates=6, n_passed=5, complete=True),
            "red",
            "RED: 5 of 6 gates passed; gates failed: x",
        ),
        (
            gates([], n_gates=4, n_passed=4, n_cases=40, n_cases_not_run=32),
            "open",
            "GREEN, but not complete: 4 of 4 gates passed; 32 of 40 planned cases did not run",
        ),
        (gates([]), "open", "GREEN: no gate decided"),
        ({}, "red", "RED: no gate decided; gates.json holds no verdict: written by another version of newsgauge"),
    ],
)
def test_the_report_says_what_gates_json_says(value: dict[str, Any], word: str, line: str) -> None:
    found = headline(value)
    assert (found.word, f"{found.title}: {found.text}") == (word, line)


def test_all_reasons_and_notes_are_told() -> None:
    found = headline(gates(["one", "two"], n_gates=1, notes=("the baseline is not held",)))
    assert found.reasons == ("one", "two")
    assert found.notes == ("the baseline is not held",)
