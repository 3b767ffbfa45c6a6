"""From training posts to a tuned model's name: the training set, its digest, and the job that trains on it.

The model's name holds the digest of examples, base model and settings: another training set is another model, and a
cassette recorded with the old one is stale by its path.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from .corpus import Corpus
from .errors import BackendError, CorpusError
from .records import Post, RawPost
from .sampling import draw, rank
from .threads import thread_key
from .variants import Tuning

BASE_MODEL = "models/gemini-3.5-flash-lite-tuning"
_WAIT_S = 300.0


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """Examples in the order they are trained on, with the settings."""

    examples: tuple[Post, ...]
    tuning: Tuning

    @property
    def digest(self) -> str:
        """First 12 hex digits of a SHA-256 over texts, labels, base model and settings."""
        value = [BASE_MODEL, asdict(self.tuning), [[post.text, post.label] for post in self.examples]]
        return hashlib.sha256(json.dumps(value, sort_keys=True).encode("ascii")).hexdigest()[:12]

    @property
    def model(self) -> str:
        """``tunedModels/newsgauge-<digest>``, as the Developer API names tuned models."""
        return f"tunedModels/newsgauge-{self.digest}"


def make_training_set(
    corpus: Corpus, tuning: Tuning, *, classes: str, labels: tuple[str, ...], preprocess: Callable[[str], str]
) -> TrainingSet:
    """Draw at most ``tuning.posts_per_class`` train posts of each class that matches, in a seeded mixed order.

    A train post whose text is a test post's too is left out, and another drawn for it. Raises `CorpusError` where a
    label that is asked about (``labels``) has no train post: a model tuned on this could never name it.
    """
    pool: list[RawPost] = list(corpus.posts("train"))
    absent = sorted(set(labels) - {post.label for post in pool})
    if absent:
        raise CorpusError(
            f"corpus {corpus.name}: {', '.join(absent)} has test posts but no train posts: no tuned model can name it. "
            "Add some, leave the label out with --classes, or the tuned variant with --variants"
        )
    while True:
        drawn = draw(
            pool,
            classes=classes,
            posts_per_class=tuning.posts_per_class,
            seed=tuning.seed,
            allow_threads=True,
            what=f"{corpus.name} train",
            at_most=True,
        )
        texts = {post.id: preprocess(post.raw) for post in drawn}
        doubles = _also_in_test(texts, drawn, corpus, preprocess)
        if not doubles:
            break
        pool = [post for post in pool if post.id not in doubles]
    drawn.sort(key=lambda post: rank(post.id, tuning.seed))  # batches must mix the labels
    return TrainingSet(tuple(Post(raw.id, raw.label, texts[raw.id]) for raw in drawn), tuning)


def _also_in_test(
    texts: dict[str, str], drawn: list[RawPost], corpus: Corpus, preprocess: Callable[[str], str]
) -> set[str]:
    """Ids of drawn posts whose text is a test post's. Equal texts have equal subjects: only those are compared."""
    threads = {post.thread or thread_key(post.raw) for post in drawn}
    test = {preprocess(post.raw) for post in corpus.posts("test") if (post.thread or thread_key(post.raw)) in threads}
    return {post_id for post_id, text in texts.items() if text in test}


def ensure_tuned(base_url: str, training: TrainingSet) -> None:
    """Have the embedded backend hold this tuned model: train it unless it is there, and wait until it is.

    Plain HTTP, in the shape of google-genai 1.x: later SDKs drop inline examples without a word.
    Raises `BackendError` where training fails or takes longer than five minutes.
    """
    import httpx2

    with httpx2.Client(base_url=f"{base_url}/v1beta/", timeout=120.0) as client:
        state = _state(client, training.model)
        if state is None:
            _check(
                client.post(
                    "tunedModels",
                    params={"tunedModelId": training.model.partition("/")[2]},
                    json=_job(training),
                )
            )
        deadline = time.monotonic() + _WAIT_S
        while (state := _state(client, training.model)) != "ACTIVE":
            if time.monotonic() > deadline:
                raise BackendError(f"{training.model}: still {state} after {_WAIT_S:.0f} s")
            time.sleep(0.05)


def _job(training: TrainingSet) -> dict[str, Any]:
    return {
        "baseModel": BASE_MODEL,
        "displayName": "newsgroup classification",
        "tuningTask": {
            "hyperparameters": {
                "epochCount": training.tuning.epochs,
                "batchSize": training.tuning.batch_size,
                "learningRate": training.tuning.learning_rate,
            },
            "trainingData": {
                "examples": {"examples": [{"textInput": post.text, "output": post.label} for post in training.examples]}
            },
        },
    }


def _state(client: Any, model: str) -> str | None:
    response = client.get(model)
    if response.status_code == 404:
        return None
    body = _check(response)
    if body["state"] == "FAILED":
        raise BackendError(f"{model}: training failed: {body.get('error', {}).get('message', 'no reason given')}")
    return str(body["state"])


def _check(response: Any) -> dict[str, Any]:
    if response.status_code != 200:
        raise BackendError(f"tuning: {response.status_code} {response.text[:300]}")
    body: dict[str, Any] = response.json()
    return body
