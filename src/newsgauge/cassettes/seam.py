"""The one vcrpy cassette of a process: vcrpy's patches call it at each request, and it asks the open case.

Patches apply to the whole process, and opening a cassette per case would be most of what vcrpy costs. So there is one
cassette, in place as long as anybody uses it. It holds nothing: `open_case` knows which case a request belongs to and
what answers it. Requests outside all cases are ignored, and so are requests to hosts that issue tokens.

vcrpy calls three methods: `can_play_response_for` (which may refuse), `play_response` and `append`.
"""

from __future__ import annotations

import json
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from typing import Any, ClassVar
from urllib.parse import urlsplit

from vcr.cassette import Cassette
from vcr.filters import decode_response
from vcr.patch import PATCHER_NAMES
from vcr.record_mode import RecordMode

from .open_case import Call, Replayed, current, is_any_open
from .services import endpoint_of, is_login, json_object

# The HTTP client of google-genai, openai and anthropic alone: all libraries take 2 ms instead of 0.6 ms. vcrpy puts the
# real classes of all libraries back while it opens a connection of requests, urllib3 or urllib, so that calls of other
# threads would pass unseen meanwhile; httpx2 has no such moment. Only techniques use the others, one at a time.
_USUAL = "httpx2"
_AGENT = re.compile(r"(?:[A-Za-z][\w.-]{0,30}(?:/(?:Python )?[\w.+-]{1,20})? ?){1,3}$", re.ASCII)
#: Instead of an answer or a call: the request is not ours.
_PASS = object()


class _OneCassette(Cassette):  # type: ignore[misc]  # vcrpy ships no types
    """What vcrpy's patches ask."""

    is_usual = True

    def can_play_response_for(self, request: Any) -> bool:
        """Whether a line answers this request. Raises `MissError` or `NotKeptError` if nothing may answer it."""
        return isinstance(_verdict(request, self.is_usual), Replayed)

    def play_response(self, request: Any) -> dict[str, Any]:
        """The recorded answer. vcrpy calls this after `can_play_response_for` returned True."""
        played = _verdict(request, self.is_usual)
        return {
            "status": {"code": 200, "message": "OK"},
            "headers": {name: [value] for name, value in played.headers.items()},
            "body": {"string": json.dumps(played.body).encode("ascii")},
        }

    def append(self, request: Any, response: dict[str, Any]) -> None:
        """Hand the answer of the service to the case that asked."""
        call = _verdict(request, self.is_usual)
        if isinstance(call, Call):
            case = request.newsgauge_case
            headers = {name.lower(): values for name, values in response["headers"].items()}
            body = _unpacked(response) if "content-encoding" in headers else response["body"].get("string") or b""
            case.answered(call, response["status"]["code"], body, headers=headers)

    def filter_request(self, request: Any) -> Any:
        """None for what is not ours."""
        return None if _verdict(request, self.is_usual) is _PASS else request

    @property
    def write_protected(self) -> bool:
        """False: requests that are not allowed were refused earlier."""
        return False

    def find_requests_with_most_matches(self, request: Any) -> list[Any]:
        """Nothing: `staleness` says what changed, without the post's text."""
        return []

    def _load(self) -> None:
        self.rewound = True

    def _save(self, force: bool = False) -> None:
        pass


class _OtherLibraries(_OneCassette):
    """The same for libraries that also fetch tokens and web pages: a request that is not a model call passes."""

    is_usual = False


def _verdict(request: Any, is_usual: bool) -> Any:
    """An answer, a `Call` that may be made, or `_PASS`; decided once, though vcrpy may ask again."""
    verdict = getattr(request, "newsgauge_verdict", None)
    if verdict is None:
        case, verdict = None, _PASS
        # The host is cut from the URI, because vcrpy parses the URI again on each access.
        if is_any_open() and (host := _host(request.parsed_uri.netloc)) is not None:
            at, body = request.parsed_uri.path, _body(request)
            if is_usual or endpoint_of(host, at) is not None or json_object(body) is not None:
                case = current()
                # aiohttp passes the method as it was written
                verdict = case.take(request.method.upper(), host, at, body)
                if isinstance(verdict, Call):
                    verdict.agent = _agent(request.headers)
        request.newsgauge_verdict, request.newsgauge_case = verdict, case
    return verdict


def _agent(headers: Any) -> str:
    """``OpenAI/Python 3.57.0``; '' if the header says more than a name and a version."""
    said = headers.get("user-agent", "")
    said = said[0] if isinstance(said, list | tuple) and said else said
    said = said.decode("latin-1") if isinstance(said, bytes) else str(said)
    match = _AGENT.match(said)
    return match[0].strip() if match else ""


@lru_cache(maxsize=64)
def _host(netloc: str) -> str | None:
    """None for a host that issues tokens: its requests belong to no case."""
    host = urlsplit(f"//{netloc}").hostname or ""
    return None if is_login(host) else host


def _body(request: Any) -> bytes:
    body = request.body
    if body is None or isinstance(body, bytes):
        return body or b""
    if isinstance(body, (dict, list)):
        return json.dumps(body).encode("ascii")  # aiohttp passes the object that it will write as JSON
    return bytes(body.read() if hasattr(body, "read") else b"".join(body))


def _unpacked(response: dict[str, Any]) -> bytes | None:
    try:
        found: bytes = decode_response(response)["body"]["string"]
    except Exception:  # whatever decompression raises: the caller meets it too and reports it
        return None
    return found


@contextmanager
def _aiohttp_stays(session: Any) -> Iterator[None]:
    """While a case is open, aiohttp follows no redirect: vcrpy sees the places it goes to only after it has been there.

    Other libraries make each step a call of its own, which the case refuses.
    """
    request = session._request

    def ask(self: Any, method: str, url: Any, **options: Any) -> Any:
        return request(self, method, url, **{**options, **({"allow_redirects": False} if is_any_open() else {})})

    session._request = ask
    try:
        yield
    finally:
        session._request = request


class Seam:
    """Holds the cassette in place, from `open` until `close`; it stays as long as any is open."""

    _open: ClassVar[set[Seam]] = set()
    #: Whether in httpx2 (False), or in all other libraries that vcrpy knows.
    _placed: ClassVar[set[bool]] = set()
    _places = ExitStack()
    _lock = threading.Lock()

    def open(self, *, every_library: bool = False) -> None:
        """Put the cassette in place, unless it is: in httpx2, and if so asked in all others that vcrpy knows."""
        if self in Seam._open and {False, every_library} <= Seam._placed:  # as for every case but the first
            return
        with Seam._lock:
            Seam._open.add(self)
            for others in sorted({False, every_library} - Seam._placed):
                skipped = [name for name in PATCHER_NAMES if (name == _USUAL) == others]
                kind = _OtherLibraries if others else _OneCassette
                use = kind.use(path="newsgauge", record_mode=RecordMode.NONE, skip_patchers=skipped)
                Seam._places.enter_context(use)
                if others and "aiohttp" in sys.modules:
                    Seam._places.enter_context(_aiohttp_stays(sys.modules["aiohttp"].ClientSession))
                Seam._placed.add(others)

    def close(self) -> None:
        """Take it away, if nobody else needs it."""
        with Seam._lock:
            Seam._open.discard(self)
            if not Seam._open:
                Seam._places.close()
                Seam._placed.clear()
