"""Baselines that two branches changed: git keeps what each added, and what it cannot merge says how to go on."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from newsgauge.cli.main import main
from newsgauge.errors import BaselineError
from newsgauge.gates.baseline_diff import merge_baselines
from newsgauge.gates.baseline_file import Baseline, BaselineVariant, decode, encode, load_baseline

FILE = "evals/baselines/embedded/made.json"
Git = Callable[..., subprocess.CompletedProcess[str]]


def variant(answer: str) -> BaselineVariant:
    return BaselineVariant("0123456789ab", ("m-1",), {"n": 3}, {f"p-{i}": answer for i in range(3)})


def baseline(**answers: str) -> Baseline:
    return Baseline("embedded", "made", "abc", {"n_posts": 3}, {name: variant(said) for name, said in answers.items()})


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Git:
    monkeypatch.chdir(tmp_path)
    for name, value in {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}.items():
        monkeypatch.setenv(name, value)

    def run(*command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        who = ("-c", "user.name=n", "-c", "user.email=n@example.org", "-c", "commit.gpgsign=false")
        return subprocess.run(["git", *who, *command], capture_output=True, text=True, check=check)

    run("init", "-q", "-b", "main")
    return run


def two_branches(git: Git, before: Baseline, ours: Baseline, theirs: Baseline, *, attributes: str = "") -> None:
    """A merge of ``theirs`` into ``ours`` is what comes next."""
    path = Path(FILE)
    path.parent.mkdir(parents=True)
    Path(".gitattributes").write_text(attributes)
    for branch, content in (("main", before), ("theirs", theirs), ("ours", ours)):
        git("checkout", "-q", "-B", branch, *(["main"] if branch != "main" else []))
        path.write_text(encode(content))
        git("add", ".")
        git("commit", "-q", "--allow-empty", "-m", branch)


OLD = baseline(labels="a", system="b")


@pytest.mark.parametrize(("ours", "theirs"), [("bare", "tuned"), ("tuned", "bare"), ("few-shot", "mine")])
def test_two_branches_that_each_add_a_variant_merge_without_any_setting_up(git: Git, ours: str, theirs: str) -> None:
    added = {ours: variant("x"), theirs: variant("y")}
    sides = [replace(OLD, variants={**OLD.variants, name: added[name]}) for name in (ours, theirs)]
    two_branches(git, OLD, *sides)
    git("merge", "-q", "theirs")
    assert load_baseline(Path(FILE), shown=FILE) == replace(OLD, variants={**OLD.variants, **added})


def test_variants_that_stand_side_by_side_merge_with_the_attribute_that_init_writes(git: Git) -> None:
    sides = [replace(OLD, variants={**OLD.variants, name: variant(name)}) for name in ("mine", "mine-2")]
    two_branches(git, OLD, *sides, attributes="evals/baselines/** merge=union\n")
    git("merge", "-q", "theirs")
    found = load_baseline(Path(FILE), shown=FILE)
    assert found is not None
    assert set(found.variants) == {"labels", "system", "mine", "mine-2"}
    assert found.variants["mine-2"] == variant("mine-2")


def test_conflict_markers_name_a_command_that_resolves_them(git: Git, capsys: pytest.CaptureFixture[str]) -> None:
    sides = [replace(OLD, variants={**OLD.variants, name: variant(name)}) for name in ("mine", "mine-2")]
    two_branches(git, OLD, *sides)
    assert git("merge", "theirs", check=False).returncode == 1
    with pytest.raises(BaselineError, match=f"newsgauge baseline merge {FILE}$"):
        load_baseline(Path(FILE), shown=FILE)
    assert main(["baseline", "merge", FILE]) == 0
    assert f"git add {FILE}" in capsys.readouterr().out
    found = load_baseline(Path(FILE), shown=FILE)
    assert found is not None
    assert set(found.variants) == {"labels", "system", "mine", "mine-2"}


@pytest.mark.parametrize("style", ["merge", "diff3"])
@pytest.mark.parametrize("is_changed", [False, True])
def test_conflict_marks_that_a_rebase_committed_are_resolved_from_the_file_itself(
    git: Git, capsys: pytest.CaptureFixture[str], style: str, is_changed: bool
) -> None:
    sides = [
        replace(
            OLD, variants={**OLD.variants, name: variant(name), **({"labels": variant(name)} if is_changed else {})}
        )
        for name in ("mine", "mine-2")
    ]
    two_branches(git, OLD, *sides)
    git("checkout", "-q", "theirs")
    git("-c", f"merge.conflictStyle={style}", "rebase", "ours", check=False)
    git("add", FILE)
    git("-c", "core.editor=true", "rebase", "--continue")
    # An older merge of the file, which git would find first, is about other answers.
    git("checkout", "-q", "-b", "side", "HEAD~1")
    Path(FILE).write_text("other\n")
    git("commit", "-qam", "side")
    git("checkout", "-q", "theirs")
    git("merge", "-q", "-s", "ours", "side")
    assert "<<<<<<<" in Path(FILE).read_text()
    with pytest.raises(BaselineError, match=f"newsgauge baseline merge {FILE}$"):
        load_baseline(Path(FILE), shown=FILE)
    assert main(["baseline", "merge", FILE]) == int(is_changed)
    found = load_baseline(Path(FILE), shown=FILE, rewriting=True)
    assert found is not None
    assert found.variants["mine-2"] == variant("mine-2")
    assert set(found.variants) == {"labels", "system", "mine", "mine-2"}
    assert found.answers("labels") == ({} if is_changed else OLD.answers("labels"))
    said = capsys.readouterr().out
    assert ("changed labels; no answer to labels is left in it. When" in said) == is_changed


def test_as_a_merge_driver_it_conflicts_only_where_both_sides_changed_a_variant(
    git: Git, capsys: pytest.CaptureFixture[str]
) -> None:
    ours = replace(OLD, variants={"labels": variant("c"), "system": variant("d")})
    theirs = replace(OLD, variants={"labels": variant("e"), "system": variant("b"), "tuned": variant("f")})
    two_branches(git, OLD, ours, theirs, attributes="evals/baselines/** merge=newsgauge-baseline\n")
    git("config", "merge.newsgauge-baseline.driver", "newsgauge baseline merge %O %A %B")
    done = git("merge", "theirs", check=False)
    assert done.returncode == 1
    assert "both branches changed labels;" in done.stdout + done.stderr
    assert "pytest evals --update-baseline" in done.stdout + done.stderr
    found = load_baseline(Path(FILE), shown=FILE)
    assert found is not None
    assert found.variants == {"labels": variant("c"), "system": variant("d"), "tuned": variant("f")}


@pytest.mark.parametrize("moment", ["in the merge", "after the merge", "after another commit"])
def test_an_answer_that_two_branches_changed_is_told_with_a_command_that_resolves_it(
    git: Git, moment: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sides = [baseline(labels=said, system="b") for said in ("x", "y")]
    two_branches(git, OLD, *sides, attributes="evals/baselines/** merge=union\n")
    git("merge", "-q", *(["--no-commit"] if moment == "in the merge" else []), "theirs")
    if moment == "after another commit":
        git("commit", "-q", "--allow-empty", "-m", "later")
    with pytest.raises(BaselineError, match=r"two branches changed variant 'labels'.* --update-baseline") as raised:
        load_baseline(Path(FILE), shown=FILE)
    command = str(raised.value).rpartition("newsgauge ")[2]
    # To be written anew, it holds no answer of what both changed: a run that does not ask for it is refused.
    found = load_baseline(Path(FILE), shown=FILE, rewriting=True)
    assert found is not None
    assert (found.answers("labels"), found.answers("system")) == ({}, OLD.answers("system"))
    assert main(command.split()) == 1
    assert "both branches changed labels;" in capsys.readouterr().out
    assert load_baseline(Path(FILE), shown=FILE) == sides[0]
    assert main(command.split()) == 2  # it is whole now, and what was mended since stays
    assert load_baseline(Path(FILE), shown=FILE) == sides[0]


def test_another_draw_on_both_sides_is_told_as_such(git: Git) -> None:
    two_branches(git, OLD, *(replace(OLD, plan=plan) for plan in "xy"), attributes="evals/baselines/** merge=union\n")
    git("merge", "-q", "theirs")
    with pytest.raises(BaselineError, match="two branches changed 'plan'"):
        load_baseline(Path(FILE), shown=FILE)
    assert load_baseline(Path(FILE), shown=FILE, rewriting=True) is not None


def test_a_variant_that_one_side_dropped_is_gone_and_another_draw_on_both_sides_is_a_conflict() -> None:
    merged, conflicts = merge_baselines(OLD, baseline(labels="a"), baseline(labels="a", system="b", tuned="c"))
    assert (list(merged.variants), conflicts) == (["labels", "tuned"], ())
    assert merge_baselines(OLD, replace(OLD, plan="x"), replace(OLD, plan="y"))[1] == ("the plan",)
    assert merge_baselines(OLD, OLD, replace(OLD, plan="y"))[0].plan == "y"


def test_a_baseline_of_the_format_before_is_read() -> None:
    text = (
        '{"backend": "embedded", "corpus": "made", "drawn_by": {"n_posts": 3}, "format": 1, "plan": "abc", "variants": '
        '{"v": {"answers": {"p-0": "a", "p-1": "a", "p-2": "a"}, "model_versions": ["m-1"], "prompt": "0123456789ab", '
        '"scores": {"n": 3}}}}'
    )
    assert decode(text, shown="x") == baseline(v="a")


@pytest.mark.parametrize("files", [["a.json"], ["a.json", "b.json"], ["a.json", "b.json", "c.json"]])
def test_files_that_are_no_two_sides_are_a_usage_error(
    git: Git, files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["baseline", "merge", *files]) == 2
    assert "newsgauge: baseline merge: " in capsys.readouterr().err


def test_a_pointer_of_git_lfs_is_no_damaged_baseline() -> None:
    with pytest.raises(BaselineError, match=r"x\.json: a pointer of Git LFS.*git lfs pull"):
        decode("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", shown="x.json")
