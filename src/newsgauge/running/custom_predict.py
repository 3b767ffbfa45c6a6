"""Ways to ask that the user wrote: ``predict = "my_module:my_predict"``, called with a text and a ready client; and a
scikit-learn estimator, fitted on training posts.

Enters: the callable, a post. Leaves: a `Prediction`, with the tokens and model versions of all calls that it made. An
estimator makes none: of scikit-learn only the protocol is used (``fit``, ``predict``, ``get_params``), no import.
"""

from __future__ import annotations

import ast
import inspect
import ssl
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from inspect import Parameter, Signature
from typing import TYPE_CHECKING, Any

from ..cassettes.digest import Clear, quotes
from ..cassettes.technique_calls import Calls, Played, watch
from ..client.answers import add_usage, read_answer, read_usage
from ..client.calls import is_response, is_service_error, service_errors
from ..client.clients import Access, open_client
from ..client.transport import PatientTransport
from ..errors import NewsgaugeError, TechniqueError
from ..records import ERROR_LABEL, ESTIMATOR_VERSION, NO_CALL_VERSION, Outcome, Post, Prediction, whole_text
from ..variants.callables import describe

if TYPE_CHECKING:
    from google import genai

    from ..cassettes.recorder import Recorder
    from ..client.retry import RetryPolicy

#: ``my_predict(text, client, *, labels, model)``; one that wants ``http`` is given it.
CALLED = Signature(
    [
        *(Parameter(name, Parameter.POSITIONAL_OR_KEYWORD) for name in ("text", "client")),
        *(Parameter(name, Parameter.KEYWORD_ONLY) for name in ("labels", "model")),
        Parameter("http", Parameter.KEYWORD_ONLY, default=None),
    ]
)


class TechniqueClient:
    """A client for techniques, which waits for a busy service."""

    def __init__(self, access: Access) -> None:
        made: list[PatientTransport] = []

        def make(context: ssl.SSLContext) -> PatientTransport:
            made.append(PatientTransport(context))
            return made[0]

        self.client: genai.Client = open_client(access, transport=make)
        self.transport = made[0]
        #: An HTTP client that waits for a busy service too, for services that google-genai does not speak.
        self.http = self.transport.open_http()

    def close(self) -> None:
        """Let go of connections."""
        self.client.close()
        self.http.close()
        self.transport.close()


class Technique:
    """A callable of the user's own, with the client it asks."""

    def __init__(
        self, spec: str, function: Callable[..., Any], *, client: TechniqueClient, labels: tuple[str, ...]
    ) -> None:
        self._spec = spec
        self._function = function
        self._client = client
        self._labels = labels
        self._more = {"http": client.http} if "http" in inspect.signature(function).parameters else {}
        self._clear = Clear([*literals_of(function), *labels])

    def calls(self, recorder: Recorder, variant: str, post: Post) -> Calls:
        """The calls of a case, as its cassette holds them."""
        return Calls(recorder, variant, post, self._clear)

    def predict(
        self, post: Post, calls: Calls, *, model: str, provenance: Mapping[str, str], policy: RetryPolicy
    ) -> Prediction:
        """What it says of a post. Raises `TechniqueError`, `CassetteError` or `BackendError`."""
        return self._sum_up(calls.play(lambda: self._call(post.text, model, policy), provenance))

    def predict_live(self, text: str, *, model: str, policy: RetryPolicy) -> Prediction:
        """The same without a cassette."""
        return self._sum_up(watch(lambda: self._call(text, model, policy)))

    def _call(self, text: str, model: str, policy: RetryPolicy) -> Prediction:
        """What it returned, as a prediction without tokens."""
        with self._client.transport.asking(policy), service_errors(model):
            try:
                said = self._function(text, self._client.client, labels=self._labels, model=model, **self._more)
            except Exception as error:
                if isinstance(error, NewsgaugeError) or is_service_error(error):
                    raise
                words = describe(error, is_private=lambda words: quotes(words, text))
                problem = TechniqueError(f"{self._spec} raised {words}")
            else:
                return self._read(said)
        raise problem  # outside of the block, so that nothing that quotes the post is chained to it

    def _read(self, said: Any) -> Prediction:
        if isinstance(said, Prediction):
            texts: dict[str, Any] = {name: whole_text(getattr(said, name)) for name in ("label", "detail", "raw")}
            return replace(said, **texts)
        if is_response(said):
            return read_answer(said, self._labels)
        if not isinstance(said, str):
            hint = ""
            if said is None:
                hint = " (a response's .text is None if the answer was blocked: return the response itself)"
            raise TechniqueError(
                f"expected {self._spec} to return a label as str, or the response of generate_content, got "
                f"{'None' if said is None else type(said).__name__}{hint}"
            )
        label = said.strip()
        if not label:
            return Prediction(ERROR_LABEL, Outcome.EMPTY, "no text", 0, 0, "")
        return _labelled(label, self._labels)

    def _sum_up(self, played: Played[Prediction]) -> Prediction:
        usage = add_usage(read_usage(tokens) for _, tokens in played.answers)
        versions = sorted({version for version, _ in played.answers})
        version = ", ".join(versions) if versions else f"{NO_CALL_VERSION}({self._spec})"
        return replace(played.value, model_version=version, **usage._asdict())


def literals_of(function: Callable[..., Any]) -> Iterable[str]:
    """The texts in the source of the callable's module, docstrings too; none if there is no source."""
    module = inspect.getmodule(function)
    try:
        tree = ast.parse(inspect.getsource(module)) if module is not None else ast.Module([], [])
    except (OSError, TypeError, SyntaxError):
        return []
    return [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]


#: Called without anything: what it returns is fitted on texts and labels.
ESTIMATOR_CALLED = Signature()


class FittedEstimator:
    """An estimator that was fitted once, when first asked."""

    def __init__(self, spec: str, make: Callable[..., Any], examples: Callable[[], Sequence[Post]]) -> None:
        self._spec = spec
        self._make = make
        self._examples = examples
        self._fitted: Any = None
        self._problem: TechniqueError | None = None

    def predict(self, text: str, labels: tuple[str, ...]) -> Prediction:
        """The label of a text. Raises `TechniqueError`; if it cannot be fitted, the same error for every text."""
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
        return _labelled(str(said), labels, f"{ESTIMATOR_VERSION}{self._spec}, scikit-learn {_release()}")

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


def _labelled(label: str, labels: tuple[str, ...], version: str = "") -> Prediction:
    label = whole_text(label)
    return Prediction(label, Outcome.LABEL if label in labels else Outcome.OFF_LIST, "", 0, 0, version)
