"""What a run leaves for people: the report, where it lies, what switches it off."""

from __future__ import annotations

import json
import os
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

RESULTS = Path(".newsgauge/results")
ROOT = Path(__file__).resolve().parents[2]


def test_a_run_leaves_a_report_and_says_where(project: pytest.Pytester) -> None:
    result = project.runpytest_inprocess("evals")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["newsgauge: report .newsgauge/results/report.html"])
    page = (RESULTS / "report.html").read_text("utf-8")
    assert ">GREEN</strong> 4 of 4 gates passed<" in page
    assert (RESULTS / "summary.md").read_text("utf-8").startswith("## newsgauge: bundled, embedded backend")
    tokens = json.loads((RESULTS / "tokens.json").read_text())
    assert tokens["format"] == 1
    assert tokens["variants"]["tuned"]["cost"]["why"] == "the embedded model runs on this machine; nobody sells it"
    # 12 test posts of each of the two labels are in the corpus; 4 of each were asked about.
    assert tokens["n_posts_of_the_whole_set"] == 24
    documented = (ROOT / "docs" / "report.md").read_text("utf-8")
    run = json.loads((RESULTS / "scoreboard.json").read_text())["run"]
    assert [key for key in run if f"`{key}`" not in documented] == []


def test_no_report_leaves_none_not_even_an_older_one(project: pytest.Pytester) -> None:
    result = project.runpytest_inprocess("evals", "--no-report")
    assert not (RESULTS / "report.html").exists()
    result.stdout.no_fnmatch_line("newsgauge: report*")
    assert (RESULTS / "gates.json").exists()


def test_an_older_report_does_not_outlive_the_start_of_a_run(project: pytest.Pytester) -> None:
    (RESULTS / "report.html").write_text("an older one")
    Path("evals/test_crash.py").write_text("import os\n\ndef test_aa():\n    os._exit(3)\n")
    project.runpytest_subprocess("evals/test_crash.py")
    assert not (RESULTS / "report.html").exists()


def test_a_report_that_cannot_be_written_is_a_line_and_does_not_change_the_verdict(project: pytest.Pytester) -> None:
    Path("evals/test_taken.py").write_text(
        "import pathlib\n\ndef test_taken():\n    pathlib.Path('.newsgauge/results/report.html').mkdir(parents=True)\n"
    )
    result = project.runpytest_inprocess("evals")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["newsgauge: no report: *cannot write*report.html*"])


def test_github_gets_the_summary_and_an_annotation_for_a_failed_gate(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "step.md")
    Path("step.md").write_text("before\n")
    gates = Path("evals/gates.toml")
    gates.write_text(re.sub(r"min_accuracy = \{ limit = 0\.5", "min_accuracy = { limit = 1.0", gates.read_text()))
    result = project.runpytest_inprocess("evals")
    assert result.ret == 1
    lines = [line for line in result.outlines if line.startswith("::")]
    # What is long is a group to open; the gates, which decide, stand outside of it.
    assert lines[:2] == ["::group::newsgauge details", "::endgroup::"]
    assert result.outlines.index("::endgroup::") < next(
        i for i, line in enumerate(result.outlines) if "newsgauge gates" in line
    )
    assert len(lines) == 3
    assert lines[2].startswith(
        "::error file=evals/gates.toml,line=6,title=newsgauge gate tuned%3A failed::accuracy 87.5%25 of 8; limit: "
    )
    assert Path("step.md").read_text("utf-8").startswith("before\n## newsgauge: bundled")


def test_a_step_summary_that_cannot_be_written_is_no_missing_report(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "absent/step.md")
    result = project.runpytest_inprocess("evals", "--variants", "labels")
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "newsgauge: summary.md was not added to $GITHUB_STEP_SUMMARY (absent/step.md): No such file or directory",
            "newsgauge: report .newsgauge/results/report.html",
        ]
    )
    result.stdout.no_fnmatch_line("*no report*")


def test_junit_says_of_each_case_what_was_answered_and_of_each_gate_what_was_found(project: pytest.Pytester) -> None:
    Path("evals/test_property.py").write_text(
        "from hypothesis import given, strategies as st\n@given(st.integers())\ndef test_any(n): assert n == n\n"
    )
    project.runpytest_inprocess("evals", "--junitxml", "junit.xml", "-o", "junit_family=xunit1")
    # Hypothesis puts its statistics there in base64, for its own terminal.
    assert "test_any" in (junit := Path("junit.xml").read_text())
    assert "hypothesis" not in junit
    properties: dict[str, dict[str, str]] = {
        case.attrib["name"]: {p.attrib["name"]: p.attrib["value"] for p in case.iter("property")}
        for case in ET.parse("junit.xml").iter("testcase")  # noqa: S314 (written by the line above)
    }
    cases = {name: own for name, own in properties.items() if name.endswith("-tuned]")}
    assert len(cases) == 8
    for name, own in cases.items():
        assert own["newsgauge_variant"] == "tuned"
        assert own["newsgauge_label"] in name
        assert (own["newsgauge_label"] == own["newsgauge_answer"]) is (own["newsgauge_correct"] == "True")
        assert (own["newsgauge_outcome"] == "right label") is (own["newsgauge_correct"] == "True")
        assert own["newsgauge_outcome"] in ("right label", "wrong label", "wrong: off-list")
    gates = [own for name, own in properties.items() if name.startswith("test_gate[")]
    assert {own["newsgauge_finding"] for own in gates} == {"PASS"}
    tuned = json.loads(next(own["newsgauge_gate"] for own in gates if '"tuned"' in own["newsgauge_gate"]))
    assert (tuned["gate"], tuned["variant"], tuned["finding"]) == ("tuned", "tuned", "PASS")
    assert tuned["reasons"][0].startswith("accuracy ")


