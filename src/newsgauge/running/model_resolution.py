"""Which model each variant asks: its own, or the tuned model of its training set, which is made ready first.

A setup in; a model's name and what a recording has to say of it beyond that out. One place for all roads of asking.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..cassettes.line import Line
    from ..variants.variants_file import Variant
    from .run_config import RunConfig


class ModelResolution:
    """``base_url`` is called where an embedded backend is to train; None from it: names are enough, nobody is asked."""

    def __init__(self, setup: RunConfig, *, base_url: Callable[[], str | None]) -> None:
        self._setup = setup
        self._base_url = base_url
        self._ready: dict[str, str] = {}

    def of(self, variant: Variant, recorded: Callable[[], Line | None]) -> tuple[str, dict[str, str]]:
        """The model's name and its provenance; ``recorded`` reads the case's line, where only that tells.

        Raises `UsageError` where Vertex has no tuned model yet, `BackendError` where one cannot be trained.
        """
        if variant.tuning is None:
            return variant.model, {}
        training = self._setup.trainings[variant.name]
        if self._setup.backend == "vertex":
            from ..tuning.vertex import model_to_record, recorded_model

            if self._setup.replays:
                return recorded_model(recorded(), training), {}
            return model_to_record(
                self._setup.tuned_file, self._setup.corpus.name, training, options=self._setup.corpus_options
            )
        if variant.name not in self._ready:
            base_url = self._base_url()
            if base_url is not None:
                from ..tuning.developer import ensure_tuned

                ensure_tuned(base_url, training)
            self._ready[variant.name] = training.model  # a digest of all its examples
        return self._ready[variant.name], {}
