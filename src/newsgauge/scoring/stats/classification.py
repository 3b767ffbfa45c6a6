"""Confusion matrix, precision, recall, F1 and macro-F1. Pure; counts are data, no picture.

True and predicted labels enter, one pair a post. An answer that is none of the labels, and a post without a
usable answer, each have a column of their own: both cost the true class its recall and charge no other
class.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ...records import ERROR_LABEL

OFF_LIST_COLUMN = "(off-list)"
ERROR_COLUMN = ERROR_LABEL


@dataclass(frozen=True, slots=True)
class ConfusionMatrix:
    """Rows: true labels. Columns: the same labels, then off-list answers, then errors. Cells: posts."""

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The labels and the two extra columns, in the order of the cells."""
        return (*self.labels, OFF_LIST_COLUMN, ERROR_COLUMN)

    @property
    def n(self) -> int:
        """All posts."""
        return sum(map(sum, self.counts))

    @property
    def n_correct(self) -> int:
        """The diagonal."""
        return sum(row[i] for i, row in enumerate(self.counts))


@dataclass(frozen=True, slots=True)
class Confusion:
    """``n`` of the ``support`` posts of ``label`` were taken for ``answer``, another label."""

    label: str
    answer: str
    n: int
    support: int


def worst_confusions(matrix: ConfusionMatrix, at_most: int) -> tuple[Confusion, ...]:
    """The cells off the diagonal with the most posts, most first, then in the order of the labels.

    Answers that are no label and errors are left out: they are not one label taken for another.
    """
    cells = [
        Confusion(label, answer, count, sum(row))
        for label, row in zip(matrix.labels, matrix.counts, strict=True)
        for answer, count in zip(matrix.labels, row, strict=False)
        if count and answer != label
    ]
    return tuple(sorted(cells, key=lambda cell: -cell.n)[:at_most])


@dataclass(frozen=True, slots=True)
class ClassScore:
    """How one class fared.

    What cannot be computed is NaN, never 0: recall and F1 of a class without posts, precision of a class that
    was never predicted.
    """

    label: str
    support: int
    n_predicted: int
    n_correct: int

    @property
    def precision(self) -> float:
        """Correct answers over all answers that named this class."""
        return self.n_correct / self.n_predicted if self.n_predicted else math.nan

    @property
    def recall(self) -> float:
        """Correct answers over all posts of this class."""
        return self.n_correct / self.support if self.support else math.nan

    @property
    def f1(self) -> float:
        """Harmonic mean of the two, 2 correct / (support + predicted): 0 for a class never predicted."""
        return 2 * self.n_correct / (self.support + self.n_predicted) if self.support else math.nan


def confusion_matrix(truth: Sequence[str], predicted: Sequence[str | None], labels: Sequence[str]) -> ConfusionMatrix:
    """Count (true, predicted) pairs; ``labels`` gives the order and must hold every true label.

    A prediction of None, or the ``(error)`` of a `Prediction` without a text, goes to the error column; any
    other string outside ``labels`` to the off-list column.
    """
    index = {label: i for i, label in enumerate(labels)}
    if len(index) != len(labels):
        raise ValueError(f"expected each label once, got {list(labels)}")
    off_list, error = len(labels), len(labels) + 1
    counts = [[0] * (len(labels) + 2) for _ in labels]
    for true_label, answer in zip(truth, predicted, strict=True):
        if true_label not in index:
            raise ValueError(f"true label {true_label!r} is none of {list(labels)}")
        column = error if answer is None or answer == ERROR_LABEL else index.get(answer, off_list)
        counts[index[true_label]][column] += 1
    return ConfusionMatrix(labels=tuple(labels), counts=tuple(map(tuple, counts)))


def class_scores(matrix: ConfusionMatrix) -> tuple[ClassScore, ...]:
    """One score per class, in the order of the labels."""
    return tuple(
        ClassScore(
            label=label,
            support=sum(matrix.counts[i]),
            n_predicted=sum(row[i] for row in matrix.counts),
            n_correct=matrix.counts[i][i],
        )
        for i, label in enumerate(matrix.labels)
    )


def macro_f1(matrix: ConfusionMatrix) -> float:
    """The mean F1 over the classes, each with the same weight; NaN if a class has no post.

    scikit-learn's ``f1_score(average="macro", labels=labels, zero_division=0)`` wherever every class has a
    post.
    """
    scores = class_scores(matrix)
    return sum(score.f1 for score in scores) / len(scores) if scores else math.nan
