"""An eval file of the user's own asserts on scores; a failure shows the tables."""

from __future__ import annotations

from pathlib import Path

import pytest

EVAL = """
import pytest

def test_good(scores):
    assert scores["tuned"].accuracy.value >= 0.5
    assert scores["tuned"].accuracy.low < scores["tuned"].accuracy.high
    assert scores["tuned"].beats("bare")
    assert not scores["bare"].beats("tuned")
    assert scores["tuned"].recall("sci.space") >= 0.5
    assert len(scores["tuned"].against("bare").gained) >= 5
    assert list(scores) == ["bare", "system", "labels", "tuned"]

def test_strict(scores):
    assert scores["tuned"].accuracy.low > 0.99

def test_loser(scores):
    assert scores["bare"].beats("tuned", by_at_least=0.1)

def test_typo(scores):
    assert scores["tunde"].accuracy.low > 0.5
"""


@pytest.fixture
def own_eval(project: pytest.Pytester) -> pytest.Pytester:
    Path("evals/test_own.py").write_text(EVAL)
    return project


def test_a_failed_assertion_shows_the_scoreboard_and_the_confusion_matrix(own_eval: pytest.Pytester) -> None:
    result = own_eval.runpytest_inprocess("evals/test_own.py")
    result.assert_outcomes(passed=1, failed=3)
    result.stdout.fnmatch_lines(
        [
            "*assert 0.* > 0.99",
            "*newsgauge scores*",
            "embedded backend on bundled: 8 posts, plan *",
            "variant *accuracy*",
            "tuned * 8 *",
            "tuned: class *precision*recall*",
            "tuned: true class*off-list*error",
        ]
    )
    result.stdout.fnmatch_lines(["*<bare - tuned = * points * n = 8, gained 0, lost *limit: at least +10.0 points*"])
    result.stdout.fnmatch_lines(
        ["*UsageError: scores: unknown variant 'tunde'; in this run: bare, system, labels, tuned"]
    )
    tables = result.stdout.str().split("newsgauge scores", 1)[1].splitlines()[1:20]
    assert max(map(len, tables)) <= 100


def test_one_test_by_name_reads_what_was_not_asked_from_the_cassettes(own_eval: pytest.Pytester) -> None:
    own_eval.runpytest_inprocess("evals", "-k", "test_good").assert_outcomes(passed=1, deselected=39)


def test_scores_with_a_missing_case_fail_and_name_it(own_eval: pytest.Pytester) -> None:
    Path("cassettes/embedded/bundled/tuned.jsonl").unlink()
    result = own_eval.runpytest_inprocess("evals", "-k", "test_good")
    result.assert_outcomes(failed=1, deselected=39)
    result.stdout.fnmatch_lines(
        ["*scores[[]'tuned']: 8 of 8 planned cases have no answer; the first: *no recording of*"]
    )


def test_scores_come_after_all_cases_also_while_recording(own_eval: pytest.Pytester) -> None:
    for path in Path("cassettes/embedded/bundled").iterdir():
        path.unlink()
    result = own_eval.runpytest_inprocess("evals", "-k", "test_good or newsgroup", "--record-mode", "once")
    assert result.ret == 0


@pytest.mark.slow
def test_two_workers_say_the_same(own_eval: pytest.Pytester) -> None:
    result = own_eval.runpytest_subprocess("evals", "-n", "2")
    assert result.parseoutcomes()["failed"] == 3
    result.stdout.fnmatch_lines(["*newsgauge scores*", "embedded backend on bundled: 8 posts, plan *"])
