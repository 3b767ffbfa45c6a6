"""Posts come from a folder, a table or scikit-learn; what is wrong with them is said with file and row."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from newsgauge.corpora.corpus import Corpus, find_corpus
from newsgauge.corpora.preprocessing import clean, codelab
from newsgauge.errors import CorpusError
from newsgauge.planning.sampling import make_plan
from newsgauge.planning.training_set import TrainPosts
from newsgauge.records import RawPost, case_id, shown_id
from newsgauge.variants.variants_file import Tuning

NOWHERE = Path("nowhere")


def corpus_of(path: Path, columns: str | None = None) -> Corpus:
    return find_corpus(str(path), bundled=NOWHERE, columns=columns)


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def ids(corpus: Corpus) -> list[str]:
    return [post.id for post in corpus.posts("test")]


def test_a_folder_in_the_archives_layout_is_read_as_latin_1(tmp_path: Path) -> None:
    for name, raw in {"test/b/2": b"Subject: \xe9\n\nx", "test/b/10": b"y", "20news-bydate-train/a/1": b"z"}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(raw)
    corpus = corpus_of(tmp_path)
    assert ids(corpus) == ["b-2", "b-10"]
    assert corpus.posts("test")[0].raw == "Subject: é\n\nx"
    assert [post.label for post in corpus.posts("train")] == ["a"]


def test_an_empty_file_is_a_post_with_nothing_in_it(tmp_path: Path) -> None:
    (tmp_path / "test" / "a").mkdir(parents=True)
    (tmp_path / "test" / "a" / "1").write_bytes(b"")
    (tmp_path / "test" / "a" / ".hidden").write_bytes(b"no post")
    (post,) = corpus_of(tmp_path).posts("test")
    assert (post.id, post.raw, clean(post.raw)) == ("a-1", "", "\n\n")


def test_a_split_without_posts_is_told(tmp_path: Path) -> None:
    (tmp_path / "test" / "a").mkdir(parents=True)
    with pytest.raises(CorpusError, match="expected test texts, there is none"):
        corpus_of(tmp_path).posts("test")


def test_csv_jsonl_and_parquet_hold_the_same_posts(tmp_path: Path) -> None:
    rows = [
        {"text": 'He said "no",\nthen left', "label": "A b", "id": "7", "split": "test", "thread": "t"},
        {"text": "naïve", "label": "c", "id": "x/1", "split": "train", "thread": ""},
    ]
    frame = pd.DataFrame(rows)
    frame.to_csv(tmp_path / "a.csv", index=False)
    write(tmp_path / "a.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    pytest.importorskip("pyarrow", reason="parquet is an extra")
    frame.to_parquet(tmp_path / "a.parquet")
    for suffix in ("csv", "jsonl", "parquet"):
        corpus = corpus_of(tmp_path / f"a.{suffix}")
        (post,) = corpus.posts("test")
        assert (post.id, post.raw, post.thread) == ("A%20b-7", 'He said "no",\nthen left', "t")
        (post,) = corpus.posts("train")
        assert (post.id, post.raw, post.thread) == ("c-x%2F1", "naïve", None)
        assert not corpus.is_mail


def test_only_text_and_label_are_needed_and_columns_can_be_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "body,team\nhello,x\nbye,y\n")
    assert ids(corpus_of(path, "text=body,label=team")) == ["x-1", "y-2"]
    with pytest.raises(CorpusError, match=r"expected train texts, there is none"):
        corpus_of(path, "text=body,label=team").posts("train")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "", r"a\.csv: expected rows with a text and a label, the file is empty"),
        ("a.csv", "text,label\n", r"expected test texts, there is none"),
        ("a.csv", "txt,label\nx,y\n", r"expected a column 'text', found .txt', 'label'.*--columns text=COLUMN"),
        ("a.csv", "text,label\nx,\n", r"row 1: expected a text and a label, label is empty"),
        ("a.csv", "text,label,split\nx,y,dev\n", r"row 1: expected split 'train' or 'test', got 'dev'"),
        ("a.csv", "text,label,id\nx,y,1\nz,y,1\n", r"row 2: id '1' of label 'y' was already used in row 1"),
        ("a.jsonl", '{"text": "x", "label": "y"}\n{"text": ', r"a\.jsonl:2: expected an object of JSON"),
        ("a.jsonl", "", r"expected a column 'text', found none"),
        ("a.parquet", "no parquet", r"not readable as parquet|needs pyarrow"),
    ],
)
def test_a_wrong_table_is_told_with_file_and_row(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        corpus_of(write(tmp_path / name, text)).posts("test")


@pytest.mark.parametrize("columns", ["text", "text=", "body=text", "=x"])
def test_a_wrong_column_mapping_is_told(tmp_path: Path, columns: str) -> None:
    with pytest.raises(CorpusError, match="--columns: expected NAME=COLUMN"):
        corpus_of(write(tmp_path / "a.csv", "text,label\nx,y\n"), columns)


def test_a_table_named_like_a_known_corpus_keeps_its_recordings_apart(tmp_path: Path) -> None:
    assert corpus_of(write(tmp_path / "bundled.csv", "text,label\nx,y\n")).name == "own-bundled"


def test_one_post_in_a_class_is_enough_for_one_and_too_few_for_two(tmp_path: Path) -> None:
    posts = corpus_of(write(tmp_path / "a.csv", "text,label\nx,y\nz,w\nv,w\n")).posts("test")

    def plan(n: int) -> int:
        made = make_plan(
            posts, corpus="a", classes=".", posts_per_class=n, seed=0, allow_threads=False,
            preprocessing="clean", preprocess=str,
        )  # fmt: skip
        return len(made.posts)

    assert plan(1) == 2
    with pytest.raises(CorpusError, match="2 asked for, but y of a test holds 1"):
        plan(2)


def training(path: Path, labels: tuple[str, ...] = ("y", "w"), n: int = 2) -> list[str]:
    made = TrainPosts(corpus_of(path), ".", labels, str.strip).training_set(
        Tuning(posts_per_class=n, share_threads=True)
    )
    return sorted(post.text for post in made.examples)


def test_a_label_that_only_test_posts_have_is_told_before_tuning(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "text,label,split\nx,y,train\nz,w,test\n")
    with pytest.raises(CorpusError, match="w has test texts but no train texts"):
        training(path)


def test_a_train_post_that_is_also_a_test_post_is_replaced(tmp_path: Path) -> None:
    rows = "".join(f"{text},{label},train,t\n" for label in "yw" for text in (f"{label}1", f"{label}2", f"{label}3"))
    path = write(tmp_path / "a.csv", f"text,label,split,thread\n{rows} y1 ,y,test,t\n w2,w,test,t\n")
    assert training(path) == ["w1", "w3", "y2", "y3"]


def test_ten_thousand_rows_and_fifty_megabytes_are_read(tmp_path: Path) -> None:
    pd.DataFrame({"text": [f"text {n}" for n in range(10_000)], "label": "y"}).to_csv(tmp_path / "a.csv")
    assert len(ids(corpus_of(tmp_path / "a.csv"))) == 10_000
    big = "Subject: big\n\n" + "a.b@c.d " * 6_250_000
    assert len(clean(big)) <= 40_000
    assert len(codelab(big)) == 40_000


def sides(path: Path, columns: str = "split=auto") -> dict[str, set[str]]:
    corpus = corpus_of(path, columns)
    return {split: {post.raw for post in corpus.posts(split)} for split in ("train", "test")}


def test_a_table_without_a_split_is_halved_label_by_label(tmp_path: Path) -> None:
    rows = [f"text {label}{number},{label}" for label, n in (("a", 6), ("b c", 4)) for number in range(n)]
    found = corpus_of(write(tmp_path / "a.csv", "text,label\n" + "\n".join(rows)), "split=auto")
    for split, counts in (("train", {"a": 3, "b c": 2}), ("test", {"a": 3, "b c": 2})):
        labels = [post.label for post in found.posts(split)]  # type: ignore[arg-type]
        assert {label: labels.count(label) for label in labels} == counts


def test_the_order_of_rows_does_not_change_their_split(tmp_path: Path) -> None:
    rows = [f"text {number},a" for number in range(9)]
    forward = sides(write(tmp_path / "a.csv", "text,label\n" + "\n".join(rows)))
    backward = sides(write(tmp_path / "b.csv", "text,label\n" + "\n".join(reversed(rows))))
    assert forward == backward


def test_equal_texts_and_texts_of_a_thread_lie_on_one_side(tmp_path: Path) -> None:
    rows = [f"text {number % 5},a,t{number % 5}" for number in range(15)]
    found = sides(write(tmp_path / "a.csv", "text,label,thread\n" + "\n".join(rows)))
    assert not found["train"] & found["test"]
    assert len(found["train"]) == 2
    rows = [f"text {number},a,{number // 3}" for number in range(12)]
    found = sides(write(tmp_path / "b.csv", "text,label,thread\n" + "\n".join(rows)))
    threads = {side: {int(text.split()[1]) // 3 for text in texts} for side, texts in found.items()}
    assert not threads["train"] & threads["test"]


@pytest.mark.parametrize(
    ("label", "number", "shown", "in_a_test"),
    [
        (
            "Administration Utilities/awscli",
            "7",
            "Administration Utilities/awscli-7",
            "Administration Utilities/awscli-7",
        ),
        ("a::b [x]", "1", "a::b [x]-1", "a::b [x]-1"),
        ("50% ~off", "1", "50% ~off-1", "50% ~off-1"),
        ("%20", "1", "%20-1", "%20-1"),
        ("Prüfung", "1", "Prüfung-1", "Pr%C3%BCfung-1"),
        ("two\nlines", "1", "two%0Alines-1", "two%0Alines-1"),
    ],
)
def test_an_id_is_shown_as_its_owner_wrote_it(label: str, number: str, shown: str, in_a_test: str) -> None:
    post_id = RawPost(label, number, "").id
    assert shown_id(post_id) == shown
    assert case_id(post_id, "labels") == f"{in_a_test}-labels"
