import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from newsgauge.records import ERROR_LABEL
from newsgauge.scoring.stats.classification import (
    class_scores,
    confusion_matrix,
    macro_f1,
)

LABELS = ["rec.autos", "sci.med", "sci.space"]
answers = st.sampled_from([*LABELS, "rec.autos.misc", ERROR_LABEL])
samples = st.lists(st.tuples(st.sampled_from(LABELS), answers), min_size=1, max_size=60)


def _sample(n_a_class: int, accuracy: float, seed: int) -> tuple[list[str], list[str]]:
    rng = random.Random(seed)
    truth = [label for label in LABELS for _ in range(n_a_class)]
    return truth, [label if rng.random() < accuracy else rng.choice([*LABELS, "else"]) for label in truth]


def test_a_matrix_by_hand() -> None:
    matrix = confusion_matrix(["a", "a", "a", "b", "b", "b"], ["a", "b", "a.misc", None, "b", ERROR_LABEL], ["a", "b"])
    assert matrix.columns == ("a", "b", "(off-list)", "(error)")
    assert matrix.counts == ((1, 1, 1, 0), (0, 1, 0, 2))
    assert (matrix.n, matrix.n_correct) == (6, 2)
    a, b = class_scores(matrix)
    assert (a.precision, a.recall, a.f1) == pytest.approx((1.0, 1 / 3, 1 / 2))
    assert (b.precision, b.recall, b.f1) == pytest.approx((1 / 2, 1 / 3, 2 / 5))
    assert macro_f1(matrix) == pytest.approx(0.45)


@given(samples)
def test_the_matrix_equals_that_of_scikit_learn(sample: list[tuple[str, str]]) -> None:
    truth, predicted = [t for t, _ in sample], [p for _, p in sample]
    expected = metrics.confusion_matrix(truth, predicted, labels=[*LABELS, "rec.autos.misc", ERROR_LABEL])
    matrix = confusion_matrix(truth, predicted, LABELS)
    assert np.array_equal(np.array(matrix.counts), expected[: len(LABELS)])
    assert matrix.n_correct == metrics.accuracy_score(truth, predicted, normalize=False)


@given(samples)
def test_class_scores_equal_those_of_scikit_learn(sample: list[tuple[str, str]]) -> None:
    truth, predicted = [t for t, _ in sample], [p for _, p in sample]
    precision, recall, _, support = metrics.precision_recall_fscore_support(
        truth, predicted, labels=LABELS, zero_division=np.nan
    )
    f1 = metrics.f1_score(truth, predicted, labels=LABELS, average=None, zero_division=0)
    scores = class_scores(confusion_matrix(truth, predicted, LABELS))
    assert [s.precision for s in scores] == pytest.approx(precision, nan_ok=True)
    assert [s.recall for s in scores] == pytest.approx(recall, nan_ok=True)
    assert [s.support for s in scores] == list(support)
    for score, expected in zip(scores, f1, strict=True):
        assert score.f1 == pytest.approx(expected) if score.support else math.isnan(score.f1)


@given(samples)
def test_macro_f1_equals_that_of_scikit_learn_where_every_class_has_a_post(
    sample: list[tuple[str, str]],
) -> None:
    truth, predicted = [t for t, _ in sample], [p for _, p in sample]
    score = macro_f1(confusion_matrix(truth, predicted, LABELS))
    if set(truth) == set(LABELS):
        expected = metrics.f1_score(truth, predicted, labels=LABELS, average="macro", zero_division=0)
        assert score == pytest.approx(expected)
    else:
        assert math.isnan(score)


def test_a_class_that_is_never_predicted_has_f1_0_and_no_precision() -> None:
    _, b = class_scores(confusion_matrix(["a", "b"], ["a", "a"], ["a", "b"]))
    assert b.f1 == 0
    assert math.isnan(b.precision)


def test_an_error_charges_no_other_class() -> None:
    clean = confusion_matrix(["a", "b", "b"], ["a", "b", "b"], ["a", "b"])
    broken = confusion_matrix(["a", "b", "b"], ["a", "b", None], ["a", "b"])
    assert class_scores(clean)[0] == class_scores(broken)[0]


def test_unknown_true_labels_doubled_labels_and_uneven_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="true label 'c' is none of"):
        confusion_matrix(["c"], ["a"], ["a"])
    with pytest.raises(ValueError, match="each label once"):
        confusion_matrix(["a"], ["a"], ["a", "a"])
    with pytest.raises(ValueError, match="shorter"):
        confusion_matrix(["a", "a"], ["a"], ["a"])
