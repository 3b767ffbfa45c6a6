"""The embedded tuned model: trains on the examples it is sent, TF-IDF into multinomial logistic regression by SGD.

scikit-learn's `SGDClassifier` with log loss is fed batch by batch with ``partial_fit``, so that the number of epochs, the
batch size and the learning rate do what they say, and every step has a true loss. Deterministic: the same examples
in the same order give the same model, bit for bit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

#: The service's learning rates are for a network's weights; a step of this linear model is larger by this factor, so
#: that the service's usual 0.001 is a useful rate here too. Chosen on held-out training posts.
LEARNING_RATE_SCALE = 3_000.0


class TrainingError(ValueError):
    """The examples or hyperparameters cannot train a model; the message says why."""


@dataclass(frozen=True, slots=True)
class Example:
    """One input with the output the model should give."""

    text: str
    output: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Loss of one step: ``mean_loss`` is the cross-entropy in nats of its batch, before the step learned from it."""

    step: int
    epoch: int
    mean_loss: float


@dataclass(frozen=True)
class TunedModel:
    """A trained model: ``predict`` gives the most probable output and its natural-log probability."""

    vectorizer: Any
    classifier: Any
    snapshots: tuple[Snapshot, ...]

    def predict(self, text: str) -> tuple[str, float]:
        """The most probable of the trained outputs, and the natural logarithm of its probability."""
        probabilities = self.classifier.predict_proba(self.vectorizer.transform([text]))[0]
        best = int(probabilities.argmax())
        return str(self.classifier.classes_[best]), math.log(max(float(probabilities[best]), 1e-300))


def train(examples: list[Example], *, epochs: int, batch_size: int, learning_rate: float) -> TunedModel:
    """Fit a `TunedModel`. Raises `TrainingError` for no examples, an empty one, a single label or absurd settings."""
    _check(examples, epochs, batch_size, learning_rate)
    import numpy as np  # scikit-learn takes a second to import: only a server that trains needs it
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import SGDClassifier

    vectorizer = TfidfVectorizer(sublinear_tf=True, stop_words="english", dtype=np.float64)
    try:
        matrix = vectorizer.fit_transform([example.text for example in examples])
    except ValueError as error:
        raise TrainingError(f"the examples hold no words to learn from: {error}") from None
    outputs = np.array([example.output for example in examples])
    classes = np.unique(outputs)
    targets = np.searchsorted(classes, outputs)
    classifier = SGDClassifier(
        loss="log_loss",
        alpha=1e-5,
        learning_rate="constant",
        eta0=learning_rate * LEARNING_RATE_SCALE,
        shuffle=False,
        random_state=0,
    )
    snapshots = []
    step = 0
    for epoch in range(1, epochs + 1):
        order = np.random.RandomState(epoch).permutation(len(examples))
        for start in range(0, len(examples), batch_size):
            rows = np.sort(order[start : start + batch_size])
            step += 1
            if step == 1:
                loss = math.log(len(classes))  # an untrained model holds all outputs for equally likely
            else:
                probabilities = classifier.predict_proba(matrix[rows])
                picked = probabilities[np.arange(len(rows)), targets[rows]]
                loss = float(-np.log(np.maximum(picked, 1e-15)).mean())
            snapshots.append(Snapshot(step, epoch, loss))
            classifier.partial_fit(matrix[rows], outputs[rows], classes=classes)
    return TunedModel(vectorizer, classifier, tuple(snapshots))


def _check(examples: list[Example], epochs: int, batch_size: int, learning_rate: float) -> None:
    if not examples:
        raise TrainingError("no training examples")
    for number, example in enumerate(examples):
        if not example.text.strip() or not example.output.strip():
            raise TrainingError(f"example {number}: textInput and output must not be empty")
    if len({example.output for example in examples}) < 2:
        raise TrainingError(f"all {len(examples)} examples have the output {examples[0].output!r}; two are needed")
    if not 1 <= epochs <= 100:
        raise TrainingError(f"epochCount must be from 1 to 100, got {epochs}")
    if not 1 <= batch_size <= 10_000:
        raise TrainingError(f"batchSize must be from 1 to 10000, got {batch_size}")
    if not 0 < learning_rate <= 1:
        raise TrainingError(f"learningRate must be above 0 and at most 1, got {learning_rate}")
