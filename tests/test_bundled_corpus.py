"""The bundled corpus is what its README and MANIFEST.json say."""

from __future__ import annotations

import email
import hashlib
import json
import re
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from newsgauge.corpora.corpus import find_corpus
from newsgauge.records import RawPost

ROOT = Path(__file__).resolve().parents[1] / "fixtures" / "bundled"
MAIN = (
    *("rec.autos", "rec.motorcycles", "rec.sport.baseball", "rec.sport.hockey"),
    *("sci.crypt", "sci.electronics", "sci.med", "sci.space"),
)
SMALL = ("comp.graphics", "misc.forsale", "soc.religion.christian", "talk.politics.guns")
# RFC 2606 and RFC 6761: names that never belong to anyone.
RESERVED = re.compile(r"(?:^|\.)example(?:\.(?:com|org|net))?$")


@pytest.fixture(scope="module")
def manifest() -> dict[str, dict[str, Any]]:
    posts: dict[str, dict[str, Any]] = json.loads((ROOT / "MANIFEST.json").read_text())["posts"]
    return posts


def raw(path: str) -> str:
    return (ROOT / path).read_bytes().decode("latin-1")


def body(path: str) -> str:
    return raw(path).partition("\n\n")[2]


def test_the_manifest_names_every_file_with_its_digest(manifest: dict[str, dict[str, Any]]) -> None:
    files = {
        str(path.relative_to(ROOT)): path
        for split in ("train", "test")
        for path in (ROOT / split).rglob("*")
        if path.is_file()
    }
    assert manifest.keys() == files.keys()
    for name, entry in manifest.items():
        assert hashlib.sha256(files[name].read_bytes()).hexdigest() == entry["sha256"], name
        assert name.startswith(f"{entry['split']}/{entry['group']}/")


def test_there_are_as_many_posts_as_the_readme_says(manifest: dict[str, dict[str, Any]]) -> None:
    counts = Counter((entry["split"], entry["group"]) for entry in manifest.values())
    expected = {("train", group): 24 for group in MAIN} | {("test", group): 12 for group in MAIN}
    expected |= {("train", group): 3 for group in SMALL} | {("test", group): 2 for group in SMALL}
    assert counts == expected
    assert counts.total() == 308


def test_a_third_of_the_test_posts_are_hard(manifest: dict[str, dict[str, Any]]) -> None:
    for group in MAIN:
        test_posts = [entry for entry in manifest.values() if (entry["split"], entry["group"]) == ("test", group)]
        assert sum(entry["hard"] for entry in test_posts) >= 4


def test_threads_are_the_subjects_without_their_reply_marks(manifest: dict[str, dict[str, Any]]) -> None:
    subject_of: dict[tuple[str, str], set[str | None]] = {}
    for name, entry in manifest.items():
        subject_of.setdefault((entry["group"], entry["thread"]), set()).add(RawPost("", name, raw(name)).thread)
    assert all(len(subjects) == 1 for subjects in subject_of.values())
    assert len({min(map(str, subjects)) for subjects in subject_of.values()}) == len(subject_of)
    splits = {
        key: {entry["split"] for entry in manifest.values() if (entry["group"], entry["thread"]) == key}
        for key in subject_of
    }
    assert sum(len(found) == 2 for found in splits.values()) >= 20


def test_posts_are_mail_that_never_names_its_label_in_a_header(manifest: dict[str, dict[str, Any]]) -> None:
    for name, entry in manifest.items():
        message = email.message_from_string(raw(name))
        assert message["From"], name
        assert message["Subject"], name
        assert not {"newsgroups", "path", "xref", "date"} & {key.lower() for key in message.keys()}, name  # noqa: SIM118
        assert entry["group"] not in raw(name).partition("\n\n")[0], name
        assert "\r" not in raw(name)
        assert raw(name).endswith("\n")


def test_every_address_is_at_a_reserved_domain(manifest: dict[str, dict[str, Any]]) -> None:
    foreign = {
        f"{name}: {domain}"
        for name in manifest
        for domain in re.findall(r"[\w.+-]@([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)", raw(name))
        if not RESERVED.search(domain.lower().rstrip("."))
    }
    assert foreign == set()


def test_lengths_vary_as_mail_does(manifest: dict[str, dict[str, Any]]) -> None:
    words = {name: len(body(name).split()) for name in manifest}
    assert sum(count < 25 for count in words.values()) >= 8
    assert sum(len(raw(name)) > 40_000 for name in manifest) == 2
    usual = [count for name, count in words.items() if len(raw(name)) <= 40_000]
    assert max(usual) <= 360
    assert sum(50 <= count <= 350 for count in usual) >= 0.85 * len(usual)


def test_some_posts_hold_latin_1_letters(manifest: dict[str, dict[str, Any]]) -> None:
    assert sum(not raw(name).isascii() for name in manifest) >= 12


def shingles(name: str) -> set[tuple[str, ...]]:
    own = [line for line in body(name).splitlines() if not re.match(r"\s*(?:[>|:]|In article|.*writes:$)", line)]
    words = re.findall(r"[\w']+", " ".join(own).lower())
    return set(zip(*(words[i:] for i in range(5)), strict=False))


def test_no_two_posts_share_their_wording(manifest: dict[str, dict[str, Any]]) -> None:
    of = {name: shingles(name) for name in manifest}
    where: dict[tuple[str, ...], list[str]] = {}
    for name, found in of.items():
        for shingle in found:
            where.setdefault(shingle, []).append(name)
    shared = Counter(pair for names in where.values() for pair in combinations(sorted(names), 2))
    overlap = {pair: count / min(len(of[name]) for name in pair) for pair, count in shared.items()}
    assert max(overlap.values(), default=0) < 0.20


def test_the_corpus_reads_as_the_archive_does() -> None:
    corpus = find_corpus("bundled", bundled=ROOT)
    assert (len(corpus.posts("train")), len(corpus.posts("test"))) == (8 * 24 + 4 * 3, 8 * 12 + 4 * 2)
    assert [post.id for post in corpus.posts("test")[:2]] == sorted(post.id for post in corpus.posts("test")[:2])
