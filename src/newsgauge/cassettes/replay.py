"""Plays recorded cases back: one vcrpy cassette a process, which at any time holds the line of the case being asked.

Opening a cassette a case is most of what vcrpy costs: each time it puts its settings together and patches the HTTP
client. Here it does so once. Between cases the cassette stands aside: whoever uses the HTTP client then meets the
network, or the block on it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from vcr.cassette import Cassette
from vcr.errors import CannotOverwriteExistingCassetteException
from vcr.record_mode import RecordMode

from .digest import Block, canonical, stable_path
from .digest_cache import Digester
from .line import Line

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as a cassette would keep it; ``body`` is its digested body in canonical form."""

    method: str
    path: str
    body: bytes

    def fits(self, line: Line) -> bool:
        """Whether this is what was recorded: method, path and the whole digested body."""
        # A line holds its request in the same form: to find it there is faster than to write it anew. Quotes in a text
        # of a line are escaped, so that nothing else of it looks like this.
        rest = canonical({"method": self.method, "path": self.path})
        if b'"request":{"body":' + self.body + b"," + rest[1:] + b',"response":' in line.raw:
            return True
        return self.method == line.method and self.path == line.path and self.body == canonical(line.body)


class MissError(Exception):
    """The case's line is not about this request, or there is none. ``asked``: the last request, None if none came."""

    def __init__(self, asked: Asked | None) -> None:
        super().__init__("not recorded")
        self.asked = asked


class CaseCassette(Cassette):  # type: ignore[misc]  # vcrpy ships no types
    """vcrpy's cassette, asked by its patches at each request. Holds nothing but the case that is being played."""

    def __init__(self, **options: Any) -> None:
        super().__init__(record_mode=RecordMode.NONE, **options)
        self._text: str | None = None
        self._blocks: Sequence[Block] = ()
        self._line: Line | None = None
        self._played = False
        self._digester = Digester()
        self.asked: Asked | None = None

    def begin(self, text: str, line: Line | None, blocks: Sequence[Block] = ()) -> None:
        """Answer for a post with this text from this line, once."""
        self._text, self._line, self._played, self.asked = text, line, False, None
        self._blocks = blocks

    def end(self) -> None:
        """Stand aside."""
        self._text = self._line = None

    @property
    def write_protected(self) -> bool:
        """True while a case is being played: what its line does not answer, nobody does."""
        return self._text is not None

    def filter_request(self, request: Any) -> Any:
        """Whether a request that is not answered is a miss; between cases it is not our business."""
        return request if self._text is not None else None

    def can_play_response_for(self, request: Any) -> bool:
        """Whether the case's line is the answer to this request. vcrpy asks this first."""
        if self._text is None:
            return False
        path = stable_path(urlsplit(request.uri).path)
        body = self._digester.digest(request.body or b"", self._text, self._blocks)
        self.asked = Asked(request.method, path, body)
        return self._line is not None and not self._played and self.asked.fits(self._line)

    def play_response(self, request: Any) -> dict[str, Any]:
        """The recorded answer. vcrpy asks this where the question before was answered by True."""
        assert self._line is not None
        self._played = True
        return {
            "status": {"code": self._line.status, "message": "OK"},
            "headers": {name: [value] for name, value in self._line.headers.items()},
            "body": {"string": json.dumps(self._line.answer).encode("ascii")},
        }

    def append(self, request: Any, response: Any) -> None:
        """Keep nothing of what is asked between cases."""

    def find_requests_with_most_matches(self, request: Any) -> list[Any]:
        """Nothing: what changed is told by `staleness`, and never with the post's text."""
        return []

    def _load(self) -> None:
        self.rewound = True

    def _save(self, force: bool = False) -> None:
        pass


class Replaying:
    """The patches of vcrpy around one `CaseCassette`; in place from the first case until `close`."""

    #: Patches are the process's, so there is one cassette, and it stays as long as anybody uses it.
    _cassette: CaseCassette | None = None
    _context: Any = None
    _users = 0

    def __init__(self, skip_patchers: list[str]) -> None:
        self._skip_patchers = skip_patchers
        self._is_open = False

    def play(self, text: str, line: Line | None, call: Callable[[], T], blocks: Sequence[Block] = ()) -> T:
        """What the call returns, its request answered from the line. Raises `MissError`."""
        cassette = self._open()
        cassette.begin(text, line, blocks)
        try:
            return call()
        except CannotOverwriteExistingCassetteException:
            pass  # its message quotes the post: ours is raised outside of this block, so that it is not chained to it
        finally:
            cassette.end()
        raise MissError(cassette.asked)

    def close(self) -> None:
        """Take the patches away, if nobody else needs them."""
        if self._is_open:
            self._is_open = False
            Replaying._users -= 1
            if not Replaying._users:
                context, Replaying._context, Replaying._cassette = Replaying._context, None, None
                context.__exit__(None, None, None)

    def _open(self) -> CaseCassette:
        if Replaying._cassette is None:
            Replaying._context = CaseCassette.use(path="newsgauge", skip_patchers=self._skip_patchers)
            Replaying._cassette = Replaying._context.__enter__()
        if not self._is_open:
            self._is_open = True
            Replaying._users += 1
        return Replaying._cassette
