"""Training posts with a hash: corpus and settings in, the examples that a model is tuned on out. Pure.

The model's name holds the hash of examples, base model and settings: another training set is another model, and a
cassette recorded with the old one is stale by its path.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

from ..corpora.corpus import Corpus
from ..errors import CorpusError
from ..records import Post, RawPost
from ..variants.variants_file import Tuning
from .sampling import draw, rank

BASE_MODEL = "models/gemini-3.5-flash-lite-tuning"
#: The model that is tuned, as it is called elsewhere: Vertex tunes it, and it counts tokens as what was tuned does.
PLAIN_BASE_MODEL = "gemini-3.5-flash-lite"


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """Examples in the order they are trained on, with the settings."""

    examples: tuple[Post, ...]
    tuning: Tuning
    #: What the service measures its checkpoints on; none of them is an example.
    validation: tuple[Post, ...] = ()

    @property
    def digest(self) -> str:
        """First 12 hex digits of a SHA-256 over texts, labels, base model and settings."""
        # How the examples were drawn does not matter, only the examples. Validation posts are not learnt from.
        unasked = ("share_threads", "validation_posts_per_class")
        settings = {name: value for name, value in asdict(self.tuning).items() if name not in unasked}
        value = [BASE_MODEL, settings, [[post.text, post.label] for post in self.examples]]
        return hashlib.sha256(json.dumps(value, sort_keys=True).encode("ascii")).hexdigest()[:12]

    @property
    def model(self) -> str:
        """``tunedModels/newsgauge-<digest>``, as the Developer API names tuned models."""
        return f"tunedModels/newsgauge-{self.digest}"

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that the model can answer."""
        return tuple(sorted({post.label for post in self.examples}))

    @property
    def tokens(self) -> int:
        """About how many tokens an epoch reads: four characters each, as a rule of thumb."""
        return sum(len(post.text) + len(post.label) for post in self.examples) // 4


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is tuned and how, beyond `Tuning`: the settings that only Enterprise/Vertex has."""

    base_model: str = BASE_MODEL
    learning_rate_multiplier: float | None = None
    adapter_size: int | None = None


def job_tag(training: TrainingSet, recipe: Recipe) -> str:
    """``newsgauge-<digest>``: equal tags mean equal examples, base model and settings."""
    if recipe == Recipe() and not training.validation:
        return f"newsgauge-{training.digest}"
    validation = [[post.text, post.label] for post in training.validation]
    value = json.dumps([training.digest, asdict(recipe), *([validation] if validation else [])], sort_keys=True)
    return f"newsgauge-{hashlib.sha256(value.encode('ascii')).hexdigest()[:12]}"


@dataclass(frozen=True, slots=True)
class TrainPosts:
    """The train posts that variants of one plan learn from: of the classes that match, as preprocessed texts.

    ``labels``: those that are asked about, each of which must have a train post.
    """

    corpus: Corpus
    classes: str
    labels: tuple[str, ...]
    preprocess: Callable[[str], str]

    def training_set(self, tuning: Tuning) -> TrainingSet:
        """The training set of a model. Raises `CorpusError`."""
        examples = self.draw(tuning.posts_per_class, tuning.seed, share_threads=tuning.share_threads)
        if not tuning.validation_posts_per_class:
            return TrainingSet(examples, tuning)
        texts = {post.text for post in examples}
        n = tuning.posts_per_class + tuning.validation_posts_per_class
        more = self.draw(n, tuning.seed, share_threads=tuning.share_threads)
        validation = tuple(post for post in more if post.text not in texts)
        if not validation:
            raise CorpusError(
                f"corpus {self.corpus.name}: all train texts are examples, and none is left for "
                "'validation_posts_per_class'; lower 'posts_per_class'"
            )
        return TrainingSet(examples, tuning, validation)

    def draw(self, posts_per_class: int, seed: int, *, share_threads: bool = False) -> tuple[Post, ...]:
        """Draw at most ``posts_per_class`` posts of each class, in a seeded mixed order.

        A train post whose text is a test post's too is left out, and another drawn for it; without ``share_threads``
        so is every post of a thread that has test posts. Raises `CorpusError` if a label that is asked about has no
        train post: what is made from these could never name it.
        """
        pool: list[RawPost] = list(self.corpus.posts("train"))
        if not share_threads:
            of_test = {post.thread for post in self.corpus.posts("test")} - {None}
            pool = [post for post in pool if post.thread not in of_test]
        absent = sorted(set(self.labels) - {post.label for post in pool})
        if absent:
            apart = "" if share_threads else " of threads without test texts"
            raise CorpusError(
                f"corpus {self.corpus.name}: {', '.join(absent)} has test texts but no train texts{apart} to learn it "
                "from. Add some, leave the label out with --classes, or the variants that learn (tuning, estimator, "
                f"examples) with --variants{'' if share_threads else '; tuning.share_threads = true uses them all'}"
            )
        while True:
            drawn = draw(
                pool,
                classes=self.classes,
                posts_per_class=posts_per_class,
                seed=seed,
                allow_threads=True,
                what=f"{self.corpus.name} train",
                sample="at-most",
            )
            texts = {post.id: self.preprocess(post.raw) for post in drawn}
            duplicates = self._also_in_test(texts, drawn)
            if not duplicates:
                break
            pool = [post for post in pool if post.id not in duplicates]
        drawn.sort(key=lambda post: rank(post.id, seed))  # batches must mix the labels
        return tuple(Post(raw.id, raw.label, texts[raw.id], raw.thread) for raw in drawn)

    def _also_in_test(self, texts: dict[str, str], drawn: list[RawPost]) -> set[str]:
        """Ids of drawn posts whose text is a test post's. Equal texts have equal subjects: only those are compared."""
        threads = {post.thread for post in drawn}
        test = {self.preprocess(post.raw) for post in self.corpus.posts("test") if post.thread in threads}
        return {post_id for post_id, text in texts.items() if text in test}


def to_jsonl(posts: Iterable[Post]) -> bytes:
    """Posts as Enterprise/Vertex reads them: one conversation per line, a user's turn and the model's answer."""
    lines = [
        {
            "contents": [
                {"role": "user", "parts": [{"text": post.text}]},
                {"role": "model", "parts": [{"text": post.label}]},
            ]
        }
        for post in posts
    ]
    return b"".join(json.dumps(line).encode("ascii") + b"\n" for line in lines)
