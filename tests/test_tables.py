"""One reader for all formats: what stands in the file is what a post is called, and what is wrong names its row."""

from __future__ import annotations

import codecs
import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest

from newsgauge.cli.main import main
from newsgauge.corpora.corpus import Corpus, find_corpus
from newsgauge.errors import CorpusError
from newsgauge.records import RawPost

ROWS: list[dict[str, object]] = [
    {"text": "card charged", "label": "billing", "id": 1344800117571260417, "thread": 7},
    {"text": 'say "no", twice\nand again', "label": " billing ", "id": 1344800117571260418, "thread": None},
    {"text": "cannot log in, à côté", "label": "login", "id": None, "thread": 8},
]
POSTS = (
    RawPost("billing", "1344800117571260417", "card charged", "7"),
    RawPost("billing", "1344800117571260418", 'say "no", twice\nand again', None),
    RawPost("login", "3", "cannot log in, à côté", "8"),
)


def as_csv(delimiter: str = ",") -> str:
    def cell(value: object) -> str:
        return '"' + str("" if value is None else value).replace('"', '""') + '"'

    return "\n".join(delimiter.join(map(cell, row)) for row in [list(ROWS[0]), *(row.values() for row in ROWS)])


def as_jsonl() -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS)


def write_parquet(path: Path) -> None:
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(ROWS), path)


def without_ids(row: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in row.items() if value is not None}


#: File name, how it is written, and the options that read it.
FORMATS: dict[str, tuple[str, Callable[[Path], object], dict[str, str]]] = {
    "csv": ("a.csv", lambda path: path.write_text(as_csv(), "utf-8"), {}),
    "csv, upper case, from Excel, with a BOM": (
        "UPPER.CSV",
        lambda path: path.write_text(as_csv(), "utf-8-sig"),
        {},
    ),
    "csv with rows that end in CRLF": (
        "a.csv",
        lambda path: path.write_bytes(as_csv().replace('"\n"', '"\r\n"').encode()),
        {},
    ),
    "csv with semicolons": (
        "a.csv",
        lambda path: path.write_text(as_csv(";"), "utf-8"),
        {"delimiter": "semicolon"},
    ),
    "csv with Excel's note of its delimiter": (
        "a.csv",
        lambda path: path.write_text("sep=;\n" + as_csv(";"), "utf-8-sig"),
        {},
    ),
    "csv in cp1252": ("a.csv", lambda path: path.write_text(as_csv(), "cp1252"), {"encoding": "cp1252"}),
    "csv in UTF-16, as Excel's Unicode text": ("a.tsv", lambda path: path.write_text(as_csv("\t"), "utf-16"), {}),
    "csv, gzipped": ("a.csv.gz", lambda path: path.write_bytes(gzip.compress(as_csv().encode())), {}),
    "tsv": ("a.tsv", lambda path: path.write_text(as_csv("\t"), "utf-8"), {}),
    "jsonl": ("a.jsonl", lambda path: path.write_text(as_jsonl(), "utf-8"), {}),
    "jsonl with a BOM and CRLF": (
        "a.jsonl",
        lambda path: path.write_bytes(codecs.BOM_UTF8 + as_jsonl().replace("\n", "\r\n").encode()),
        {},
    ),
    "jsonl, absent names in the place of null": (
        "a.ndjson",
        lambda path: path.write_text("".join(json.dumps(without_ids(row)) + "\n" for row in ROWS), "utf-8"),
        {},
    ),
    "jsonl, upper case, gzipped": (
        "A.JSONL.GZ",
        lambda path: path.write_bytes(gzip.compress(as_jsonl().encode())),
        {},
    ),
    "a JSON list": ("a.json", lambda path: path.write_text(json.dumps(ROWS, indent=1), "utf-8"), {}),
    "parquet": ("a.parquet", write_parquet, {}),
    "parquet, upper case": ("A.PARQUET", write_parquet, {}),
}


def corpus_of(path: Path, **how: str) -> Corpus:
    return find_corpus(str(path), bundled=path, **how)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_holds_the_same_posts(tmp_path: Path, name: str) -> None:
    file, write, how = FORMATS[name]
    write(tmp_path / file)
    corpus = corpus_of(tmp_path / file, **how)
    assert corpus.posts("test") == POSTS
    assert corpus.name in ("a", "A", "UPPER")
    assert not corpus.is_mail


def test_a_parquet_file_that_pandas_wrote_with_an_absent_id_keeps_whole_numbers(tmp_path: Path) -> None:
    pd.DataFrame({"text": ["x", "y"], "label": ["a", "a"], "id": [1.0, None]}).to_parquet(tmp_path / "a.parquet")
    assert [post.number for post in corpus_of(tmp_path / "a.parquet").posts("test")] == ["1", "2"]


def test_a_number_that_lost_digits_is_refused(tmp_path: Path) -> None:
    frame = pd.DataFrame({"text": ["x", "y"], "label": ["a", "a"], "id": [1344800117571260417.0, None]})
    frame.to_parquet(tmp_path / "a.parquet")
    with pytest.raises(CorpusError, match=r"row 1: id: .* lost digits"):
        corpus_of(tmp_path / "a.parquet").posts("test")


