"""The verdict of a session in one line: never green where anything failed, and it says what."""

from __future__ import annotations

import pytest

from newsgauge.report.headline import headline


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"finding": "PASS", "n_gates": 6}, "green: all 6 gates passed"),
        ({"finding": "FAIL", "n_gates": 6, "failed": ["a"]}, "red: 1 of 6 gates failed: a"),
        (
            {"finding": "FAIL", "n_gates": 6, "failed_evals": ["t1", "t2", "t3"]},
            "red: gates 6 of 6, but 3 evals failed: t1, t2, t3",
        ),
        (
            {"finding": "FAIL", "n_gates": 6, "failed": ["a"], "failed_evals": ["t1"]},
            "red: 1 of 6 gates failed: a; 1 eval failed: t1",
        ),
        (
            {"finding": "FAIL", "n_gates": 9, "unanswered": list("abcde"), "not_proved": ["f"]},
            "red: 5 of 9 gates unanswered: a, b, c and 2 more; 1 of 9 gates not proved: f",
        ),
        (
            {"finding": "FAIL", "n_gates": 2, "undecided": ["a"], "n_not_run": 1000},
            "red: 1 of 2 gates not decided: a; 1,000 planned cases did not run",
        ),
        ({"finding": None, "n_gates": 0}, "open: no gate is set, so nothing is decided"),
        (
            {"finding": "FAIL", "n_gates": 0, "failed_evals": ["t"]},
            "red: no gate is set, so nothing is decided; 1 eval failed: t",
        ),
        ({"finding": None, "n_gates": 3, "shard": "2/4"}, "open: shard 2/4: newsgauge merge decides 3 gates"),
    ],
)
def test_the_line_says_what_decided(given: dict[str, object], line: str) -> None:
    assert headline(**given).line == line  # type: ignore[arg-type]


def test_notes_stand_beside_the_verdict() -> None:
    assert headline("PASS", n_gates=1, notes=["the baseline is not held"]).notes == ("the baseline is not held",)
