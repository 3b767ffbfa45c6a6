"""The ASGI app: reads a call, checks its key, finds its handler, writes what comes back, errors included."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass

from starlette.datastructures import Headers, QueryParams
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from . import batches, developer, storage, vertex
from .call import Call, Reply
from .keys import check_key
from .refusals import ServiceError, internal, invalid, too_large
from .routing import Router
from .service import Service

MAX_BODY_BYTES = 20_000_000
_MOST_DRAINED_BYTES = 10 * MAX_BODY_BYTES
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Options:
    """What the operator chose."""

    api_key: str | None = None


class App:
    """One server's ASGI callable."""

    def __init__(self, service: Service, options: Options | None = None) -> None:
        self._service = service
        self._options = options or Options()
        self._router = Router()
        self._resumed = False
        for version in developer.VERSIONS:
            self._router.add(version, developer.ROUTES)
        for version in vertex.VERSIONS:
            self._router.add(version, vertex.ROUTES)
        self._router.add("", storage.ROUTES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call (ASGI 3)."""
        if scope["type"] != "http":
            return
        if not self._resumed:
            self._resumed = True
            batches.resume(self._service)
        try:
            reply = await self._answer(scope, receive)
        except ServiceError as error:
            reply = Reply(error.body(), status=error.code)
        except RecursionError:
            reply = Reply(invalid("Invalid JSON payload received. Nested too deeply.").body(), status=400)
        except Exception:
            # The client gets the service's shape; the trace is the operator's.
            _log.exception("%s %s", scope["method"], scope["path"])
            reply = Reply(internal().body(), status=500)
        await _respond(reply, QueryParams(scope["query_string"]))(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Reply:
        headers, query = Headers(scope=scope), QueryParams(scope["query_string"])
        body = await _read(receive)
        check_key(self._options.api_key, headers=headers, query=query)
        route, params = self._router.find(scope["method"], scope.get("raw_path") or scope["path"].encode())
        host = headers.get("host") or "{}:{}".format(*scope["server"])
        call = Call(scope["method"], params, query, headers, body, f"{scope['scheme']}://{host}")
        answer = await route.handler(self._service, call)
        return answer if isinstance(answer, Reply) else Reply(answer)


async def _read(receive: Receive) -> bytes:
    """The body. One that is too large is read on and thrown away, so that its sender hears the refusal."""
    chunks, size = [], 0
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise ServiceError(499, "CANCELLED", "The client went away.")
        chunk = event.get("body", b"")
        size += len(chunk)
        if size <= MAX_BODY_BYTES:
            chunks.append(chunk)
        elif size > _MOST_DRAINED_BYTES:
            raise too_large(MAX_BODY_BYTES)
        else:
            chunks.clear()
        if not event.get("more_body", False):
            break
    if size > MAX_BODY_BYTES:
        raise too_large(MAX_BODY_BYTES)
    return b"".join(chunks)


def _respond(reply: Reply, query: QueryParams) -> Response:
    headers = dict(reply.headers)
    if isinstance(reply.content, dict):
        return JSONResponse(reply.content, reply.status, headers)
    if isinstance(reply.content, bytes):
        return Response(reply.content, reply.status, headers)
    texts = [json.dumps(chunk, ensure_ascii=False, separators=(",", ":")) for chunk in reply.content]
    if query.get("alt") == "sse":
        events = (f"data: {text}\r\n\r\n" for text in texts)
        return StreamingResponse(events, reply.status, headers, "text/event-stream")
    return Response("[" + ",\r\n".join(texts) + "]", reply.status, headers, "application/json")
