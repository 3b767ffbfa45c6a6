"""A harmful line is found and lines that do nothing are not blamed; parts that matter only together are said to."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from newsgauge.choosing.bisecting import Bisection, Chosen, bisection_lines, judge, parts_of, search, smallest
from newsgauge.choosing.ledger import open_ledger
from newsgauge.cli.main import main
from newsgauge.records import Post
from newsgauge.variants.variants_file import FewShot, Variant

ROOT = Path(__file__).resolve().parents[2]
POSTS = [Post(f"a-{k}", "a", "") for k in range(60)]
OLD = Variant("v", "", "model", "{post}", "one\ntwo\nthree\n")


def made(breaks: Callable[[Chosen], bool], n_parts: int = 4) -> Bisection:
    """A change that gets the first ten of sixty posts wrong where ``breaks`` says so, and nothing else."""

    def ask(chosen: Chosen, posts: Sequence[Post]) -> Mapping[str, str]:
        wrong = {post.id for post in POSTS[:10]} if breaks(chosen) else set()
        return {post.id: "b" if post.id in wrong else "a" for post in posts}

    first, groups = search(n_parts, POSTS, ask)
    return judge([f"part {k}" for k in range(n_parts)], first, groups, POSTS, ask)


@pytest.mark.parametrize("part", range(4))
def test_the_part_that_does_it_is_blamed_alone(part: int) -> None:
    found = made(lambda chosen: part in chosen)
    (effect,) = found.effects
    assert (effect.parts, effect.is_blamed, effect.only_together) == ((f"part {part}",), True, False)
    # Ten posts lost of ten that flipped, two-sided: 2 / 2^10; Holm's correction of two tests doubles it.
    assert effect.p == pytest.approx(2 * 2 / 2**10)
    assert found.rest is not None
    assert not found.rest.is_blamed
    assert "accounts for -16.7 points" in bisection_lines(found)[2]


def test_parts_that_matter_only_together_are_said_to() -> None:
    found = made(lambda chosen: {1, 3} <= chosen)
    (effect,) = found.effects
    assert (effect.parts, effect.is_blamed, effect.only_together) == (("part 1", "part 3"), True, True)
    assert "only together: none of them does it alone" in bisection_lines(found)[2]


def test_nothing_is_blamed_where_nothing_moved() -> None:
    found = made(lambda chosen: False)
    assert (found.whole, found.effects) == (None, ())
    assert "no part is blamed" in bisection_lines(found)[-1]


def test_a_line_and_a_setting_are_parts_and_all_of_them_make_the_new_variant() -> None:
    new = replace(OLD, system_instruction="zero\none\n2\nthree\n", max_output_tokens=5, answer="enum")
    change = parts_of(OLD, new)
    assert change.parts == ("line 1 ('zero')", "line 3 ('2')", "answer", "max_output_tokens")
    assert change.apply(frozenset(), "v") == OLD
    assert change.apply(frozenset(range(4)), "v") == new
    assert change.apply(frozenset({1}), "v").system_instruction == "one\n2\nthree\n"
    assert change.apply(frozenset({0}), "v").system_instruction == "zero\none\ntwo\nthree\n"
    assert parts_of(OLD, replace(OLD, about="another word")).parts == ()


def test_a_dropped_line_is_named_and_each_version_holds_the_post() -> None:
    assert parts_of(OLD, replace(OLD, system_instruction="one\nthree\n")).parts == ("line 2 ('two' dropped)",)
    change = parts_of(OLD, replace(OLD, contents="Here:\n{post}\nWhich?\n"))
    assert change.parts[:2] == ("line of contents 1 ('Here:')", "line of contents 3 ('Which?')")
    assert change.apply(frozenset({1}), "v").contents == "{post}\nWhich?"
    moved = parts_of(replace(OLD, contents="Mail: {post}\nWhich?"), replace(OLD, contents="Which?\nIs it {post}"))
    assert len(moved.parts) == 1  # the two lines apart would hold the post twice, or never


def test_a_line_that_was_added_beside_one_that_was_rewritten_is_a_part_of_its_own() -> None:
    old = replace(OLD, system_instruction="Sort this mail by its topic.\nAnswer with one word.")
    new = replace(OLD, system_instruction="Be brief.\nSort each mail by its topic.\nAnswer with one word.")
    change = parts_of(old, new)
    assert change.parts == ("line 1 ('Be brief.')", "line 2 ('Sort each mail by its topic.')")
    assert change.apply(frozenset({0}), "v").system_instruction == f"Be brief.\n{old.system_instruction}"
    unlike = parts_of(replace(OLD, system_instruction="one\ntwo"), replace(OLD, system_instruction="XYZ"))
    assert unlike.parts == ("line 1 ('XYZ')",)


def test_what_is_within_a_setting_is_a_part_of_its_own_and_named_as_in_variants_toml() -> None:
    old = replace(OLD, few_shot=FewShot(2), config={"temperature": 0.5, "seed": 1})
    new = replace(OLD, few_shot=FewShot(4, chars=100), config={"temperature": 1.0, "top_k": 20, "seed": 1})
    change = parts_of(old, new)
    assert change.parts == ("temperature", "top_k", "examples_per_class", "example_chars")
    assert change.apply(frozenset({1, 3}), "v") == replace(
        old, config={"temperature": 0.5, "seed": 1, "top_k": 20}, few_shot=FewShot(2, chars=100)
    )
    assert change.apply(frozenset(range(4)), "v") == new
    assert parts_of(new, old).apply(frozenset(range(4)), "v") == old
    assert parts_of(OLD, replace(OLD, few_shot=FewShot(2))).parts == ("examples_per_class",)
    pinned = replace(OLD, model="newer", expected_model_version="newer-001")
    assert parts_of(OLD, pinned).parts == ("model and expected_model_version",)


def test_ddmin_finds_what_is_needed_and_no_more() -> None:
    for needed in ({0}, {7}, {2, 5}, {0, 3, 7}):
        assert smallest(frozenset(range(8)), lambda one, needed=needed: needed <= one) == needed  # type: ignore[misc]


VARIANTS = """
[labels]
about = "told the labels"
model = "gemini-3.5-flash-lite"
system_instruction = '''
You sort mail.
Name one of {labels}
'''
contents = "{post}"
answer = "enum"
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project under git."""
    (tmp_path / "evals").mkdir()
    (tmp_path / "evals" / "variants.toml").write_text(VARIANTS)
    (tmp_path / "fixtures").mkdir()
    (tmp_path / "fixtures" / "bundled").symlink_to(ROOT / "fixtures" / "bundled")
    who = {f"GIT_{role}_{what}": "a@b.c" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "Start"]):
        subprocess.run(["git", "-C", str(tmp_path), *command], env={**os.environ, **who}, check=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CI", raising=False)
    return tmp_path


def test_the_command_finds_the_line_that_hides_the_labels(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["record", "--classes", "^rec|^sci", "--posts-per-class", "4"]) == 0
    capsys.readouterr()
    changed = VARIANTS.replace("You sort mail.", "You sort letters.").replace("Name one of {labels}", "Say hello.")
    (project / "evals" / "variants.toml").write_text(changed.replace('answer = "enum"', 'answer = "text"'))
    plan = ["--classes", "^rec|^sci", "--posts-per-class", "4", "--posts", "64"]
    status = main(["bisect", "labels", *plan])
    said = capsys.readouterr().out
    assert said.count("asks embedded 32 times") == 1  # the new version alone: the old one's answers are recorded
    assert "3 parts changed since HEAD: line 1 ('You sort letters.'); line 2 ('Say hello.'); answer" in said
    assert "plan: 64 calls on the sample" in said
    # 64 on the sample, 6 versions on a fifth of it, 4 versions on the fresh posts.
    assert "if a fifth of the sample flips: about 356 calls, about 0." in said
    assert "cost: about" in said
    assert status == 1
    assert "points [" in said
    blamed = next(line for line in said.splitlines() if "accounts for" in line)
    assert "line 2" in blamed or "answer" in blamed
    assert "line 1" not in blamed
    assert main(["bisect", "labels", *plan]) == 1  # what is recorded is replayed
    said = capsys.readouterr().out
    assert "asks embedded" not in said
    assert "bisected before, on 64 fresh texts; other texts would be a second try" in said
    # Both plans have decided: fresh posts of another question are others, those of the same one the same.
    ledger = open_ledger(project / "evals" / "baselines" / "embedded" / "bundled.json")
    lines = [json.loads(line) for line in ledger.path.read_text().splitlines()]
    assert [one["decided"] for one in lines] == ["bisect", "bisect"]
    sample, fresh = (set(one["posts"]) for one in lines)
    assert sample.isdisjoint(fresh)
    assert (len(sample), len(fresh)) == (32, 64)
    about = lines[0]["about"]
    assert ledger.asked_before("bisect", about, apart_from=lines[0]["plan"]) == fresh
    assert ledger.asked_before("bisect", "another", apart_from="") == set()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["labels"], "labels asks as it did at HEAD; name the revision before its change: --from REV"),
        (["nonesuch"], "bisect: unknown variant 'nonesuch'; known: labels"),
        (["labels", "--from", "nowhere"], "--from nowhere: expected a revision that git knows"),
        (["labels", "--posts", "900"], "--posts 900: expected at least"),
    ],
)
def test_what_cannot_be_bisected_is_said_in_words(
    project: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    if "--posts" in arguments:
        (project / "evals" / "variants.toml").write_text(VARIANTS.replace("You sort mail.", "You sort letters."))
    assert main(["bisect", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_without_git_or_with_too_few_fresh_posts_it_says_so(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "evals" / "variants.toml").write_text(VARIANTS.replace("You sort mail.", "You sort letters."))
    assert main(["bisect", "labels", "--classes", "^sci.(space|med)$"]) == 2
    assert "4 fresh texts for the verdict, and fewer than 6 can prove nothing" in capsys.readouterr().err
    (project / ".git").rename(project / "no.git")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(project.parent))
    assert main(["bisect", "labels"]) == 2
    assert "expected a git repository" in capsys.readouterr().err
