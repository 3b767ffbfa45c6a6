"""Asks a client: a `Request` of ours in, the SDK's response out, and its failures as our errors.

The SDK tests ``field in model`` for each field it knows. pydantic's models define no ``__contains__``, so Python
iterates over all fields and never matches. Our subclasses return False at once, which saves nearly half of
the cost of a call. The request is the same.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import replace
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from .._util.wording import one_line
from ..errors import BackendError
from ..records import Backend, Request, Wire
from .answers import accept_unknown_values
from .clients import Access, make_client
from .config_checks import parse_config
from .embedded import direct
from .retry import RetryPolicy, call_patiently
from .service_errors import broken_body, broken_transport, refusal

if TYPE_CHECKING:
    from google import genai
    from google.genai.types import Content, GenerateContentConfig, GenerateContentResponse, Model

_UNREAD = "google-genai cannot read the answer"


def call_arguments(request: Request, *, raw: bool = False) -> dict[str, Any]:
    """``model``, ``contents`` and ``config`` of the call. ``raw``: the SDK is to leave the answer unread."""
    config = _config(
        request.system_instruction, request.max_output_tokens, request.enum, request.json_fields, request.config, raw
    )
    return {"model": request.model, "contents": _content(request.contents), "config": config}


def _content(text: str) -> Content:
    """A text as the SDK sends it: one turn of the user."""
    _, content, part = _kinds()
    made: Content = content(role="user", parts=[part(text=text)])
    return made


@lru_cache(maxsize=64)  # the same for every post of a variant; the SDK does not change it
def _config(
    system_instruction: str | None,
    max_output_tokens: int | None,
    enum: tuple[str, ...] | None,
    json_fields: tuple[tuple[str, str], ...] | None,
    more: str = "",
    raw: bool = False,
) -> GenerateContentConfig:
    from google.genai.types import AutomaticFunctionCallingConfig, Schema, Type

    kind: type[GenerateContentConfig] = _kinds()[0]
    config = parse_config(json.loads(more), kind) if more else kind()
    config.system_instruction = None if system_instruction is None else _content(system_instruction)
    config.max_output_tokens = max_output_tokens
    config.should_return_http_response = raw or None
    # Never sent: there are no functions to call, and if they may be, the SDK copies its settings for each call.
    config.automatic_function_calling = AutomaticFunctionCallingConfig(disable=True)
    label = Schema(type=Type.STRING, enum=list(enum or ()))
    if json_fields is not None:
        # The label comes last, so that what a model writes before it can inform its decision.
        fields = {**{name: Schema(type=Type(kind.upper())) for name, kind in json_fields}, "label": label}
        names = list(fields)
        config.response_mime_type = "application/json"
        config.response_schema = Schema(type=Type.OBJECT, properties=fields, required=names, property_ordering=names)
    elif enum:
        config.response_mime_type = "text/x.enum"
        config.response_schema = label
    return config


@cache
def _kinds() -> Any:
    """Config, content and part of the SDK, with the result that Python would find by checking all fields."""
    from google.genai import types

    own = {"__contains__": lambda self, name: False, "__module__": __name__}
    kinds = types.GenerateContentConfig, types.Content, types.Part
    return [type(kind.__name__, (kind,), own) for kind in kinds]


class Closable(Protocol):
    """Something that holds connections."""

    def close(self) -> None:
        """Let go of connections."""


T = TypeVar("T")
AskOnce = Callable[[Request], Awaitable["GenerateContentResponse"]]
C = TypeVar("C", bound=Closable)


class PerLocation(Generic[C]):
    """One client per location, opened at first use, because a client of the SDK asks only one location."""

    def __init__(self, access: Access, make: Callable[[Access], C]) -> None:
        self._access = access
        self._make = make
        self._opened: dict[str | None, C] = {}

    def at(self, location: str | None) -> C:
        """The client of that location; None: that of the environment."""
        if location not in self._opened:
            self._opened[location] = self._make(replace(self._access, location=location))
        return self._opened[location]

    def close(self) -> None:
        """Close all of them."""
        for client in self._opened.values():
            client.close()


@asynccontextmanager
async def open_async_client(access: Access, *, connections: int) -> AsyncIterator[AskOnce]:
    """A function that asks the backend once; parallel calls share its connections. It raises `BackendError`."""
    import httpx2

    tls = ssl.create_default_context()
    limits = httpx2.Limits(max_connections=connections, max_keepalive_connections=connections)
    # Our own client: the SDK would use aiohttp if it is installed, but these limits are for httpx2.
    http = httpx2.AsyncClient(verify=tls, limits=limits, timeout=None, **direct())
    options = {"httpx_async_client": http, "client_args": {"verify": tls, **direct()}}
    async with http:
        with closing(PerLocation(access, lambda access: make_client(access, options))) as clients:

            async def ask(request: Request) -> GenerateContentResponse:
                with service_errors(request.model):
                    models = clients.at(request.location).aio.models
                    return await models.generate_content(**call_arguments(request))

            yield ask


class DryClient:
    """Builds the requests that the SDK would send, without sending them. No key is read."""

    def __init__(self, backend: Backend) -> None:
        import httpx2

        def keep(request: httpx2.Request) -> httpx2.Response:
            self._written.append(Wire(request.method, str(request.url), request.content, 200, b"{}"))
            return httpx2.Response(200, json={})

        self._written: list[Wire] = []
        nowhere, tls = httpx2.MockTransport(keep), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        options = {"client_args": {"transport": nowhere, "verify": tls}, "async_client_args": {"verify": tls}}
        self._client = make_client(Access(backend, live=False), options)

    def write(self, request: Request) -> Wire:
        """The request as it would be sent; it has no answer."""
        generate_once(self._client, request)
        return self._written.pop()


def generate(client: genai.Client, request: Request, policy: RetryPolicy | None = None) -> GenerateContentResponse:
    """Ask, and retry while the service is busy. If it refuses, raise `BackendError` with the service's own words."""
    return patiently(request.model, lambda: client.models.generate_content(**call_arguments(request)), policy)


