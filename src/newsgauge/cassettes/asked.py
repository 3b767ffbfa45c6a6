"""A request as a cassette keeps it, and whether a recorded line is about it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from .digest import canonical
from .line import Line
from .services import GEMINI, named_service


@dataclass(frozen=True, slots=True)
class Asked:
    """``body`` is the digested body in canonical form; ``path`` is without account and gateway."""

    method: str
    path: str
    body: bytes
    service: str = GEMINI.name

    def fits(self, line: Line) -> bool:
        """Whether this is what was recorded: service, method, path but for its version, and the whole digested body."""
        service = named_service(self.service)
        if self.service != line.service or self.method != line.method or not service.same_path(self.path, line.path):
            return False
        # A line holds its request in the same form: to find it there is faster than to write it anew. Quotes in a text
        # of a line are escaped, so that nothing else of it looks like this.
        if b'"request":{"body":' + self.body + _after_body(line.method, line.path) in line.raw:
            return True
        return self.body == canonical(service.compared_body(line.body))


@lru_cache(maxsize=256)  # a run asks few paths, each of them for every post
def _after_body(method: str, path: str) -> bytes:
    return b"," + canonical({"method": method, "path": path})[1:] + b',"response":'


class MissError(BaseException):
    """What whoever asked sees if no line answers, or nobody may. Holds no text of the request.

    No `Exception`: SDKs take those for trouble of the network, and ask again after a while.
    """
