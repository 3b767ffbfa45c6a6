"""A reference without any API: a scikit-learn estimator of the user's own, fitted on training posts, asked for labels.

Uses scikit-learn's protocol only (``fit``, ``predict``, ``get_params``) and never imports it. Takes the callable that
makes the estimator, and posts; returns predictions that cost no token.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import version
from inspect import Signature
from typing import Any

from ..cassettes.digest import quotes
from ..errors import TechniqueError
from ..records import ESTIMATOR_VERSION, Outcome, Post, Prediction
from ..variants.callables import describe

#: Called without anything: what it returns is fitted on texts and labels.
CALLED = Signature()


class FittedEstimator:
    """An estimator that was fitted once, when first asked."""

    def __init__(self, spec: str, make: Callable[..., Any], examples: Callable[[], Sequence[Post]]) -> None:
        self._spec = spec
        self._make = make
        self._examples = examples
        self._fitted: Any = None
        self._problem: TechniqueError | None = None

    def predict(self, text: str, labels: tuple[str, ...]) -> Prediction:
        """The label of a text. Raises `TechniqueError`, and the same for every text where it cannot be fitted."""
        if self._problem is not None:
            raise self._problem
        if self._fitted is None:
            try:
                self._fitted = self._fit()
            except TechniqueError as error:
                self._problem = error
                raise
        try:
            said = self._fitted.predict([text])[0]
        except Exception as error:
            words = describe(error, is_private=lambda words: quotes(words, text))
            raise TechniqueError(f"{self._spec}: predict raised {words}") from None
        if not isinstance(said, str):  # numpy's strings are
            raise TechniqueError(f"{self._spec}: expected predict to return labels, got {type(said).__name__}")
        label = str(said)
        return Prediction(
            label=label,
            outcome=Outcome.LABEL if label in labels else Outcome.OFF_LIST,
            detail="",
            input_tokens=0,
            output_tokens=0,
            model_version=f"{ESTIMATOR_VERSION}{self._spec}, scikit-learn {_release()}",
        )

    def _fit(self) -> Any:
        try:
            made = self._make()
        except Exception as error:
            raise TechniqueError(f"{self._spec} raised {describe(error)}") from None
        absent = [name for name in ("fit", "predict", "get_params") if not callable(getattr(made, name, None))]
        if absent or isinstance(made, type):
            raise TechniqueError(
                f"{self._spec}: expected it to return a scikit-learn estimator, got "
                f"{'the class ' + made.__name__ if isinstance(made, type) else type(made).__name__}"
                f"{' without ' + ', '.join(absent) if absent else ', not an object of it'}"
            )
        self._check_seeds(made)
        examples = self._examples()
        try:
            made.fit([post.text for post in examples], [post.label for post in examples])
        except Exception as error:
            texts = "\0".join(post.text for post in examples)
            words = describe(error, is_private=lambda words: quotes(words, texts))
            raise TechniqueError(f"{self._spec}: fit raised {words}") from None
        return made

    def _check_seeds(self, made: Any) -> None:
        params: dict[str, Any] = made.get_params(deep=True)
        unseeded = sorted(name for name, value in params.items() if name.endswith("random_state") and value is None)
        if unseeded:
            raise TechniqueError(
                f"{self._spec}: expected {', '.join(unseeded)} to be a number, got None: two runs could differ, and a "
                "replay is held to the baseline letter for letter"
            )


def _release() -> str:
    return ".".join(version("scikit-learn").split(".")[:2])
