"""The case that a request belongs to: its lines answer, or it asks the service, or it refuses the request.

A context variable holds the open case, so several cases may be open at once, each in its own task or thread. A thread
that was started without a context belongs to the only open case; if several are open, the request is refused, because
nobody knows which case it belongs to. Knows neither vcrpy nor files: what is kept is decided when the case closes.

Also the form in which a cassette keeps a request, and whether a recorded line matches one. Pure.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar, Token
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

from .._util.platform import LOOPBACK
from ..errors import NotKeptError
from .digest import canonical
from .line import Line
from .services import GEMINI, Service, endpoint_of, json_object, service_to_write

#: Takes a service and the bytes of a body; returns the body as it is kept. Raises ValueError: not JSON.
Digest = Callable[[Service, bytes], bytes]


@dataclass(slots=True)
class Call:
    """One request to the service; every try is one. ``problem``: why its answer cannot be used, '' if it can."""

    asked: Asked
    problem: str = "was not answered"
    answer: dict[str, Any] | None = None
    status: int | None = None
    #: What asked: the SDK, as it names itself.
    agent: str = ""
    #: When it went out, by a clock that only goes forward, and how long its answer took.
    sent: float = field(default_factory=time.perf_counter)
    took_ms: float = 0.0
    #: The headers of the answer that its service's profile keeps.
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a line answers: the JSON that came, and the headers that were kept."""

    body: dict[str, Any]
    headers: Mapping[str, str]


@dataclass(eq=False)
class OpenCase:
    """One case. A request that its lines do not answer goes to the service if it ``may_ask``."""

    digest: Digest
    _: KW_ONLY
    #: The lines that have not answered yet; each answers once.
    left: list[Line] = field(default_factory=list)
    may_ask: bool = False
    #: Whether requests that no model answers, such as token counts, are refused.
    only_models: bool = False
    #: Turns a line's answer into the one that came.
    restore: Callable[[Any], Any] = lambda answer: answer
    #: Whether requests that leave this machine are refused.
    local_only: bool = False
    #: Whether every request goes to the service and nothing is recorded.
    only_watched: bool = False
    #: The answers given from lines, in the order of the requests: the service and the answer.
    played: list[tuple[Service, dict[str, Any]]] = field(default_factory=list, init=False)
    #: The requests that went to the service, in order.
    calls: list[Call] = field(default_factory=list, init=False)
    #: The first request that no line answers.
    missed: Asked | None = field(default=None, init=False)
    #: Why requests were refused without asking the service: "call 3 is ...".
    refused: list[str] = field(default_factory=list, init=False)
    #: Whether a service redirected a call: later requests may go there, with the key.
    is_sent_on: bool = field(default=False, init=False)
    _token: Token[OpenCase | None] | None = field(default=None, init=False)
    #: A technique may ask in threads, and equal requests have an answer each.
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def __enter__(self) -> OpenCase:
        self._token = _CURRENT.set(self)
        _OPEN[id(self)] = self
        return self

    def __exit__(self, *raised: object) -> None:
        assert self._token is not None
        _CURRENT.reset(self._token)
        del _OPEN[id(self)]

    def take(self, method: str, host: str, path: str, body: bytes) -> Replayed | Call:
        """The answer to a request, or the call that may now be made. Raises `MissError`."""
        endpoint = endpoint_of(host, path)
        if self.is_sent_on:
            raise MissError(self.refused[-1])
        if self.only_watched:
            return self._made(Asked(method, path, b"", endpoint.service if endpoint else GEMINI))
        if endpoint is None:
            if not body:
                raise self._refuse(f"is {method} {host}{path}, and only what a model is asked is recorded")
            raise self._refuse(
                f"is {method} {host}{path}, a service whose calls are not known here. To record it, describe it in "
                f"services.toml of the evals folder (docs/services.md): {service_to_write(host, path, body)}"
            )
        service = endpoint.service
        try:
            asked = Asked(method, endpoint.path, self.digest(service, body), service)
        except ValueError:
            asked = None
        with self._lock:
            if asked is not None and (answer := self.find(asked)) is not None:
                return answer
            last = path.rpartition("/")[2]
            if self.only_models and not service.is_answered_by_a_model(path):
                raise self._refuse(f"is {last}, and only generate_content is recorded")
            if service.is_stream(path, body):
                raise self._refuse(f"is {last}, and a stream is not recorded")
            if asked is None:
                raise self._refuse(f"is {last} with a body that is not JSON, which is not recorded")
            if not self.may_ask or self.missed is not None:
                self.missed = self.missed or asked
                raise MissError("not recorded")
        if self.local_only and host not in LOOPBACK:
            raise self._refuse(
                f"is {method} {host}{path}, and --backend embedded asks only this machine: record it with --backend "
                "gemini, which shows the cost first"
            )
        return self._made(asked)

    def find(self, asked: Asked) -> Replayed | None:
        """The answer of a line; None if none answers.

        After a miss nothing is answered: what comes next may depend on the answer that is not there.
        """
        for number, line in enumerate(self.left if self.missed is None else ()):
            if isinstance(line.answer, dict) and asked.fits(line):
                del self.left[number]
                answer = {**asked.service.fill, **self.restore(line.answer)}
                self.played.append((asked.service, answer))
                return Replayed(answer, line.headers)
        return None

    def answered(
        self, call: Call, status: int, body: bytes | None, *, headers: Mapping[str, Sequence[object]] | None = None
    ) -> None:
        """What the service said; ``body`` is None if it cannot be unpacked. ``headers``: by lower-case name."""
        headers = headers or {}
        kind, location = (str((headers.get(name) or [""])[0]) for name in ("content-type", "location"))
        is_stream = kind.startswith("text/event-stream")
        call.status, call.took_ms = status, 1000 * (time.perf_counter() - call.sent)
        call.headers = call.asked.service.kept_headers(headers)
        if location and 300 <= status < 400:
            self.is_sent_on = True
            self.refused.append(
                f"call {len(self.played) + self.calls.index(call) + 1} was redirected to {location.partition('?')[0]} "
                f"(status {status}), which is not followed: the key is not for it, and its answer would not be this "
                "service's"
            )
        call.answer = json_object(body) if status == 200 and body is not None and not is_stream else None
        what = f"status {status}" if status != 200 else "no JSON object"
        what = "a stream, which is not recorded" if status == 200 and is_stream else what
        call.problem = f"was answered with {what}" if call.answer is None else ""

    def made(self) -> list[Call]:
        """The calls without the failed tries that were retried."""
        answered = {call.asked for call in self.calls if call.answer is not None}
        return [call for call in self.calls if call.answer is not None or call.asked not in answered]

    @property
    def live_ms(self) -> float | None:
        """How long the service took for the answers that count, without failed tries; None if it was not asked."""
        return sum(call.took_ms for call in self.made()) if self.calls else None

    def _made(self, asked: Asked) -> Call:
        self.calls.append(Call(asked))
        return self.calls[-1]

    def _refuse(self, why: str) -> MissError:
        number = len(self.played) + len(self.made()) + len(self.refused) + 1
        self.refused.append(f"call {number} {why}")
        return MissError(self.refused[-1])


