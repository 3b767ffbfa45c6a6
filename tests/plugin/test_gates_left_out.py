"""A gate that a run does not decide is named, and is red where gates are required, unless the command line says so."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from newsgauge.cli.main import main
from newsgauge.gates.baseline_file import decode

RESULTS = Path(".newsgauge/results")
BASELINE = Path("evals/baselines/embedded/bundled.json")
GATES = Path("evals/gates.toml")
CLASSES = "^sci.(space|med)$"
WAYS = [
    pytest.param((), id="serial"),
    pytest.param(("-n", "2"), id="-n 2", marks=pytest.mark.slow),
    pytest.param(("-q",), id="-q"),
]
#: What `--variants bare` leaves out.
LEFT_OUT = {"labels", "tuned", "tuned-beats-bare", "system-baseline", "labels-baseline", "tuned-baseline"}


def named() -> set[str]:
    return {one["gate"] for one in json.loads((RESULTS / "gates.json").read_text())["left_out"]}


@pytest.mark.parametrize("options", WAYS)
def test_variants_that_the_environment_chooses_leave_gates_out_and_are_red(
    strict_project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "--variants bare")
    result = strict_project.runpytest_subprocess("evals", "--junitxml", "junit.xml", *options)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["newsgauge: red: gates left out: *labels (labels is not asked)*"])
    assert named() == LEFT_OUT
    shown, junit = " ".join(result.stdout.str().split()), Path("junit.xml").read_text()
    note = shown.partition("left out by --variants: ")[2].partition(" newsgauge: ")[0]
    assert all(name in note and f"test_gate[{name}]" in junit for name in LEFT_OUT)
    assert main(["gates"]) == 1


@pytest.mark.parametrize("way", [("--variants", "bare"), ("--variants=bare",)], ids=["two words", "one"])
def test_variants_that_the_command_line_names_leave_gates_out_by_wish(
    strict_project: pytest.Pytester, way: tuple[str, ...]
) -> None:
    assert strict_project.runpytest_inprocess("evals", *way).ret == 0
    assert named() == LEFT_OUT


def test_an_option_of_the_project_is_no_wish_of_the_command_line(strict_project: pytest.Pytester) -> None:
    config = Path("pyproject.toml")
    config.write_text(config.read_text().replace('"-p", "no:cacheprovider",', '"--variants", "bare",'))
    assert strict_project.runpytest_inprocess("evals").ret == 1
    assert strict_project.runpytest_inprocess("evals", "--no-require-gates").ret == 0


def test_what_shards_leave_out_is_left_out_of_the_merge(
    strict_project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "--variants bare")
    for k in (1, 2):
        assert strict_project.runpytest_inprocess("evals", "--shard", f"{k}/2", f"--results=s{k}").ret == 0
    capsys.readouterr()
    assert main(["merge", "s1", "s2"]) == 1
    assert "newsgauge: red: gates left out: labels (labels is not asked)" in capsys.readouterr().out
    monkeypatch.delenv("PYTEST_ADDOPTS")
    for k in (1, 2):
        shard = ("--shard", f"{k}/2", f"--results=t{k}", "--variants", "bare")
        assert strict_project.runpytest_inprocess("evals", *shard).ret == 0
    assert main(["merge", "t1", "t2"]) == 0
    assert main(["merge", "s1", "t2"]) == 2  # one said so, the other did not


@pytest.mark.parametrize(
    ("classes", "ret"),
    [(CLASSES, 0), ("^sci[.](med|space)$", 0), ("^sci.(space|med)", 0), ("^sci.med$", 1), ("^sci", 1)],
)
def test_a_limit_is_about_labels_and_not_about_a_text(strict_project: pytest.Pytester, classes: str, ret: int) -> None:
    GATES.write_text(GATES.read_text().replace("limit = 0.5,", f"limit = 0.5, classes = '{classes}',"))
    assert strict_project.runpytest_inprocess("evals").ret == ret
    assert named() == ({"tuned-min_accuracy"} if ret else set())


def test_a_failing_limit_fails_however_its_classes_are_written(strict_project: pytest.Pytester) -> None:
    GATES.write_text(GATES.read_text().replace("limit = 0.5,", "limit = 1.0, classes = '^sci[.](med|space)$',"))
    result = strict_project.runpytest_inprocess("evals")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*FAIL*tuned*"])


def test_a_baseline_is_about_labels_and_not_about_a_text(strict_project: pytest.Pytester) -> None:
    other = ("--classes", "^sci[.](med|space)$")
    assert strict_project.runpytest_inprocess("evals", *other).ret == 0
    assert named() == set()
    BASELINE.write_text(BASELINE.read_text().replace('"sci.space"', '"sci.med"', 1))
    assert strict_project.runpytest_inprocess("evals", *other).ret == 1


@pytest.mark.parametrize("options", [(), ("-n", "2"), ("-q",)], ids=["serial", "-n 2", "-q"])
def test_gates_on_a_corpus_that_nobody_knows_are_a_usage_error(
    strict_project: pytest.Pytester, options: tuple[str, ...]
) -> None:
    GATES.write_text(GATES.read_text().replace("embedded.bundled.tuned", "embedded.bundeld.tuned"))
    result = strict_project.runpytest_inprocess("evals", *options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*gates.toml: [[]embedded.bundeld[]]: unknown corpus; known here: *bundled*"])


@pytest.mark.parametrize("known", ["20newsgroups", "mails"])
def test_gates_on_another_corpus_that_is_known_are_none_of_this_run(
    strict_project: pytest.Pytester, known: str
) -> None:
    Path("cassettes/gemini/mails").mkdir(parents=True)
    text = f'\n[embedded.{known}.bare]\nmax_accuracy = {{ limit = 0.1, reason = "r" }}\n'
    GATES.write_text(GATES.read_text() + text)
    assert strict_project.runpytest_inprocess("evals").ret == 0


def baseline(change: Callable[[dict[str, Any]], object]) -> None:
    value = asdict(decode(BASELINE.read_text(), shown=""))
    change(value)
    BASELINE.write_text(json.dumps({"format": 1, **value}))


DAMAGE = {
    "a lost answer": (
        lambda value: value["variants"]["tuned"]["answers"].popitem(),
        "tuned: it has no answer to 1 text (",
    ),
    "a variant without answers": (lambda value: value["variants"]["tuned"]["answers"].clear(), "it holds no answer"),
    "an unknown post": (
        lambda value: value["variants"]["bare"]["answers"].update({"sci.space-0": "sci.space"}),
        "bare: it holds answers to 1 text (sci.space-0), which the plan",
    ),
    "another corpus": (lambda value: value.update(corpus="20newsgroups"), "it is one of embedded on 20newsgroups"),
    "another backend": (lambda value: value.update(backend="gemini"), "it is one of gemini on bundled"),
    "a lost variant": (lambda value: value["variants"].pop("tuned"), ": tuned (new, or lost in a merge)"),
}


@pytest.mark.parametrize("options", WAYS)
@pytest.mark.parametrize(("change", "said"), DAMAGE.values(), ids=DAMAGE)
def test_a_baseline_that_lost_something_is_red_until_it_is_written_anew(
    strict_project: pytest.Pytester,
    change: Callable[[dict[str, Any]], object],
    said: str,
    options: tuple[str, ...],
) -> None:
    baseline(change)
    result = strict_project.runpytest_subprocess("evals", *options)
    assert result.ret != 0
    assert said in result.stdout.str() + result.stderr.str()
    assert main(["gates"]) == 1
    assert strict_project.runpytest_inprocess("evals", "--update-baseline").ret == 0
    assert strict_project.runpytest_inprocess("evals").ret == 0


def test_a_removed_variant_leaves_the_baseline_when_it_is_written(strict_project: pytest.Pytester) -> None:
    def rename(value: dict[str, Any]) -> None:
        value["variants"]["gone"] = value["variants"]["bare"]

    baseline(rename)
    result = strict_project.runpytest_inprocess("evals")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*holds what variants.toml has no more: gone;*"])
    result = strict_project.runpytest_inprocess("evals", "--update-baseline", "--variants", "bare")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*dropped from the baseline, as variants.toml has them no more: gone"])
    assert sorted(decode(BASELINE.read_text(), shown="").variants) == ["bare", "labels", "system", "tuned"]


def test_a_baseline_of_another_plan_is_held_to_its_own_count(strict_project: pytest.Pytester) -> None:
    fewer = ("--posts-per-class", "3")
    assert strict_project.runpytest_inprocess("evals", *fewer).ret == 0
    baseline(DAMAGE["a lost answer"][0])
    result = strict_project.runpytest_inprocess("evals", *fewer)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*tuned: it holds answers to 7 texts, and says that 8 were drawn*"])


def test_a_merge_refuses_a_baseline_that_lost_answers(
    strict_project: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    assert strict_project.runpytest_inprocess("evals", "--results=whole").ret == 0
    baseline(DAMAGE["a lost answer"][0])
    assert main(["merge", "whole"]) == 2
    assert "tuned: it has no answer to 1 text (" in capsys.readouterr().err


def test_an_update_of_some_variants_keeps_no_torn_answers_of_others(strict_project: pytest.Pytester) -> None:
    baseline(DAMAGE["a lost answer"][0])
    before = BASELINE.read_text()
    result = strict_project.runpytest_inprocess("evals", "--update-baseline", "--variants", "bare")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*answers of tuned are lost in the file*run all variants"])
    assert BASELINE.read_text() == before


#: What weakens or replaces a plan or a verdict -> words of the line that names it.
WEAKENS = {
    "--posts-per-class 1": "the plan is chosen by --posts-per-class 1 in {}: put that",
    "--posts-per-class=1": "the plan is chosen by --posts-per-class 1 in {}: put that",
    "--sample proportional:4 --posts-per-class=1": None,
    "--sample-seed 7": "the plan is chosen by --sample-seed 7 in {}: put that",
    "--allow-threads --posts-per-class 3": "--allow-threads in {}",
    "--variants bare,tuned": "gates left out: labels (labels is not asked)",
    "-o newsgauge_posts_per_class=1 -o newsgauge_corpus=bundled": None,
    "--record-mode once --allow-record-in-ci": "--record-mode in {}: if gates are required, it counts only",
    "--record-mode=all": "--record-mode in {}: if gates are required, it counts only",
    "--update-baseline": "--update-baseline in {}: if gates are required, it counts only",
    "--shard 1/2": "--shard in {}: if gates are required, it counts only",
    "--no-require-gates --variants bare": "--no-require-gates in {}: if gates are required, it counts only",
    "--no-require-gates --co": None,
}


@pytest.mark.parametrize("source", ["PYTEST_ADDOPTS", "addopts"])
@pytest.mark.parametrize("words", WEAKENS)
def test_what_weakens_a_verdict_counts_only_on_the_command_line(
    strict_project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, words: str, source: str
) -> None:
    if source == "addopts":
        if words.startswith("-o "):
            pytest.skip("a file may hold the ini values themselves")
        config = Path("pyproject.toml")
        quoted = ", ".join(json.dumps(word) for word in words.split())
        config.write_text(config.read_text().replace('"4"]', f'"4", {quoted}]'))
    else:
        monkeypatch.setenv(source, words)
    before = BASELINE.read_text()
    result = strict_project.runpytest_inprocess("evals")
    assert result.ret != 0
    said = result.stdout.str() + result.stderr.str()
    if WEAKENS[words] is not None:
        assert str(WEAKENS[words]).format(source) in said
    assert BASELINE.read_text() == before
    assert main(["gates"]) == 1


def test_a_plan_in_a_file_that_is_the_plan_of_the_baseline_is_reviewed(strict_project: pytest.Pytester) -> None:
    config = Path("pyproject.toml")
    config.write_text(config.read_text().replace('"4"]', '"3"]'))
    assert strict_project.runpytest_inprocess("evals").ret == 1
    assert strict_project.runpytest_inprocess("evals", "--update-baseline").ret == 0
    assert strict_project.runpytest_inprocess("evals").ret == 0


def test_a_plan_of_the_environment_is_seen_by_who_checks_the_artifact(
    strict_project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "--posts-per-class 3")
    monkeypatch.delenv("CI")
    assert strict_project.runpytest_inprocess("evals").ret == 0
    capsys.readouterr()
    assert main(["gates"]) == 1
    assert "the plan was chosen by --posts-per-class 3 in PYTEST_ADDOPTS" in capsys.readouterr().out
    assert strict_project.runpytest_inprocess("evals", "--posts-per-class", "4").ret == 0
    assert main(["gates"]) == 0
