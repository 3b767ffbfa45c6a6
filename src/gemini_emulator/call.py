"""One HTTP call as handlers see it, and what they answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .wire.json_fields import Kind, parse_json

if TYPE_CHECKING:
    from .service import Service


@dataclass(frozen=True, slots=True)
class Call:
    """``params`` are the decoded parts of the path that the route names; ``body`` is raw."""

    method: str
    params: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    base_url: str

    @property
    def parent(self) -> str:
        """The project and location whose route it is, in full: ``projects/P/locations/L``."""
        return f"projects/{self.params['project']}/locations/{self.params['location']}"

    def message(self, kind: Kind) -> dict[str, Any]:
        """The body as a checked message. Raises 400."""
        parsed: dict[str, Any] = kind(parse_json(self.body), "")
        return parsed


@dataclass(frozen=True, slots=True)
class Reply:
    """``content``: an object for JSON, bytes as they are, or a list of objects to stream."""

    content: dict[str, Any] | bytes | list[dict[str, Any]]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[["Service", Call], Awaitable[dict[str, Any] | Reply]]
