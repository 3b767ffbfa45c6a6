"""A baseline is written on request only, whole or not at all, and a replay that differs from it is red."""

from __future__ import annotations

from pathlib import Path

import pytest

from newsgauge.gates.baseline_file import decode, encode

BASELINE = Path("evals/baselines/embedded/bundled.json")


def test_an_absent_baseline_is_shown_and_is_no_error(project: pytest.Pytester) -> None:
    result = project.runpytest_inprocess("evals")
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        ["----  no baseline: there is no evals/baselines/embedded/bundled.json; this run with --update-*"]
    )


def test_an_absent_baseline_is_red_where_a_drop_is_gated(project: pytest.Pytester) -> None:
    gates = Path("evals/gates.toml")
    gates.write_text(gates.read_text() + 'max_drop = { limit = 0.5, reason = "r" }\n')
    result = project.runpytest_inprocess("evals")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["NOT PROVED  tuned-baseline: no baseline file, so max_drop cannot be held; write*"])


def test_an_updated_baseline_is_printed_and_holds_from_then_on(project: pytest.Pytester) -> None:
    result = project.runpytest_inprocess("evals", "--update-baseline")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["written: evals/baselines/embedded/bundled.json*", "+ tuned: new, 8 answers, * right"])
    again = project.runpytest_inprocess("evals", "--require-gates")
    assert again.ret == 0
    again.stdout.fnmatch_lines(["PASS  tuned-baseline: 8 of 8 answers are the baseline's"])

    text = BASELINE.read_text()
    post_id, answer = next(iter(decode(text, shown="").variants["tuned"].answers.items()))
    BASELINE.write_text(text.replace(f'"tuned", "{post_id}", "{answer}"', f'"tuned", "{post_id}", "alt.other"'))
    red = project.runpytest_inprocess("evals")
    assert red.ret == 1
    red.stdout.fnmatch_lines(["FAIL  tuned-baseline: 7 of 8 answers are the baseline's; if meant: --update-baseline"])
    red.stdout.fnmatch_lines([f"      {post_id}: was alt.other, now {answer}"])
    updated = project.runpytest_inprocess("evals", "--update-baseline")
    assert updated.ret == 0
    updated.stdout.fnmatch_lines([f"    {post_id}: alt.other -> {answer}"])
    assert BASELINE.read_text() == text


def test_a_live_run_names_the_posts_that_it_gained_and_lost_against_the_baseline(project: pytest.Pytester) -> None:
    assert project.runpytest_inprocess("evals", "--update-baseline").ret == 0
    baseline = decode(BASELINE.read_text(), shown="")
    answers = baseline.variants["tuned"].answers
    right = [post_id for post_id, answer in answers.items() if post_id.startswith(answer)]
    wrong = [post_id for post_id in answers if post_id not in right]
    answers[right[0]] = "alt.other"
    for post_id in wrong[:1]:
        answers[post_id] = post_id.rpartition("-")[0]
    BASELINE.write_text(encode(baseline))
    result = project.runpytest_inprocess("evals", "--record-mode", "once")
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            f"tuned against evals/baselines/embedded/bundled.json: 1 gained, {len(wrong[:1])} lost, of 8 posts",
            f"  gained {right[0]}: was alt.other, now {right[0].rpartition('-')[0]}",
        ]
    )
    result.stdout.fnmatch_lines(["bare against evals/baselines/*: 0 gained, 0 lost, of 8 posts"])


def test_a_run_of_some_cases_writes_no_baseline_and_is_red(project: pytest.Pytester) -> None:
    result = project.runpytest_inprocess("evals", "--update-baseline", "-k", "sci.space")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["newsgauge: red: --update-baseline: nothing written, cases have no answer: *"])
    assert not BASELINE.exists()


def test_a_run_that_is_cut_short_writes_no_baseline(project: pytest.Pytester) -> None:
    Path("evals/test_zz_stop.py").write_text("import pytest\n\ndef test_stop():\n    pytest.exit('enough', 3)\n")
    assert project.runpytest_inprocess("evals", "--update-baseline").ret == 3
    assert not BASELINE.exists()


def test_a_folder_that_cannot_be_written_is_red_and_says_so(project: pytest.Pytester) -> None:
    Path("evals/baselines").write_text("a file where a folder should be")
    result = project.runpytest_inprocess("evals", "--update-baseline")
    assert result.ret in (1, pytest.ExitCode.USAGE_ERROR)
    assert "baselines" in result.stdout.str() + result.stderr.str()
    assert "INTERNALERROR" not in result.stdout.str()


def test_a_damaged_baseline_is_a_usage_error(project: pytest.Pytester) -> None:
    BASELINE.parent.mkdir(parents=True)
    BASELINE.write_text('{"format": 1, "variants": {')
    result = project.runpytest_inprocess("evals")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*evals/baselines/embedded/bundled.json: not a baseline file*git checkout*"])


def test_a_plan_too_small_for_its_gates_is_warned_of(project: pytest.Pytester) -> None:
    gates = Path("evals/gates.toml")
    gates.write_text('[embedded.bundled.tuned]\nmin_accuracy = { limit = 0.9, reason = "r" }')
    result = project.runpytest_inprocess("evals", "--collect-only")
    result.stdout.fnmatch_lines(
        ["newsgauge: warning: 8 posts: a live run*: tuned: min_accuracy 0.9 takes at least 29 posts"]
    )


@pytest.mark.slow
def test_two_workers_write_the_baseline_of_one(project: pytest.Pytester) -> None:
    assert project.runpytest_subprocess("evals", "--update-baseline").ret == 0
    serial = BASELINE.read_bytes()
    BASELINE.unlink()
    assert project.runpytest_subprocess("evals", "--update-baseline", "-n", "2").ret == 0
    assert BASELINE.read_bytes() == serial
