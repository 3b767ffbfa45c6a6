"""``[slices]`` of gates.toml: which posts stand in which slice, and how right each slice is."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from newsgauge.corpora.corpus import find_corpus
from newsgauge.errors import CorpusError, GatesError
from newsgauge.planning.plan_file import RunPlan, encode_plan, load_plan
from newsgauge.planning.sampling import Plan
from newsgauge.records import Outcome, Post, Prediction, Result
from newsgauge.scoring.scoreboard import score
from newsgauge.scoring.slices import load_slicings, slice_posts

POSTS = tuple(Post(f"a-{i}", "a", "x" * i) for i in range(8))


def sliced(folder: Path, rules: str, posts: tuple[Post, ...] = POSTS, **cells: str) -> dict[str, dict[str, str]]:
    path = folder / "gates.toml"
    path.write_text(f"[slices]\n{rules}\n", "utf-8")
    found = slice_posts(
        path, posts, column=lambda name: {f"a-{key[1:]}": cell for key, cell in cells.items()}, folders=[folder]
    )
    return {name: dict(of) for name, of in found.items()}


def test_quarters_by_length_are_of_equal_size_and_ordered(tmp_path: Path) -> None:
    found = sliced(tmp_path, 'length = { by = "length" }')["length"]
    assert Counter(found.values()) == {"shortest": 2, "short": 2, "long": 2, "longest": 2}
    assert [found[post.id] for post in POSTS[::2]] == ["shortest", "short", "long", "longest"]
    assert list(dict.fromkeys(found.values())) == ["shortest", "short", "long", "longest"]


@pytest.mark.parametrize(
    ("text", "quotes"),
    [
        ("> said before\nno", "yes"),
        ("  >> deeper", "yes"),
        ("JD> old style", "yes"),
        ("Joe Doe writes:\nyes", "yes"),
        ("2 > 1 is true", "no"),
        ("he wrote: a book about it", "no"),
        ("", "no"),
    ],
)
def test_a_post_quotes_if_a_line_is_another_posts(tmp_path: Path, text: str, quotes: str) -> None:
    assert sliced(tmp_path, 'q = { by = "quotes" }', (Post("a-0", "a", text),))["q"] == {"a-0": quotes}


def test_a_regex_a_column_and_a_function_slice(tmp_path: Path) -> None:
    (tmp_path / "my_slices.py").write_text("def parity(text):\n    return len(text) % 2 == 0\n", "utf-8")
    rules = 'long = { regex = "x{7}" }\nteam = { column = "team" }\neven = { function = "my_slices:parity" }'
    found = sliced(tmp_path, rules, _0="red", _1="blue")
    assert [name for name, one in found["long"].items() if one == "yes"] == ["a-7"]
    assert (found["team"]["a-0"], found["team"]["a-1"], found["team"]["a-2"]) == ("red", "blue", "(empty)")
    assert (found["even"]["a-0"], found["even"]["a-1"]) == ("yes", "no")


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("a = 1", "expected one of"),
        ('a = { by = "size" }', "one of length, quotes"),
        ('a = { regex = "(" }', "regular expression"),
        ('a = { by = "length", regex = "x" }', "expected one of"),
        ('A = { by = "length" }', "lower-case"),
        ('a = { function = "nothing" }', "module:name"),
    ],
)
def test_a_rule_that_is_none_says_what_is_expected(tmp_path: Path, rule: str, message: str) -> None:
    path = tmp_path / "gates.toml"
    path.write_text(f"[slices]\n{rule}\n", "utf-8")
    with pytest.raises(GatesError, match=message):
        load_slicings(path)


def test_a_function_that_fails_names_the_post_and_not_its_text(tmp_path: Path) -> None:
    (tmp_path / "failing_slices.py").write_text("def cut(text):\n    raise ValueError(text)\n", "utf-8")
    with pytest.raises(GatesError, match=r"failing_slices:cut failed on a-7: ValueError") as error:
        sliced(tmp_path, 'a = { function = "failing_slices:cut" }', POSTS[7:])
    assert "xxxxxxx" not in str(error.value)


def test_a_column_is_read_from_the_table_by_post(tmp_path: Path) -> None:
    table = tmp_path / "mails.csv"
    table.write_text("text,label,split,team\none,a,test,red\ntwo,b,test,\nthree,a,train,blue\n", "utf-8")
    corpus = find_corpus(str(table), bundled=tmp_path)
    assert corpus.column("team") == {"a-1": "red"}
    with pytest.raises(CorpusError, match="no column 'size' to slice by; found 'text', 'label', 'split', 'team'"):
        corpus.column("size")


def made(right: set[int]) -> tuple[Plan, dict[tuple[str, str], Result]]:
    halves = {post.id: "low" if i < 4 else "high" for i, post in enumerate(POSTS)}
    plan = Plan("made", "", None, 0, False, "clean", ("a", "b"), POSTS, slices={"half": halves})
    said = {i: Prediction("a" if i in right else "b", Outcome.LABEL, "", 1, 1, "m") for i in range(8)}
    return plan, {(post.id, "v"): Result(post.id, "v", "a", said[i]) for i, post in enumerate(POSTS)}


def test_each_slice_is_scored_over_its_own_posts() -> None:
    plan, results = made({0, 4, 5, 6})
    slices = score(results, plan, ["v"])["v"].slices
    assert [(one.name, one.n, one.n_correct) for one in slices] == [("low", 4, 1), ("high", 4, 3)]
    # Wilson, 1 of 4: (0.0456, 0.6994), as in Newcombe's calculator
    assert slices[0].interval_95 == pytest.approx((0.0456, 0.6994), abs=5e-5)


def test_the_plan_file_keeps_the_slices(tmp_path: Path) -> None:
    plan, _ = made(set())
    run = RunPlan(plan, plan, None, "embedded", "none", {"v": "0"}, {"v": "0"}, 8)
    (tmp_path / "plan.json").write_text(encode_plan(run), "utf-8")
    assert load_plan(tmp_path).plan.slices == plan.slices