_CURRENT: ContextVar[OpenCase | None] = ContextVar("_CURRENT", default=None)
#: All cases that are open, by their ids.
_OPEN: dict[int, OpenCase] = {}


def is_any_open() -> bool:
    """Whether a request made here and now may belong to a case, also to one that is over."""
    return bool(_OPEN) or _CURRENT.get() is not None


def current() -> OpenCase:
    """The case that a request made here and now belongs to, if any is open. Raises `NotKeptError`."""
    case = _CURRENT.get()
    if case is not None:
        if id(case) not in _OPEN:
            raise NotKeptError("a client was asked outside of the case that it was handed to, which is over")
        return case
    open_cases = list(_OPEN.values())
    if len(open_cases) != 1:
        raise NotKeptError(
            f"a thread asked while {len(open_cases)} cases were open, and nobody knows for which of them. Start the "
            "thread in the context of its case: contextvars.copy_context().run(...), or asyncio.to_thread"
        )
    return open_cases[0]


@dataclass(frozen=True, slots=True)
class Asked:
    """``body`` is the digested body in canonical form; ``path`` is without account and gateway."""

    method: str
    path: str
    body: bytes
    service: Service = GEMINI

    def fits(self, line: Line) -> bool:
        """Whether this matches the recording: service, method, path except its version, and the whole hashed body."""
        service = self.service
        if service.name != line.service or self.method != line.method:
            return False
        if self.path != line.path and not service.same_path(self.path, line.path):
            return False
        # To find the request in the line is faster than to write it again.
        return line.holds(self.body) or self.body == canonical(service.compared_body(line.body))


class MissError(BaseException):
    """Raised to the caller if no line answers and asking is not allowed. Contains no text of the request.

    Not an `Exception`: SDKs take those for network trouble and retry after a while.
    """
