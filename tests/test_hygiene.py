"""What is committed: no text of the real 20 Newsgroups, no secrets, cassettes in order."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from newsgauge.cassettes.line import decode, peek_key

ROOT = Path(__file__).resolve().parents[1]
MIN_CHARS = 40
SECRETS = re.compile(
    r"AIza[0-9A-Za-z_-]{30}|\bAQ\.[0-9A-Za-z_-]{20}|ya29\.|Bearer |[?&]key=|BEGIN [A-Z ]*PRIVATE KEY|x-goog-api-key"
)


def committed(*folders: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *folders],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode == 0:
        paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    else:  # an unpacked archive
        paths = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    assert paths
    return [path for path in paths if path.exists()]


def strings(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in strings(item)]
    if isinstance(value, list):
        return [text for item in value for text in strings(item)]
    return [value] if isinstance(value, str) else []


def long_lines(path: Path) -> set[str]:
    """Lines over 40 characters; of a cassette those of every string in it, where an answer could hide one."""
    texts = [path.read_bytes().decode("latin-1")]
    if path.suffix == ".jsonl":
        texts += [text for raw in texts[0].splitlines() for text in strings(json.loads(raw))]
    return {line.strip() for text in texts for line in text.splitlines() if len(line.strip()) > MIN_CHARS}


def real_posts() -> list[str]:
    from sklearn.datasets import fetch_20newsgroups

    try:
        return list(fetch_20newsgroups(subset="all", shuffle=False, download_if_missing=False).data)
    except OSError:
        pytest.skip(f"20 Newsgroups is not here (SCIKIT_LEARN_DATA={os.environ.get('SCIKIT_LEARN_DATA')})")


@pytest.mark.slow
def test_no_committed_line_occurs_in_the_real_corpus() -> None:
    real = "\n".join(real_posts())
    real_lines = {line.strip() for line in real.splitlines()}
    ours = {line: path for path in committed("cassettes", "fixtures") for line in long_lines(path)}
    # A line that is one of theirs, and any 40 characters of ours that start at a word and stand in one of theirs.
    assert [str(path.relative_to(ROOT)) for line, path in ours.items() if line in real_lines] == []
    starts: dict[str, list[str]] = {}
    for line in ours:
        for match in re.finditer(r"\S+", line):
            chunk = line[match.start() : match.start() + MIN_CHARS]
            if len(chunk) == MIN_CHARS:
                starts.setdefault(chunk, []).append(line)
    found = {real[i : i + MIN_CHARS] for i in word_starts(real)} & starts.keys()
    assert [str(ours[line].relative_to(ROOT)) for chunk in found for line in starts[chunk]] == []


def word_starts(text: str) -> list[int]:
    return [match.start() for match in re.finditer(r"\S+", text)]


def test_no_committed_file_holds_a_secret() -> None:
    this = Path(__file__)
    hits = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in committed(".")
        if path != this and path.suffix not in (".png", ".lock")
        for match in SECRETS.finditer(path.read_bytes().decode("latin-1"))
        if not path.is_relative_to(ROOT / "tests")
        and not path.is_relative_to(ROOT / "docs")
        and not path.is_relative_to(ROOT / "src")
    ]
    assert hits == []


def test_every_cassette_is_sorted_single_and_says_where_it_came_from() -> None:
    for path in committed("cassettes"):
        lines = [decode(raw) for raw in path.read_bytes().splitlines()]
        keys = [line.key for line in lines]
        assert keys == sorted(set(keys)), path
        assert all(peek_key(line.encode()) == line.key for line in lines)
        for line in lines:
            assert line.provenance["backend"] == path.parent.parent.name
            assert all(line.provenance[name] for name in ("surface", "model", "model_version", "sdk", "recorded"))
            assert line.headers == {"content-type": "application/json"}
            assert line.status == 200


def test_cassettes_of_the_embedded_backend_never_claim_to_be_gemini() -> None:
    for path in committed("cassettes/embedded"):
        for raw in path.read_bytes().splitlines():
            assert decode(raw).answer["modelVersion"].startswith("newsgauge-embedded-")
