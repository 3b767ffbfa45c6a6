"""A raw path in, the handler and the decoded names in it out.

The raw path is split before it is decoded, and a name that decodes to a dot segment or to something with a
slash is refused: no name can reach another resource. Cloud Storage objects, whose names hold slashes, say so
in their route.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

from .call import Handler
from .wire.api_errors import ServiceError, not_found

_LONGEST_PATH = 4096


@dataclass(frozen=True, slots=True)
class Route:
    """``pattern`` names segments in braces: ``models/{model}:generateContent``; ``{object*}`` may hold
    slashes.

    ``generates`` marks calls of a model, which quotas and faults are about.
    """

    method: str
    pattern: str
    handler: Handler
    generates: bool = False


class NoRouteError(Exception):
    """Nothing is served under a path; its text is the path."""


class Router:
    """All routes of a server."""

    def __init__(self) -> None:
        self._routes: dict[tuple[str, int, str], list[tuple[tuple[str, ...], Route, str]]] = {}

    def add(self, prefix: str, routes: Iterable[Route]) -> None:
        """Serve the routes under a prefix such as ``v1beta``; "" for none."""
        for route in routes:
            pattern, _, verb = f"{prefix}/{route.pattern}".lstrip("/").partition(":")
            segments = tuple(pattern.split("/"))
            self._routes.setdefault((route.method, len(segments), verb), []).append((segments, route, prefix))

    def methods(self, raw_path: bytes) -> list[str]:
        """The HTTP methods that a path has, HEAD with GET."""
        found = []
        for method in ("GET", "POST", "PUT", "DELETE"):
            try:
                self.find(method, raw_path)
            except (NoRouteError, ServiceError):
                continue
            found += ["GET", "HEAD"] if method == "GET" else [method]
        return found

    def find(self, method: str, raw_path: bytes) -> tuple[Route, dict[str, str]]:
        """The route and the names in the path, with its prefix as ``api_version``. Raises `NoRouteError`, 404."""
        path = raw_path.decode("latin-1")
        if len(path) > _LONGEST_PATH:
            raise not_found("a path this long")
        segments = path.removeprefix("/").split("/")
        head, colon, verb = segments[-1].rpartition(":")
        attempts = [(segments, "")]
        if colon:
            attempts.insert(0, ([*segments[:-1], head], verb))
        for parts, action in attempts:
            for pattern, route, prefix in self._routes.get((method, len(parts), action), ()):
                if colon and not action and prefix:
                    continue  # only names of Cloud Storage, which has no prefix, hold colons
                params = _match(pattern, parts)
                if params is not None:
                    return route, params | {"api_version": prefix}
        raise NoRouteError(path)


def _match(pattern: tuple[str, ...], parts: list[str]) -> dict[str, str] | None:
    params = {}
    for expected, part in zip(pattern, parts, strict=True):
        if not expected.startswith("{"):
            if expected != part:
                return None
            continue
        name = expected[1:-1]
        try:
            value = unquote(part, errors="strict")
        except UnicodeDecodeError:
            return None
        if not value or "\0" in value or value in (".", "..") or ("/" in value and not name.endswith("*")):
            return None
        params[name.removesuffix("*")] = value
    return params