def test_a_row_without_an_id_never_takes_that_of_another(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label,id\nx,y,2\nz,y,\n")
    assert [post.number for post in corpus_of(tmp_path / "a.csv").posts("test")] == ["2", "row-2"]


def test_the_class_names_of_a_hugging_face_parquet_file_are_its_labels(tmp_path: Path) -> None:
    features = {"label": {"_type": "ClassLabel", "names": ["ham", "spam"]}, "text": {"_type": "Value"}}
    table = pyarrow.Table.from_pylist([{"text": "x", "label": 1}, {"text": "y", "label": 0}])
    told = {"huggingface": json.dumps({"info": {"features": features}})}
    pyarrow.parquet.write_table(table.replace_schema_metadata(told), tmp_path / "a.parquet")
    assert [post.label for post in corpus_of(tmp_path / "a.parquet").posts("test")] == ["ham", "spam"]


def test_a_folder_with_a_file_per_split_is_one_table(tmp_path: Path) -> None:
    for name, texts in {"train-00000-of-00002": "ab", "train-00001-of-00002": "cd", "test": "e", "notes": "f"}.items():
        lines = "".join(json.dumps({"text": text, "label": "y"}) + "\n" for text in texts)
        (tmp_path / f"{name}.jsonl").write_text(lines)
    corpus = corpus_of(tmp_path)
    assert [(post.number, post.raw) for post in corpus.posts("train")] == [
        ("1", "a"),
        ("2", "b"),
        ("3", "c"),
        ("4", "d"),
    ]
    assert [(post.number, post.raw) for post in corpus.posts("test")] == [("1", "e")]


def test_labels_lose_the_blanks_around_them_and_nothing_else_does(tmp_path: Path) -> None:
    rows = "".join(f" text {n} ,{'billing ' if n % 2 else 'billing'}, {n}\n" for n in range(16))
    (tmp_path / "a.csv").write_text("text,label,id\n" + rows)
    posts = corpus_of(tmp_path / "a.csv").posts("test")
    assert {post.label for post in posts} == {"billing"}
    assert {(post.number, post.raw) for post in posts} == {(f" {n}", f" text {n} ") for n in range(16)}


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        (
            "a.csv",
            b"text;label\nx;y\n",
            "commas, found the first line 'text;label'. Add --delimiter semicolon",
        ),
        ("a.csv", b"text\tlabel\nx\ty\n", "Add --delimiter tab"),
        ("a.csv", b"text\tlabel\nx, y, and z\tb\n", "Add --delimiter tab"),
        ("a.csv", b"text;label\nx, y, and z;b\n", "Add --delimiter semicolon"),
        ("a.csv", b'\xef\xbb\xbf"Nr";"Text, alt";"Abteilung"\r\n1;"x, y,\nz";b\r\n', "Add --delimiter semicolon"),
        ("a.tsv", b"text|label\nx\ty\tz|b\n", "Add --delimiter pipe"),
        ("a.csv", b"text, label\nx; y; z, b, c\n", "row 1: expected 2 fields as in the first line, got 3"),
        ("a.tsv", b"text,label\nx,y\n", "separated by tabs, found the first line 'text,label'. Add --delimiter comma"),
        ("a.csv", b'text,label\n"x\ny",z\nu\xfc,z\n', r"line 4 \(row 2\): not readable as UTF-8: byte 0xfc\. Save the"),
        ("a.jsonl", b'{"text": "x", "label": "y"}\n{"text": "\xfc"}\n', "line 2: not readable as UTF-8: byte 0xfc"),
        ("a.csv", b"text,label\nx,y\nz, and more,y\n", "row 2: expected 2 fields as in the first line, got 3"),
        ("a.csv", b'text,label\nx,y\n"z,y\n', r"row 2: not readable as csv: unexpected end of data"),
        ("a.csv", b"text,label,text\nx,y,z\n", "two columns are called 'text'"),
        (
            "a.csv",
            b"body,team\nx,y\n",
            "expected a column 'text', found 'body', 'team'. Name yours: --columns text=body,label=team",
        ),
        (
            "a.csv",
            b"Nr,label\n1,y\n",
            "expected a column 'text', found 'Nr', 'label'. Name yours: --columns text=COLUMN,label=label",
        ),
        ("a.csv.gz", b"text,label\nx,y\n", "not readable as gzip"),
        ("a.jsonl.gz", gzip.compress(b"x" * 999, mtime=0)[:-9], "not readable as gzip, so damaged or cut off"),
        ("a.jsonl", b'{"text": "x", "label": ["y", "z"]}\n', "row 1: label: expected a text or a number, got list"),
        ("a.csv", b"text,label\n  ,y\n", "row 1: expected a text and a label, text is empty"),
    ],
)
def test_what_is_wrong_with_a_file_is_reported_with_its_place(
    tmp_path: Path, name: str, data: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(CorpusError, match=message):
        corpus_of(tmp_path / name).posts("test")


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"encoding": "no-such"}, "--encoding: expected an encoding such as utf-8 or cp1252, got 'no-such'"),
        ({"encoding": "base64"}, "--encoding: expected an encoding"),
        ({"delimiter": "dot"}, r"--delimiter: expected one of comma \(,\), semicolon \(;\), tab \(a tab\), pipe"),
    ],
)
def test_an_unknown_encoding_or_delimiter_is_refused(tmp_path: Path, how: dict[str, str], message: str) -> None:
    (tmp_path / "a.csv").write_text("text,label\nx,y\n")
    with pytest.raises(CorpusError, match=message):
        corpus_of(tmp_path / "a.csv", **how)


