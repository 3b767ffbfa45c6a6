"""The embedded tuned model: trains on the examples it is sent, by multinomial logistic regression and SGD.

A text is its TF-IDF row and, after it, the vector of what its words mean (`word_vectors`): the row tells apart what the
examples have words for, the vector knows words that no example has.

scikit-learn's `SGDClassifier` with log loss is fed batch by batch with ``partial_fit``, so that the number of
epochs, the batch size and the learning rate do what they say, and every step has a true loss. Deterministic:
the same examples in the same order give the same model, bit for bit.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .word_vectors import ONE, embed

#: The service's learning rates are for a network's weights; a step of this linear model is larger by this
#: factor, so that the service's usual 0.001 is a useful rate here too. Chosen on held-out training posts.
LEARNING_RATE_SCALE = 3_000.0
#: Length of a text's vector beside its TF-IDF row of length 1. With as much as the row the constant step is too large.
_VECTOR_SHARE = 0.5
MAX_EXAMPLES = 20_000
MAX_TEXT_CHARS = 200_000
MAX_OUTPUT_CHARS = 5_000
MAX_OUTPUTS = 200  # distinct ones: the model holds one row of weights for each


class TrainingError(ValueError):
    """The examples or hyperparameters cannot train a model; the message says why."""


@dataclass(frozen=True, slots=True)
class Example:
    """One input with the output the model should give."""

    text: str
    output: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Loss of one step: ``mean_loss`` is the cross-entropy in nats of its batch, before learning from it."""

    step: int
    epoch: int
    mean_loss: float


@dataclass(frozen=True)
class TunedModel:
    """A trained model: ``predict`` gives the most probable output and its natural-log probability."""

    vectorizer: Any
    classifier: Any
    snapshots: tuple[Snapshot, ...]

    @property
    def outputs(self) -> tuple[str, ...]:
        """The outputs it was trained on, in the order of the columns of `probabilities`."""
        return tuple(map(str, self.classifier.classes_))

    def probabilities(self, texts: list[str]) -> list[list[float]]:
        """One row per text, one column per output; each row sums to one."""
        import numpy as np

        scores = np.stack([self._scores(text) for text in texts])
        rows: list[list[float]] = _probabilities(scores, self.classifier.intercept_).tolist()
        return rows

    @cached_property
    def _weights(self) -> Any:
        # Features x outputs, row by row: so that a text takes the rows of its words and no others.
        import numpy as np

        return np.ascontiguousarray(self.classifier.coef_.T)

    @cached_property
    def _analyze(self) -> Callable[[str], list[str]]:
        analyze: Callable[[str], list[str]] = self.vectorizer.build_analyzer()
        return analyze

    def _scores(self, text: str) -> Any:
        """One number per output: the text's features, which are those of training, times their weights.

        TF-IDF as ``vectorizer.transform`` gives it, added up in the same order as SciPy's sparse product, without
        checks that cost more than the work.
        """
        import numpy as np

        vocabulary = self.vectorizer.vocabulary_
        found = Counter(vocabulary[word] for word in self._analyze(text) if word in vocabulary)
        columns = np.array(sorted(found), dtype=np.intp)
        counts = np.array([found[column] for column in columns.tolist()], dtype=np.float64)
        row = (np.log(counts) + 1.0) * self.vectorizer.idf_[columns]
        # Here and below one after the other: sums by a BLAS, by halves or compensated have other last bits elsewhere.
        length = math.sqrt(np.add.accumulate(np.append(0.0, row * row))[-1]) or 1.0
        vector = embed(text).astype(np.float64) * (_VECTOR_SHARE / ONE)
        features = np.concatenate([row / length, vector])
        used = np.concatenate([self._weights[columns], self._weights[len(vocabulary) :]])
        return np.add.accumulate(features[:, None] * used)[-1]

    def predict(self, text: str) -> tuple[str, float]:
        """The most probable of the trained outputs, and the natural logarithm of its probability."""
        row = self.probabilities([text])[0]
        best = row.index(max(row))
        return self.outputs[best], math.log(max(row[best], 1e-300))


def train(
    examples: list[Example],
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    on_step: Callable[[Snapshot], None] | None = None,
    validation: Sequence[Example] = (),
    on_epoch: Callable[[float], None] = lambda loss: None,
) -> TunedModel:
    """Fit a `TunedModel`. Raises `TrainingError` for no examples, an empty one, a single label or absurd
    settings.

    ``on_step`` is told each snapshot as it is made; what it raises ends the training. ``on_epoch`` is told the mean
    loss on ``validation``, if there is any, after each epoch.
    """
    _check(examples, epochs, batch_size, learning_rate)
    # scikit-learn takes a second to import: only a server that trains needs it.
    import numpy as np
    from sklearn import config_context
    from threadpoolctl import threadpool_limits

    # Steps are tiny. More threads only wait for each other, tenfold when other processes want the cores.
    # What goes into each step is what this module made, and need not be checked again.
    with threadpool_limits(limits=1), config_context(assume_finite=True, skip_parameter_validation=True):
        return _train(np, examples, epochs, batch_size, learning_rate, on_step, validation, on_epoch)


