"""Labels with their descriptions and examples in, a score of each label for a text out.

A score is a logit: the softmax of the scores gives the model's probabilities. Exact integers up to the
cosines, so that the same question has the same scores on every machine.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .word_vectors import cosine, embed, embed_weighted, token_counts, unit

# Chosen on real posts of eight and twenty newsgroups, the bundled corpus and descriptions of Debian packages.
_NAME_WEIGHT = 15.0
_EXAMPLE_WEIGHT = 4.5
_EXAMPLE_WEIGHT_DESCRIBED = 3.0  # a description already says much of what examples say
_PARAGRAPH_SHARE = 0.3
_SHARPNESS = 1.25
_DOUBT_PER_EXAMPLE = 0.2  # cosines to examples are larger than those to names: the same spread of scores is less sure
_NO_WORDS = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class LabelScores:
    """What a prompt says of its labels: ``descriptions`` of some or all, ``examples`` as (text, label)."""

    labels: tuple[str, ...]
    descriptions: Mapping[str, str]
    examples: Sequence[tuple[str, str]] = ()

    def scores(self, text: str, paragraphs: Sequence[str] = ()) -> list[float]:
        """The logit of each label, in their order.

        ``paragraphs`` are read once more, each by itself: a label gets a share of what the best of them gives it.
        """
        vector = embed(text)
        closeness = cosine(self._label_vectors, vector)
        if paragraphs:
            best = cosine(self._label_vectors, embed(paragraphs[0]))
            for paragraph in paragraphs[1:]:
                best = best.clip(min=cosine(self._label_vectors, embed(paragraph)))
            closeness = (closeness + _PARAGRAPH_SHARE * best) / (1 + _PARAGRAPH_SHARE)
        logits = _NAME_WEIGHT * closeness
        if self._example_vectors is not None:
            directions, total, count, weight = self._example_vectors
            logits = logits + weight * cosine(directions, unit(vector * count - total))
        return [float(logit) * self._sharpness for logit in logits]

    @cached_property
    def _examples_per_label(self) -> float:
        return len(self.examples) / len(self.labels)

    @cached_property
    def _sharpness(self) -> float:
        return _SHARPNESS / (1 + _DOUBT_PER_EXAMPLE * math.sqrt(self._examples_per_label))

    @cached_property
    def _label_vectors(self) -> Any:
        import numpy as np

        texts = [describe(label, self.descriptions.get(label, "")) for label in self.labels]
        # "sci" and "rec" occur in many names and say little: the fewer labels have a token, the more it counts.
        having = Counter(token for text in texts for token in token_counts(text) | token_counts(text.lower()))
        factors = {token: math.log(1 + len(texts) / count) for token, count in having.items()}
        return np.stack([embed_weighted(text, factors) for text in texts])

    @cached_property
    def _example_vectors(self) -> tuple[Any, Any, int, float] | None:
        """For each label the direction of its examples from the mean of all; their sum, their number, the weight."""
        import numpy as np

        if not self.examples:
            return None
        vectors = np.stack([embed(text) for text, _ in self.examples])
        total, count = vectors.sum(axis=0), len(vectors)
        own = {label: [number for number, (_, of) in enumerate(self.examples) if of == label] for label in self.labels}
        directions = [
            unit(vectors[numbers].sum(axis=0) * count - total * len(numbers)) if numbers else total * 0
            for numbers in own.values()
        ]
        described = any(self.descriptions.get(label) for label in self.labels)
        weight = _EXAMPLE_WEIGHT_DESCRIBED if described else _EXAMPLE_WEIGHT
        return np.stack(directions), total, count, weight * math.sqrt(self._examples_per_label)


def describe(label: str, description: str) -> str:
    """A label as it is read: ``sci med: health and medicine``."""
    name = _NO_WORDS.sub(" ", label).strip() or label
    return f"{name}: {description}" if description else name
