"""The only maker of google-genai clients: a `Request` of ours in, the SDK's response out.

Three backends: ``embedded`` (the loopback server of this package), ``gemini`` (the Developer API, with a key) and
``vertex`` (Enterprise/Vertex, with a project). In a replay no key is needed and none is read.
"""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from .._util.wording import one_line
from ..errors import BackendError, UsageError
from ..records import Backend, Wire
from ..variants.variants_file import Request
from .answers import accept_unknown_values
from .embedded import direct, is_loopback
from .retry import RetryPolicy, call_patiently
from .sdk_arguments import call_arguments
from .service_errors import broken_body, broken_transport, refusal

if TYPE_CHECKING:
    from google import genai
    from google.genai.types import GenerateContentResponse, Model

    from .transport import PatientTransport

_TIMEOUT_MS = 120_000
_UNREAD = "google-genai cannot read the answer"
_KEYS = ("GOOGLE_API_KEY", "GEMINI_API_KEY")  # the SDK's own order


def check_access(backend: Backend) -> None:
    """Raise `UsageError` if the account that is needed to ask is not in the environment."""
    if backend == "gemini" and not any(os.environ.get(key) for key in _KEYS):
        raise UsageError(
            f"--backend gemini: asking it needs an API key in {' or '.join(_KEYS)}, none is set. "
            "A replay needs none: pytest evals without --record-mode"
        )
    local = is_loopback(vertex_base_url(None) or "")
    if backend == "vertex" and not local and not os.environ.get("GOOGLE_CLOUD_PROJECT") and not _api_key():
        raise UsageError(
            "--backend vertex: asking it needs GOOGLE_CLOUD_PROJECT (and, unless it is us-central1, "
            f"GOOGLE_CLOUD_LOCATION or a variant's 'location'), or for "
            f"express mode an API key in {' or '.join(_KEYS)}; none is set. "
            "A replay needs neither: pytest evals without --record-mode"
        )


def _api_key() -> str:
    return next((os.environ[key] for key in _KEYS if os.environ.get(key)), "")


def asks_express() -> bool:
    """Whether Vertex is asked in express mode: with an API key, and no project of one's own."""
    return not os.environ.get("GOOGLE_CLOUD_PROJECT") and bool(_api_key())


def import_sdk() -> None:
    """Import everything that a call needs now, not at the first call; the SDK loads parts with the first client."""
    from google.auth.exceptions import GoogleAuthError  # noqa: F401

    open_client(Access("embedded", live=False)).close()


def cloud_project(base_url: str | None) -> str:
    """The Google Cloud project to work in; a server of this machine takes any. Raises `UsageError`."""
    project = os.environ.get("GOOGLE_CLOUD_PROJECT")
    if not project and base_url is not None and is_loopback(base_url):
        return "local"
    if not project:
        raise UsageError("--backend vertex: set GOOGLE_CLOUD_PROJECT to the project to work in")
    return project


def vertex_base_url(base_url: str | None) -> str | None:
    """The server to use instead of Google's on Vertex: the given one, else that of the environment."""
    return base_url or os.environ.get("GOOGLE_VERTEX_BASE_URL") or None


def cloud_credentials(base_url: str | None) -> Any:
    """None, so that Google's libraries look for the user's credentials; a made-up token for a local server."""
    return _replay_credentials() if base_url is not None and is_loopback(base_url) else None


@dataclass(frozen=True, slots=True)
class Access:
    """How a client reaches its backend; not ``live``: every call must be answered from a cassette.

    ``api_version``: None for the SDK's own. ``express``: on Vertex, whether an API key will do if there is no project;
    tuning takes a project. ``location``: on Vertex, where to ask; None for that of the environment.
    """

    backend: Backend
    base_url: str | None = None
    live: bool = True
    api_version: str | None = None
    express: bool = True
    location: str | None = None


def open_client(
    access: Access, *, transport: Callable[[ssl.SSLContext], PatientTransport] | None = None
) -> genai.Client:
    """``transport`` makes the transport of the client, if it is not to be the HTTP library's own."""
    # One TLS context for all clients the SDK makes ('ssl': its web sockets'); a replay opens no connection and needs no
    # certificates, which take 20 ms to load.
    context = ssl.create_default_context() if access.live else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    args: dict[str, Any] = {"verify": context, **({"transport": transport(context)} if transport else direct())}
    args["follow_redirects"] = False  # the key would go to wherever the service redirects
    return _make_client(access, {"client_args": args, "async_client_args": {**args, "ssl": context}})


def _make_client(access: Access, http: dict[str, Any]) -> genai.Client:
    from google import genai  # 0.4 s
    from google.genai.types import HttpOptions

    accept_unknown_values()
    base_url, live = access.base_url, access.live
    options = HttpOptions(
        base_url=base_url if live else None, timeout=_TIMEOUT_MS, api_version=access.api_version, **http
    )
    if access.backend == "vertex":
        base_url = vertex_base_url(base_url)
        if live and access.express and asks_express():
            return genai.Client(vertexai=True, api_key=_api_key(), http_options=options)
        return genai.Client(
            vertexai=True,
            project=cloud_project(base_url) if live else "replay",
            location=(access.location or os.environ.get("GOOGLE_CLOUD_LOCATION") if live else None) or "us-central1",
            credentials=cloud_credentials(base_url) if live else _replay_credentials(),
            http_options=options,
        )
    # A local server may be asked without a key (`check_access`), but the SDK requires one.
    key = (_api_key() or "local") if live else "replay"
    return genai.Client(
        vertexai=False, api_key="embedded" if access.backend == "embedded" else key, http_options=options
    )


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
        with closing(PerLocation(access, lambda access: _make_client(access, options))) as clients:

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
        self._client = _make_client(Access(backend, live=False), options)

    def write(self, request: Request) -> Wire:
        """The request as it would be sent; it has no answer."""
        generate_once(self._client, request)
        return self._written.pop()


def generate(client: genai.Client, request: Request, policy: RetryPolicy | None = None) -> GenerateContentResponse:
    """Ask, and retry while the service is busy. If it refuses, raise `BackendError` with the service's own words."""
    return call_patiently(lambda: generate_once(client, request), policy or RetryPolicy())


def generate_once(client: genai.Client, request: Request) -> GenerateContentResponse:
    """The same without retries, for replays."""
    with service_errors(request.model):
        return client.models.generate_content(**call_arguments(request))


def recorded_response(answer: dict[str, Any]) -> GenerateContentResponse:
    """A recorded answer as the SDK's object, made without a call; ``answer`` is modified.

    Errors of the SDK about an answer that it does not understand pass through.
    """
    from google.genai.types import GenerateContentResponse

    accept_unknown_values()
    return GenerateContentResponse._from_response(response=answer, kwargs={})


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


def list_models(client: genai.Client, policy: RetryPolicy | None = None) -> list[Model]:
    """The models that the account sees, in the service's order. Raises `BackendError`."""
    return patiently("models", lambda: list(client.models.list()), policy)


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


def _replay_credentials() -> Any:
    from google.auth.credentials import Credentials

    class MadeUpCredentials(Credentials):
        """A token for the SDK, which requires one before it builds a request; it opens no connection."""

        def refresh(self, request: Any) -> None:
            self.token = "replay"  # noqa: S105

    return MadeUpCredentials()  # type: ignore[no-untyped-call]  # google-auth is not fully typed