def _train(
    np: Any,
    examples: list[Example],
    epochs: int,
    batch_size: int,
    learning_rate: float,
    on_step: Callable[[Snapshot], None] | None,
    validation: Sequence[Example],
    on_epoch: Callable[[float], None],
) -> TunedModel:
    vectorizer = new_vectorizer()
    texts = [example.text for example in examples]
    try:
        matrix = _with_vectors(vectorizer.fit_transform(texts), texts)
    except ValueError as error:
        raise TrainingError(f"the examples hold no words to learn from: {error}") from None
    outputs = np.array([example.output for example in examples])
    classes = np.unique(outputs)
    targets = np.searchsorted(classes, outputs)
    classifier = new_classifier(learning_rate)
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
                batch = matrix[rows]
                probabilities = _probabilities(batch @ classifier.coef_.T, classifier.intercept_)
                picked = probabilities[np.arange(len(rows)), targets[rows]]
                loss = float(-np.log(np.maximum(picked, 1e-15)).mean())
            snapshots.append(Snapshot(step, epoch, loss))
            if on_step is not None:
                on_step(snapshots[-1])
            classifier.partial_fit(matrix[rows], outputs[rows], classes=classes)
        if validation:
            on_epoch(_loss_on(TunedModel(vectorizer, classifier, ()), validation))
    return TunedModel(vectorizer, classifier, tuple(snapshots))


def _loss_on(model: TunedModel, examples: Sequence[Example]) -> float:
    """The mean of -ln of what the model gives the right outputs; one that it was not trained on it gives nothing."""
    rows = model.probabilities([example.text for example in examples])
    given = [dict(zip(model.outputs, row, strict=True)) for row in rows]
    picked = [one.get(example.output, 0.0) for one, example in zip(given, examples, strict=True)]
    return sum(-math.log(max(probability, 1e-15)) for probability in picked) / len(picked)


def _with_vectors(rows: Any, texts: list[str]) -> Any:
    """TF-IDF rows with the texts' vectors to their right."""
    import numpy as np
    from scipy.sparse import csr_matrix, hstack

    # Whole numbers times a power of two: exact in floats. Sparse, so that no product goes through a BLAS.
    vectors = np.stack([embed(text) for text in texts]).astype(np.float64) * (_VECTOR_SHARE / ONE)
    return hstack([rows, csr_matrix(vectors)], format="csr")


def new_vectorizer() -> Any:
    """An unfitted vectorizer with the settings of every tuned model."""
    import numpy as np
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(sublinear_tf=True, stop_words="english", dtype=np.float64)


def new_classifier(learning_rate: float) -> Any:
    """An unfitted classifier with the settings of every tuned model."""
    from sklearn.linear_model import SGDClassifier

    return SGDClassifier(
        loss="log_loss",
        alpha=1e-5,
        learning_rate="constant",
        eta0=learning_rate * LEARNING_RATE_SCALE,
        shuffle=False,
        random_state=0,
    )


def _probabilities(scores: Any, intercept: Any) -> Any:
    """Rows x outputs: each output's own logistic probability, scaled to a sum of one, as SGDClassifier has
    it.

    If a wild learning rate makes every output impossible, all are equally likely; SGDClassifier divides 0
    by 0.
    """
    import numpy as np
    from scipy.special import expit

    likely = expit(scores + intercept)
    if likely.shape[1] == 1:
        return np.hstack([1 - likely, likely])
    sums = likely.sum(axis=1, keepdims=True)
    return np.where(sums > 0, likely / np.where(sums > 0, sums, 1), 1 / likely.shape[1])


def warm_up() -> None:
    """Import and load what answers and trainings need, a second or two, so that the first one does not wait for it."""
    embed("warm up")
    new_vectorizer()
    new_classifier(1.0)


def _check(examples: list[Example], epochs: int, batch_size: int, learning_rate: float) -> None:
    if not examples:
        raise TrainingError("no training examples")
    if len(examples) > MAX_EXAMPLES:
        raise TrainingError(f"{len(examples)} training examples; at most {MAX_EXAMPLES} are allowed")
    for number, example in enumerate(examples):
        if len(example.text) > MAX_TEXT_CHARS or len(example.output) > MAX_OUTPUT_CHARS:
            raise TrainingError(
                f"example {number}: textInput has {len(example.text)} and output {len(example.output)} "
                f"characters; at most {MAX_TEXT_CHARS} and {MAX_OUTPUT_CHARS} are allowed"
            )
        if not example.text.strip() or not example.output.strip():
            raise TrainingError(f"example {number}: textInput and output must not be empty")
    outputs = {example.output for example in examples}
    if len(outputs) > MAX_OUTPUTS:
        raise TrainingError(f"the examples have {len(outputs)} different outputs; at most {MAX_OUTPUTS} are allowed")
    if len(outputs) < 2:
        raise TrainingError(f"all {len(examples)} examples have the output {examples[0].output!r}; two are needed")
    if not 1 <= epochs <= 100:
        raise TrainingError(f"epochCount must be from 1 to 100, got {epochs}")
    if not 1 <= batch_size <= 10_000:
        raise TrainingError(f"batchSize must be from 1 to 10000, got {batch_size}")
    if not 0 < learning_rate <= 1:
        raise TrainingError(f"learningRate must be above 0 and at most 1, got {learning_rate}")
