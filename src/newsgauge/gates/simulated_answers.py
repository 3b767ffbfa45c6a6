"""Answers of a run that might be: those of the baseline but for flips, and with some accuracy lost. Pure.

Answers are columns of a confusion matrix: a label, off the list, or an error. Of each post the chance of a right
answer has a beta distribution with the variance that the flip rate leaves between posts, given what the baseline's
answers to it were. So as many right answers are lost as wrong ones gained, posts that were right each time flip less
often than those that were not, and one answer on either side flips as often as said.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def answered(
    rng: np.random.Generator,
    before: Any,
    truth: Any,
    *,
    times: int,
    n_labels: int,
    rate: float,
    flip_rate: float,
    drop: float,
) -> Any:
    """What each post of each run is answered, ``times`` times: an array of runs by posts by repeats.

    ``before``: the baseline's answers to these posts, of the same shape but for its repeats; ``truth``: the label of
    each post; ``rate``: the accuracy of the baseline, that of an unchanged model. An accuracy so near to 1 that answers
    cannot flip that often is taken for the nearest that allows it; a variant that is never right stays so. A drop loses
    posts altogether.
    """
    n_before = before.shape[2]
    n_right = (before == truth[:, None]).sum(axis=2)
    within = min(flip_rate / 2, 0.25)
    ends = math.sqrt(0.25 - within)
    mean = min(max(rate, 0.5 - ends), 0.5 + ends)
    size = within / max(mean * (1 - mean) - within, 1e-9)  # of the beta distribution: the sum of its parameters
    right, wrong = mean * size + n_right, (1 - mean) * size + n_before - n_right
    chance = right / (right + wrong)
    if times > 1:
        chance = rng.beta(np.maximum(right, 1e-9), np.maximum(wrong, 1e-9))
    if rate == 0:
        chance = np.zeros_like(chance)
    elif drop:
        chance = chance * (rng.random(chance.shape, dtype=np.float32) >= min(1.0, drop / rate))
    shape = (*chance.shape, times)
    is_right = rng.random(shape, dtype=np.float32) < chance[:, :, None]
    return np.where(is_right, truth[:, None], _wrong(rng, before, truth, shape, n_labels))


def _wrong(rng: np.random.Generator, before: Any, truth: Any, shape: tuple[int, ...], n_labels: int) -> Any:
    """A wrong answer that the baseline has to the post; where it has none, another label."""
    runs_and_posts = before.shape[:2]
    another = np.full(runs_and_posts, n_labels, dtype=np.int16)  # of one label only: off the list
    if n_labels > 1:
        another = (truth + rng.integers(1, n_labels, runs_and_posts, dtype=np.int16)) % n_labels
    is_wrong = before != truth[:, None]
    first = np.take_along_axis(before, is_wrong.argmax(axis=2)[:, :, None], axis=2)
    usual = np.where(is_wrong.any(axis=2)[:, :, None], first, another[:, :, None])
    if before.shape[2] == 1:
        return usual
    drawn = np.take_along_axis(before, rng.integers(before.shape[2], size=shape), axis=2)
    return np.where(drawn != truth[:, None], drawn, usual)
