"""A transport for the SDK's HTTP client that hands each call to somebody of ours, who answers it or lets it pass.

The one seam that sees every call a technique makes, sync or async, whatever part of the SDK it uses. Knows HTTP and
when a busy service is asked again; knows no cassette.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from ..errors import NewsgaugeError
from .retry import RetryPolicy, call_patiently
from .service_errors import broken_transport, is_transient, refusal


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as it was sent; ``path`` has no query."""

    method: str
    path: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Answered:
    """A response: its status, and its body already unpacked."""

    status: int
    body: bytes
    content_type: str = "application/json"


Forward = Callable[[], Answered]
Handler = Callable[[Sent, Forward], Answered]


class Tap(httpx2.BaseTransport, httpx2.AsyncBaseTransport):
    """Give it to a client as its transport. Outside of `answering` every call is an error."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._inner = httpx2.Client(verify=context)  # a client and no transport, as that honours proxies
        self._handler: Handler | None = None
        self._policy = RetryPolicy()

    @contextmanager
    def answering(self, handler: Handler, policy: RetryPolicy) -> Iterator[None]:
        """Let ``handler`` answer until the end; what it forwards is asked patiently."""
        self._handler, self._policy = handler, policy
        try:
            yield
        finally:
            self._handler = None

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """httpx's side of it."""
        return self._answer(request, request.read())

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The same for the SDK's async client: one call at a time."""
        return self._answer(request, await request.aread())

    def close(self) -> None:
        """Let go of connections."""
        self._inner.close()

    async def aclose(self) -> None:
        """Nothing: connections are the sync client's."""

    def _answer(self, request: httpx2.Request, body: bytes) -> httpx2.Response:
        if self._handler is None:
            raise NewsgaugeError("the client was asked outside of the case that it was handed to")
        sent = Sent(request.method, request.url.raw_path.partition(b"?")[0].decode("ascii"), body)
        said = self._handler(sent, lambda: call_patiently(lambda: self._ask(request, sent), self._policy))
        return httpx2.Response(said.status, headers={"content-type": said.content_type}, content=said.body)

    def _ask(self, request: httpx2.Request, sent: Sent) -> Answered:
        what = sent.path.rpartition("/")[2]
        # The same request is sent again where the service is busy; a stream could not be, and the SDK sends none.
        again = httpx2.Request(
            request.method, request.url, headers=request.headers, content=sent.body, extensions=request.extensions
        )
        try:
            response = self._inner.send(again)
        except httpx2.TransportError as error:
            unreachable = isinstance(error, (httpx2.ConnectError, httpx2.ConnectTimeout))
            raise broken_transport(what, error, unreachable=unreachable) from None
        if is_transient(response.status_code):
            details = _json(response.content)
            said = details.get("error") if isinstance(details, dict) else None
            status, message = (said.get("status"), said.get("message")) if isinstance(said, dict) else (None, None)
            raise refusal(what, response.status_code, status, message, details)
        return Answered(
            response.status_code, response.content, response.headers.get("content-type", "application/json")
        )


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return None
