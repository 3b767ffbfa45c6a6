"""20 Newsgroups is read as scikit-learn reads it, from its own file, and from nothing that a file could bring along."""

from __future__ import annotations

import codecs
import os
import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import fetch_20newsgroups
from sklearn.utils import Bunch

from newsgauge.corpora.twenty_newsgroups import damaged_cache, has_twenty_newsgroups, read_twenty_newsgroups
from newsgauge.errors import CorpusError
from newsgauge.records import RawPost

CACHE = "20news-bydate_py3.pkz"
NAMES = ["rec.autos", "sci.space"]


def bunch(*posts: tuple[int, str, str]) -> Bunch:
    return Bunch(
        data=[text for _, _, text in posts],
        target=np.array([target for target, _, _ in posts]),
        filenames=np.array([f"/home/\u00e9/20news/{NAMES[target]}/{number}" for target, number, _ in posts]),
        target_names=NAMES,
        DESCR="",
    )


def write_cache(folder: Path, content: object) -> None:
    """As scikit-learn writes it."""
    (folder / CACHE).write_bytes(codecs.encode(pickle.dumps(content), "zlib_codec"))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    return tmp_path


def test_a_split_is_read_in_the_files_order(home: Path) -> None:
    assert not has_twenty_newsgroups()
    write_cache(home, {"train": bunch((0, "7", "b")), "test": bunch((1, "60862", "a\xe9\u0100"), (0, "9", ""))})
    assert has_twenty_newsgroups()
    assert read_twenty_newsgroups()["train"] == [RawPost("rec.autos", "7", "b")]
    assert read_twenty_newsgroups()["test"] == [
        RawPost("sci.space", "60862", "a\xe9\u0100"),
        RawPost("rec.autos", "9", ""),
    ]


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch evil",)


@pytest.mark.parametrize("damaged", [b"", b"x", codecs.encode(b"no pickle", "zlib_codec")])
def test_a_damaged_file_is_left_to_scikit_learn(home: Path, monkeypatch: pytest.MonkeyPatch, damaged: bytes) -> None:
    (home / CACHE).write_bytes(damaged)
    asked = []

    def fetch(*, subset: str, shuffle: bool) -> Bunch:
        asked.append((subset, shuffle))
        return bunch((0, "7", "b"))

    monkeypatch.setattr("sklearn.datasets.fetch_20newsgroups", fetch)
    assert read_twenty_newsgroups()["test"] == [RawPost("rec.autos", "7", "b")]
    assert asked == [("train", False), ("test", False)]


def test_a_file_that_brings_anything_else_along_does_not_run_it_here(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    write_cache(home, {"train": Evil(), "test": bunch((0, "7", "b"))})

    def fetch(**options: object) -> Bunch:
        raise OSError("not here")

    monkeypatch.setattr("sklearn.datasets.fetch_20newsgroups", fetch)
    with pytest.raises(CorpusError, match="not downloadable"):
        read_twenty_newsgroups()["test"]
    assert not (home / "evil").exists()


def test_the_real_corpus_is_what_scikit_learn_says_it_is() -> None:
    if not has_twenty_newsgroups():
        pytest.skip("20 Newsgroups is not on this machine")
    for split in ("train", "test"):
        real = fetch_20newsgroups(subset=split, shuffle=False, download_if_missing=False)
        mine = read_twenty_newsgroups()[split]
        assert [post.label for post in mine] == [real.target_names[target] for target in real.target]
        assert [post.number for post in mine] == [Path(name).name for name in real.filenames]
        # By digest: a failure must not print a post.
        assert hash(tuple(post.raw for post in mine)) == hash(tuple(real.data))


def test_reading_it_imports_neither_numpy_nor_scikit_learn(home: Path) -> None:
    write_cache(home, {"train": bunch((0, "7", "b")), "test": bunch((0, "7", "b"))})
    code = (
        "import sys; from newsgauge.corpora.twenty_newsgroups import read_twenty_newsgroups as read; read(); "
        "print(sorted({'numpy', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_download_is_tried_again_also_where_warnings_are_errors_and_its_real_cause_is_shown(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "20news-bydate_py3.pkz").write_bytes(b"cut off")

    def fetch(**_: object) -> object:
        warnings.warn("Retry downloading from url", stacklevel=2)
        raise OSError("HTTP Error 403: Forbidden")

    monkeypatch.setattr("sklearn.datasets.fetch_20newsgroups", fetch)
    with pytest.raises(CorpusError, match=r"pkz is damaged \(delete it\) and not downloadable .*403: Forbidden"):
        read_twenty_newsgroups()
    assert damaged_cache() == str(home / "20news-bydate_py3.pkz")
    (home / "20news-bydate_py3.pkz").unlink()
    assert damaged_cache() == ""
    with pytest.raises(CorpusError, match=r"not in .* and not downloadable from here \(OSError: HTTP Error 403"):
        read_twenty_newsgroups()
