"""A project to start from: a table of texts and labels in, the texts of its files out. Writes nothing.

The files are the templates of this package with a few numbers filled in; their owner may change everything.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Literal

from .._util.files import attribute_line
from ..corpora.corpus import Corpus
from ..errors import CorpusError
from ..records import RawPost
from ..scoring.stats.power import fewest_posts_for_floor
from ..variants.variants_file import Tuning

Ci = Literal["github", "gitlab", "none"]
SAMPLE = "data/tickets.csv"
#: Posts per label, as in newsgauge's own runs, if the table has as many.
_POSTS_PER_CLASS = 10
#: The codelab's tuning took 50 steps: 2 epochs of 400 posts in batches of 16.
_STEPS = 50
_CI_FILES = {"github": ".github/workflows/evals.yml", "gitlab": ".gitlab-ci.yml"}


@dataclass(frozen=True, slots=True)
class Starter:
    """Files by path from the project's root, and the ini values that go into pytest's configuration."""

    files: dict[str, str]
    ini: dict[str, str]
    n_labels: int


def plan_starter(corpus: Corpus, *, named: str, shown: str, table: dict[str, str], ci: Ci) -> Starter:
    """The files for data at ``shown``, seen from the project, that is read by the options ``table``.

    Messages call it as it was ``named``.

    Raises `CorpusError` if it is too small to be asked about.
    """
    test = corpus.posts("test")
    try:
        train = corpus.posts("train")
    except CorpusError:
        train = ()  # told below, with numbers
    labels = sorted({post.label for post in test})
    posts_per_class, largest_share = _check_size(named, labels, test, train)
    usual = Tuning()
    n_training = sum(min(n, usual.posts_per_class) for n in Counter(post.label for post in train).values())
    epochs = max(usual.epochs, math.ceil(_STEPS / math.ceil(n_training / usual.batch_size)))
    filled = {
        "CORPUS": json.dumps(corpus.name),  # a JSON string is a TOML string, and a TOML key in quotes
        "PATH": json.dumps(shown),
        "TABLE": "".join(f"{name} = {json.dumps(value)}\n" for name, value in table.items()),
        "POSTS": json.dumps(posts_per_class) if posts_per_class.startswith("at") else posts_per_class,
        "LABELS": str(len(labels)),
        "CHANCE": f"{largest_share:.4g}",
        "EPOCHS": str(epochs),
        "TRAINING": str(n_training),
    }
    wanted = {
        "evals/variants.toml": "variants.toml",
        "evals/gates.toml": "gates.toml",
        "evals/test_labels.py": "test_labels.py.txt",
        "evals/test_gates.py": "test_gates.py.txt",
        "cassettes/PLANS.toml": "PLANS.toml",
    }
    if ci != "none":
        wanted[_CI_FILES[ci]] = f"{ci}.yml"
    if ci == "github":
        wanted[".github/workflows/nightly.yml"] = "nightly.yml"
    ini = {
        "newsgauge_corpus": shown,
        **{f"newsgauge_{name}": value for name, value in table.items()},
        "newsgauge_posts_per_class": posts_per_class,
    }
    return Starter({path: _fill(name, filled) for path, name in wanted.items()}, ini, len(labels))


def sample_table() -> AbstractContextManager[Path]:
    """A file for the duration of the block: 80 made-up support tickets, twenty for each of four labels."""
    return as_file(files("newsgauge.cli") / "templates" / "tickets.csv")


def ignored_files() -> str:
    """The text of .gitignore."""
    return _template("gitignore.txt")


def attribute_lines(corpus: str, *, is_folder: bool) -> str:
    """What .gitattributes needs: recordings and texts are compared byte by byte, so no checkout may change them."""
    inside = [] if corpus.startswith("../") or corpus.startswith("/") else [f"{corpus}/**" if is_folder else corpus]
    about = "# Compared byte by byte: a checkout must not change line endings, whatever core.autocrlf says.\n"
    union = "# Lines that two branches add to a baseline are both kept; see also: newsgauge baseline merge --help\n"
    exact = "".join(f"{attribute_line(path)}\n" for path in ("cassettes/**", "evals/**", *inside))
    return f"{about}{exact}{union}evals/baselines/** merge=union\n"


def ini_lines(ini: dict[str, str], *, toml: bool) -> str:
    """The values for pytest's configuration: as TOML under ``[tool.pytest]``, else as an ini file's lines."""
    return "".join(f"{name} = {json.dumps(value) if toml else value}\n" for name, value in ini.items())


def _check_size(
    named: str, labels: list[str], test: tuple[RawPost, ...], train: tuple[RawPost, ...]
) -> tuple[str, float]:
    """How many test posts of each label a run asks, and the largest share of a label in them. Raises `CorpusError`."""
    if len(labels) < 2:
        raise CorpusError(f"{named}: expected two labels or more, got {', '.join(map(repr, labels))}")
    n_train = Counter(post.label for post in train)
    n_test = Counter(label for label, _ in {(post.label, _conversation(post)) for post in test})
    # Two of each label, and enough in all to distinguish right answers from lucky ones.
    needed = max(2, math.ceil(fewest_posts_for_floor(1 / len(labels)) / len(labels)))
    small = [label for label in labels if n_test[label] < needed or n_train[label] < 2]
    if small:
        counted = "; ".join(f"{label!r} has {n_train[label]} and {n_test[label]}" for label in small[:5])
        more = f"; and {len(small) - 5} more labels" if len(small) > 5 else ""
        raise CorpusError(
            f"{named}: too few rows: expected 2 to train on and {needed} to test with of each of the {len(labels)} "
            f"labels, and {counted}{more}. Add rows, join labels, or name another column: --columns label=COLUMN"
        )
    drawn = [min(_POSTS_PER_CLASS, n) for n in n_test.values()]
    amount = str(drawn[0]) if len(set(drawn)) == 1 else f"at-most:{_POSTS_PER_CLASS}"
    return amount, max(drawn) / sum(drawn)


def _conversation(post: RawPost) -> str:
    return post.thread or f"\0{post.number}"  # what a draw takes one post of


def _fill(name: str, values: dict[str, str]) -> str:
    text = _template(name)
    for key, value in values.items():
        text = text.replace(f"@@{key}@@", value)
    return text


def _template(name: str) -> str:
    return (files("newsgauge.cli") / "templates" / name).read_text("utf-8")