def test_letters_of_cases_are_gone_and_the_counts_are_not(project: pytest.Pytester) -> None:
    result = project.runpytest_inprocess("evals")
    line = next(line for line in result.outlines if line.startswith("evals/test_newsgroups.py"))
    assert re.fullmatch(r"evals/test_newsgroups\.py\s+\[ *\d+%\]", line)
    assert sum(result.parseoutcomes().values()) >= 8 * 4 + 4
    listed = project.runpytest_inprocess("evals", "-rx", "--variants", "bare")
    listed.stdout.re_match_lines([r"XFAIL evals/test_newsgroups\.py::.*-bare\] - sci\.\w+ -> Tha.*"])
    verbose = project.runpytest_inprocess("evals", "-v")
    verbose.stdout.fnmatch_lines(["*test_names_its_newsgroup*-tuned] PASSED*"])


def test_a_case_without_an_answer_is_still_an_error_with_its_reason(project: pytest.Pytester) -> None:
    Path("cassettes/embedded/bundled/tuned.jsonl").unlink()
    result = project.runpytest_inprocess("evals", "--variants", "tuned")
    assert result.parseoutcomes()["errors"] == 8
    result.stdout.fnmatch_lines(
        [
            "UNANSWERED  tuned: 0 of 8 cases of tuned have an answer",
            "newsgauge: no answer to 8 cases of tuned: *no recording of sci.med-*",
            "newsgauge: RED: *",
        ]
    )
    # Once, whatever fails for it: eight cases and a gate.
    assert result.stdout.str().count("no recording of") == 1
    assert "ERRORS" not in result.stdout.str()
    assert "test_gate[" not in result.stdout.str()
    alone = project.runpytest_inprocess("evals", "--variants", "tuned", "-m", "gate", "-q")
    alone.stdout.fnmatch_lines(
        ["UNANSWERED  tuned: 0 of 8 cases of tuned have an answer; *", "*recording of sci.med-*"]
    )


def test_two_q_leave_the_verdict_alone(project: pytest.Pytester) -> None:
    (project.path / "evals" / "test_own.py").write_text("def test_own() -> None: ...\n")
    assert [line for line in project.runpytest_inprocess("evals", "-qq").outlines if line] == [
        "newsgauge: GREEN: 4 of 4 gates passed"
    ]
    gates = project.path / "evals" / "gates.toml"
    gates.write_text(gates.read_text("utf-8").replace("min_accuracy = { limit = 0.5", "min_accuracy = { limit = 1", 1))
    assert [line for line in project.runpytest_inprocess("evals", "-qq").outlines if line] == [
        "newsgauge: RED: 3 of 4 gates passed; gates failed: tuned"
    ]


@pytest.mark.slow
def test_two_workers_leave_the_report_of_one(project: pytest.Pytester) -> None:
    project.runpytest_subprocess("evals")
    alone = json.loads((RESULTS / "tokens.json").read_text())
    summary = (RESULTS / "summary.md").read_text("utf-8")
    result = project.runpytest_subprocess("evals", "-n", "2")
    result.stdout.fnmatch_lines(["newsgauge: report .newsgauge/results/report.html"])
    both = json.loads((RESULTS / "tokens.json").read_text())
    assert {**alone, "made": None} == {**both, "made": None}
    assert (RESULTS / "summary.md").read_text("utf-8") == summary
    assert os.listdir(RESULTS) == [name for name in os.listdir(RESULTS) if not name.startswith(".")]


def test_posts_of_another_corpus_are_in_the_report_only_where_asked_for(project: pytest.Pytester) -> None:
    rows = ["id,split,label,text"]
    rows += [f"{n},{s},{x},marmalade number {n}" for x in ("a", "b") for s in ("train", "test") for n in range(3)]
    Path("mine.csv").write_text("\n".join(rows) + "\n")
    options = ("--corpus", "mine.csv", "--classes", ".", "--posts-per-class", "2", "--variants", "labels")
    project.runpytest_inprocess("evals", *options, "--record-mode", "once")
    assert not (RESULTS / "posts.json").exists()
    assert "not part of this report" in (RESULTS / "report.html").read_text("utf-8")
    project.runpytest_inprocess("evals", *options, "--report-posts")
    assert "marmalade" in (RESULTS / "posts.json").read_text()


def test_gates_alone_are_reported_as_decided_from_the_recordings(project: pytest.Pytester) -> None:
    project.runpytest_inprocess("evals", "-k", "gate", "--no-require-gates")
    page = (RESULTS / "report.html").read_text("utf-8")
    # No gate is about the system variant.
    assert ">GREEN, but not complete</strong> 4 of 4 gates passed; 32 of 32 planned cases did not run<" in page
    assert "24 of the cases that did not run were answered from the recordings." in page


def test_half_a_run_is_reported_as_half(project: pytest.Pytester) -> None:
    project.runpytest_inprocess("evals", "-k", "bare", "--no-require-gates")
    page = (RESULTS / "report.html").read_text("utf-8")
    assert ">GREEN, but not complete</strong> 2 of 4 gates passed; 24 of 32 planned cases did not run<" in page
    assert "**incomplete**" in (RESULTS / "summary.md").read_text("utf-8")
    assert "0 of 8" in (RESULTS / "summary.md").read_text("utf-8")
