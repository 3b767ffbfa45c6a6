"""What is committed: no text of the real 20 Newsgroups, no secrets, cassettes in order and for a plan.

Of messages: none calls a text a post, as in most projects it is none.
"""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from newsgauge._util.pytest_ini import Folders
from newsgauge._util.secrets import find_secrets
from newsgauge.cassettes.audit import MIN_CHARS, audit_file, find_orphans, find_quotations, strings_of
from newsgauge.corpora.twenty_newsgroups import has_twenty_newsgroups
from newsgauge.running.plans_file import load_plans, wanted_keys

ROOT = Path(__file__).resolve().parents[1]
CASSETTES = sorted((ROOT / "cassettes").glob("*/*/*.jsonl"))


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


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def texts(path: Path) -> list[str]:
    """The text of a file; of a cassette also every string in it, where an answer could hide a passage."""
    text = path.read_bytes().decode("latin-1")
    lines = text.splitlines() if path.suffix == ".jsonl" else []
    return [text, *(string for raw in lines for string in strings_of(json.loads(raw)))]


@pytest.mark.slow
def test_no_committed_line_occurs_in_the_real_corpus() -> None:
    if not has_twenty_newsgroups():
        pytest.skip(f"20 Newsgroups is not here (SCIKIT_LEARN_DATA={os.environ.get('SCIKIT_LEARN_DATA')})")
    from sklearn.datasets import fetch_20newsgroups

    real = "\n".join(fetch_20newsgroups(subset="all", shuffle=False, download_if_missing=False).data)
    ours = {shown(path): texts(path) for path in committed("cassettes", "fixtures")}
    assert find_quotations(ours, real) == {}
    real_lines = {line.strip() for line in real.splitlines()}
    whole = {
        place
        for place, found in ours.items()
        for text in found
        for line in text.splitlines()
        if len(line.strip()) > MIN_CHARS and line.strip() in real_lines
    }
    assert whole == set()


def test_no_committed_file_holds_a_secret() -> None:
    # Code, tests and docs name what a secret looks like.
    elsewhere = [path for path in committed(".") if shown(path).split("/")[0] not in ("src", "tests", "docs")]
    found = {shown(path): find_secrets(path.read_bytes().decode("latin-1"), environ={}) for path in elsewhere}
    assert {place: kinds for place, kinds in found.items() if kinds} == {}


def test_there_is_nothing_but_cassettes_in_the_folder() -> None:
    assert CASSETTES
    assert set(committed("cassettes")) == {*CASSETTES, ROOT / "cassettes" / "PLANS.toml"}


@pytest.mark.parametrize("path", CASSETTES, ids=shown)
def test_a_committed_cassette_is_whole_sorted_single_and_says_where_it_came_from(path: Path) -> None:
    assert [str(finding) for finding in audit_file(path, shown=shown(path))] == []


def test_every_committed_line_is_asked_for_by_a_committed_plan() -> None:
    wanted, unknown = wanted_keys(load_plans(Folders(ROOT)))
    for path in CASSETTES:
        name = shown(path).removeprefix("cassettes/")
        if name.rpartition("/")[0] not in unknown:
            assert [str(finding) for finding in find_orphans(path, wanted.get(name), shown=name)] == []


def test_every_case_of_a_committed_plan_is_recorded() -> None:
    wanted, _ = wanted_keys(load_plans(Folders(ROOT)))
    for name, keys in wanted.items():
        recorded = {json.loads(raw)["key"] for raw in (ROOT / "cassettes" / name).read_bytes().splitlines()}
        assert sorted(keys - recorded) == [], name


#: What is called so outside of messages: the corpus itself, its header, and how recordings mark a place.
NO_MESSAGE = ("20 Newsgroups", " of the post]", " of the post\\]", "quotes the post]", '"posts": [')


def test_no_message_calls_a_text_a_post_or_speaks_of_newsgroups() -> None:
    """Where the plan is known a message has its unit in this place, such as ticket; elsewhere it says text."""
    found = []
    for path in (ROOT / "src/newsgauge").rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone:
                said = re.sub(r"--[a-z-]+|\{post\}|20newsgroups|characters \(", "", node.value)
                is_message = " " in said.strip() and not any(words in node.value for words in NO_MESSAGE)
                if is_message and re.search(r"\b(?:posts?|newsgroups?)\b", said, re.IGNORECASE):
                    found.append(f"{shown(path)}:{node.lineno}: {node.value!r}")
    assert not found
