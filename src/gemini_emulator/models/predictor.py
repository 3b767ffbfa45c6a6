"""Loaded tuned models, and what they say of a text."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from . import arrays
from .tuned_model import TunedModel

_LOADED_MODELS = 4

Row = tuple[tuple[str, ...], list[float]]


class Predictor:
    """Asks tuned models, from any thread. ``load`` gives a model's stored bytes by its key, None if it is gone.

    A key is never used again for another model, so that nothing loaded can be out of date.
    """

    def __init__(self, load: Callable[[str], bytes | None]) -> None:
        @lru_cache(_LOADED_MODELS)
        def loaded(key: str) -> TunedModel:
            data = load(key)
            if data is None:
                raise KeyError(key)
            return arrays.from_bytes(data)

        self._loaded = loaded

    def predict(self, key: str, text: str) -> Row | None:
        """The model's outputs and the probability of each; None if there is no such model any more."""
        try:
            model = self._loaded(key)
        except KeyError:
            return None
        return model.outputs, model.probabilities([text])[0]
