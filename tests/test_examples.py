"""The examples of a few-shot prompt: drawn from train, apart from what is asked, laid out as the template says."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from newsgauge.cassettes.digest import digest_body
from newsgauge.corpora.corpus import find_corpus
from newsgauge.errors import CorpusError
from newsgauge.planning.training_set import TrainPosts
from newsgauge.records import Post
from newsgauge.running.few_shot import Examples, lay_out, make_examples
from newsgauge.variants.variants_file import FewShot, Tuning


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def draw(tmp_path: Path) -> Any:
    """Draws from a csv of the rows: text, label, split, thread."""

    def draw(rows: str, labels: tuple[str, ...] = ("y", "w"), **few_shot: Any) -> Examples:
        path = tmp_path / "own.csv"
        path.write_text(f"text,label,split,thread\n{rows}")
        corpus = find_corpus(str(path), bundled=tmp_path)
        return make_examples(TrainPosts(corpus, ".", labels, str.strip), FewShot(**{"per_class": 2, **few_shot}))

    return draw


TRAIN = "".join(f"{label}{n} text,{label},train,{label}{n}\n" for label in "yw" for n in range(9))
TEST = "a question,y,test,q1\nanother,w,test,q2\n"


def test_at_most_so_many_of_each_label_are_drawn_the_same_each_time(draw: Any) -> None:
    one = draw(TRAIN + TEST)
    assert sorted(post.label for post in one.posts) == ["w", "w", "y", "y"]
    assert draw(TRAIN + TEST).block == one.block
    assert draw(TRAIN + TEST, seed=1).posts != one.posts
    assert len(draw(TRAIN + TEST, per_class=100).posts) == 18
    assert [post.label for post in draw(TRAIN + TEST, per_class=100).posts] != sorted(["y", "w"] * 9)


def test_an_example_is_no_text_and_of_no_thread_that_is_asked_about(draw: Any) -> None:
    test = "y0 text,y,test,q1\nnew,w,test,w1\n"
    shown = {post.text for post in draw(TRAIN + test, per_class=100).posts}
    # w1 shares its thread with a test post. y0 has another thread; its text is compared within threads only.
    assert "w1 text" not in shown
    assert len(shown) == 17


def test_a_training_set_leaves_out_threads_that_are_asked_about_unless_told_to_share_them(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text(f"text,label,split,thread\n{TRAIN}new,w,test,w1\nother,y,test,q1\n")
    train = TrainPosts(find_corpus(str(path), bundled=tmp_path), ".", ("y", "w"), str.strip)
    apart, shared = train.training_set(Tuning()), train.training_set(Tuning(share_threads=True))
    assert {post.text for post in shared.examples} - {post.text for post in apart.examples} == {"w1 text"}
    assert (len(apart.examples), len(shared.examples)) == (17, 18)
    # Another training set is another model; the option itself is no part of its name.
    assert apart.digest != shared.digest
    assert replace(shared, tuning=Tuning()).digest == shared.digest


def test_a_text_that_is_asked_about_is_no_example_where_nothing_says_threads(draw: Any) -> None:
    rows = "".join(line.rpartition(",")[0] + ",\n" for line in (TRAIN + "y0 text,y,test,q\nz,w,test,q\n").splitlines())
    assert "y0 text" not in {post.text for post in draw(rows, per_class=100).posts}


def test_a_label_without_examples_is_told(draw: Any) -> None:
    with pytest.raises(CorpusError, match="w has test texts but no train texts of threads without test texts to learn"):
        draw("a,y,train,1\nb,w,train,2\nc,w,test,2\n")


def test_a_text_is_cut_between_characters(draw: Any) -> None:
    long = "x" * 9 + "e\u0301 more"
    shown = draw(f"{long},y,train,1\nb,w,train,2\nc,y,test,3\nd,w,test,4\n", chars=10)
    assert {post.text for post in shown.posts} == {"x" * 9, "b"}


def test_the_template_is_filled_once_and_each_text_is_a_digest() -> None:
    posts = (Post("a-1", "a", "{label} one"), Post("b-2", "b", "{post} two"))
    block = lay_out(posts, "Mail: {post}\n-> {label}")
    assert block.text == "Mail: {label} one\n-> a\n\nMail: {post} two\n-> b"
    assert block.segments == (
        "Mail: ",
        {"chars": 11, "sha256": sha("{label} one"), "of": "example a-1"},
        "\n-> a\n\nMail: ",
        {"chars": 10, "sha256": sha("{post} two"), "of": "example b-2"},
        "\n-> b",
    )
    assert block.hidden == ("{label} one", "{post} two")


def test_the_label_may_come_first() -> None:
    block = lay_out((Post("a-1", "a", "one"), Post("b-2", "b", "two")), "{label}: {post}")
    assert block.text == "a: one\n\nb: two"
    assert [part for part in block.segments if isinstance(part, str)] == ["a: ", "\n\nb: "]


def test_many_examples_are_taken_out_in_the_time_of_a_few() -> None:
    """One look for the whole block, however many texts it holds: the work is that of reading the request."""
    posts = tuple(Post(f"a-{n}", "a", f"{n} " + "x" * 400) for n in range(400))
    block = lay_out(posts, "{post} {label}")
    raw = b'{"contents":"' + block.text.replace("\n", "\\n").encode() + b'"}'
    kept = digest_body(raw, "the post", (block,))
    assert b"xxx" not in kept
    assert kept.count(b'"of":"example a-') == 400
