"""A transport for the SDK's HTTP client that retries while the service is busy, whoever uses the client.

The only layer of retries for calls that a technique makes, sync or async, through any part of the SDK. Each try is a
request of its own by an inner client. Knows HTTP, but no cassette.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2

from ..errors import NewsgaugeError
from .embedded import direct
from .retry import RetryPolicy, call_patiently
from .service_errors import broken_transport, is_redirect, is_transient, refusal

#: Headers that describe how an answer came, and not the unpacked body that is handed on.
_OF_THE_WIRE = ("content-encoding", "content-length", "transfer-encoding")


class PatientTransport(httpx2.BaseTransport, httpx2.AsyncBaseTransport):
    """The transport of a client. Outside of `asking`, every call is an error."""

    def __init__(self, context: ssl.SSLContext) -> None:
        # A client and no transport, as that honours proxies; not on the way to this machine.
        self._inner = httpx2.Client(verify=context, **direct())
        self._policy: RetryPolicy | None = None

    @contextmanager
    def asking(self, policy: RetryPolicy) -> Iterator[None]:
        """Allow calls within the block, with retries as the policy says."""
        self._policy = policy
        try:
            yield
        finally:
            self._policy = None

    def open_http(self) -> httpx2.Client:
        """A client for any service that uses this transport."""
        return httpx2.Client(transport=self, timeout=120.0)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """The method that httpx calls."""
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
        if self._policy is None:
            raise NewsgaugeError("the client was asked outside of the case that it was handed to")
        response = call_patiently(lambda: self._ask(request, body), self._policy)
        headers = {"content-type": "application/json", **response.headers}
        for name in _OF_THE_WIRE:
            headers.pop(name, None)
        return httpx2.Response(response.status_code, headers=headers, content=response.content)

    def _ask(self, request: httpx2.Request, body: bytes) -> httpx2.Response:
        what = request.url.path.rpartition("/")[2]
        # A retry sends the same request again. A stream could not be sent again, but the SDK sends none.
        again = httpx2.Request(
            request.method, request.url, headers=request.headers, content=body, extensions=request.extensions
        )
        try:
            response = self._inner.send(again)
        except httpx2.TransportError as error:
            raise broken_transport(what, error) from None
        code = response.status_code
        if is_transient(code) or is_redirect(code):
            url = str(request.url)
            raise refusal(what, code, None, None, response.content, url=url, headers=response.headers)
        return response