def generate_once(client: genai.Client, request: Request) -> GenerateContentResponse:
    """The same without retries, for replays: the SDK asks, and `recorded_response` reads the answer as it would."""
    with service_errors(request.model):
        http = client.models.generate_content(**call_arguments(request, raw=True)).sdk_http_response
        return recorded_response(json.loads(http.body) if http is not None and http.body else {})


def recorded_response(answer: dict[str, Any]) -> GenerateContentResponse:
    """A recorded answer as the SDK's object, made without a call; ``answer`` is modified.

    Before it validates, the SDK removes fields that it does not know, which takes most of its time. That is left out
    for an answer with the same fields as an earlier one that stayed whole.
    Errors of the SDK about an answer that it does not understand pass through.
    """
    from google.genai.types import GenerateContentResponse

    accept_unknown_values()
    fields = _fields(answer)
    if fields in _KNOWN_FIELDS:
        return GenerateContentResponse.model_validate(answer)
    response = GenerateContentResponse._from_response(response=answer, kwargs={})
    if _fields(answer) == fields and len(_KNOWN_FIELDS) < _MAX_KNOWN:
        _KNOWN_FIELDS.add(fields)
    return response


#: The fields of answers of which the SDK knows all; there are few, as answers differ in their values.
_KNOWN_FIELDS: set[Hashable] = set()
_MAX_KNOWN = 1_000


def _fields(answer: object) -> Hashable:
    """The names of all fields, as deep as they go: equal for answers that differ in texts, numbers and repetitions."""
    if isinstance(answer, dict):
        return tuple([(name, _fields(value)) for name, value in answer.items()])
    return frozenset(map(_fields, answer)) if isinstance(answer, list) else None


def patiently(what: str, call: Callable[[], T], policy: RetryPolicy | None = None) -> T:
    """Call the SDK, and retry while the service is busy; ``what`` names the request. Raises `BackendError`."""

    def ask() -> T:
        with service_errors(what):
            return call()

    return call_patiently(ask, policy or RetryPolicy())


def count_tokens(client: genai.Client, request: Request, policy: RetryPolicy | None = None) -> int:
    """The service's count of tokens in the request's contents; free. Raises `BackendError`.

    Instruction and schema are not included: with an API key the SDK refuses to count them.
    """
    model, contents = request.model, request.contents
    counted = patiently(model, lambda: client.models.count_tokens(model=model, contents=contents), policy).total_tokens
    if counted is None:
        raise BackendError(f"{model}: countTokens was answered without totalTokens")
    return counted


def list_models(client: genai.Client) -> list[Model]:
    """The models that the account sees, in the service's order. Raises `BackendError`."""
    return patiently("models", lambda: list(client.models.list()))


def is_response(value: object) -> bool:
    """Whether it is a response of ``generate_content``."""
    from google.genai.types import GenerateContentResponse

    return isinstance(value, GenerateContentResponse)


def is_service_error(error: Exception) -> bool:
    """Whether the SDK, its HTTP client or Google's log-in raised it."""
    import httpx2
    from google.auth.exceptions import GoogleAuthError
    from google.genai.errors import APIError

    return isinstance(error, (APIError, httpx2.HTTPError, GoogleAuthError))


def _asked(response: Any) -> dict[str, Any]:
    """The URL of a response and its headers; empty if it has neither."""
    try:
        return {"url": str(response.request.url), "headers": response.headers}
    except (AttributeError, RuntimeError):  # made without a request
        return {}


@contextmanager
def service_errors(what: str) -> Iterator[None]:
    """Turn what the SDK and its HTTP client raise into `BackendError`, `TransientError` or `QuotaError`."""
    import httpx2
    from google.auth.exceptions import GoogleAuthError
    from google.genai import errors
    from pydantic import ValidationError

    try:
        yield
    except errors.APIError as error:
        raise refusal(what, error.code, error.status, error.message, error.details, **_asked(error.response)) from None
    except httpx2.TransportError as error:
        raise broken_transport(what, error) from None
    except (httpx2.DecodingError, json.JSONDecodeError) as error:
        raise broken_body(what, error) from None
    except httpx2.HTTPError as error:
        raise BackendError(f"{what}: {type(error).__name__}: {error}") from None
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise BackendError(f"{what}: {_UNREAD}: {where}: {one_line(first['msg'], 80)}") from None
    except (TypeError, AttributeError, LookupError, RecursionError, UnicodeError) as error:
        # An answer of another shape, such as a number or an unknown charset: the SDK looks into it without a check.
        raise BackendError(f"{what}: {_UNREAD}: {type(error).__name__}: {one_line(str(error), 80)}") from None
    except ValueError as error:
        raise BackendError(f"{what}: google-genai does not send this: {one_line(str(error), 200)}") from None
    except GoogleAuthError as error:
        raise BackendError(
            f"{what}: Google Cloud takes no credentials from here ({type(error).__name__}: {str(error)[:200]}). "
            "Run 'gcloud auth application-default login', or set GOOGLE_APPLICATION_CREDENTIALS to a key file"
        ) from None