def test_empty_rows_and_empty_columns_at_the_right_as_excel_leaves_them_are_no_posts(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label,,\nx,y,,\n,,,\n\nz,y,,\n")
    assert [post.raw for post in corpus_of(tmp_path / "a.csv").posts("test")] == ["x", "z"]


def folder(root: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def test_a_folder_with_a_folder_of_mails_per_label_is_halved(tmp_path: Path) -> None:
    mail = "Subject: {0}\nFrom: a@b.example\n\nbody of {0} \xfc\n"
    root = folder(
        tmp_path / "mails",
        {
            f"{label}/{n}.eml": mail.format(f"{label} {n}").encode("latin-1")
            for label in ("ham", "spam")
            for n in range(6)
        },
    )
    corpus = corpus_of(root)
    assert corpus.is_mail
    for split in ("train", "test"):
        assert [post.label for post in corpus.posts(split)] == ["ham"] * 3 + ["spam"] * 3
    assert {post.number for post in corpus.posts("train")} != {post.number for post in corpus.posts("test")}
    assert not {post.raw for post in corpus.posts("train")} & {post.raw for post in corpus.posts("test")}


def test_mails_of_one_subject_lie_on_one_side(tmp_path: Path) -> None:
    files = {
        f"ham/{n}.{reply}": f"Subject: {'Re: ' * reply}talk {n}\nFrom: a@b.example\n\n{reply}".encode()
        for n in range(4)
        for reply in range(3)
    }
    corpus = corpus_of(folder(tmp_path / "mails", files))
    sides = [{post.number.partition(".")[0] for post in corpus.posts(split)} for split in ("train", "test")]
    assert not sides[0] & sides[1]
    assert [len(side) for side in sides] == [2, 2]


def test_a_maildir_is_a_folder_of_mails(tmp_path: Path) -> None:
    files = {f"spam/{box}/{n}:2,S": f"Subject: {box}{n}\n\nz".encode() for box in ("cur", "new") for n in range(2)}
    corpus = corpus_of(folder(tmp_path / "mails", {**files, "spam/tmp/1": b"half a mail"}))
    assert [len(corpus.posts(split)) for split in ("train", "test")] == [2, 2]


def test_plain_texts_in_a_folder_per_label_are_utf_8_and_no_mail(tmp_path: Path) -> None:
    root = folder(
        tmp_path / "texts", {f"{label}/{n}.txt": f"Ü {label} {n}".encode() for label in "ab" for n in range(4)}
    )
    corpus = corpus_of(root)
    assert not corpus.is_mail
    assert all(post.raw.startswith("Ü ") for post in corpus.posts("test"))
    folder(root, {"a/9.txt": b"\xfc"})
    with pytest.raises(CorpusError, match=r"9\.txt: not readable as UTF-8: byte 0xfc at 0\. Name its encoding"):
        corpus_of(root).posts("test")
    assert corpus_of(root, encoding="cp1252").posts("test")


def test_a_folder_without_labels_says_what_is_read(tmp_path: Path) -> None:
    root = folder(tmp_path / "mails", {"1.eml": b"Subject: x\n\ny"})
    with pytest.raises(CorpusError, match="found no file in a folder of its own label"):
        corpus_of(root).posts("test")


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.jsonl", "test/label/1.txt"])
def test_a_pointer_of_git_lfs_says_how_to_get_the_texts(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    with pytest.raises(CorpusError, match="git lfs pull"):
        corpus_of(tmp_path / name if "/" not in name else tmp_path).posts("test")


def test_a_label_that_is_a_key_is_refused_without_showing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    key = "AIza" + "Sy0123456789abcdefghijklmnopqrstuv"
    monkeypatch.chdir(tmp_path)
    Path("data.csv").write_text(f"text,label,split\none,{key},test\ntwo,b,test\n")
    Path("evals").mkdir()
    Path("evals/variants.toml").write_text('[bare]\nabout = "x"\nmodel = "m"\ncontents = "{post}"\n')
    assert main(["record", "--corpus", "data.csv", "--posts-per-class", "1", "--allow-record-in-ci"]) == 2
    said = capsys.readouterr()
    assert "the label '[secret]' holds what looks like a secret (Google API key)" in said.err
    assert key not in said.out + said.err
