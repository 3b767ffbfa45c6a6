"""The fixture ``tokens``: one answer, alone, with all cases and on two processes; never one from half the cases."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

EVAL = Path(__file__).resolve().parents[2] / "evals" / "test_tokens.py"


@pytest.fixture
def with_tokens(project: pytest.Pytester) -> pytest.Pytester:
    shutil.copy(EVAL, "evals/test_tokens.py")
    return project


def test_alone_it_recomputes_what_nobody_asked_and_skips_what_is_not_there(with_tokens: pytest.Pytester) -> None:
    result = with_tokens.runpytest_inprocess("evals/test_tokens.py", "-rs")
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED*not part of this run: zero-shot"])


@pytest.mark.slow
def test_two_workers_say_what_one_says(with_tokens: pytest.Pytester) -> None:
    result = with_tokens.runpytest_subprocess("evals", "-n", "2", "--require-gates")
    assert result.ret == 0
    assert result.parseoutcomes()["skipped"] == 1


def test_a_case_without_an_answer_makes_it_fail_naming_the_first(with_tokens: pytest.Pytester) -> None:
    cassette = Path("cassettes/embedded/bundled/tuned.jsonl")
    cassette.write_bytes(b"".join(cassette.read_bytes().splitlines(keepends=True)[1:]))
    result = with_tokens.runpytest_inprocess("evals/test_tokens.py")
    result.assert_outcomes(failed=1, skipped=1)
    result.stdout.fnmatch_lines(["*tokens: 1 planned cases of tuned and system have no answer; the first: *"])


def test_an_unknown_variant_is_named_with_the_known_ones(with_tokens: pytest.Pytester) -> None:
    Path("evals/test_tokens.py").write_text(
        "def test_it(tokens):\n    assert tokens.saving('input', 'tunde', than='system').saved.low > 0\n"
    )
    result = with_tokens.runpytest_inprocess("evals/test_tokens.py")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*tokens: unknown variant 'tunde'; in this run: bare, system, labels, tuned*"])
