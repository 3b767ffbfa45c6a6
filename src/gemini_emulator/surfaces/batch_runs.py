"""Runs batches of either surface: answers requests one by one in the background, then builds the result.

Each request may meet a fault of its own, as calls do; the whole batch may fail or expire.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from ..call import Reply
from ..faults.fault_responses import refuse, spoil
from ..faults.faults import BATCH_KINDS
from ..service import Service, check_generate
from ..wire.api_errors import ServiceError, internal, invalid
from ..wire.json_fields import now

PENDING, RUNNING = "BATCH_STATE_PENDING", "BATCH_STATE_RUNNING"
SUCCEEDED, CANCELLED = "BATCH_STATE_SUCCEEDED", "BATCH_STATE_CANCELLED"
OPEN = (PENDING, RUNNING)
_ENDS = {"batch-failed": "BATCH_STATE_FAILED", "batch-expired": "BATCH_STATE_EXPIRED"}
_REQUESTS = "requests"
_MOST_REQUESTS = 10_000
_tasks: set[asyncio.Task[None]] = set()  # asyncio keeps no reference of its own


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one request; ``item`` is its original form, with ``request`` in it."""

    item: dict[str, Any]
    answer: dict[str, Any] | None
    error: ServiceError | None


@dataclass(frozen=True, slots=True)
class Surface:
    """How batches of one surface are kept, asked, and ended.

    ``ask`` takes a model's name and a checked request. ``finish`` takes the batch and the outcomes in the order of the
    requests, and gives what to add to its document, and blobs.
    """

    kind: str
    ask: Callable[[Service, str, dict[str, Any]], Awaitable[dict[str, Any]]]
    finish: Callable[[Service, dict[str, Any], list[Outcome]], Awaitable[tuple[dict[str, Any], dict[str, bytes]]]]


def create(
    service: Service, surface: Surface, name: str, requests: list[dict[str, Any]], about: dict[str, Any]
) -> dict[str, Any]:
    """Keep a batch and start it; its document, with what is special to its surface (``about``) in it."""
    if not 1 <= len(requests) <= _MOST_REQUESTS:
        raise invalid(f"a batch holds 1 to {_MOST_REQUESTS} requests, got {len(requests)}", field="batch")
    document = {
        "name": name,
        **about,
        "state": PENDING,
        "createTime": now(),
        "updateTime": now(),
        "requestCount": len(requests),
        "failedRequestCount": 0,
    }
    blob = json.dumps(requests).encode("ascii")
    if not service.state.create(surface.kind, name, document, blobs={_REQUESTS: blob}):
        raise ServiceError(503, "UNAVAILABLE", "The name was just taken; please try again.")
    _start(service, surface, name)
    return document


def cancel(service: Service, surface: Surface, document: dict[str, Any]) -> None:
    """End a batch; a finished one stays as it is."""
    if document["state"] in OPEN:
        done = {"state": CANCELLED, "endTime": now(), "updateTime": now()}
        service.state.update(surface.kind, document["name"], document | done)


def resume(service: Service, surface: Surface) -> None:
    """Run again what a stopped server left open."""
    for document in service.state.list(surface.kind):
        if document["state"] in OPEN:
            _start(service, surface, document["name"])


def _start(service: Service, surface: Surface, name: str) -> None:
    task = asyncio.create_task(_run(service, surface, name))
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


async def _run(service: Service, surface: Surface, name: str) -> None:
    document = service.state.get(surface.kind, name)
    if document is None or document["state"] not in OPEN:
        return
    service.state.update(surface.kind, name, document | {"state": RUNNING, "updateTime": now()})
    ended = service.faults.choose(name, {}, kinds=BATCH_KINDS)
    if ended is not None:
        over = {"state": _ENDS[ended.kind], "endTime": now(), "updateTime": now()}
        service.state.update(surface.kind, name, document | over)
        return
    outcomes: list[Outcome] = []
    for number, item in enumerate(json.loads(service.state.blob(surface.kind, name, _REQUESTS) or b"[]")):
        await asyncio.sleep(0)  # other calls come first
        if not _is_running(service, surface, name):
            return
        try:
            path = f"{name}/requests/{number}"
            answer = await _answer(service, surface, document["model"], item["request"], path)
            outcomes.append(Outcome(item, answer, None))
        except ServiceError as error:
            outcomes.append(Outcome(item, None, error))
    if not _is_running(service, surface, name):
        return
    failed = sum(outcome.error is not None for outcome in outcomes)
    more, blobs = await surface.finish(service, document, outcomes)
    done = {"state": SUCCEEDED, "endTime": now(), "updateTime": now(), "failedRequestCount": failed}
    service.state.update(surface.kind, name, document | done | more, blobs=blobs)


def _is_running(service: Service, surface: Surface, name: str) -> bool:
    document = service.state.get(surface.kind, name)
    return document is not None and document["state"] == RUNNING


async def _answer(service: Service, surface: Surface, model: str, request: Any, path: str) -> dict[str, Any]:
    fault = service.faults.choose(path, {})
    if fault is not None:
        refuse(fault, model.rpartition("/")[2])
        if fault.kind == "slow":
            await asyncio.sleep(fault.delay_s)
    try:
        answer = await surface.ask(service, model, check_generate(request))
    except RecursionError:
        raise invalid("Nested too deeply.") from None
    if fault is None:
        return answer
    spoiled = spoil(fault, Reply(answer)).content
    if not isinstance(spoiled, dict):
        raise internal()  # a batch has no connection of its own that could break off
    return spoiled
