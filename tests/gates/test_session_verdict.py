"""What makes a session red, and what makes a folder of results no proof of a checkout."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from newsgauge import __version__
from newsgauge.gates.session_verdict import (
    SessionVerdict,
    check_stored,
    decode_verdict,
    encode_verdict,
    session_verdict,
)
from newsgauge.planning.plan_file import COMMIT, read_inputs
from newsgauge.results.result_files import digest_results


def ended(status: int, *complaints: str, failed: tuple[str, ...] = (), n_failed: int | None = None) -> SessionVerdict:
    n_failed = len(failed) if n_failed is None else n_failed
    return session_verdict(complaints, failed=failed, n_failed=n_failed, exit_status=status)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (1, "no test failed, but a plugin or hook made it so"),
        (2, "the run was interrupted"),
        (3, "an error inside pytest or a plugin"),
        (4, "a usage error"),
        (5, "no test was collected"),
        (6, "something stopped it"),
    ],
)
def test_a_status_that_nothing_else_explains_is_the_reason(status: int, words: str) -> None:
    session = ended(status)
    assert session.ended == f"pytest ended with status {status}: {words}"
    assert session.reasons == (session.ended,)
    assert session.exit_status == status


def test_a_reason_explains_status_1_and_makes_it_of_0_and_5_but_hides_no_other() -> None:
    for status in (0, 1, 5):
        session = ended(status, "a gate failed")
        assert (session.exit_status, session.reasons, session.ended) == (1, ("a gate failed",), "")
    for status in (2, 3, 4):
        session = ended(status, "a gate failed")
        assert (session.exit_status, len(session.reasons)) == (status, 2)
        assert session.ended == session.reasons[1]
    assert ended(0).is_green
    assert ended(0).verdict == "GREEN"
    assert ended(5).verdict == "RED"


def test_a_complaint_does_not_explain_a_status_of_1_that_pytest_has_for_no_failed_test() -> None:
    session = session_verdict(["a gate failed"], failed=(), n_failed=0, exit_status=1, explains_1=False)
    assert session.reasons == ("a gate failed", "pytest ended with status 1: " + session.ended.partition(": ")[2])
    assert "a plugin or hook made it so" in session.ended


def test_failed_tests_are_counted_and_three_of_them_named() -> None:
    assert ended(1, failed=("a",)).reasons == ("1 test failed: a",)
    assert ended(1, failed=("a", "b", "c")).reasons == ("3 tests failed: a, b, c",)
    assert ended(1, failed=("a", "b", "c", "d")).reasons == ("4 tests failed: a, b, c, ...",)
    assert ended(1, "a gate failed", failed=("a",)).reasons == ("a gate failed", "1 test failed: a")


def test_gates_json_keeps_a_verdict_and_one_that_says_nothing_is_red() -> None:
    session = SessionVerdict((), ("a note",), n_gates=2, n_passed=2, n_cases=8, complete=True, required=True)
    stored = json.loads(json.dumps(encode_verdict(session)))
    assert (stored["verdict"], stored["headline"]) == ("GREEN", "GREEN: 2 of 2 gates passed")
    assert decode_verdict(stored) == session
    assert decode_verdict({**stored, "verdict": "RED"}).reasons == ("gates.json says so",)
    assert decode_verdict({**stored, "verdict": "RED", "reasons": ["x"]}).reasons == ("x",)
    for name in ("verdict", "reasons"):
        less = {key: value for key, value in stored.items() if key != name}
        assert "holds no verdict" in decode_verdict(less).headline


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "results.csv").write_text("id,label\n")
    (tmp_path / "gates.toml").write_text("")
    return tmp_path / "results"


def reasons(folder: Path, *, session: dict[str, Any] | None = None, **other: Any) -> list[str]:
    """What `check_stored` finds of a complete, green folder with these changes."""
    verdict = SessionVerdict((), n_gates=1, n_passed=1, n_cases=4, complete=True, **(session or {}))
    stored = {
        "verdict": verdict.verdict,
        **asdict(verdict),
        "run": {},
        "gates": [{"gate": "v", "passed": True}],
        "results": digest_results(folder),
        "inputs": read_inputs(folder.parent, ["gates.toml"]),
        **other,
    }
    (folder / "gates.json").write_text(json.dumps(stored))
    return check_stored(folder, folder.parent)[1]


def test_a_complete_green_folder_of_this_checkout_has_no_reason_against_it(folder: Path) -> None:
    assert reasons(folder) == []


def test_each_thing_that_a_folder_lacks_is_a_reason_of_its_own(folder: Path) -> None:
    again = "run pytest evals --require-gates"
    assert reasons(folder, complete=False) == [f"not every planned gate was decided from all its cases; {again}"]
    shard = "shard 1/2 decides no gate: check the folder that newsgauge merge wrote"
    assert reasons(folder, complete=False, run={"shard": "1/2"}) == [shard]
    assert reasons(folder, n_cases_not_run=3) == ["3 of 4 planned cases did not run"]
    assert reasons(folder, gates=[]) == ["gates that did not pass: none is there"]
    gates = [{"gate": "v", "passed": True}, {"gate": "w", "passed": None}, {"gate": "x", "passed": False}]
    assert reasons(folder, gates=gates) == ["gates that did not pass: w, x"]
    assert reasons(folder, unreviewed=["--corpus"]) == ["the plan was chosen by --corpus"]
    assert reasons(folder, results="0") == [f"{folder / 'results.csv'} is not the file that the run wrote"]
    assert reasons(folder, verdict="RED", reasons=["a", "b"]) == ["a", "b"]
    judged = reasons(folder, inputs={})
    assert len(judged) == 1
    assert judged[0].startswith(f"{folder} holds predictions that newsgauge score judged, not a run; run pytest")


def test_a_folder_of_another_commit_or_of_other_files_is_no_proof_of_this_checkout(folder: Path) -> None:
    now = read_inputs(folder.parent, ["gates.toml"])
    assert reasons(folder, inputs={**now, COMMIT: "0" * 40}) == [
        f"the run was made at commit {'0' * 40}, this checkout is at {now[COMMIT]}"
    ]
    assert reasons(folder, inputs={**now, "newsgauge": "0.0.1"}) == [
        f"changed since the run: newsgauge ({__version__}, not 0.0.1)"
    ]
    (changed,) = reasons(folder, inputs={**now, "gates.toml": "0" * 12})
    assert changed.startswith("changed since the run: gates.toml (")


@pytest.mark.parametrize("text", ["", "[]", "3", '{"verdict": "GREEN", "reasons": []}'])
def test_a_file_that_is_no_verdict_is_said_to_be_none(folder: Path, text: str) -> None:
    (folder / "gates.json").write_text(text)
    session, (why,) = check_stored(folder, folder.parent)
    assert not session.is_green
    assert why.startswith(f"{folder / 'gates.json'}: not the verdict of a run (")


def test_a_folder_without_a_verdict_says_which_command_leaves_one(folder: Path) -> None:
    session, (why,) = check_stored(folder, folder.parent)
    assert not session.is_green
    assert why == f"{folder}: no gates.json: no run of pytest evals left its results there; run pytest evals"
