"""The options that say what a model is tuned on: a command line in, a corpus and a `TrainingSet` out."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

from ..._util.option_values import above_0, positive
from ..._util.pytest_ini import read_ini
from ...corpora import corpus
from ...corpora.corpus import Corpus
from ...corpora.preprocessing import PREPROCESSING
from ...errors import UsageError
from ...planning.training_set import TrainingSet, TrainPosts
from ...running.run_config import preprocessor
from ...running.run_options import TABLE_OPTIONS, usual_classes
from ...variants.variants_file import Tuning, load_variants, one_variant

VARIANTS = Path("evals") / "variants.toml"
BUNDLED = Path("fixtures") / "bundled"
#: The options that ``classify`` and ``tune`` share: which texts, which variant, and whom to ask.
SAME = ("backend", "base_url", "corpus", *TABLE_OPTIONS, "classes", "preprocessing", "variant")


def add_corpus_options(parser: argparse.ArgumentParser) -> None:
    """The options of pytest evals that choose posts, under the same names."""
    parser.add_argument("--corpus", metavar="NAME", help="as in pytest evals (default: the same as there)")
    parser.add_argument("--columns", metavar="NAME=COLUMN,..", help="as in pytest evals")
    parser.add_argument("--encoding", metavar="NAME", help="as in pytest evals")
    parser.add_argument("--delimiter", metavar="WORD", help="as in pytest evals")
    parser.add_argument("--classes", metavar="REGEX", help="labels to keep (default: as in pytest evals)")
    parser.add_argument("--preprocessing", choices=tuple(PREPROCESSING), default="clean", help="(default: %(default)s)")
    parser.add_argument("--variant", default="tuned", metavar="NAME", help="variant of variants.toml (default: tuned)")


def add_tuning_options(parser: argparse.ArgumentParser) -> None:
    """The options that override a setting of the variant."""
    parser.add_argument("--posts-per-class", type=positive, metavar="N", help="train texts per label, at most")
    parser.add_argument("--epochs", type=positive, metavar="N", help="passes over the training texts")
    parser.add_argument("--batch-size", type=positive, metavar="N", help="texts per step (embedded)")
    parser.add_argument("--learning-rate", type=above_0("a number"), metavar="X", help="step size (embedded)")
    parser.add_argument(
        "--learning-rate-multiplier",
        type=above_0("a number"),
        metavar="X",
        help="factor on the service's own learning rate",
    )
    parser.add_argument("--adapter-size", type=positive, metavar="N", help="1, 2, 4, 8, 16 or 32 (vertex)")
    parser.add_argument("--base-model", metavar="MODEL", help="model to tune")


def load_corpus(options: argparse.Namespace) -> Corpus:
    """The corpus of ``--corpus``; without it that of the project. Raises `UsageError`."""
    given = {name: getattr(options, name) for name in ("corpus", *TABLE_OPTIONS)}
    if options.corpus is None:
        ini = read_ini(Path())
        given = {name: value or ini.get(f"newsgauge_{name}") for name, value in given.items()}
    return corpus.find_corpus(given.pop("corpus") or corpus.BUNDLED, bundled=BUNDLED, **given)


def tuning_of_variant(name: str) -> Tuning:
    """The settings of a variant of evals/variants.toml; the usual ones if there is no such file."""
    if not VARIANTS.is_file():
        return Tuning()
    tuning = one_variant(load_variants(VARIANTS), name).tuning
    if tuning is None:
        raise UsageError(f"--variant: {name!r} of {VARIANTS} asks a model that is not tuned")
    return tuning


def make_training(options: argparse.Namespace, corpus: Corpus) -> tuple[TrainingSet, bool]:
    """The training set, and whether it is the one that the suite's variant asks for. Raises `UsageError`."""
    of_variant = tuning_of_variant(options.variant)
    rate = options.learning_rate
    if options.learning_rate_multiplier is not None and options.backend == "embedded":
        if rate is not None:
            raise UsageError("--learning-rate and --learning-rate-multiplier: expected one of them, got both")
        rate = 0.001 * options.learning_rate_multiplier
    given = {
        "posts_per_class": options.posts_per_class,
        "epochs": options.epochs,
        "batch_size": options.batch_size,
        "learning_rate": rate,
    }
    changed = {name: value for name, value in given.items() if value is not None}
    tuning = dataclasses.replace(of_variant, **changed)
    return train_posts(options, corpus).training_set(tuning), tuning == of_variant


def train_posts(options: argparse.Namespace, corpus: Corpus, labels: tuple[str, ...] = ()) -> TrainPosts:
    """The posts to learn from: the train posts of the options' classes."""
    return TrainPosts(corpus, classes_of(options, corpus), labels, preprocessor(corpus, options.preprocessing))


def classes_of(options: argparse.Namespace, corpus: Corpus) -> str:
    """``--classes``, else the labels that a run keeps of this corpus."""
    return str(options.classes) if options.classes is not None else usual_classes(corpus.name)
