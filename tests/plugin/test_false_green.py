"""Whatever keeps a planned case or gate from being decided makes the run red, and the output says what to do."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from newsgauge.cassettes.line import decode
from tests.quick_python import program

CASSETTES = Path("cassettes/embedded/bundled")


def gates_json() -> dict[str, object]:
    value: dict[str, object] = json.loads(Path(".newsgauge/results/gates.json").read_text())
    return value


def test_a_changed_prompt_names_the_variant_the_change_and_the_command(project: pytest.Pytester) -> None:
    path = Path("evals/variants.toml")
    path.write_text(path.read_text().replace("Name the newsgroup", "State the newsgroup"))
    result = project.runpytest_inprocess("evals", "-n0")
    assert result.ret == 1
    assert result.parseoutcomes()["errors"] == 8
    output = result.stdout.str()
    assert "variant 'system' changed since it was recorded: system instruction: recorded " in output
    assert '"Name the newsgroup this mail was posted to.", now "State the newsgroup' in output
    assert "Record it again: pytest evals --classes '^sci.(space|med)$' --posts-per-class 4 --variants system" in output
    assert "--record-mode new_episodes" in output


def test_another_training_set_is_another_model(project: pytest.Pytester) -> None:
    path = Path("evals/variants.toml")
    path.write_text(path.read_text().replace("posts_per_class = 24", "posts_per_class = 23"))
    result = project.runpytest_inprocess("evals", "--variants", "tuned,bare")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*variant 'tuned' changed since it was recorded: model: recorded *tunedModels/*"])
    result.stdout.fnmatch_lines(["UNANSWERED  tuned: 0 of 8 cases of tuned have an answer"])


def test_a_deleted_line_is_an_error_and_its_gate_fails(project: pytest.Pytester) -> None:
    path = CASSETTES / "tuned.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[1:]))
    result = project.runpytest_inprocess("evals")
    assert result.ret == 1
    outcomes = result.parseoutcomes()
    assert (outcomes["errors"], outcomes["failed"]) == (1, 2)
    key = json.loads(lines[0])["key"]
    result.stdout.fnmatch_lines([f"*tuned.jsonl: no recording of {key}. Record it: pytest evals *--variants tuned*"])
    assert gates_json()["complete"] is False


def test_a_missing_cassette_makes_its_variant_red(project: pytest.Pytester) -> None:
    (CASSETTES / "labels.jsonl").unlink()
    result = project.runpytest_inprocess("evals")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["UNANSWERED  labels: 0 of 8 cases of labels have an answer"])


def test_a_cut_cassette_names_file_and_line(project: pytest.Pytester) -> None:
    path = CASSETTES / "bare.jsonl"
    path.write_bytes(path.read_bytes()[:-40])
    result = project.runpytest_inprocess("evals", "--variants", "bare")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*cassettes/embedded/bundled/bare.jsonl:8: the last line is cut off.*git checkout*"])


def test_a_merge_conflict_names_file_and_line(project: pytest.Pytester) -> None:
    path = CASSETTES / "bare.jsonl"
    path.write_bytes(b"<<<<<<< HEAD\n" + path.read_bytes())
    result = project.runpytest_inprocess("evals", "--variants", "bare")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*bare.jsonl:1: a merge conflict that is not resolved: *<<<<<<< HEAD*"])


def test_deselecting_half_the_cases_is_red_in_ci(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    result = project.runpytest_inprocess("evals", "-k", "sci.space or gate")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["newsgauge: red: 16 of 32 planned cases did not run*--no-require-gates"])


def test_deselecting_a_gate_is_red_in_ci(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    result = project.runpytest_inprocess("evals", "-k", "not beats", "--junitxml=junit.xml")
    assert result.ret == 1
    assert 'name="verdict"' in Path("junit.xml").read_text()  # where no test failed, the run itself is the failure
    result.stdout.fnmatch_lines(["newsgauge: red: gates not decided: tuned-beats-bare"])
    assert gates_json()["complete"] is False


def test_running_the_property_tests_alone_is_red_in_ci_only(project: pytest.Pytester) -> None:
    Path("evals/test_other.py").write_text("def test_nothing():\n    pass\n")
    assert project.runpytest_inprocess("evals/test_other.py").ret == 0
    assert project.runpytest_inprocess("evals/test_other.py", "--require-gates").ret == 1


def test_a_corpus_without_gates_is_red_where_gates_are_required(project: pytest.Pytester) -> None:
    Path("evals/gates.toml").write_text("")
    assert project.runpytest_inprocess("evals").ret == 0
    result = project.runpytest_inprocess("evals", "--require-gates")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["newsgauge: red: no gate is set for *embedded.bundled*"])


def test_recordings_that_are_too_old_are_red_and_say_how_to_renew_them(project: pytest.Pytester) -> None:
    path = Path("evals/gates.toml")
    path.write_text("[embedded]\nmax_age_days = 36500\n")
    assert project.runpytest_inprocess("evals", "-k", "gate").ret == 0
    old = Path("cassettes/embedded/bundled/bare.jsonl")
    lines = [decode(raw) for raw in old.read_bytes().splitlines(keepends=True)]
    aged = [replace(one, provenance={**one.provenance, "recorded": "1815-06-18T12:00:00Z"}) for one in lines]
    old.write_bytes(b"".join(one.encode() for one in aged))
    damaged = old.with_name("tuned.jsonl")
    damaged.write_bytes(damaged.read_bytes().replace(b'"recorded":"2', b'"recorded":"1'))
    result = project.runpytest_inprocess("evals", "-k", "gate")
    assert result.ret == 1
    text = " ".join(result.stdout.str().split())
    assert "FAIL bare-age: age of the oldest recording of bare" in text
    assert "the oldest answer was recorded on 1815-06-18" in text
    assert "--variants bare --record-mode all" in text
    assert "PASS system-age" in text
    assert "tuned.jsonl:1: not a recorded case: its digest does not fit what it says" in text
    assert "gate_hooks.py" not in text  # no traceback


def test_gates_alone_decide_everything_from_the_cassettes(project: pytest.Pytester) -> None:
    result = project.runpytest_inprocess("evals", "-k", "gate")
    assert result.ret == 0
    result.assert_outcomes(passed=4, deselected=32)
    assert gates_json()["complete"] is True
    result.stdout.fnmatch_lines(["tuned* 8 *PASS"])


def test_last_failed_reruns_the_failed_gate_alone(project: pytest.Pytester) -> None:
    path = Path("evals/gates.toml")
    path.write_text(path.read_text().replace("limit = 0.5", "limit = 1.0"))
    config = Path("pyproject.toml")
    config.write_text(config.read_text().replace('"-p", "no:cacheprovider", ', ""))
    first = project.runpytest_inprocess("evals")
    assert first.ret == 1
    first.stdout.fnmatch_lines(["FAIL  tuned: accuracy *% of 8; limit: at least 100.0% *"])
    again = project.runpytest_inprocess("evals", "--lf")
    assert again.ret == 1
    again.assert_outcomes(failed=1, deselected=again.parseoutcomes().get("deselected", 0))


@pytest.mark.slow
def test_a_killed_worker_is_red(project: pytest.Pytester) -> None:
    Path("evals/test_crash.py").write_text("import os\n\ndef test_crash():\n    os._exit(9)\n")
    result = project.runpytest_subprocess("evals", "-n", "2")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*worker 'gw?' crashed while running 'evals/test_crash.py::test_crash'*"])


@pytest.mark.slow
def test_a_failed_gate_is_red_on_two_workers(project: pytest.Pytester) -> None:
    path = Path("evals/gates.toml")
    path.write_text(path.read_text().replace("limit = 0.5", "limit = 1.0"))
    result = project.runpytest_subprocess("evals", "-n", "2")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["FAIL  tuned: accuracy*", "FAIL*evals/test_gates.py::test_gate?tuned?*"][:1])


def test_a_run_that_dies_leaves_no_older_verdict(project: pytest.Pytester) -> None:
    assert project.runpytest_inprocess("evals").ret == 0
    Path("evals/test_stop.py").write_text("import pytest\n\ndef test_stop():\n    pytest.exit('enough', 3)\n")
    result = project.runpytest_inprocess("evals/test_stop.py", "evals")
    assert result.ret == 3
    assert gates_json()["complete"] is False


@pytest.mark.parametrize(
    "options",
    [(), pytest.param(("-n", "2"), marks=pytest.mark.slow), ("-q",), ("--assert=plain",), ("-O",)],
    ids=" ".join,
)
def test_a_gate_that_failed_is_red_whatever_its_test_asserts(
    project: pytest.Pytester, options: tuple[str, ...]
) -> None:
    gates, tests = Path("evals/gates.toml"), Path("evals/test_gates.py")
    gates.write_text(gates.read_text().replace("limit = 0.5", "limit = 1.0"))
    assert "if not verdict.passed" in tests.read_text()
    tests.write_text(tests.read_text().replace("if not verdict.passed", "if not verdict"))
    python = sys.executable if "-O" in options else program("python")
    words = (
        ["-O", "-m", "pytest", "evals", "-W", "ignore::pytest.PytestConfigWarning"]
        if "-O" in options
        else ["-m", "pytest", "evals", *options]
    )
    result = project.run(python, *words)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["newsgauge: red: gates failed: tuned"])
    assert gates_json()["verdict"] == "RED"
