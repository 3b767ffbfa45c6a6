"""The ASGI app: reads a call, checks its key, finds its handler, and writes the response or error."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import dataclass

from starlette.datastructures import Headers, QueryParams
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from .call import Call, Reply
from .connections import reset
from .errors import StorageError
from .faults.fault_responses import refuse, spoil
from .faults.faults import Fault, FaultPlan
from .routing import NoRouteError, Router
from .service import Service
from .surfaces import batches, developer, files, prediction_jobs, storage, vertex
from .wire.api_errors import ServiceError, internal, invalid, nowhere, too_large
from .wire.keys import check_key
from .wire.quota import SlidingQuota

MAX_BODY_BYTES = 20_000_000
_MOST_DRAINED_BYTES = 10 * MAX_BODY_BYTES
_log = logging.getLogger(__name__)
_sleep = asyncio.sleep


@dataclass(frozen=True, slots=True)
class Options:
    """What the operator chose."""

    api_key: str | None = None
    rpm: int | None = None
    faults: FaultPlan | None = None


class App:
    """One server's ASGI callable."""

    def __init__(self, service: Service, options: Options | None = None) -> None:
        self._service = service
        self._options = options or Options()
        self._router = Router()
        self._quota = SlidingQuota(self._options.rpm) if self._options.rpm else None
        self._faults = service.faults = self._options.faults or FaultPlan()
        self._resumed = False
        for version in developer.VERSIONS:
            self._router.add(version, developer.ROUTES)
        for version in vertex.VERSIONS:
            self._router.add(version, vertex.ROUTES)
        self._router.add("", storage.ROUTES)
        self._router.add("", files.UPLOAD_ROUTES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call (ASGI 3)."""
        if scope["type"] != "http":
            return
        if not self._resumed:
            self._resumed = True
            batches.resume(self._service)
            prediction_jobs.resume(self._service)
        fault = None
        try:
            reply, fault = await self._answer(scope, receive)
        except ServiceError as error:
            reply = Reply(error.body(), status=error.code)
        except NoRouteError as error:
            reply = Reply(nowhere(str(error)), 404, {"content-type": "text/html; charset=UTF-8"})
        except RecursionError:
            reply = Reply(invalid("Invalid JSON payload received. Nested too deeply.").body(), status=400)
        except StorageError as error:
            _log.error("%s %s: %s", scope["method"], scope["path"], error)
            reply = Reply(internal(str(error)).body(), status=500)
        except Exception:
            # The client gets the service's shape; the trace is the operator's.
            _log.exception("%s %s", scope["method"], scope["path"])
            reply = Reply(internal().body(), status=500)
        query = QueryParams(scope["query_string"])
        sse = "sse" in (query.get("alt"), query.get("$alt"))
        if fault is not None and fault.kind in ("cut-json", "reset"):
            await _break_off(reply, sse, fault, scope, send)
        else:
            await _respond(reply, sse)(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[Reply, Fault | None]:
        headers, query = Headers(scope=scope), QueryParams(scope["query_string"])
        body = await _read(receive)
        check_key(self._options.api_key, headers=headers, query=query)
        path = scope.get("raw_path") or scope["path"].encode()
        if scope["method"] == "OPTIONS" and (methods := self._router.methods(path)):
            return Reply(b"", 200, {"allow": ", ".join([*methods, "OPTIONS"])}), None
        # What answers HEAD is the answer to GET; the web server leaves its body out.
        route, params = self._router.find("GET" if scope["method"] == "HEAD" else scope["method"], path)
        fault = await self._trouble(scope["path"], headers, params) if route.generates else None
        host = headers.get("host") or "{}:{}".format(*scope["server"])
        call = Call(scope["method"], params, query, headers, body, f"{scope['scheme']}://{host}")
        answer = await route.handler(self._service, call)
        reply = answer if isinstance(answer, Reply) else Reply(answer)
        return (reply if fault is None else spoil(fault, reply)), fault

    async def _trouble(self, path: str, headers: Headers, params: dict[str, str]) -> Fault | None:
        """The checks before a model call: the quota, then a fault."""
        model = next((params[key] for key in ("model", "id", "endpoint") if key in params), "")
        is_vertex = any(part in path for part in ("/publishers/", "/endpoints/"))
        if self._quota is not None:
            self._quota.admit(model, on_vertex=is_vertex)
        fault = self._faults.choose(path, headers)
        if fault is not None:
            refuse(fault, model, on_vertex=is_vertex)
            if fault.kind == "slow":
                await _sleep(fault.delay_s)
        return fault


async def _read(receive: Receive) -> bytes:
    """The body. One that is too large is read and discarded, so that the client gets the refusal."""
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


def _respond(reply: Reply, sse: bool) -> Response:
    headers = dict(reply.headers)
    if isinstance(reply.content, dict):
        return JSONResponse(reply.content, reply.status, headers)
    if isinstance(reply.content, bytes):
        return Response(reply.content, reply.status, headers)
    if sse:
        events = (f"data: {_dump(chunk)}\r\n\r\n" for chunk in reply.content)
        return StreamingResponse(events, reply.status, headers, "text/event-stream")
    text = "[" + ",\r\n".join(map(_dump, reply.content)) + "]"
    return Response(text, reply.status, headers, "application/json")


async def _break_off(reply: Reply, sse: bool, fault: Fault, scope: Scope, send: Send) -> None:
    """Send the first half of the body: as if it were complete (cut-json), or followed by a reset."""
    if isinstance(reply.content, list):
        body = "".join(f"data: {_dump(chunk)}\r\n\r\n" if sse else _dump(chunk) for chunk in reply.content)
    else:
        body = reply.content.decode("latin-1") if isinstance(reply.content, bytes) else _dump(reply.content)
    half = body.encode("utf-8")[: len(body) // 2]
    length = len(half) if fault.kind == "cut-json" else 2 * len(half) + 1
    kind = b"text/event-stream" if sse else b"application/json"
    headers = [(b"content-type", kind), (b"content-length", str(length).encode("ascii"))]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    cut = fault.kind == "cut-json"
    await send({"type": "http.response.body", "body": half, "more_body": not cut})
    if not cut:
        await reset(scope)


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
