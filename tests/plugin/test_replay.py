"""A replay needs no key and no network, and says the same each time, however many processes it takes."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from newsgauge.cassettes.line import decode

CASSETTES = "cassettes/embedded/bundled"


def scoreboard(result: pytest.RunResult) -> list[str]:
    start = next(n for n, line in enumerate(result.outlines) if "newsgauge scoreboard" in line)
    return result.outlines[start:-1]


def test_a_replay_is_green_and_decides_every_gate(project: pytest.Pytester) -> None:
    result = project.runpytest_inprocess("evals")
    assert result.ret == 0
    result.assert_outcomes(passed=result.parseoutcomes()["passed"], xfailed=result.parseoutcomes()["xfailed"])
    assert sum(result.parseoutcomes().values()) == 8 * 4 + 4
    gates = json.loads(Path(".newsgauge/results/gates.json").read_text())
    assert gates["complete"] is True
    assert [gate["passed"] for gate in gates["gates"]] == [True] * 4


@pytest.mark.slow
def test_two_workers_print_the_scoreboard_of_one(project: pytest.Pytester) -> None:
    serial = project.runpytest_subprocess("evals")
    parallel = project.runpytest_subprocess("evals", "-n", "2")
    again = project.runpytest_subprocess("evals", "-n", "2")
    assert serial.ret == parallel.ret == again.ret == 0
    assert scoreboard(serial) == scoreboard(parallel) == scoreboard(again)


def test_ids_name_the_post_and_the_variant(project: pytest.Pytester) -> None:
    result = project.runpytest_inprocess("evals", "--collect-only", "-q")
    cases = [line for line in result.outlines if "test_names_its_newsgroup" in line]
    assert len(cases) == 32
    assert all(line.endswith(("-bare]", "-system]", "-labels]", "-tuned]")) for line in cases)
    assert cases[0].startswith("evals/test_newsgroups.py::test_names_its_newsgroup[sci.med-5")


def test_every_case_is_where_pytest_itself_would_say(project: pytest.Pytester) -> None:
    Path("evals/test_more.py").write_text("class TestIt:\n    def test_a(self, scores): pass\n\ndef test_b(): pass\n")
    places: dict[str, tuple[tuple[object, ...], tuple[object, ...]]] = {}

    class Look:
        @pytest.hookimpl(trylast=True)
        def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
            for item in items:
                if said := item.__dict__.pop("location", None):
                    places[item.nodeid] = (said, item.location)

    project.inline_run("evals", "--collect-only", "-q", plugins=[Look()])
    assert len(places) == 32 + 4 + 1  # a method's is looked up where it is needed
    assert all(said == own for said, own in places.values())


def test_a_wrong_label_is_an_expected_failure_that_says_what_was_said(project: pytest.Pytester) -> None:
    result = project.runpytest_inprocess("evals", "-rx", "--variants", "bare")
    result.stdout.re_match_lines([r"XFAIL .*\[sci.med-\d+-bare\] - sci.med -> Tha.*"])


def test_results_hold_one_row_a_case_and_no_post_text(project: pytest.Pytester) -> None:
    project.runpytest_inprocess("evals")
    with Path(".newsgauge/results/results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 32
    assert {row["origin"] for row in rows} == {"item"}
    tuned = [row for row in rows if row["variant"] == "tuned"]
    assert {row["model_version"] for row in tuned} == {"newsgauge-embedded-tuned-2"}
    assert all(int(row["correct"]) == (row["label"] == row["prediction"]) for row in rows)


def test_a_test_in_evals_that_opens_a_connection_fails_naming_the_host(project: pytest.Pytester) -> None:
    Path("evals/test_leak.py").write_text(
        "import socket\n\ndef test_leak():\n    socket.create_connection(('192.0.2.1', 443), timeout=1)\n"
        "def test_lookup():\n    socket.getaddrinfo('gemini.example', 443)\n"
    )
    result = project.runpytest_inprocess("evals/test_leak.py")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*NetworkBlockedError*192.0.2.1*replay sends nothing*"])
    result.stdout.fnmatch_lines(["*NetworkBlockedError*gemini.example*"])


def test_a_run_elsewhere_is_left_alone(project: pytest.Pytester) -> None:
    Path("tests").mkdir()
    Path("tests/test_other.py").write_text("def test_nothing():\n    pass\n")
    Path("evals/gates.toml").write_text("not toml")
    result = project.runpytest_inprocess("tests", "--require-gates")
    assert result.ret == 0
    result.stdout.no_fnmatch_line("*newsgauge*scoreboard*")


ODD = [
    {"candidates": [{"content": {"parts": [{"text": "sci.me"}], "role": "model"}, "finishReason": "MAX_TOKENS"}]},
    {"promptFeedback": {"blockReason": "SAFETY"}},
    {"candidates": [{"content": {"parts": [{"text": "sci.med"}], "role": "model", "newIn2027": 1}, "index": 0,
                     "finishReason": "STOP", "somethingNew": {"a": []}}], "alsoNew": "x"},
    {"candidates": [{"finishReason": "STOP"}], "usageMetadata": {"promptTokenCount": 7, "newCount": 1}},
    {},
    {"candidates": "not a list"},
]  # fmt: skip


def test_a_gate_alone_reads_from_the_cassettes_what_the_cases_replay(project: pytest.Pytester) -> None:
    path = Path(CASSETTES, "system.jsonl")
    lines = [decode(raw) for raw in path.read_bytes().splitlines()]
    odd = [replace(line, answer=answer) for line, answer in zip(lines, ODD, strict=False)]
    path.write_bytes(b"".join(line.encode() for line in [*odd, *lines[len(odd) :]]))
    tables = []
    for arguments in ([], ["-k", "gate"]):
        project.runpytest_inprocess("evals", "-p", "no:cacheprovider", *arguments)
        rows = list(csv.DictReader(Path(".newsgauge/results/results.csv").read_text().splitlines()))
        tables.append([{name: value for name, value in row.items() if name != "origin"} for row in rows])
    full, gates_alone = tables
    assert len(full) == 8 * 4
    assert gates_alone == [row for row in full if row["variant"] != "system"]
    # No limit is set for the system variant: gates do not ask for it, and a test of scores does.
    project.makepyfile(
        **{"evals/test_scores": "def test_scores(newsgauge_run):\n    newsgauge_run.results(('system',))"}
    )
    project.runpytest_inprocess("evals/test_scores.py", "-p", "no:cacheprovider")
    alone = list(csv.DictReader(Path(".newsgauge/results/results.csv").read_text().splitlines()))
    assert {row.pop("origin") for row in alone} == {"gate"}
    assert alone == [row for row in full if row["variant"] == "system"]
    assert {row["outcome"] for row in alone} >= {"cut", "blocked", "label", "empty"}


@pytest.mark.parametrize("options", [(), ("-v",), pytest.param(("-n", "2"), marks=pytest.mark.slow)], ids=" ".join)
def test_parts_of_a_case_are_counted_as_pytest_counts_them(project: pytest.Pytester, options: tuple[str, ...]) -> None:
    Path("evals/test_newsgroups.py").write_text(
        "import pytest\n\npytestmark = pytest.mark.case\n\n\n"
        "def test_in_parts(case, prediction, subtests):\n"
        "    with subtests.test('words'):\n        assert prediction.label\n"
        "    with subtests.test('no tuned space'):\n"
        "        assert (case.variant, case.post.label) != ('tuned', 'sci.space')\n"
    )
    run = project.runpytest_subprocess if options == ("-n", "2") else project.runpytest_inprocess
    result = run("evals/test_newsgroups.py", "--no-require-gates", *options)
    counts = result.parseoutcomes()
    # 4 of 32 cases fail in one of their two parts: pytest counts part and whole, and passed parts where it is verbose.
    assert (counts["failed"], counts["passed"]) == (8, 28)
    assert counts.get("subtests", 0) == (60 if options == ("-v",) else 0)
