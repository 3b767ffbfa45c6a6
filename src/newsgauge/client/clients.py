"""The only maker of google-genai clients: a backend and where to reach it in, a client out.

Three backends: ``embedded`` (the loopback server of this package), ``gemini`` (the Developer API, with a key) and
``vertex`` (Enterprise/Vertex, with a project). In a replay no key is needed and none is read.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from ..records import Backend
from .answers import accept_unknown_values
from .embedded import direct, is_loopback

if TYPE_CHECKING:
    from google import genai

    from .transport import PatientTransport

_TIMEOUT_MS = 120_000
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
    return make_client(access, {"client_args": args, "async_client_args": {**args, "ssl": context}})


def make_client(access: Access, http: dict[str, Any]) -> genai.Client:
    """A client with these HTTP options of the SDK."""
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


def _replay_credentials() -> Any:
    from google.auth.credentials import Credentials

    class MadeUpCredentials(Credentials):
        """A token for the SDK, which requires one before it builds a request; it opens no connection."""

        def refresh(self, request: Any) -> None:
            self.token = "replay"  # noqa: S105

    return MadeUpCredentials()  # type: ignore[no-untyped-call]  # google-auth is not fully typed
