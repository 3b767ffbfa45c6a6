"""A shard asks its part of the plan and decides no gate; the parts joined are what one run of the whole leaves."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from newsgauge.cli.main import main

SAME = ("results.csv", "gates.json", "scoreboard.json", "flips.csv", "plan.json", "posts.json", "summary.md")
WHOLE_PLAN_TESTS = """
import pytest

def test_scores(scores):
    assert False, "asked in a shard"

def test_tokens(tokens):
    assert False, "asked in a shard"

def test_run(newsgauge_run):
    assert False, "asked in a shard"

def test_by_name(request):
    request.getfixturevalue("newsgauge_run")
    assert False, "asked in a shard"

def test_of_its_own():
    pass
"""


def rows(folder: str) -> list[dict[str, str]]:
    with Path(folder, "results.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def gates(folder: str) -> dict[str, object]:
    value: dict[str, object] = json.loads(Path(folder, "gates.json").read_text())
    return value


@pytest.fixture
def strict(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """The recorded project, in CI."""
    monkeypatch.setenv("CI", "true")
    return project


def test_shards_joined_are_the_whole_run_byte_for_byte(strict: pytest.Pytester) -> None:
    for k in (1, 2, 3):
        assert strict.runpytest_inprocess("evals", "--shard", f"{k}/3", f"--results=s{k}").ret == 0
    assert strict.runpytest_inprocess("evals", "--results=whole").ret == 0
    assert main(["merge", "s3", "s1", "s2", "--results", "merged"]) == 0
    for name in SAME:
        assert Path("merged", name).read_bytes() == Path("whole", name).read_bytes(), name
    tokens = [json.loads(Path(name, "tokens.json").read_text()) for name in ("merged", "whole")]
    for one in tokens:
        del one["made"]["made"]  # the time of day
    assert tokens[0] == tokens[1]


def test_a_changed_byte_of_a_shard_is_noticed_or_changes_nothing(
    strict: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    for k in (1, 2):
        assert strict.runpytest_inprocess("evals", "--shard", f"{k}/2", f"--results=s{k}").ret == 0

    def merged() -> tuple[int, dict[str, bytes]]:
        status = main(["merge", "s1", "s2", "--results", "out"])
        return status, {name: Path("out", name).read_bytes() for name in (*SAME, "asked.json")} if status != 2 else {}

    expected = merged()
    assert expected[0] == 0
    refused: dict[str, set[bool]] = {}
    for path in sorted(Path("s1").iterdir()):
        raw = path.read_bytes()
        for place in range(0, len(raw), max(1, len(raw) // 5)):
            changed = b"1" if raw[place : place + 1] != b"1" else b"2"
            path.write_bytes(raw[:place] + changed + raw[place + 1 :])
            found = merged()
            refused.setdefault(path.name, set()).add(found[0] == 2)
            assert found[0] == 2 or found == expected, (path.name, place)
        path.write_bytes(raw)
    always = {name for name, found in refused.items() if found == {True}}
    assert {"results.csv", "plan.json", "gates.json", "asked.json", "posts.json"} <= always


def test_the_reason_why_a_shard_was_red_cannot_be_lost(
    strict: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("conftest.py").write_text("def pytest_unconfigure():\n    raise RuntimeError\n")
    assert strict.runpytest_subprocess("evals", "--shard", "1/2", "--results=s1").ret == 1
    Path("conftest.py").unlink()
    assert strict.runpytest_inprocess("evals", "--shard", "2/2", "--results=s2").ret == 0
    capsys.readouterr()
    gates = Path("s1/gates.json")
    gates.write_text(gates.read_text().replace('"ended"', '"endet"'))
    assert main(["merge", "s1", "s2"]) == 2
    assert f"{gates} is not as a run of this version wrote it" in capsys.readouterr().err


def test_the_corpus_is_not_needed_to_merge(strict: pytest.Pytester) -> None:
    for k in (1, 2):
        assert strict.runpytest_inprocess("evals", "--shard", f"{k}/2", f"--results=s{k}").ret == 0
    Path("fixtures/bundled").unlink()
    assert main(["merge", "s1", "s2"]) == 0


def test_a_shard_asks_its_own_cases_and_leaves_the_rest(strict: pytest.Pytester) -> None:
    Path("evals/test_whole.py").write_text(WHOLE_PLAN_TESTS)
    result = strict.runpytest_inprocess("evals", "--shard", "2/3", "-rs")
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "newsgauge: shard 2/3: 12 of 32 cases; newsgauge merge decides the gates",
            "*needs the whole plan, and this is shard 2/3 of it; a run without --shard asks it",
            "embedded * on bundled: shard 2/3: 12 of 32 cases, plan*",
            "----  4 gates are decided by newsgauge merge, from the results of all shards",
        ]
    )
    outcomes = result.parseoutcomes()
    assert outcomes["skipped"] == 8  # 4 gates, and 4 tests of the whole plan
    cases = rows(".newsgauge/results")
    assert len(cases) == 12
    posts = {row["id"] for row in cases}
    assert {(row["id"], row["variant"]) for row in cases} == {
        (post, variant) for post in posts for variant in ("bare", "system", "labels", "tuned")
    }
    written = gates(".newsgauge/results")
    assert written["complete"] is False
    assert written["run"]["shard"] == "2/3"
    assert {gate["finding"] for gate in written["gates"]} == {None}  # type: ignore[attr-defined]
    left_out = json.loads(Path(".newsgauge/results/plan.json").read_text())["left_out"]
    assert left_out == [f"evals/test_whole.py::test_{name}" for name in ("by_name", "run", "scores", "tokens")]


def test_merge_names_the_tests_that_no_shard_ran(strict: pytest.Pytester, capsys: pytest.CaptureFixture[str]) -> None:
    Path("evals/test_whole.py").write_text(WHOLE_PLAN_TESTS)
    assert strict.runpytest_inprocess("evals", "--shard", "1/1", "--results=s1").ret == 0
    capsys.readouterr()
    assert main(["merge", "s1"]) == 0
    assert "not part of a merge: 4 tests of the whole plan, in evals/test_whole.py" in capsys.readouterr().out


def test_a_shard_is_red_for_its_own_missing_cases_only(strict: pytest.Pytester) -> None:
    result = strict.runpytest_inprocess("evals", "--shard", "1/2", "-k", "tuned")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["newsgauge: red: 12 of 16 planned cases did not run*"])
    result.stdout.no_fnmatch_line("newsgauge: red: gates not decided*")


def test_a_test_that_fails_in_a_shard_is_red_in_the_merge(
    strict: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("evals/test_own.py").write_text("import os\n\ndef test_it():\n    assert 'SECOND' not in os.environ\n")
    assert strict.runpytest_inprocess("evals", "--shard", "1/1", "--results=s1").ret == 0
    monkeypatch.setenv("SECOND", "1")
    assert strict.runpytest_inprocess("evals", "--shard", "1/1", "--results=s2").ret == 1
    capsys.readouterr()
    assert main(["merge", "s1", "--results", "m1"]) == 0
    assert main(["merge", "s1", "s2", "--results", "m2"]) == 1
    said = capsys.readouterr().out
    assert "red: tests failed in the run of s2; the first: evals/test_own.py::test_it" in said
    assert gates("m2")["complete"] is True  # every gate is decided, and passed: the test is no gate


def test_a_failed_gate_is_the_merges_own_to_decide(strict: pytest.Pytester) -> None:
    path = Path("evals/gates.toml")
    good = path.read_text()
    path.write_text(good.replace("limit = 0.5", "limit = 1.0"))
    assert strict.runpytest_inprocess("evals", "--results=whole").ret == 1
    assert main(["merge", "whole"]) == 1
    path.write_text(good)
    assert main(["merge", "whole"]) == 0


def test_a_broken_case_is_red_in_its_shard_and_in_the_merge(
    strict: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path("cassettes/embedded/bundled/system.jsonl")
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[1:]))
    lost = json.loads(lines[0])["key"]
    exits = {}
    for k in (1, 2):
        exits[k] = strict.runpytest_inprocess("evals", "--shard", f"{k}/2", f"--results=s{k}").ret
    own = next(k for k in (1, 2) if lost in {row["id"] for row in rows(f"s{k}")})
    assert exits == {own: 1, 3 - own: 0}
    capsys.readouterr()
    assert main(["merge", "s1", "s2"]) == 1
    assert f"red: no answer in 1 cases: {lost}-system; the first: " in capsys.readouterr().out


def test_gates_alone_ask_nothing_in_a_shard(strict: pytest.Pytester) -> None:
    result = strict.runpytest_inprocess("evals", "--shard", "1/2", "-k", "gate", "--no-require-gates")
    assert result.ret == 0
    assert rows(".newsgauge/results") == []


def test_a_run_that_dies_leaves_nothing_to_merge(strict: pytest.Pytester) -> None:
    assert strict.runpytest_inprocess("evals", "--shard", "1/2", "--results=s1").ret == 0
    Path("evals/test_stop.py").write_text("import os\n\ndef test_stop():\n    os._exit(3)\n")
    strict.runpytest_subprocess("evals/test_stop.py", "evals", "--shard", "1/2", "--results=s1")
    assert not Path("s1/plan.json").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--shard", "3/2"], "newsgauge: --shard: expected K/N with 1 <= K <= N, such as 2/4, got '3/2'"),
        (["--shard", "1/9"], "newsgauge: --shard 1/9: the plan has 8 posts, so at most 8 shards"),
        (["--shard", "1/2", "--update-baseline"], "newsgauge: --update-baseline: a baseline is about the whole plan"),
    ],
)
def test_a_wrong_shard_is_a_usage_error(project: pytest.Pytester, options: list[str], said: str) -> None:
    result = project.runpytest_inprocess("evals", *options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{said}*"])


def test_a_shard_records_its_own_cases_only(project: pytest.Pytester) -> None:
    options = ("--variants", "bare", "--sample-seed", "7")
    path = Path("cassettes/embedded/bundled/bare.jsonl")
    path.unlink()
    result = project.runpytest_inprocess("evals", *options, "--shard", "1/2", "--record-mode", "once")
    assert result.ret == 0
    assert {json.loads(line)["key"] for line in path.read_text().splitlines()} == {
        row["id"] for row in rows(".newsgauge/results")
    }
    assert len(rows(".newsgauge/results")) == 4


@pytest.mark.slow
def test_a_shard_on_two_workers_is_the_same(strict: pytest.Pytester) -> None:
    assert strict.runpytest_inprocess("evals", "--shard", "1/2", "--results=one").ret == 0
    assert strict.runpytest_subprocess("evals", "--shard", "1/2", "--results=two", "-n", "2").ret == 0
    for name in ("results.csv", "gates.json", "plan.json"):
        assert Path("one", name).read_bytes() == Path("two", name).read_bytes()


STATUS = "def pytest_sessionfinish(session):\n    session.exitstatus = {}\n"
#: What makes a shard red that is no case, no test and no gate.
RED = {
    "status 3": STATUS.format(3),
    "status 1": STATUS.format(1),
    "status of somebody last": "import pytest\n\n@pytest.hookimpl(wrapper=True, tryfirst=True)\n"
    + STATUS.format(3).replace("    session", "    yield\n    session"),
    "a thread that tries the network": (
        "import contextlib, socket\n\ndef pytest_runtest_logfinish():\n    with contextlib.suppress(OSError):\n"
        "        socket.create_connection(('127.0.0.1', 9))\n"
    ),
}


@pytest.mark.parametrize("red", RED)
def test_a_merge_is_red_where_a_shard_was_whatever_made_it_so(
    strict: pytest.Pytester, capsys: pytest.CaptureFixture[str], red: str
) -> None:
    assert strict.runpytest_inprocess("evals", "--shard", "2/2", "--results=s2").ret == 0
    Path("conftest.py").write_text(RED[red])
    assert strict.runpytest_inprocess("evals", "--shard", "1/2", "--results=s1").ret != 0
    assert strict.runpytest_inprocess("evals", "--shard", "2/2", "--results=s2").ret != 0
    capsys.readouterr()
    assert main(["merge", "s1", "s2"]) == 1
    assert "red: the run of s1 is red: pytest ended with status" in capsys.readouterr().out
    assert main(["gates"]) == 1


def test_a_merge_of_what_changed_since_is_red(strict: pytest.Pytester, capsys: pytest.CaptureFixture[str]) -> None:
    for k in (1, 2):
        assert strict.runpytest_inprocess("evals", "--shard", f"{k}/2", f"--results=s{k}").ret == 0
    Path("evals/conftest.py").write_text("")
    assert main(["merge", "s1", "s2"]) == 1
    assert "red: changed since the results were made: evals/**/*.py (3 files, not 2 files)" in capsys.readouterr().out
    Path("evals/conftest.py").unlink()
    assert main(["merge", "s1", "s2"]) == 0
